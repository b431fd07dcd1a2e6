//! Writing a store: rows gather, become segments, are committed together with what they led to.
//!
//! In: batches, dead letters, counts, conclusions. Out: a store that holds them.
//! Owns: the single writer and the order of a commit: segment files first, then one transaction that names them and
//! holds everything else.
//! Law STORE-1: what a commit returned for survives a power cut. What was not committed was never stored.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use offbound_schemas::EventBatch;
use offbound_schemas::record::{Finding, Gap, Incident, SourceCount, Summary};
use offbound_schemas::table::DeadLetter;
use tempfile::TempDir;

use crate::change::Change;
use crate::copies::{Known, Recent};
use crate::database::Database;
use crate::encoders::Encoders;
use crate::folder::{Folder, WriterLock};
use crate::hands::Hands;
use crate::manifest::{Entry, Kind, Manifest};
use crate::merging::Merging;
use crate::options::{DEAD_LETTER_BYTES, DEAD_LETTERS_PER_COMMIT, RETIRED_COMMITS};
use crate::pending::Pending;
use crate::segment::Plan;
use crate::steps::{Steps, Watch};
use crate::{
    Columns, Committed, EventTable, Options, OutboxItem, Packing, Reread, Store, StoreError, StreamCommit,
    compact, conclusions, copies, dead_letters, live, manifest, meta, outbox, sources,
};

/// Nothing yet of any table.
fn pending(columns: &Columns) -> [Pending; 3] {
    let kept = columns.narrowed();
    EventTable::ALL.map(|table| Pending::new(table, kept.schema(table)))
}

/// The one writer of a store.
#[derive(Debug)]
pub struct Writer {
    // Fields are dropped in this order: threads end, then the database closes, before their folder goes away.
    encoders: Encoders,
    pub(crate) hands: Hands,
    pub(crate) store: Store,
    pub(crate) options: Options,
    pending: [Pending; 3],
    /// Segments that are written and wait for the next commit, in order.
    pub(crate) written: Vec<Entry>,
    recent: Recent,
    letters: Vec<DeadLetter>,
    letter_bytes: usize,
    manifest: Manifest,
    pub(crate) merging: Option<Merging>,
    /// Small segments are not merged for now.
    pub(crate) leaves_small: bool,
    /// Files of segments that were replaced, with the number of the commit that did it: readers may be at work.
    pub(crate) retired: VecDeque<(u64, Entry)>,
    /// Segments that a merge could not read: one of them may be damaged.
    pub(crate) suspects: Vec<Entry>,
    /// The disk failed in another way than by being full: nothing may be acknowledged any more.
    broken: bool,
    _lock: WriterLock,
    temporary: Option<TempDir>,
}

impl Writer {
    /// Opens `dir` for writing: makes a store where there is none, adds to it where there is one.
    ///
    /// Refused when `dir` holds anything else, was made by another version, or is being written.
    pub fn create(dir: &Path, options: Options) -> Result<Self, StoreError> {
        Self::open(dir, options, Watch::default(), None)
    }

    /// The same, with somebody who is asked before and after each step of a commit; made for tests.
    pub fn create_watched(dir: &Path, options: Options, steps: Arc<dyn Steps>) -> Result<Self, StoreError> {
        Self::open(dir, options, Watch(Some(steps)), None)
    }

    /// A store in a folder of its own that goes away with the writer; it does not wait for the disk.
    pub fn temporary(options: Options) -> Result<Self, StoreError> {
        let place = std::env::temp_dir();
        let folder = tempfile::Builder::new().prefix("offbound-").tempdir_in(&place);
        let folder = folder.map_err(StoreError::io("make a folder in", &place))?;
        let path = folder.path().to_owned();
        Self::open(
            &path,
            Options { durable: false, fresh: Packing::Quick, ..options },
            Watch::default(),
            Some(folder),
        )
    }

    /// Keeps these columns only of what is appended from now on; the others are blank. To be said before anything is: a
    /// store of which only some columns will be read is smaller and quicker to write, and has no more to show.
    #[must_use]
    pub fn keeping(mut self, columns: &Columns) -> Self {
        self.pending = pending(columns);
        self
    }

