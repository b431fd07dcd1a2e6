//! Going to a thing by its id.

use std::str::FromStr;

use super::{Action, always};
use crate::location::{Location, Subject, Within};
use crate::model::Model;
use crate::port::{Entity, EntityKind};
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

const fn to_entity(name: &'static str, short: &'static str, help: &'static str, run: Run) -> Action {
    Action { name, short, help, argument: Some("NAME"), keys: &[], applies: always, run }
}

type Run = fn(&mut Model, &str) -> Result<(), String>;

/// A host.
pub(crate) const HOST: Action =
    to_entity("host", "go to host", "Goes to the page of the host with exactly this name.", |model, name| {
        entity(model, EntityKind::Host, name)
    });
/// A workload.
pub(crate) const WORKLOAD: Action = to_entity(
    "workload",
    "go to workload",
    "Goes to the page of the workload with exactly this name.",
    |model, name| entity(model, EntityKind::Workload, name),
);
/// A credential.
pub(crate) const CREDENTIAL: Action = to_entity(
    "credential",
    "go to credential",
    "Goes to the page of the credential with exactly this id.",
    |model, name| entity(model, EntityKind::Credential, name),
);

fn entity(model: &mut Model, kind: EntityKind, name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!("which {}?", kind.name()));
    }
    go(model, Location::new("entity", Subject::Entity(Entity::new(kind, name))));
    Ok(())
}

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
