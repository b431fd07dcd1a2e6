//! Every host, workload and credential that events or findings name.
//!
//! In: a filter and a window. Out: rows, those of the weightiest findings first. Owns: which columns name an entity.
//! Law: an entity that only findings name is listed too; withdrawn findings count for nothing.

use offbound_schemas::EventTime;
use offbound_schemas::table::{findings, host_events, identity_assertions, placements};
use offbound_schemas::vocabulary::{FindingState, Severity};
use offbound_tui::{At, EntitiesRequest, Entity, EntityKind, EntityRow, EventFilter, EventTerm, Page};

use super::Asking;
use super::sql::{Numbers, Texts, contains, first_and_last, literal};
use crate::exit::Failure;

/// Answers a request.
pub(super) fn answer(asking: &Asking<'_>, request: &EntitiesRequest) -> Result<Page<EntityRow>, Failure> {
    let filter = EventFilter::parse(&request.filter).map_err(|error| Failure::usage(error.to_string()))?;
    let all = all();
    let passing: Vec<String> = filter.terms.iter().map(condition).collect();
    let passing = if passing.is_empty() { "true".to_owned() } else { passing.join(" AND ") };
    let total = asking.count(&format!("({all} WHERE {passing})"))?;
    let unfiltered = if filter.terms.is_empty() { total } else { asking.count(&format!("({all})"))? };
    let offset = match &request.at {
        At::Offset(offset) | At::Around { otherwise: offset, .. } => *offset,
    };
    let sql = format!(
        "SELECT kind, name, found, weight, records, first, last FROM ({all}) WHERE {passing} \
         ORDER BY weight DESC, found DESC, kind, records DESC, name LIMIT {} OFFSET {offset}",
        request.limit
    );
    let mut rows = Vec::new();
    for batch in asking.rows(sql)? {
        let (kind, name) = (Texts::of(&batch, 0)?, Texts::of(&batch, 1)?);
        let number = |column| Numbers::of(&batch, column);
        let (found, weight, records, first, last) =
            (number(2)?, number(3)?, number(4)?, number(5)?, number(6)?);
        for row in 0..batch.num_rows() {
            let Some(kind) = kind.get(row).and_then(EntityKind::named) else { continue };
            let worst = weight.get(row).and_then(|weight| usize::try_from(weight).ok());
            rows.push(EntityRow {
                entity: Entity::new(kind, name.get(row).unwrap_or_default()),
                findings: found.count(row),
                worst: worst.and_then(|worst| Severity::ALL.get(worst)).copied(),
                records: records.count(row),
                first: first.get(row).map(EventTime),
                last: last.get(row).map(EventTime),
            });
        }
    }
    Ok(Page { rows, offset, total, unfiltered })
}

/// A term: of a kind or of any.
fn condition(term: &EventTerm) -> String {
    let EventTerm { negated, field, text, is_exact } = term;
    let met = if *is_exact { format!("name = {}", literal(text)) } else { contains("name", text) };
    let met = match field {
        Some(field) => format!("(kind = {} AND {met})", literal(field)),
        None => format!("({met})"),
    };
    if *negated { format!("NOT {met}") } else { met }
}

/// Every entity, with what events and findings say of it.
fn all() -> String {
    format!(
        "SELECT * FROM (SELECT coalesce(seen.kind, named.kind) AS kind, coalesce(seen.name, named.name) AS name, \
         coalesce(found, 0) AS found, coalesce(weight, -1) AS weight, coalesce(records, 0) AS records, first, last \
         FROM ({seen}) AS seen FULL JOIN ({named}) AS named ON seen.kind = named.kind AND seen.name = named.name)",
        seen = seen(),
        named = named()
    )
}

/// What events name.
fn seen() -> String {
    let (host, assertion) = (host_events::NAME, identity_assertions::NAME);
    let columns = [
        (EntityKind::Host, host, host_events::column::host),
        (EntityKind::Workload, host, host_events::column::workload),
        (EntityKind::Workload, assertion, identity_assertions::column::subject),
        (EntityKind::Workload, placements::NAME, placements::column::workload),
        (EntityKind::Credential, assertion, identity_assertions::column::credential_id),
    ];
    let parts = columns.map(|(kind, table, column)| {
        format!(
            "SELECT {} AS kind, {column} AS name, count(*) AS records, {times} \
             FROM {table} WHERE {column} IS NOT NULL GROUP BY {column}",
            literal(kind.name()),
            times = first_and_last()
        )
    });
    format!(
        "SELECT kind, name, sum(records) AS records, min(first) AS first, max(last) AS last FROM ({}) \
         GROUP BY kind, name",
        parts.join(" UNION ALL ")
    )
}

/// What findings name, each finding once.
fn named() -> String {
    use findings::column::{
        bound_host, bound_workload, credential_id, id, observed_host, observed_workload, process_host,
        severity, state, subject, workload,
    };
    let columns = [
        (EntityKind::Credential, credential_id),
        (EntityKind::Workload, workload),
        (EntityKind::Workload, subject),
        (EntityKind::Workload, bound_workload),
        (EntityKind::Workload, observed_workload),
        (EntityKind::Host, bound_host),
        (EntityKind::Host, observed_host),
        (EntityKind::Host, process_host),
    ];
    let weights: Vec<String> = Severity::ALL
        .iter()
        .enumerate()
        .map(|(weight, word)| format!("WHEN {} THEN {weight}", literal(word.as_str())))
        .collect();
    let weight = format!("CASE {severity} {} END", weights.join(" "));
    let withdrawn = literal(FindingState::Withdrawn.as_str());
    let parts = columns.map(|(kind, column)| {
        format!(
            "SELECT {} AS kind, {column} AS name, {id} AS id, {weight} AS weight FROM {table} \
             WHERE {column} IS NOT NULL AND {state} <> {withdrawn}",
            literal(kind.name()),
            table = findings::NAME
        )
    });
    format!(
        "SELECT kind, name, count(DISTINCT id) AS found, max(weight) AS weight FROM ({}) GROUP BY kind, name",
        parts.join(" UNION ALL ")
    )
}