    fn open(
        dir: &Path,
        options: Options,
        watch: Watch,
        temporary: Option<TempDir>,
    ) -> Result<Self, StoreError> {
        let folder = Folder::create(dir, options.durable)?.watched(watch);
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
        let hands = Hands::default();
        let mut writer = Self {
            encoders: Encoders::new(folder.clone(), options, hands.clone()),
            hands,
            store: Store { database, folder },
            options,
            pending: pending(&Columns::all()),
            written: Vec::new(),
            recent: Recent::default(),
            letters: Vec::new(),
            letter_bytes: 0,
            manifest,
            merging: None,
            leaves_small: false,
            retired: VecDeque::new(),
            suspects: Vec::new(),
            broken: false,
            _lock: lock,
            temporary,
        };
        writer.put_cut_aside()?;
        Ok(writer)
    }

    /// The store as far as it is committed.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Adds events, in any order; those that were added before count once. Full tables become segments, which are
    /// written on other threads; they are part of the store from the next commit on.
    ///
    /// After an error the batch was not taken. When the disk is full, the same call goes through once there is room;
    /// after any other error but a batch of the wrong shape the writer refuses everything.
    pub fn append(&mut self, batch: &EventBatch) -> Result<(), StoreError> {
        self.refuse_if_broken()?;
        EventTable::ALL.into_iter().try_for_each(|table| table.check(&table.schema(), table.of(batch)))?;
        self.keep_whole(Self::make_room)?;
        for (pending, table) in self.pending.iter_mut().zip(EventTable::ALL) {
            pending.push(table.of(batch))?;
        }
        Ok(())
    }

    /// Adds dead letters; those that were added before count once. After an error some of them may not be taken.
    pub fn append_dead_letters(&mut self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        self.refuse_if_broken()?;
        for letter in letters {
            if self.letters.len() >= DEAD_LETTERS_PER_COMMIT || self.letter_bytes >= DEAD_LETTER_BYTES {
                self.keep_whole(Self::commit_letters)?;
            }
            self.letter_bytes += letter.bytes.len() + letter.content.as_ref().map_or(0, String::len);
            self.letters.push(letter.clone());
        }
        Ok(())
    }

    /// Sets the account of each source, by location.
    pub fn put_sources(&mut self, sources: &[SourceCount]) -> Result<(), StoreError> {
        let accounts = sources::rows(sources)?;
        let put = |change: &Change<'_>| sources::put(change, &accounts);
        self.keep_whole(|writer| writer.store.database.transact("commit source counts", put))
            .map(|_number| ())
    }

