//! Changing the order of a list.

use super::Action;
use crate::keymap::Key;
use crate::model::Model;
use crate::port::Sort;
use crate::view::Ink;

/// Sorts.
pub(crate) const SORT: Action = Action {
    name: "sort",
    short: "order",
    help: "Changes the order of the list: severity, time, rule.",
    argument: Some("severity|time|rule"),
    keys: &[Key::Char('S')],
    applies: |model| model.view().sorts(),
    run: |model, argument| sort(model, argument),
};

fn sort(model: &mut Model, argument: &str) -> Result<(), String> {
    if !model.view().sorts() {
        return Err("this view has one order only".to_owned());
    }
    let now = model.here().sort;
    let next = match argument {
        "" => Sort::ALL.iter().copied().cycle().skip_while(|sort| *sort != now).nth(1),
        name => Sort::ALL.iter().copied().find(|sort| sort.name() == name),
    };
    let sort = next.ok_or("orders are severity, time and rule")?;
    model.history.here_mut().sort = sort;
    let filter = model.here().filter.clone();
    let view = model.view();
    if let Some(list) = view.list(model) {
        list.refilter(&filter, sort);
    }
    model.tell(Ink::fixed(match sort {
        Sort::Severity => "ordered by severity, then latest first",
        Sort::Time => "ordered by time, latest first",
        Sort::Rule => "ordered by rule, then latest first",
    }));
    Ok(())
}
