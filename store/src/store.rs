//! Reading a store: events in order, single records, conclusions.
//!
//! In: a folder. Out: what was committed there, at any time, also while somebody writes.
//! Law: nothing here changes a store.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use arrow::array::RecordBatch;
use offbound_schemas::record::{Finding, Gap, Incident, SourceCount, Summary};
use offbound_schemas::table::DeadLetter;
use offbound_schemas::{EventBatch, EventId, EventTime, FindingId, IncidentId};

use crate::database::Database;
use crate::entity_filters::Index;
use crate::folder::Folder;
use crate::manifest::Manifest;
use crate::{
    Columns, ConclusionCounts, Conclusions, EventTable, LetterCount, LetterFilter, LetterPlace, Options,
    PartitionOffset, RowOrder, ScanFilter, ScanStats, Snapshot, StoreError, StoredRecord, TableContents,
    Writer,
};
use crate::{conclusions, dead_letters, manifest, meta, offsets, outbox, record, sources};

/// A store that can be read.
#[derive(Debug)]
pub struct Store {
    pub(crate) database: Database,
    pub(crate) folder: Folder,
}

impl Store {
    /// Opens an existing store for reading; it may be written at the same time.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let folder = Folder::open(dir)?;
        let database = Database::open_to_read(&folder)?;
        Ok(Self { database, folder })
    }

    /// The same, as of now: everything that is asked of it is of this one moment, whatever is committed afterwards. The
    /// database's log cannot be cleared while it is open, so it should not be kept for long.
    pub fn open_as_of_now(dir: &Path) -> Result<Self, StoreError> {
        let folder = Folder::open(dir)?;
        let database = Database::open_as_of_now(&folder)?;
        Ok(Self { database, folder })
    }

    /// Opens a store for writing: makes it where there is none, adds to it where there is one.
    pub fn create(dir: &Path) -> Result<Writer, StoreError> {
        Writer::create(dir, Options::default())
    }

    /// A store in a folder of its own that goes away with the writer; it does not wait for the disk.
    pub fn temporary() -> Result<Writer, StoreError> {
        Writer::temporary(Options::default())
    }

    /// Where the store is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Who writes into it now, if anybody does.
    #[must_use]
    pub fn writer(&self) -> Option<String> {
        self.folder.writer()
    }

    /// What the event tables hold.
    pub fn contents(&self) -> Result<Vec<TableContents>, StoreError> {
        Ok(self.snapshot()?.contents())
    }

    /// The event tables as they are now.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot::new(&self.folder, self.manifest()?.entries, Index::default()))
    }

    /// The same for who asks nothing else: the connection stays for the entity index, and holds no moment any longer.
    pub fn into_snapshot(self) -> Result<Snapshot, StoreError> {
        let entries = self.manifest()?.entries;
        self.database.go_on()?;
        Ok(Snapshot::new(&self.folder, entries, Index::of(self.database)))
    }

    /// [`Snapshot::scan_in_order`] of the event tables as they are now.
    pub fn scan_in_order<E: From<StoreError>>(
        &self,
        columns: &Columns,
        max_rows: usize,
        take: impl FnMut(EventBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        self.snapshot()?.scan_in_order(columns, max_rows, take)
    }

    /// [`Snapshot::scan_table`] of the event tables as they are now.
    pub fn scan_table(
        &self,
        table: EventTable,
        columns: &[&str],
        rows: &ScanFilter,
        order: RowOrder,
        take: impl FnMut(RecordBatch) -> ControlFlow<()>,
    ) -> Result<ScanStats, StoreError> {
        self.snapshot()?.scan_table(table, columns, rows, order, take)
    }

    /// The record of that id.
    pub fn record(&self, id: EventId) -> Result<Option<StoredRecord>, StoreError> {
        Ok(self.records(&[id])?.remove(&id))
    }

    /// The records of those ids, as far as they are there; one pass over the segments, however many ids.
    pub fn records(&self, ids: &[EventId]) -> Result<BTreeMap<EventId, StoredRecord>, StoreError> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        record::find(&self.folder, &self.manifest()?.entries, ids)
    }

    /// Findings, incidents, gaps and summary of one and the same run, even while another is being committed.
    pub fn conclusions(&self) -> Result<Conclusions, StoreError> {
        conclusions::read(&self.database)
    }

    /// How many findings, incidents and gaps there are.
    pub fn conclusion_counts(&self) -> Result<ConclusionCounts, StoreError> {
        conclusions::counts(&self.database)
    }

    /// Findings, in the order in which they were committed.
    pub fn findings(&self) -> Result<Vec<Finding>, StoreError> {
        conclusions::findings(&self.database)
    }

    /// The finding of that id.
    pub fn finding(&self, id: FindingId) -> Result<Option<Finding>, StoreError> {
        conclusions::finding(&self.database, id)
    }

    /// Every revision of the finding of that id, oldest first; the last one is the finding as it stands.
    pub fn finding_revisions(&self, id: FindingId) -> Result<Vec<Finding>, StoreError> {
        conclusions::revisions(&self.database, id)
    }

    /// Incidents, in the order in which they were committed.
    pub fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        conclusions::incidents(&self.database)
    }

    /// The incident of that id.
    pub fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        conclusions::incident(&self.database, id)
    }

    /// Gaps, in the order in which they were committed.
    pub fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        conclusions::gaps(&self.database)
    }

    /// The summary of the last run that was committed.
    pub fn summary(&self) -> Result<Option<Summary>, StoreError> {
        conclusions::summary(&self.database)
    }

    /// The account of each source, by location.
    pub fn sources(&self) -> Result<Vec<SourceCount>, StoreError> {
        sources::read(&self.database)
    }

    /// How far each partition has been processed, by topic and partition.
    pub fn offsets(&self) -> Result<Vec<PartitionOffset>, StoreError> {
        offsets::read(&self.database)
    }

    /// Up to when a stream took all events to have arrived; none where no stream wrote.
    pub fn watermark(&self) -> Result<Option<EventTime>, StoreError> {
        meta::watermark(&self.database)
    }

    /// What a stream keeps for itself under that key.
    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        meta::of_stream(&self.database, key)
    }

    /// How many items wait in the outbox.
    pub fn outbox_len(&self) -> Result<u64, StoreError> {
        outbox::len(&self.database)
    }

    /// The number of the last commit: it grows with every one, so that a follower knows when to look.
    pub fn version(&self) -> Result<u64, StoreError> {
        meta::commits(&self.database)
    }

    /// How many dead letters there are.
    pub fn dead_letter_count(&self) -> Result<u64, StoreError> {
        dead_letters::count(&self.database)
    }

    /// Dead letters in the order in which they came, at most [`crate::MAX_DEAD_LETTERS_PER_READ`] at once.
    pub fn dead_letters(&self, offset: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        dead_letters::read(&self.database, offset, limit)
    }

    /// How many dead letters there are of each reason and source label.
    pub fn dead_letter_counts(&self, filter: &LetterFilter) -> Result<Vec<LetterCount>, StoreError> {
        dead_letters::counts(&self.database, filter)
    }

    /// Dead letters input by input, in the order in which they came, behind the place `after`; at most
    /// [`crate::MAX_DEAD_LETTERS_PER_READ`] at once.
    pub fn dead_letters_by_input(
        &self,
        filter: &LetterFilter,
        after: Option<&LetterPlace>,
        limit: usize,
    ) -> Result<Vec<(LetterPlace, DeadLetter)>, StoreError> {
        dead_letters::read_by_input(&self.database, filter, after, limit)
    }

    /// Dead letters whose id begins with these lower-case hex digits.
    pub fn find_dead_letters(&self, prefix: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        dead_letters::find(&self.database, prefix, limit)
    }

    fn manifest(&self) -> Result<Manifest, StoreError> {
        manifest::read(&self.database, &self.folder)
    }
}
