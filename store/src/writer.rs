//! Writing a store: rows gather, become segments, are committed; then conclusions are.
//!
//! In: batches, dead letters, counts, conclusions. Out: a store that holds them.
//! Owns: the single writer and the order of a commit (segment file first, manifest row after it).
//! Law STORE-1: what [`Writer::flush`] returned for survives a power cut. What was not flushed was never stored.

use std::path::Path;

use offbound_schemas::EventBatch;
use offbound_schemas::record::{Finding, Gap, Incident, SourceCount, Summary};
use offbound_schemas::table::DeadLetter;
use tempfile::TempDir;

use crate::database::Database;
use crate::digest::Digest;
use crate::folder::{Folder, WriterLock};
use crate::options::DEAD_LETTERS_PER_COMMIT;
use crate::pending::Pending;
use crate::{EventTable, Options, Store, StoreError};
use crate::{conclusions, dead_letters, manifest, segment, sources};

/// The one writer of a store.
#[derive(Debug)]
pub struct Writer {
    // Fields are dropped in this order: the database closes before its folder goes away.
    store: Store,
    options: Options,
    pending: [Pending; 3],
    letters: Vec<DeadLetter>,
    next_seq: u64,
    chain: Digest,
    _lock: WriterLock,
    _temporary: Option<TempDir>,
}

impl Writer {
    /// Opens `dir` for writing: makes a store where there is none, adds to it where there is one.
    ///
    /// Refused when `dir` holds anything else, was made by another version, or is being written.
    pub fn create(dir: &Path, options: Options) -> Result<Self, StoreError> {
        Self::open(dir, options, None)
    }

    /// A store in a folder of its own that goes away with the writer; it does not wait for the disk.
    pub fn temporary(options: Options) -> Result<Self, StoreError> {
        let place = std::env::temp_dir();
        let folder = tempfile::Builder::new().prefix("offbound-").tempdir_in(&place);
        let folder = folder.map_err(StoreError::io("make a folder in", &place))?;
        let path = folder.path().to_owned();
        Self::open(&path, Options { durable: false, ..options }, Some(folder))
    }

    fn open(dir: &Path, options: Options, temporary: Option<TempDir>) -> Result<Self, StoreError> {
        let folder = Folder::create(dir)?;
        let lock = folder.lock()?;
        folder.furnish()?;
        let database = Database::open_to_write(&folder, options.durable)?;
        let entries = manifest::entries(&database, &folder)?;
        let committed = entries.iter().map(|entry| folder.segment(entry.seq, entry.table.name())).collect();
        let swept = folder.sweep(&committed)?;
        if swept > 0 {
            tracing::warn!(files = swept, "removed segments that were never committed");
        }
        Ok(Self {
            store: Store { database, folder },
            options,
            pending: EventTable::ALL.map(|table| Pending::new(table, &options)),
            letters: Vec::new(),
            next_seq: entries.len() as u64 + 1,
            chain: entries.last().map_or([0; 32], |entry| entry.chain),
            _lock: lock,
            _temporary: temporary,
        })
    }

    /// The store as far as it is committed.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Adds events, in any order; those that were added before count once. Full tables are committed.
    pub fn append(&mut self, batch: &EventBatch) -> Result<(), StoreError> {
        for table in EventTable::ALL {
            let Some(pending) = self.pending.get_mut(table as usize) else { continue };
            pending.push(table.of(batch), self.options.keep_raw)?;
            if pending.is_full(&self.options) {
                self.commit_segment(table)?;
            }
        }
        Ok(())
    }

    /// Adds dead letters; those that were added before count once.
    pub fn append_dead_letters(&mut self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        for letter in letters {
            self.letters.push(letter.clone());
            if self.letters.len() >= DEAD_LETTERS_PER_COMMIT {
                self.commit_letters()?;
            }
        }
        Ok(())
    }

    /// Sets the account of each source, by location.
    pub fn put_sources(&mut self, sources: &[SourceCount]) -> Result<(), StoreError> {
        sources::commit(&mut self.store.database, sources)
    }

    /// Commits everything that was added. After it returns, it is on disk, and scans see it.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        for table in EventTable::ALL {
            self.commit_segment(table)?;
        }
        self.commit_letters()
    }

    /// Flushes, then replaces findings, incidents, gaps and summary all at once.
    pub fn commit_results(
        &mut self,
        findings: &[Finding],
        incidents: &[Incident],
        gaps: &[Gap],
        summary: &Summary,
    ) -> Result<(), StoreError> {
        self.flush()?;
        conclusions::commit(&mut self.store.database, findings, incidents, gaps, summary)
    }

    fn commit_segment(&mut self, table: EventTable) -> Result<(), StoreError> {
        let Some(pending) = self.pending.get_mut(table as usize) else { return Ok(()) };
        let Some(rows) = pending.take_sorted()? else { return Ok(()) };
        let entry = segment::write(&self.store.folder, self.next_seq, &self.chain, &rows, &self.options)?;
        manifest::commit(&mut self.store.database, &entry)?;
        tracing::debug!(table = table.name(), rows = entry.rows, bytes = entry.bytes, "committed a segment");
        self.next_seq += 1;
        self.chain = entry.chain;
        Ok(())
    }

    fn commit_letters(&mut self) -> Result<(), StoreError> {
        if self.letters.is_empty() {
            return Ok(());
        }
        dead_letters::commit(&mut self.store.database, &self.letters)?;
        self.letters.clear();
        Ok(())
    }
}
