//! What a writer does after its commits: merging segments, letting go of them, removing files that nobody needs.
//!
//! In: a writer between two commits. Out: fewer, larger segments with the same rows. Owns: when a replaced file goes.
//! Law: what is committed stays committed, whatever becomes of this.

use crate::change::Change;
use crate::compact;
use crate::copies;
use crate::manifest::{Entry, Kind, Manifest};
use crate::merging::{self, Merging, UNNUMBERED};
use crate::options::RETIRED_COMMITS;
use crate::{EventTable, Options, Removed, StoreError, Writer};

/// Chooses segments to merge next.
type Choose = fn(EventTable, &[Entry], &Options) -> Option<Vec<Entry>>;

impl Writer {
    /// Commits what was added, merges small and overlapping segments, removes the files of those that were replaced, and
    /// gives unused space of the tables back. Returns what was replaced. A reader that is at work on replaced segments is
    /// told that they are gone.
    pub fn compact(&mut self) -> Result<Removed, StoreError> {
        self.flush()?;
        let before = self.entries().to_vec();
        for choose in [compact::overlapping as Choose, compact::neighbours as Choose] {
            EventTable::ALL
                .into_iter()
                .try_for_each(|table| self.keep_whole(|writer| writer.settle(table, choose)))?;
        }
        let is_gone = |old: &Entry| self.entries().iter().all(|entry| entry.seq != old.seq);
        let gone: Vec<Entry> = before.into_iter().filter(is_gone).collect();
        self.remove_files(&gone)?;
        self.keep_whole(|writer| writer.shorten_manifest(Manifest::has_history))?;
        self.store.database.shrink()?;
        Ok(Removed::of(&gone))
    }

    /// What follows a stream's commit.
    pub(crate) fn follow_up(&mut self, number: u64) -> Result<(), StoreError> {
        let suspects = std::mem::take(&mut self.suspects);
        self.put_damaged_aside(&suspects)?;
        self.begin_merging()?;
        self.shorten_manifest(Manifest::is_mostly_history)?;
        self.remove_retired(number)
    }

    /// Merges segments of a table as long as there are some to merge.
    pub(crate) fn settle(&mut self, table: EventTable, choose: Choose) -> Result<(), StoreError> {
        while let Some(chosen) = choose(table, self.entries(), &self.options) {
            let plan = merging::plan(self.next_seq(), table, (&chosen, self.entries()), &self.options);
            let entry = merging::merge(&self.store.folder, plan, chosen, &self.options)?;
            self.store.folder.name_segment(entry.seq, entry.seq, table.name())?;
            self.written.push(entry);
            self.name_segments("commit a merged segment", |_change| Ok(()))?;
        }
        Ok(())
    }

    /// Lets go of segments, as a commit of its own.
    pub(crate) fn remove(&mut self, kind: Kind, entries: &[Entry]) -> Result<(), StoreError> {
        self.remove_saying(kind, entries, |_change| Ok(()))
    }

    /// The same together with `more`.
    pub(crate) fn remove_saying(
        &mut self,
        kind: Kind,
        entries: &[Entry],
        more: impl FnOnce(&Change<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.keep_whole(|writer| {
            for table in EventTable::ALL {
                let mine = entries.iter().filter(|entry| entry.table == table);
                let replaces: Vec<u64> = mine.map(|entry| entry.seq).collect();
                if !replaces.is_empty() {
                    writer.written.push(Entry::removal(kind, writer.next_seq(), table, replaces));
                }
            }
            writer.name_segments("let go of segments", more).map(|_committed| ())
        })
    }

    /// Removes files of segments that are no longer part of the store, without waiting for readers.
    pub(crate) fn remove_files(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.retired.retain(|(_, retired)| entries.iter().all(|entry| entry.seq != retired.seq));
        entries.iter().try_for_each(|entry| self.store.folder.remove_segment(entry.seq, entry.table.name()))
    }

    /// Removes files that were replaced so long before this commit that no reader needs them.
    pub(crate) fn remove_retired(&mut self, number: u64) -> Result<(), StoreError> {
        while let Some((retired, entry)) = self.retired.front()
            && retired.saturating_add(RETIRED_COMMITS) <= number
        {
            self.store.folder.remove_segment(entry.seq, entry.table.name())?;
            self.retired.pop_front();
        }
        Ok(())
    }

    /// Takes up a merged segment that is finished, for the commit that comes; nothing else is on its way then.
    pub(crate) fn take_merged(&mut self) -> Result<(), StoreError> {
        let Some(merging) = self.merging.take_if(|merging| merging.is_done()) else { return Ok(()) };
        let is_there = |chosen: &Entry| self.entries().iter().any(|entry| entry.seq == chosen.seq);
        let (chosen, known_up_to) = (merging.chosen.clone(), merging.known_up_to);
        let still_there = chosen.iter().all(is_there);
        match merging.finish() {
            Some(Ok(mut entry)) if still_there => {
                entry.seq = self.next_seq();
                let came: Vec<Entry> = self.after(entry.table, known_up_to).cloned().collect();
                let copied = copies::inherited(&chosen, &came);
                entry.copied_in.extend(copied.iter().map(|known| known.entry.seq));
                self.store.folder.name_segment(UNNUMBERED, entry.seq, entry.table.name())?;
                self.written.push(entry);
                Ok(())
            }
            // Its parts are gone by now; the next merge writes over its file.
            Some(Ok(_)) | None => Ok(()),
            Some(Err(error)) => {
                self.suspects = chosen;
                self.note(Err(error));
                Ok(())
            }
        }
    }

    /// Begins to merge segments where there are enough of them, unless a merge is on its way.
    fn begin_merging(&mut self) -> Result<(), StoreError> {
        if self.merging.is_some() {
            return Ok(());
        }
        let (entries, options, leaves_small) = (self.entries(), self.options, self.leaves_small);
        let choose = |table| {
            let small = || compact::small(table, entries, &options).filter(|_| !leaves_small);
            compact::overlapping(table, entries, &options).or_else(small)
        };
        if let Some(chosen) = EventTable::ALL.into_iter().find_map(choose) {
            self.merging = Merging::begin(&self.store.folder, chosen, entries, options, &self.hands)?;
        }
        Ok(())
    }
}
