//! Long lines: wrapped, or looked at sideways.

use super::Action;
use crate::keymap::Key;
use crate::model::Model;
use crate::view::Ink;

/// Columns of one step sideways.
const STEP_COLUMNS: usize = 8;

/// Wraps or not.
pub(crate) const WRAP: Action = Action {
    name: "wrap",
    short: "wrap",
    help: "Wraps long lines of a record, or cuts them at the edge.",
    argument: None,
    keys: &[Key::Char('W')],
    applies: has_text,
    run: |model, _| {
        model.wrap = !model.wrap;
        model.sideways = 0;
        model.history.here_mut().scroll = 0;
        model.tell(Ink::fixed(if model.wrap {
            "long lines are wrapped"
        } else {
            "long lines are cut; h l moves"
        }));
        Ok(())
    },
};

/// To the left.
pub(crate) const LEFT: Action = Action {
    name: "left",
    short: "left",
    help: "Moves to the left: the cell that is selected, or lines that are not wrapped.",
    argument: None,
    keys: &[Key::Char('h'), Key::Left],
    applies: moves_sideways,
    run: |model, _| {
        if !model.view().step_sideways(model, -1) {
            model.sideways = model.sideways.saturating_sub(STEP_COLUMNS);
        }
        Ok(())
    },
};

/// To the right.
pub(crate) const RIGHT: Action = Action {
    name: "right",
    short: "right",
    help: "Moves to the right: the cell that is selected, or lines that are not wrapped.",
    argument: None,
    keys: &[Key::Char('l'), Key::Right],
    applies: moves_sideways,
    run: |model, _| {
        if !model.view().step_sideways(model, 1) && !model.wrap {
            model.sideways += STEP_COLUMNS;
        }
        Ok(())
    },
};

fn moves_sideways(model: &Model) -> bool {
    model.view().has_columns() || (has_text(model) && !model.wrap)
}

fn has_text(model: &Model) -> bool {
    model.view().has_text()
}
