//! Which segments to merge: those that overlap so much that a scan has too many open, and small ones that add up.
//!
//! In: the manifest's entries. Out: segments to put one in place of. Owns: the choice.
//! Bound: `max_overlap` segments are open at once, as in a scan; a row is copied once for each class of sizes.
//! Law: a scan gives the same rows before and after.

use crate::manifest::Entry;
use crate::overlap::deepest;
use crate::{EventTable, Options};

/// Most segments of about the same size that are merged into one: with a small commit each second that is one merge in 16
/// seconds, and a thousand commits leave about 40 segments of a table.
const TOGETHER: usize = 16;

/// The segments of `table` to merge because too many overlap; none when few enough do.
pub(crate) fn overlapping(table: EventTable, entries: &[Entry], options: &Options) -> Option<Vec<Entry>> {
    let most = options.max_overlap.max(2);
    let mine: Vec<Entry> = entries.iter().filter(|entry| entry.table == table).cloned().collect();
    let deepest = deepest(&mine).filter(|deepest| deepest.depth > most)?;
    let mut chosen: Vec<Entry> = mine.into_iter().filter(|entry| deepest.seqs.contains(&entry.seq)).collect();
    // The smallest first: each row is copied a logarithmic number of times, however often this runs.
    chosen.sort_by_key(|entry| (entry.rows, entry.seq));
    chosen.truncate(most);
    Some(chosen)
}

/// The segments of `table` to merge because there are [`TOGETHER`] of one class of sizes, or enough of it for one of
/// ordinary size; the earliest ones.
pub(crate) fn small(table: EventTable, entries: &[Entry], options: &Options) -> Option<Vec<Entry>> {
    let mine = || entries.iter().filter(|entry| entry.table == table && is_small(entry.rows, options));
    let mut classes: Vec<u32> = mine().map(class).collect();
    classes.sort_unstable();
    classes.dedup();
    let of_class = |of: u32| mine().filter(move |entry| class(entry) == of);
    let is_enough = |count: usize, rows: u64| count >= TOGETHER || rows >= options.segment_rows as u64;
    let is_full = |of: &u32| is_enough(of_class(*of).count(), of_class(*of).map(|entry| entry.rows).sum());
    let mut chosen: Vec<Entry> = of_class(classes.into_iter().find(is_full)?).cloned().collect();
    chosen.sort_by_key(|entry| (entry.from, entry.seq));
    let mut rows = 0;
    let reached = chosen.iter().enumerate().position(|(place, entry)| {
        rows += entry.rows;
        is_enough(place + 1, rows)
    });
    chosen.truncate(reached.map_or(0, |last| last + 1));
    Some(chosen)
}

/// Small segments of `table` that lie next to each other, as many as make one of ordinary size; none where each has its
/// size or stands alone.
pub(crate) fn neighbours(table: EventTable, entries: &[Entry], options: &Options) -> Option<Vec<Entry>> {
    let mut mine: Vec<&Entry> =
        entries.iter().filter(|entry| entry.table == table && is_small(entry.rows, options)).collect();
    mine.sort_by_key(|entry| (entry.from, entry.seq));
    let mut rows = 0;
    let fits = |entry: &&&Entry| {
        rows += entry.rows;
        rows <= options.segment_rows as u64
    };
    let chosen: Vec<Entry> =
        mine.iter().take(options.max_overlap.max(2)).take_while(fits).map(|entry| (*entry).clone()).collect();
    (chosen.len() > 1).then_some(chosen)
}

/// Whether a segment of so many rows is to become a part of a larger one.
pub(crate) fn is_small(rows: u64, options: &Options) -> bool {
    rows * 2 <= options.segment_rows as u64
}

/// Segments of one class have about as many rows: within a factor of 16.
fn class(entry: &Entry) -> u32 {
    entry.rows.max(1).ilog2() / TOGETHER.ilog2()
}
