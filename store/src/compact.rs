//! Merging segments that overlap in time, so that a scan never has more than a few open.
//!
//! In: the manifest's entries. Out: one segment in place of many; the rows stay the same.
//! Owns: the choice of what to merge. Bound: `max_overlap` segments are open at once, as in a scan.
//! Law: a scan gives the same rows before and after.

use crate::manifest::Entry;
use crate::overlap::deepest;
use crate::{EventTable, Options};

/// The segments of `table` to merge next; none when few enough overlap.
pub(crate) fn choose(table: EventTable, entries: &[Entry], options: &Options) -> Option<Vec<Entry>> {
    let most = options.max_overlap.max(2);
    let mine: Vec<Entry> = entries.iter().filter(|entry| entry.table == table).cloned().collect();
    let deepest = deepest(&mine).filter(|deepest| deepest.depth > most)?;
    let mut chosen: Vec<Entry> = mine.into_iter().filter(|entry| deepest.seqs.contains(&entry.seq)).collect();
    // The smallest first: each row is copied a logarithmic number of times, however often this runs.
    chosen.sort_by_key(|entry| (entry.rows, entry.seq));
    chosen.truncate(most);
    Some(chosen)
}
