//! Small segments become larger ones beside a running writer, which goes on committing.
//!
//! In: segments that lie together. Out: one finished file in place of them, which the next commit names.
//! Owns: the merge on its way. Bound: one merge at a time, of segments that make one of ordinary size.
//! Law: until a commit has named the merged segment, the old ones are the store.

use crate::compact;
use crate::copies;
use crate::folder::Folder;
use crate::hands::{Doing, Hands};
use crate::manifest::Entry;
use crate::merge::Merge;
use crate::segment::{self, Plan};
use crate::{Columns, EventTable, Options, Packing, StoreError};

/// The number under which a merged segment is written until a commit gives it one; segments begin with 1.
pub(crate) const UNNUMBERED: u64 = 0;

/// A merge on its way.
#[derive(Debug)]
pub(crate) struct Merging {
    /// None once somebody has waited for it.
    work: Option<Doing<Result<Entry, StoreError>>>,
    /// The segments that are merged.
    pub(crate) chosen: Vec<Entry>,
    /// Number of the last segment that it was compared with.
    pub(crate) known_up_to: u64,
}

impl Merging {
    /// Begins to merge some of the segments that there are.
    pub(crate) fn begin(
        folder: &Folder,
        chosen: Vec<Entry>,
        there: &[Entry],
        options: Options,
        hands: &Hands,
    ) -> Result<Option<Self>, StoreError> {
        let Some(table) = chosen.first().map(|entry| entry.table) else { return Ok(None) };
        let plan = plan(UNNUMBERED, table, (&chosen, there), &options);
        let known_up_to = plan.known_up_to;
        let (folder_of_thread, entries) = (folder.clone(), chosen.clone());
        // Nothing waits for it, so it is compared with all.
        let options = Options { compared: usize::MAX, ..options };
        let work = move || merge(&folder_of_thread, plan, entries, &options);
        let work = hands.begin(work).map_err(StoreError::io("start a thread to merge in", folder.path()))?;
        Ok(Some(Self { work: Some(work), chosen, known_up_to }))
    }

    pub(crate) fn is_done(&mut self) -> bool {
        self.work.as_mut().is_none_or(Doing::is_done)
    }

    /// Waits for the merged segment, which has no number yet; none when somebody had it already.
    pub(crate) fn finish(mut self) -> Option<Result<Entry, StoreError>> {
        self.work.take().map(Doing::wait)
    }
}

impl Drop for Merging {
    /// Waits for the thread: it must not write into another writer's folder.
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            // Never named: the next writer sweeps the file away.
            drop(work.join());
        }
    }
}

/// The plan of a segment that takes the place of some of those that there are; one that will be merged again is packed as
/// new rows are.
pub(crate) fn plan(
    seq: u64,
    table: EventTable,
    (replaced, there): (&[Entry], &[Entry]),
    options: &Options,
) -> Plan {
    let rows = replaced.iter().map(|entry| entry.rows).sum();
    let packing = if compact::is_small(rows, options) { options.fresh } else { Packing::Dense };
    let replaces = replaced.iter().map(|entry| entry.seq).collect();
    let known_up_to = there.iter().map(|entry| entry.seq).max().unwrap_or_default();
    Plan { seq, table, packing, replaces, known: copies::inherited(replaced, there), known_up_to }
}

/// Writes the rows of segments of one table as one, without giving it a name yet.
pub(crate) fn merge(
    folder: &Folder,
    plan: Plan,
    entries: Vec<Entry>,
    options: &Options,
) -> Result<Entry, StoreError> {
    let (table, columns) = (plan.table, Columns::all());
    let mut merge = Merge::new(folder, entries, &columns, options.row_group_rows);
    let rows = std::iter::from_fn(|| merge.next_batch().transpose());
    let rows = rows.map(|batch| batch.map(|batch| table.of(&batch).clone()));
    segment::write_unnamed(folder, (plan, table.schema()), rows, options).map(|(entry, _keys)| entry)
}