    /// Commits everything that was added. After it returns, it is on disk, and scans see it.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.commit("commit segments", |_change| Ok(()))
    }

    /// Commits everything that was added, and replaces findings, incidents, gaps and summary all at once.
    pub fn commit_results(
        &mut self,
        findings: &[Finding],
        incidents: &[Incident],
        gaps: &[Gap],
        summary: &Summary,
    ) -> Result<(), StoreError> {
        let replaced = conclusions::prepare(findings, incidents, gaps, summary)?;
        let replace = |change: &Change<'_>| conclusions::replace(change, &replaced);
        self.commit("commit conclusions", replace)
    }

    /// Commits everything that was added, removes the dead letters that were read again and renews the others, all at
    /// once. Reading letters again before this has come through gives the same events, so that it can be repeated.
    pub fn settle_dead_letters(&mut self, reread: &Reread) -> Result<(), StoreError> {
        let Reread { read, refused, sources } = reread;
        let accounts = sources::rows(sources)?;
        let settle = |change: &Change<'_>| {
            dead_letters::settle(change, read, refused)?;
            sources::put(change, &accounts)
        };
        self.commit("settle dead letters", settle)
    }

    /// Commits what a stream did since the last time, all at once: the rows and dead letters that were appended, and
    /// everything in `commit`. Nothing of it is visible before, and all of it survives a power cut afterwards.
    ///
    /// After an error nothing of it is committed, and what was appended is still here: the same call can be repeated
    /// when the disk was full.
    pub fn commit_stream(&mut self, commit: &StreamCommit<'_>) -> Result<Committed, StoreError> {
        let prepared = live::prepare(&self.store.database, commit)?;
        let committed = self.keep_whole(|writer| {
            writer.write_segments()?;
            writer.take_merged()?;
            writer.name_segments("commit a stretch of a stream", |change| live::put(change, &prepared))
        })?;
        let followed = self.follow_up(committed.number);
        self.note(followed);
        Ok(committed)
    }

    /// Leaves small segments as they are for now, or merges them again after commits. Segments of which too many overlap
    /// are merged in any case.
    pub fn leave_small_segments(&mut self, leaves: bool) {
        self.leaves_small = leaves;
    }

    /// Keeps a small fact of a stream's own, durable at once.
    pub fn put_meta(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let pair = [(key.to_owned(), value.to_owned())];
        let put = |change: &Change<'_>| meta::put_of_stream(change, &pair);
        self.keep_whole(|writer| writer.store.database.transact("keep a fact of a stream", put))
            .map(|_number| ())
    }

    /// The oldest items of the outbox with their numbers, at most [`crate::MAX_OUTBOX_ITEMS_PER_READ`] at once.
    pub fn outbox(&self, limit: usize) -> Result<Vec<(u64, OutboxItem)>, StoreError> {
        outbox::read(&self.store.database, limit)
    }

    /// Removes items of the outbox that were delivered.
    pub fn outbox_done(&mut self, numbers: &[u64]) -> Result<(), StoreError> {
        let remove = |change: &Change<'_>| outbox::remove(change, numbers);
        self.keep_whole(|writer| writer.store.database.transact("empty the outbox", remove)).map(|_number| ())
    }

    fn refuse_if_broken(&self) -> Result<(), StoreError> {
        if self.broken { Err(StoreError::Broken(self.store.path().to_owned())) } else { Ok(()) }
    }

    /// Does work that touches the disk. When that is full, it can be repeated; after any other failure nobody knows
    /// what the disk holds, and nothing more is acknowledged.
    pub(crate) fn keep_whole<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.refuse_if_broken()?;
        let done = work(self).map_err(|error| error.or_full(self.store.path()));
        self.broken |= done.as_ref().is_err_and(|error| !error.is_temporary());
        done
    }

    /// Writes the segments of all that was added, commits them and the dead letters together with `more`, then merges
    /// segments where too many overlap.
    fn commit(
        &mut self,
        action: &'static str,
        more: impl FnOnce(&Change<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.keep_whole(|writer| {
            writer.write_segments()?;
            writer.name_segments(action, more)
        })?;
        let settled =
            EventTable::ALL.into_iter().try_for_each(|table| self.settle(table, compact::overlapping));
        self.note(settled);
        Ok(())
    }

    /// Notes the end of what was done after a commit: what is committed is committed, whatever became of the rest.
    pub(crate) fn note(&mut self, done: Result<(), StoreError>) {
        let Err(error) = done.map_err(|error| error.or_full(self.store.path())) else { return };
        tracing::warn!(%error, "segments are not merged now");
        self.broken |= !error.is_temporary() && !matches!(error, StoreError::Damaged { .. });
    }

    /// Takes up segments that are written, and begins one for each table that is full.
    fn make_room(&mut self) -> Result<(), StoreError> {
        while self.encoders.oldest_is_done() {
            self.take_written()?;
        }
        for table in EventTable::ALL {
            if self.pending.get(table as usize).is_some_and(|pending| pending.is_full(&self.options)) {
                self.begin_segment(table)?;
            }
        }
        Ok(())
    }

    /// Hands what has gathered to an encoder; waits for one where all are at work.
    fn begin_segment(&mut self, table: EventTable) -> Result<(), StoreError> {
        while self.encoders.count() >= self.options.encoders.max(1) {
            self.take_written()?;
        }
        let Some(pending) = self.pending.get_mut(table as usize) else { return Ok(()) };
        let Some(rows) = pending.take()? else { return Ok(()) };
        let (from, to) = rows.span()?;
        let beside = self.after(table, 0).filter(|entry| entry.from <= to && from <= entry.to);
        let known = beside.map(|entry| self.known(entry)).collect();
        let known_up_to = self.after(table, 0).map(|entry| entry.seq).max().unwrap_or_default();
        let (seq, packing) = (self.next_seq(), self.options.fresh);
        let plan = Plan { seq, table, packing, replaces: Vec::new(), known, known_up_to };
        self.encoders.begin(plan, rows)
    }

    /// Writes everything that has gathered.
    fn write_segments(&mut self) -> Result<(), StoreError> {
        EventTable::ALL.into_iter().try_for_each(|table| self.begin_segment(table))?;
        while self.encoders.count() > 0 {
            self.take_written()?;
        }
        Ok(())
    }

    /// Waits for the segment that was begun first.
    fn take_written(&mut self) -> Result<(), StoreError> {
        let known_up_to = self.encoders.oldest_knows();
        let Some(written) = self.encoders.take_oldest() else { return Ok(()) };
        let (mut entry, keys) = written?;
        // Those that were on their way when it was begun are in memory still.
        let came: Vec<Known> = self.after(entry.table, known_up_to).map(|entry| self.known(entry)).collect();
        entry.copied_in.extend(copies::found_in(&self.store.folder, &keys, &came, 0));
        self.recent.add(entry.seq, keys, self.options.encoders);
        self.written.push(entry);
        Ok(())
    }

    /// Segments of a table with higher numbers than that, committed and written.
    pub(crate) fn after(&self, table: EventTable, seq: u64) -> impl Iterator<Item = &Entry> {
        let all = self.manifest.entries.iter().chain(&self.written);
        all.filter(move |entry| entry.table == table && entry.seq > seq && entry.kind == Kind::Rows)
    }

    fn known(&self, entry: &Entry) -> Known {
        Known { entry: entry.clone(), keys: self.recent.keys(entry.seq) }
    }

    /// The number of the next segment: it comes after those that are committed, written, and on their way.
    pub(crate) fn next_seq(&self) -> u64 {
        self.manifest.last_seq + (self.written.len() + self.encoders.count()) as u64 + 1
    }

    /// The one transaction of a commit. What it holds is let go only once it is through.
    pub(crate) fn name_segments(
        &mut self,
        action: &'static str,
        more: impl FnOnce(&Change<'_>) -> rusqlite::Result<()>,
    ) -> Result<Committed, StoreError> {
        self.manifest.link(&mut self.written);
        let (entries, letters) = (&self.written, &self.letters);
        let number = self.store.database.transact(action, |change| {
            manifest::put(change, entries)?;
            dead_letters::put(change, letters)?;
            more(change)
        })?;
        let entries = std::mem::take(&mut self.written);
        let (rows, bytes) =
            (entries.iter().map(|entry| entry.rows).sum(), entries.iter().map(|entry| entry.bytes).sum());
        let committed = Committed { number, segments: entries.len() as u64, rows, bytes };
        tracing::debug!(number, rows, bytes, segments = committed.segments, "committed");
        for entry in entries {
            let replaced = self.manifest.entries.iter().filter(|old| entry.replaces.contains(&old.seq));
            self.retired.extend(replaced.map(|old| (number, old.clone())));
            self.manifest.add(entry);
        }
        self.forget_letters();
        if self.temporary.is_some() {
            // Nobody else reads it.
            self.remove_retired(number + RETIRED_COMMITS)?;
        }
        Ok(committed)
    }

    /// Forgets the manifest's history, where there is `enough` of it, between two commits.
    pub(crate) fn shorten_manifest(&mut self, enough: fn(&Manifest) -> bool) -> Result<(), StoreError> {
        if !enough(&self.manifest) || !self.written.is_empty() {
            return Ok(());
        }
        let (shortened, base) = self.manifest.shortened();
        let replace = |change: &Change<'_>| manifest::replace(change, &shortened, &base);
        self.store.database.transact("shorten the manifest", replace)?;
        self.manifest = shortened;
        Ok(())
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.manifest.entries
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.store.folder
    }

    fn commit_letters(&mut self) -> Result<(), StoreError> {
        let letters = &self.letters;
        let put = |change: &Change<'_>| dead_letters::put(change, letters);
        self.store.database.transact("commit dead letters", put)?;
        self.forget_letters();
        Ok(())
    }

    fn forget_letters(&mut self) {
        self.letters.clear();
        self.letter_bytes = 0;
    }
}
