//! Opening what is selected.

use super::Action;
use crate::keymap::Key;
use crate::update::go;

/// Opens.
pub(crate) const OPEN: Action = Action {
    name: "open",
    short: "open",
    help: "Opens what is selected: a finding, an incident, the records behind a control, a record.",
    argument: None,
    keys: &[Key::Enter],
    applies: |model| model.view().open(model).is_some(),
    run: |model, _| {
        let view = model.view();
        if view.run_selected(model) {
            return Ok(());
        }
        let place = view.open(model).ok_or("nothing behind this row")?;
        go(model, place);
        Ok(())
    },
};
