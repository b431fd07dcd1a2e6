//! Going to a view.

use super::{Action, always};
use crate::keymap::Key;
use crate::location::{Location, Subject};
use crate::model::Model;
use crate::update::go;

const fn visit(name: &'static str, help: &'static str, keys: &'static [Key], run: Run) -> Action {
    Action { name, short: name, help, argument: None, keys, applies: always, run }
}

type Run = fn(&mut Model, &str) -> Result<(), String>;

/// Findings.
pub(crate) const FINDINGS: Action =
    visit("findings", "Goes to the findings.", &[Key::Char('1')], |model, _| to(model, "findings"));
/// Incidents.
pub(crate) const INCIDENTS: Action =
    visit("incidents", "Goes to the incidents.", &[Key::Char('2')], |model, _| to(model, "incidents"));
/// Sources.
pub(crate) const SOURCES: Action = visit(
    "sources",
    "Goes to the sources: what was read, what could not be, and where telemetry is missing.",
    &[Key::Char('8')],
    |model, _| to(model, "sources"),
);
/// Help.
pub(crate) const HELP: Action =
    visit("help", "Shows every action; type to search, Enter runs it.", &[Key::Char('?')], |model, _| {
        if model.here().view != "help" {
            go(model, Location::new("help", Subject::All));
        }
        Ok(())
    });

/// Goes to a view as it was left.
fn to(model: &mut Model, view: &'static str) -> Result<(), String> {
    if model.here().view == view {
        return Ok(());
    }
    let left = model.history.trail().iter().rev().find(|place| place.view == view).cloned();
    go(model, left.unwrap_or_else(|| Location::new(view, Subject::All)));
    Ok(())
}
