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
/// The timeline.
pub(crate) const TIMELINE: Action = visit(
    "timeline",
    "Goes to the timeline of the finding or incident that is selected; from there, to that of everything.",
    &[Key::Char('3')],
    |model, _| timeline(model),
);
/// Entities.
pub(crate) const ENTITIES: Action = visit(
    "entities",
    "Goes to the entities: hosts, workloads and credentials.",
    &[Key::Char('4')],
    |model, _| to(model, "entities"),
);
/// Events.
pub(crate) const EVENTS: Action = visit(
    "events",
    "Goes to the events, as they were recorded: of the entity that is looked at, else all.",
    &[Key::Char('6')],
    |model, _| events(model),
);
/// The SQL console.
pub(crate) const SQL: Action = visit(
    "sql",
    "Goes to the SQL console: statements to all tables, and what they are answered with.",
    &[Key::Char('7')],
    |model, _| to(model, "sql"),
);
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

fn timeline(model: &mut Model) -> Result<(), String> {
    let subject = match (model.here().view, model.view().timeline_of(model)) {
        ("timeline", _) if model.here().subject == Subject::All => return Ok(()),
        ("timeline", _) => Subject::All,
        (_, Some(subject)) => subject,
        (_, None) => return to(model, "timeline"),
    };
    go(model, Location::new("timeline", subject));
    Ok(())
}

/// Events of the entity that is looked at, else of everything.
fn events(model: &mut Model) -> Result<(), String> {
    if model.here().view == "entity" {
        let place = Location::new("events", model.here().subject.clone());
        go(model, place);
        return Ok(());
    }
    let is_narrowed = model.here().view == "events" && model.here().subject != Subject::All;
    if is_narrowed {
        go(model, Location::new("events", Subject::All));
        return Ok(());
    }
    to(model, "events")
}

/// Goes to a view as it was left.
pub(super) fn to(model: &mut Model, view: &'static str) -> Result<(), String> {
    if model.here().view == view {
        return Ok(());
    }
    let left = model.history.trail().iter().rev().find(|place| place.view == view).cloned();
    go(model, left.unwrap_or_else(|| Location::new(view, Subject::All)));
    Ok(())
}
