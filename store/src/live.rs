//! One commit of a running stream: everything that a stretch of the topics led to, all or nothing.
//!
//! In: offsets, findings, incidents, gaps, accounts, outbox rows, in one value. Out: the same in the database, in the
//! transaction that also names the segments with the rows. Owns: what such a commit consists of.
//! Law: offsets never go backwards, and nothing of a commit is visible before all of it is durable.

use crate::change::Change;
use crate::database::Database;
use crate::sources::SourceRow;
use crate::{OutboxItem, PartitionOffset, StoreError, conclusions, meta, offsets, outbox, sources};
use offbound_schemas::record::{Finding, Gap, Incident, SourceCount, Summary};
use offbound_schemas::{EventTime, IncidentId};

/// What a stream commits, besides the rows and dead letters that were appended since the last commit.
#[derive(Debug, Clone, Copy)]
pub struct StreamCommit<'a> {
    /// The first offset that is not processed yet, of each partition that moved.
    pub offsets: &'a [PartitionOffset],
    /// Partitions that were made anew: their offsets may lie before those that are committed.
    pub made_anew: &'a [(String, i32)],
    /// New and changed findings; each revision is kept as well.
    pub findings: &'a [Finding],
    /// New and changed incidents.
    pub incidents: &'a [Incident],
    /// Incidents that are no more, because others took over their findings.
    pub dissolved: &'a [IncidentId],
    /// New gaps; one that is there already is not added again.
    pub gaps: &'a [Gap],
    /// Accounts of sources, whole, by location.
    pub sources: &'a [SourceCount],
    /// The account of the run so far.
    pub summary: &'a Summary,
    /// What other systems are to be told.
    pub outbox: &'a [OutboxItem],
    /// Up to when all events are taken to have arrived; unchanged where none is given.
    pub watermark: Option<EventTime>,
    /// Small facts of the stream's own, by key; those not named stay.
    pub meta: &'a [(String, String)],
}

/// What a stream's commit did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Number of the commit: later ones have higher numbers.
    pub number: u64,
    /// Segments that it added.
    pub segments: u64,
    /// Rows in them.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A commit that is ready to be written.
pub(crate) struct Prepared<'a> {
    commit: StreamCommit<'a>,
    offsets: Vec<(String, String)>,
    conclusions: conclusions::Prepared,
    accounts: Vec<SourceRow>,
}

/// Does before the transaction whatever can be refused or takes long.
pub(crate) fn prepare<'a>(
    database: &Database,
    commit: &StreamCommit<'a>,
) -> Result<Prepared<'a>, StoreError> {
    let StreamCommit { offsets: moved, findings, incidents, gaps, sources: counts, summary, .. } = *commit;
    Ok(Prepared {
        commit: *commit,
        offsets: offsets::rows(database, moved, commit.made_anew)?,
        conclusions: conclusions::prepare(findings, incidents, gaps, summary)?,
        accounts: sources::rows(counts)?,
    })
}

/// Writes a commit, as part of a transaction.
pub(crate) fn put(change: &Change<'_>, prepared: &Prepared<'_>) -> rusqlite::Result<()> {
    let Prepared { commit, offsets, conclusions, accounts } = prepared;
    offsets::put(change, offsets)?;
    conclusions::put(change, conclusions, commit.dissolved)?;
    sources::put(change, accounts)?;
    outbox::put(change, commit.outbox)?;
    if let Some(watermark) = commit.watermark {
        meta::put_watermark(change, watermark)?;
    }
    meta::put_of_stream(change, commit.meta)
}
