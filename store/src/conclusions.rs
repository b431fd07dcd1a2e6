//! What correlation concluded: findings, incidents, gaps and the summary.
//!
//! In: the records of a run, or of a commit of a stream. Out: the same records, whole, in the order given.
//! Owns: the tables of conclusions. Law: those of one commit appear together, so a reader never sees a mixture.

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

/// Conclusions with their texts as they are stored, made before a transaction begins.
pub(crate) struct Prepared<'a> {
    findings: (&'a [Finding], Vec<String>),
    incidents: (&'a [Incident], Vec<String>),
    gaps: (&'a [Gap], Vec<String>),
    summary: String,
}

pub(crate) fn prepare<'a>(
    findings: &'a [Finding],
    incidents: &'a [Incident],
    gaps: &'a [Gap],
    summary: &Summary,
) -> Result<Prepared<'a>, StoreError> {
    let finding_texts = findings.iter().map(|it| to_json(FINDING, &it.id.to_string(), it));
    let incident_texts = incidents.iter().map(|it| to_json(INCIDENT, &it.id.to_string(), it));
    let gap_texts = gaps.iter().map(|it| to_json(GAP, &it.scope, it));
    Ok(Prepared {
        findings: (findings, finding_texts.collect::<Result<_, _>>()?),
        incidents: (incidents, incident_texts.collect::<Result<_, _>>()?),
        gaps: (gaps, gap_texts.collect::<Result<_, _>>()?),
        summary: to_json(SUMMARY, "", summary)?,
    })
}

/// Puts these in place of all that are there, as part of a transaction.
pub(crate) fn replace(transaction: &Transaction<'_>, prepared: &Prepared<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "DELETE FROM findings; DELETE FROM finding_revisions; DELETE FROM incidents; DELETE FROM gaps;
         DELETE FROM summary;",
    )?;
    put(transaction, prepared, &[])
}

/// Sets these by id, each in the place where it stands, and removes the incidents that are no more.
pub(crate) fn put(
    transaction: &Transaction<'_>,
    prepared: &Prepared<'_>,
    dissolved: &[IncidentId],
) -> rusqlite::Result<()> {
    let Prepared { findings, incidents, gaps, summary } = prepared;
    put_findings(transaction, findings.0, &findings.1)?;
    remove_incidents(transaction, dissolved)?;
    put_incidents(transaction, incidents.0, &incidents.1)?;
    add_gaps(transaction, gaps.0, &gaps.1)?;
    put_summary(transaction, summary)
}

/// Sets findings by id, each in the place where it stands, and keeps each revision that is new.
fn put_findings(
    transaction: &Transaction<'_>,
    findings: &[Finding],
    texts: &[String],
) -> rusqlite::Result<()> {
    let upsert =
        "INSERT INTO findings (id, rule, severity, state, first_time, last_time, credential, workload,
         incident, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (id) DO UPDATE SET rule = excluded.rule, severity = excluded.severity, state = excluded.state,
         first_time = excluded.first_time, last_time = excluded.last_time, credential = excluded.credential,
         workload = excluded.workload, incident = excluded.incident, record = excluded.record
         WHERE record <> excluded.record";
    let mut upsert = transaction.prepare(upsert)?;
    let append = "INSERT INTO finding_revisions (id, record) VALUES (?1, ?2)";
    let mut append = transaction.prepare(append)?;
    for (finding, text) in findings.iter().zip(texts) {
        let id = finding.id.to_string();
        let changed = upsert.execute((
            &id,
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
        if changed > 0 {
            append.execute((&id, text))?;
        }
    }
    Ok(())
}

/// Sets incidents by id, each in the place where it stands.
fn put_incidents(
    transaction: &Transaction<'_>,
    incidents: &[Incident],
    texts: &[String],
) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO incidents (id, severity, outcome, onset, end_time, record)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                  ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, outcome = excluded.outcome,
                  onset = excluded.onset, end_time = excluded.end_time, record = excluded.record";
    let mut statement = transaction.prepare(upsert)?;
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

/// Removes incidents that are no more.
fn remove_incidents(transaction: &Transaction<'_>, ids: &[IncidentId]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare("DELETE FROM incidents WHERE id = ?1")?;
    ids.iter().try_for_each(|id| statement.execute([id.to_string()]).map(|_| ()))
}

/// Adds the gaps that are not there yet.
fn add_gaps(transaction: &Transaction<'_>, gaps: &[Gap], texts: &[String]) -> rusqlite::Result<()> {
    let insert = "INSERT INTO gaps (source, scope, from_time, to_time, record) SELECT ?1, ?2, ?3, ?4, ?5
                  WHERE NOT EXISTS (SELECT 1 FROM gaps
                  WHERE source = ?1 AND scope = ?2 AND from_time = ?3 AND record = ?5)";
    let mut statement = transaction.prepare(insert)?;
    for (gap, text) in gaps.iter().zip(texts) {
        statement.execute((&gap.source, &gap.scope, gap.from.0, gap.to.0, text))?;
    }
    Ok(())
}

/// Sets the summary.
fn put_summary(transaction: &Transaction<'_>, text: &str) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO summary (position, record) VALUES (0, ?1)
                  ON CONFLICT (position) DO UPDATE SET record = excluded.record";
    transaction.prepare(upsert)?.execute([text]).map(|_| ())
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

/// Every revision of a finding, oldest first.
pub(crate) fn revisions(database: &Database, id: FindingId) -> Result<Vec<Finding>, StoreError> {
    let select = "SELECT record FROM finding_revisions WHERE id = ?1 ORDER BY seq";
    all(database, FINDING, select, [id.to_string()])
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
