//! The table that a mapping fills.
//!
//! In: the rules of the columns, by name; then a record. Out: one row. Owns: the three tables of events as targets,
//! which columns nobody may set, and which one each table needs.

use offbound_schemas::table::{
    HostEvent, IdentityAssertion, Placement, host_events, identity_assertions, placements,
};
use offbound_schemas::vocabulary::Action;
use offbound_schemas::{Cell, ColumnSpec, EventRows, EventTime, TableSpec};
use serde_json::Value;

use super::Mapping;
use super::credential::Credentials;
use super::rule::{Found, Rule};
use crate::decode::{Record, credential_path};

/// A table that a mapping may fill.
pub(super) struct Choice {
    pub(super) spec: TableSpec,
    /// The column that a mapping must fill.
    pub(super) needs: &'static str,
    /// Makes the target of the columns' rules; only assertions have credentials.
    pub(super) of: fn(Vec<(String, Rule)>, Credentials) -> Target,
}

/// Every such table.
pub(super) const CHOICES: &[Choice] = &[
    Choice {
        spec: host_events::SPEC,
        needs: host_events::column::action,
        of: |rules, _| Target::HostEvents(fillings(rules, host_events::setter)),
    },
    Choice {
        spec: identity_assertions::SPEC,
        needs: identity_assertions::column::phase,
        of: |rules, credentials| {
            Target::Assertions(fillings(rules, identity_assertions::setter), credentials)
        },
    },
    Choice {
        spec: placements::SPEC,
        needs: placements::column::kind,
        of: |rules, _| Target::Placements(fillings(rules, placements::setter)),
    },
];

/// Columns that are filled for every format alike.
const OWN: &[&str] = &[
    host_events::column::event_id,
    host_events::column::event_time,
    host_events::column::source,
    host_events::column::location,
    host_events::column::unmapped,
    host_events::column::raw,
];

impl Choice {
    /// Columns that a mapping may fill.
    pub(super) fn columns(&self) -> Vec<ColumnSpec> {
        (self.spec.columns)().into_iter().filter(|column| !OWN.contains(&column.name)).collect()
    }

    /// Whether a column of the table is filled for every format alike.
    pub(super) fn is_own(column: &str) -> bool {
        OWN.contains(&column)
    }
}

type Setter<Row> = fn(&mut Row, Cell) -> bool;

/// One column and where it gets its value from.
#[derive(Debug)]
pub(super) struct Filling<Row> {
    rule: Rule,
    set: Setter<Row>,
}

/// A table and how its columns are filled.
#[derive(Debug)]
pub(super) enum Target {
    HostEvents(Vec<Filling<HostEvent>>),
    Assertions(Vec<Filling<IdentityAssertion>>, Credentials),
    Placements(Vec<Filling<Placement>>),
}

fn fillings<Row>(rules: Vec<(String, Rule)>, setter: fn(&str) -> Option<Setter<Row>>) -> Vec<Filling<Row>> {
    rules.into_iter().filter_map(|(column, rule)| Some(Filling { rule, set: setter(&column)? })).collect()
}

/// Sets every column of a row; what did not fit is added to `misfits`.
fn fill<'r, Row>(
    fillings: &'r [Filling<Row>],
    (json, absent): (&'r Value, &[String]),
    row: &mut Row,
    misfits: &mut Vec<(&'r str, &'r Value)>,
) {
    for Filling { rule, set } in fillings {
        match rule.find(json, absent) {
            Found::Nothing => {}
            Found::Misfit(path, value) => misfits.push((path.text.as_str(), value)),
            Found::Cell(cell) => {
                let fits = set(row, cell);
                debug_assert!(fits, "the file was checked against the column");
            }
        }
    }
}

impl Target {
    /// Tables that it fills.
    pub(super) fn fills(&self) -> &'static [&'static str] {
        match self {
            Self::HostEvents(_) => &[host_events::NAME],
            Self::Assertions(..) => &[identity_assertions::NAME],
            Self::Placements(_) => &[placements::NAME],
        }
    }

    /// Adds the row that a record gives.
    pub(super) fn fill(
        &self,
        record: &Record<'_>,
        event_time: EventTime,
        json: &Value,
        mapping: &Mapping,
        rows: &mut EventRows,
    ) {
        let mut misfits = Vec::new();
        let input = (json, mapping.absent.as_slice());
        match self {
            Self::HostEvents(fillings) => {
                let mut row = record.host_event(event_time);
                fill(fillings, input, &mut row, &mut misfits);
                judge_path(&mut row);
                row.unmapped = mapping.unmapped(json, &misfits);
                rows.host_events.push(row);
            }
            Self::Assertions(fillings, credentials) => {
                let mut row = record.assertion(event_time);
                fill(fillings, input, &mut row, &mut misfits);
                credentials.fill(input, &mut row, &mut misfits);
                row.unmapped = mapping.unmapped(json, &misfits);
                rows.identity_assertions.push(row);
            }
            Self::Placements(fillings) => {
                let mut row = record.placement(event_time);
                fill(fillings, input, &mut row, &mut misfits);
                row.unmapped = mapping.unmapped(json, &misfits);
                rows.placements.push(row);
            }
        }
    }
}

/// What a path holds is judged in one place for all formats; a mapping only says that a file was read.
fn judge_path(row: &mut HostEvent) {
    let is_credential =
        row.target_path.as_deref().is_some_and(|path| credential_path::classify(path).is_some());
    row.target_is_credential |= is_credential;
    if row.target_is_credential && row.action == Action::FileRead {
        row.action = Action::CredRead;
    }
}
