//! What correlation concluded: findings, incidents, gaps and the summary.
//!
//! In: the records of a run, or of a commit of a stream. Out: the same records, whole, in the order given.
//! Owns: the tables of conclusions. Law: those of one commit appear together, so a reader never sees a mixture.

use offbound_schemas::record::{Finding, Gap, Incident, Summary};
use offbound_schemas::{EventId, FindingId, IncidentId, hash_id};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::change::Change;
use crate::database::Database;
use crate::records::{FINDING_REVISIONS, FINDINGS, GAPS, INCIDENTS, Record, SUMMARY};
use crate::repair::OWN_GAP;

const FINDING: &str = "finding";
const INCIDENT: &str = "incident";
const GAP: &str = "gap";
const SUMMARY_KIND: &str = "summary";
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

/// How many conclusions there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConclusionCounts {
    /// Findings.
    pub findings: u64,
    /// Incidents.
    pub incidents: u64,
    /// Gaps.
    pub gaps: u64,
}

pub(crate) fn counts(database: &Database) -> Result<ConclusionCounts, StoreError> {
    Ok(ConclusionCounts {
        findings: FINDINGS.count(database)?,
        incidents: INCIDENTS.count(database)?,
        gaps: GAPS.count(database)?,
    })
}

/// Conclusions as they are stored, made before a transaction begins: keys and texts.
pub(crate) struct Prepared {
    findings: Vec<(String, String)>,
    incidents: Vec<(String, String)>,
    gaps: Vec<(String, String)>,
    summary: String,
}

pub(crate) fn prepare(
    findings: &[Finding],
    incidents: &[Incident],
    gaps: &[Gap],
    summary: &Summary,
) -> Result<Prepared, StoreError> {
    let gap = |gap: &Gap| {
        let text = gap_text(gap)?;
        // Equal gaps are one.
        let key = hash_id("offbound.store.gap/1", &[text.as_bytes()]);
        Ok((EventId(key).to_string(), text))
    };
    Ok(Prepared {
        findings: keyed(FINDING, findings, |finding| finding.id.to_string())?,
        incidents: keyed(INCIDENT, incidents, |incident| incident.id.to_string())?,
        gaps: gaps.iter().map(gap).collect::<Result<_, StoreError>>()?,
        summary: to_json(SUMMARY_KIND, "", summary)?,
    })
}

fn keyed<T: Serialize>(
    kind: &'static str,
    values: &[T],
    key: impl Fn(&T) -> String,
) -> Result<Vec<(String, String)>, StoreError> {
    let row = |value: &T| {
        let key = key(value);
        let text = to_json(kind, &key, value)?;
        Ok((key, text))
    };
    values.iter().map(row).collect()
}

/// Puts these in place of all that are there, as part of a transaction.
pub(crate) fn replace(change: &Change<'_>, prepared: &Prepared) -> rusqlite::Result<()> {
    [FINDINGS, FINDING_REVISIONS, INCIDENTS, SUMMARY]
        .into_iter()
        .try_for_each(|table| change.clear(table.name))?;
    // Gaps of the store itself are true whatever is concluded.
    GAPS.clear_but(change, OWN_GAP)?;
    put(change, prepared, &[])
}

/// Sets these by id, each in the place where it stands, keeps each revision of a finding, and removes the incidents
/// that are no more.
pub(crate) fn put(
    change: &Change<'_>,
    prepared: &Prepared,
    dissolved: &[IncidentId],
) -> rusqlite::Result<()> {
    let Prepared { findings, incidents, gaps, summary } = prepared;
    let changed = FINDINGS.put(change, pairs(findings))?;
    let revisions = pairs(findings).zip(changed).filter_map(|(pair, changed)| changed.then_some(pair));
    FINDING_REVISIONS.append(change, revisions)?;
    let dissolved: Vec<String> = dissolved.iter().map(IncidentId::to_string).collect();
    INCIDENTS.remove(change, &dissolved)?;
    INCIDENTS.put(change, pairs(incidents))?;
    put_gaps(change, gaps)?;
    SUMMARY.put(change, [(SUMMARY_KIND, summary.as_str())]).map(|_changed| ())
}

/// A gap as it is stored.
pub(crate) fn gap_text(gap: &Gap) -> Result<String, StoreError> {
    to_json(GAP, &gap.scope, gap)
}

/// Adds gaps that are not there yet, as part of a transaction.
pub(crate) fn put_gaps(change: &Change<'_>, rows: &[(String, String)]) -> rusqlite::Result<()> {
    GAPS.put(change, pairs(rows)).map(|_changed| ())
}

fn pairs(rows: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    rows.iter().map(|(key, text)| (key.as_str(), text.as_str()))
}

/// All conclusions of one and the same commit, even while another is on its way.
pub(crate) fn read(database: &Database) -> Result<Conclusions, StoreError> {
    database.snapshot(|| {
        Ok(Conclusions {
            findings: findings(database)?,
            incidents: incidents(database)?,
            gaps: gaps(database)?,
            summary: summary(database)?,
        })
    })
}

pub(crate) fn findings(database: &Database) -> Result<Vec<Finding>, StoreError> {
    values(FINDING, &FINDINGS.all(database)?)
}

pub(crate) fn finding(database: &Database, id: FindingId) -> Result<Option<Finding>, StoreError> {
    Ok(values(FINDING, &FINDINGS.of_key(database, &id.to_string())?)?.pop())
}

/// Every revision of a finding, oldest first.
pub(crate) fn revisions(database: &Database, id: FindingId) -> Result<Vec<Finding>, StoreError> {
    values(FINDING, &FINDING_REVISIONS.of_key(database, &id.to_string())?)
}

pub(crate) fn incidents(database: &Database) -> Result<Vec<Incident>, StoreError> {
    values(INCIDENT, &INCIDENTS.all(database)?)
}

pub(crate) fn incident(database: &Database, id: IncidentId) -> Result<Option<Incident>, StoreError> {
    Ok(values(INCIDENT, &INCIDENTS.of_key(database, &id.to_string())?)?.pop())
}

pub(crate) fn gaps(database: &Database) -> Result<Vec<Gap>, StoreError> {
    values(GAP, &GAPS.all(database)?)
}

pub(crate) fn summary(database: &Database) -> Result<Option<Summary>, StoreError> {
    Ok(values(SUMMARY_KIND, &SUMMARY.all(database)?)?.pop())
}

fn values<T: DeserializeOwned>(kind: &'static str, records: &[Record]) -> Result<Vec<T>, StoreError> {
    records.iter().map(|record| from_json(kind, &record.text)).collect()
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
