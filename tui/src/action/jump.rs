//! Going to a thing by its id.

use std::str::FromStr;

use super::{Action, always};
use crate::location::{Location, Subject, Within};
use crate::model::Model;
use crate::update::go;

/// A finding.
pub(crate) const FINDING: Action = Action {
    name: "finding",
    short: "go to finding",
    help: "Goes to the finding with this id.",
    argument: Some("ID"),
    keys: &[],
    applies: always,
    run: |model, id| jump(model, "finding", id, Subject::Finding),
};

/// An incident.
pub(crate) const INCIDENT: Action = Action {
    name: "incident",
    short: "go to incident",
    help: "Goes to the incident with this id.",
    argument: Some("ID"),
    keys: &[],
    applies: always,
    run: |model, id| jump(model, "incident", id, Subject::Incident),
};

/// A record.
pub(crate) const RECORD: Action = Action {
    name: "record",
    short: "go to record",
    help: "Goes to the record with this event id.",
    argument: Some("ID"),
    keys: &[],
    applies: always,
    run: |model, id| jump(model, "record", id, |id| Subject::Record(id, Within::Alone)),
};

fn jump<I: FromStr>(
    model: &mut Model,
    view: &'static str,
    id: &str,
    subject: impl Fn(I) -> Subject,
) -> Result<(), String> {
    let id = id.trim().parse().map_err(|_not_hex| format!("{view} needs an id of 32 hex digits"))?;
    go(model, Location::new(view, subject(id)));
    Ok(())
}
