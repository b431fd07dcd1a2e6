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
use crate::encoders::Encoders;
use crate::folder::{Folder, WriterLock};
use crate::manifest::{Entry, Manifest};
use crate::merge::Merge;
use crate::options::DEAD_LETTERS_PER_COMMIT;
use crate::pending::Pending;
use crate::segment::Plan;
use crate::{Columns, EventTable, Options, Reread, Store, StoreError};
use crate::{compact, conclusions, dead_letters, manifest, segment, sources};

/// The one writer of a store.
#[derive(Debug)]
pub struct Writer {
    // Fields are dropped in this order: threads end, then the database closes, before their folder goes away.
    encoders: Encoders,
    store: Store,
    options: Options,
    pending: [Pending; 3],
    letters: Vec<DeadLetter>,
    manifest: Manifest,
    /// A commit failed: rows were lost, so nothing may be acknowledged any more.
    broken: bool,
    _lock: WriterLock,
    temporary: Option<TempDir>,
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
        let folder = Folder::create(dir, options.durable)?;
        let lock = folder.lock()?;
        folder.furnish()?;
        let database = Database::open_to_write(&folder, options.durable)?;
        let manifest = manifest::read(&database, &folder)?;
        let committed =
            manifest.entries.iter().map(|entry| folder.segment(entry.seq, entry.table.name())).collect();
        let swept = folder.sweep(&committed)?;
        if swept > 0 {
            tracing::warn!(
                files = swept,
                "removed segments that were never committed, or have been replaced"
            );
        }
        Ok(Self {
            encoders: Encoders::default(),
            store: Store { database, folder },
            options,
            pending: EventTable::ALL.map(|table| Pending::new(table, &options)),
            letters: Vec::new(),
            manifest,
            broken: false,
            _lock: lock,
            temporary,
        })
    }

    /// The store as far as it is committed.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Adds events, in any order; those that were added before count once. Full tables become segments, which are
    /// written on other threads and committed by a later call, [`Writer::flush`] at the latest.
    ///
    /// A batch of the wrong shape is refused. After any other error the writer refuses everything.
    pub fn append(&mut self, batch: &EventBatch) -> Result<(), StoreError> {
        self.refuse_if_broken()?;
        while self.encoders.oldest_is_done() {
            self.commit(Self::commit_oldest)?;
        }
        for table in EventTable::ALL {
            let Some(pending) = self.pending.get_mut(table as usize) else { continue };
            pending.push(table.of(batch), self.options.keep_raw)?;
            if pending.is_full(&self.options) {
                self.commit(|writer| writer.begin_segment(table))?;
            }
        }
        Ok(())
    }

    /// Adds dead letters; those that were added before count once.
    pub fn append_dead_letters(&mut self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        self.refuse_if_broken()?;
        for letter in letters {
            self.letters.push(letter.clone());
            if self.letters.len() >= DEAD_LETTERS_PER_COMMIT {
                self.commit(Self::commit_letters)?;
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
        self.refuse_if_broken()?;
        EventTable::ALL
            .into_iter()
            .try_for_each(|table| self.commit(|writer| writer.begin_segment(table)))?;
        while self.encoders.count() > 0 {
            self.commit(Self::commit_oldest)?;
        }
        EventTable::ALL.into_iter().try_for_each(|table| self.commit(|writer| writer.settle(table)))?;
        self.commit(Self::commit_letters)
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

    /// Flushes, then removes the dead letters that were read again and renews the others, all at once. Reading letters
    /// again before this has come through gives the same events, so that it can be repeated at any time.
    pub fn settle_dead_letters(&mut self, reread: &Reread) -> Result<(), StoreError> {
        self.flush()?;
        dead_letters::settle(&mut self.store.database, reread)
    }

    fn refuse_if_broken(&self) -> Result<(), StoreError> {
        if self.broken { Err(StoreError::Broken(self.store.path().to_owned())) } else { Ok(()) }
    }

    /// Runs a commit; after a failed one nothing more is acknowledged.
    fn commit(&mut self, work: impl FnOnce(&mut Self) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let done = work(self);
        self.broken |= done.is_err();
        done
    }

    /// Hands what has gathered to an encoder; waits for one where all are at work.
    fn begin_segment(&mut self, table: EventTable) -> Result<(), StoreError> {
        let Some(pending) = self.pending.get_mut(table as usize) else { return Ok(()) };
        let Some(rows) = pending.take()? else { return Ok(()) };
        while self.encoders.count() >= self.options.encoders.max(1) {
            self.commit_oldest()?;
        }
        let plan = self.plan(table, Vec::new());
        let (folder, options) = (self.store.folder.clone(), self.options);
        self.encoders.begin(self.store.folder.path(), move || {
            let rows = rows.sort()?;
            segment::write(&folder, plan, rows.chunks(options.row_group_rows), &options)
        })
    }

    /// Commits the segment that was begun first, when it is written.
    fn commit_oldest(&mut self) -> Result<(), StoreError> {
        self.encoders.take_oldest().map_or(Ok(()), |entry| self.commit_entry(entry?))
    }

    /// The next segment: it comes after those that are committed and those on their way.
    fn plan(&self, table: EventTable, replaces: Vec<u64>) -> Plan {
        Plan { seq: self.manifest.last_seq + self.encoders.count() as u64 + 1, table, replaces }
    }

    fn commit_entry(&mut self, mut entry: Entry) -> Result<(), StoreError> {
        entry.chain = entry.link(&self.manifest.chain);
        manifest::commit(&mut self.store.database, &entry)?;
        tracing::debug!(
            table = entry.table.name(),
            rows = entry.rows,
            bytes = entry.bytes,
            "committed a segment"
        );
        self.manifest.add(entry);
        Ok(())
    }

    /// Merges segments of a table until few enough overlap in time.
    fn settle(&mut self, table: EventTable) -> Result<(), StoreError> {
        while let Some(chosen) = compact::choose(table, &self.manifest.entries, &self.options) {
            let replaced: Vec<u64> = chosen.iter().map(|entry| entry.seq).collect();
            let plan = self.plan(table, replaced.clone());
            let columns = Columns::all();
            let mut merge = Merge::new(&self.store.folder, chosen, &columns, self.options.row_group_rows);
            let rows = std::iter::from_fn(|| merge.next_batch().transpose());
            let rows = rows.map(|batch| batch.map(|batch| table.of(&batch).clone()));
            let entry = segment::write(&self.store.folder, plan, rows, &self.options)?;
            self.commit_entry(entry)?;
            if self.temporary.is_some() {
                // Nobody else reads it. Otherwise a reader may be at work, and the next writer sweeps them away.
                replaced.iter().try_for_each(|seq| self.store.folder.remove_segment(*seq, table.name()))?;
            }
        }
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
