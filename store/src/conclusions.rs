//! What correlation concluded: findings, incidents, gaps and the summary.
//!
//! In: the records of one run. Out: the same records, whole, in the order given.
//! Owns: the tables of conclusions. Law: they are replaced together, so a reader never sees a mixture.

use offbound_schemas::record::{Finding, Gap, Incident, Summary};
use offbound_schemas::{FindingId, IncidentId};
use rusqlite::{Params, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::database::Database;

const FINDING: &str = "finding";
const INCIDENT: &str = "incident";
const GAP: &str = "gap";
const SUMMARY: &str = "summary";
/// Longest part of a stored text that an error shows, in characters.
const MAX_SHOWN_CHARS: usize = 40;

/// Everything that one run concluded.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusions {
    /// Findings, in the order given.
    pub findings: Vec<Finding>,
    /// Incidents, in the order given.
    pub incidents: Vec<Incident>,
    /// Gaps, in the order given.
    pub gaps: Vec<Gap>,
    /// The summary; none while no run was committed.
    pub summary: Option<Summary>,
}

/// The records of one run as JSON, made before the transaction begins.
struct Texts {
    findings: Vec<String>,
    incidents: Vec<String>,
    gaps: Vec<String>,
    summary: String,
}

/// Replaces all conclusions in one transaction.
pub(crate) fn commit(
    database: &mut Database,
    findings: &[Finding],
    incidents: &[Incident],
    gaps: &[Gap],
    summary: &Summary,
) -> Result<(), StoreError> {
    let texts = Texts {
        findings: all_json(FINDING, findings, |finding| finding.id.to_string())?,
        incidents: all_json(INCIDENT, incidents, |incident| incident.id.to_string())?,
        gaps: all_json(GAP, gaps, |gap| gap.scope.clone())?,
        summary: to_json(SUMMARY, "", summary)?,
    };
    database.transact("commit conclusions", |transaction| {
        transaction.execute_batch(
            "DELETE FROM findings; DELETE FROM incidents; DELETE FROM gaps; DELETE FROM summary;",
        )?;
        insert_findings(transaction, findings, &texts.findings)?;
        insert_incidents(transaction, incidents, &texts.incidents)?;
        insert_gaps(transaction, gaps, &texts.gaps)?;
        transaction.execute("INSERT INTO summary (position, record) VALUES (0, ?1)", [&texts.summary])?;
        Ok(())
    })
}

fn insert_findings(
    transaction: &Transaction<'_>,
    findings: &[Finding],
    texts: &[String],
) -> rusqlite::Result<()> {
    let insert =
        "INSERT INTO findings (id, rule, severity, state, first_time, last_time, credential, workload,
                  incident, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let mut statement = transaction.prepare(insert)?;
    for (finding, text) in findings.iter().zip(texts) {
        statement.execute((
            finding.id.to_string(),
            &finding.rule,
            finding.severity.as_str(),
            finding.state.as_str(),
            finding.first_time.0,
            finding.last_time.0,
            finding.credential.as_ref().map(|credential| &credential.id),
            &finding.workload,
            finding.incident.map(|incident| incident.to_string()),
            text,
        ))?;
    }
    Ok(())
}

fn insert_incidents(
    transaction: &Transaction<'_>,
    incidents: &[Incident],
    texts: &[String],
) -> rusqlite::Result<()> {
    let insert = "INSERT INTO incidents (id, severity, outcome, onset, end_time, record)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut statement = transaction.prepare(insert)?;
    for (incident, text) in incidents.iter().zip(texts) {
        statement.execute((
            incident.id.to_string(),
            incident.severity.as_str(),
            incident.outcome.as_str(),
            incident.onset.0,
            incident.end.0,
            text,
        ))?;
    }
    Ok(())
}

fn insert_gaps(transaction: &Transaction<'_>, gaps: &[Gap], texts: &[String]) -> rusqlite::Result<()> {
    let insert = "INSERT INTO gaps (source, scope, from_time, to_time, record) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = transaction.prepare(insert)?;
    for (gap, text) in gaps.iter().zip(texts) {
        statement.execute((&gap.source, &gap.scope, gap.from.0, gap.to.0, text))?;
    }
    Ok(())
}

/// All conclusions of one and the same run, even while another is being committed.
pub(crate) fn read(database: &Database) -> Result<Conclusions, StoreError> {
    let refused = database.refused("read records");
    let snapshot = database.connection().unchecked_transaction().map_err(&refused)?;
    let conclusions = Conclusions {
        findings: findings(database)?,
        incidents: incidents(database)?,
        gaps: gaps(database)?,
        summary: summary(database)?,
    };
    snapshot.finish().map_err(&refused)?;
    Ok(conclusions)
}

pub(crate) fn findings(database: &Database) -> Result<Vec<Finding>, StoreError> {
    all(database, FINDING, "SELECT record FROM findings ORDER BY position", [])
}

pub(crate) fn finding(database: &Database, id: FindingId) -> Result<Option<Finding>, StoreError> {
    let found = all(database, FINDING, "SELECT record FROM findings WHERE id = ?1", [id.to_string()])?;
    Ok(found.into_iter().next())
}

pub(crate) fn incidents(database: &Database) -> Result<Vec<Incident>, StoreError> {
    all(database, INCIDENT, "SELECT record FROM incidents ORDER BY position", [])
}

pub(crate) fn incident(database: &Database, id: IncidentId) -> Result<Option<Incident>, StoreError> {
    let found = all(database, INCIDENT, "SELECT record FROM incidents WHERE id = ?1", [id.to_string()])?;
    Ok(found.into_iter().next())
}

pub(crate) fn gaps(database: &Database) -> Result<Vec<Gap>, StoreError> {
    all(database, GAP, "SELECT record FROM gaps ORDER BY position", [])
}

pub(crate) fn summary(database: &Database) -> Result<Option<Summary>, StoreError> {
    let found = all(database, SUMMARY, "SELECT record FROM summary", [])?;
    Ok(found.into_iter().next())
}

fn all<T: DeserializeOwned>(
    database: &Database,
    kind: &'static str,
    select: &str,
    params: impl Params,
) -> Result<Vec<T>, StoreError> {
    records(database, select, params)?.iter().map(|text| from_json(kind, text)).collect()
}

/// The first column of every row, as text.
pub(crate) fn records(
    database: &Database,
    select: &str,
    params: impl Params,
) -> Result<Vec<String>, StoreError> {
    let refused = database.refused("read records");
    let mut statement = database.connection().prepare(select).map_err(&refused)?;
    let texts = statement.query_map(params, |row| row.get(0)).map_err(&refused)?;
    texts.collect::<rusqlite::Result<_>>().map_err(&refused)
}

fn all_json<T: Serialize>(
    kind: &'static str,
    values: &[T],
    id: impl Fn(&T) -> String,
) -> Result<Vec<String>, StoreError> {
    values.iter().map(|value| to_json(kind, &id(value), value)).collect()
}

pub(crate) fn to_json(kind: &'static str, id: &str, value: &impl Serialize) -> Result<String, StoreError> {
    let failed = |source| StoreError::Record { action: "write", kind, id: id.to_owned(), source };
    serde_json::to_string(value).map_err(failed)
}

pub(crate) fn from_json<T: DeserializeOwned>(kind: &'static str, text: &str) -> Result<T, StoreError> {
    let shown = || text.chars().take(MAX_SHOWN_CHARS).collect();
    serde_json::from_str(text).map_err(|source| StoreError::Record {
        action: "read",
        kind,
        id: shown(),
        source,
    })
}
