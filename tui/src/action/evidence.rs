//! From what is claimed to what it rests on, and back up to the incident.

use offbound_schemas::EventId;

use super::Action;
use crate::keymap::Key;
use crate::location::{Location, Subject};
use crate::model::Model;
use crate::update::{arrive, go};
use crate::view::Ink;
use crate::view::pivot::pivot;

/// The incident of a finding.
pub(crate) const INCIDENT: Action = Action {
    name: "to-incident",
    short: "incident",
    help: "Goes to the incident that the selected finding belongs to.",
    argument: None,
    keys: &[Key::Char('i')],
    applies: |model| model.view().incident(model).is_some(),
    run: |model, _| {
        let id = model.view().incident(model).ok_or("this belongs to no incident")?;
        go(model, Location::new("incident", Subject::Incident(id)));
        Ok(())
    },
};

/// The finding that is selected, from a view that is not a list of them.
pub(crate) const FINDING: Action = Action {
    name: "to-finding",
    short: "finding",
    help: "Goes to the weightiest finding of what is selected.",
    argument: None,
    keys: &[Key::Char('f')],
    applies: |model| model.view().finding(model).is_some(),
    run: |model, _| {
        let id = model.view().finding(model).ok_or("no finding here")?;
        go(model, Location::new("finding", Subject::Finding(id)));
        Ok(())
    },
};

/// The entities of what is selected.
pub(crate) const ENTITY: Action = Action {
    name: "to-entity",
    short: "entity",
    help: "Goes to the page of the host, workload or credential that is selected; of several, a digit chooses one.",
    argument: None,
    keys: &[Key::Char('p')],
    applies: |model| !model.view().entities(model).is_empty(),
    run: |model, _| pivot(model),
};

/// The first record behind what is selected.
pub(crate) const EVIDENCE: Action = Action {
    name: "evidence",
    short: "evidence",
    help: "Shows the original record behind what is selected.",
    argument: None,
    keys: &[Key::Char('e'), Key::Char('o')],
    applies: |model| model.view().evidence(model).is_some(),
    run: |model, _| {
        let (event, within) = model.view().evidence(model).ok_or("no record behind this")?;
        go(model, Location::new("record", Subject::Record(event, within)));
        Ok(())
    },
};

/// The next record.
pub(crate) const NEXT: Action = Action {
    name: "next",
    short: "next",
    help: "Shows the next record of the same evidence.",
    argument: None,
    keys: &[Key::Char('n')],
    applies: has_siblings,
    run: |model, _| sibling(model, 1),
};

/// The previous record.
pub(crate) const PREVIOUS: Action = Action {
    name: "previous",
    short: "previous",
    help: "Shows the previous record of the same evidence.",
    argument: None,
    keys: &[Key::Char('N')],
    applies: has_siblings,
    run: |model, _| sibling(model, -1),
};

fn has_siblings(model: &Model) -> bool {
    model.view().siblings(model).len() > 1
}

/// Steps to a neighbour in place: the history keeps one entry for the walk.
fn sibling(model: &mut Model, delta: isize) -> Result<(), String> {
    let Subject::Record(event, within) = model.here().subject else {
        return Err("open a record first".to_owned());
    };
    let siblings = model.view().siblings(model);
    let next = neighbour(&siblings, event, delta).ok_or("no further record of this evidence")?;
    let here = model.history.here_mut();
    (here.subject, here.scroll) = (Subject::Record(next, within), 0);
    arrive(model);
    model.tell(Ink::fixed(if delta > 0 { "next record" } else { "previous record" }));
    Ok(())
}

fn neighbour(all: &[EventId], at: EventId, delta: isize) -> Option<EventId> {
    let index = all.iter().position(|event| *event == at)?;
    all.get(index.checked_add_signed(delta)?).copied()
}
