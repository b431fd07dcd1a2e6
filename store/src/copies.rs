//! Copies: which segments hold an event that another one holds too.
//!
//! In: the keys of a segment that is being written, and the segments of its table that there are. Out: those in which one
//! of its events stands too, as far as is known; and of any segments those that stand alone.
//! Owns: the comparison, and what a merged segment takes over. Bound: [`crate::Options::compared`] segments are read for
//! each that is written, and [`HELD_KEYS`] keys of recent ones are held.
//! Law: two segments that stand alone share no event, by the events themselves: whoever writes logs can make a segment
//! look shared by repeating a record, and none alone that is not. What was not looked at counts as shared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use offbound_schemas::EventTime;

use crate::StoreError;
use crate::event_table::RowKeys;
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::options::HELD_KEYS;
use crate::segment_rows::OpenSegment;

/// What an event is known by.
type Key = (EventTime, [u8; 16]);

/// The keys of one segment, in order.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    /// Adds those of rows that come after the ones added before.
    pub(crate) fn add(&mut self, rows: &RowKeys) {
        self.0.extend((0..rows.len()).map(|row| key(rows, row)));
    }

    /// Whether an event lies in that stretch of time, its ends included.
    fn meet(&self, from: EventTime, to: EventTime) -> bool {
        let first = self.0.partition_point(|key| key.0 < from);
        self.0.get(first).is_some_and(|key| key.0 <= to)
    }

    /// Whether one of them is among others, which are in order too and come after those asked for before.
    fn are_among(&self, others: impl Iterator<Item = Key>, reached: &mut usize) -> bool {
        for other in others {
            while self.0.get(*reached).is_some_and(|own| *own < other) {
                *reached += 1;
            }
            match self.0.get(*reached) {
                Some(own) if *own == other => return true,
                Some(_) => {}
                None => return false,
            }
        }
        false
    }

    fn share_with(&self, others: &Self) -> bool {
        let first = self.0.first().map_or(0, |first| others.0.partition_point(|key| key < first));
        let others = others.0.get(first..).unwrap_or_default();
        self.are_among(others.iter().copied(), &mut 0)
    }
}

fn key(rows: &RowKeys, row: usize) -> Key {
    (EventTime(rows.time(row)), rows.id(row))
}

/// A segment with which a new one is compared.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) entry: Entry,
    /// Where they are in memory still.
    pub(crate) keys: Option<Arc<Keys>>,
}

/// The numbers of segments that hold one of these events, or may: at most `most` of them are read.
pub(crate) fn found_in(folder: &Folder, keys: &Keys, known: &[Known], most: usize) -> Vec<u64> {
    let mut read = 0;
    let mut holds = |known: &&Known| {
        let Known { entry, keys: held } = known;
        if !keys.meet(entry.from, entry.to) {
            return false;
        }
        if let Some(held) = held {
            return keys.share_with(held);
        }
        read += 1;
        // Whoever reads the rows of a segment that cannot be read is told.
        read > most || is_in_file(folder, keys, entry).unwrap_or(true)
    };
    // The latest first: they overlap with what is new.
    let mut found: Vec<u64> = known.iter().rev().filter(&mut holds).map(|known| known.entry.seq).collect();
    found.reverse();
    found
}

fn is_in_file(folder: &Folder, keys: &Keys, entry: &Entry) -> Result<bool, StoreError> {
    let segment = OpenSegment::open(folder, entry)?;
    let Some(mut rows) = segment.keys_where(|from, to| keys.meet(from, to))? else { return Ok(false) };
    let mut reached = None;
    while let Some(batch) = rows.next()? {
        let others = RowKeys::new(entry.table, &batch)?;
        let Some(last) = others.len().checked_sub(1) else { continue };
        let reached = reached.get_or_insert_with(|| keys.0.partition_point(|own| *own < key(&others, 0)));
        if keys.0.get(*reached).is_some_and(|own| *own <= key(&others, last))
            && keys.are_among((0..others.len()).map(|row| key(&others, row)), reached)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The segments with which one that takes the place of others need be compared: those that share events with one of them,
/// as far as is known.
pub(crate) fn inherited(replaced: &[Entry], there: &[Entry]) -> Vec<Known> {
    let parts: BTreeSet<u64> = replaced.iter().map(|part| part.seq).collect();
    let named: BTreeSet<u64> = replaced.iter().flat_map(|part| part.copied_in.iter().copied()).collect();
    let is_copied = |entry: &Entry| {
        !parts.contains(&entry.seq)
            && (named.contains(&entry.seq) || entry.copied_in.iter().any(|seq| parts.contains(seq)))
    };
    let copied = there.iter().filter(|entry| is_copied(entry)).cloned();
    copied.map(|entry| Known { entry, keys: None }).collect()
}

/// Segments that share no event with any other of these, and the rest.
pub(crate) fn alone(entries: Vec<Entry>) -> (Vec<Entry>, Vec<Entry>) {
    let there: BTreeSet<u64> = entries.iter().map(|entry| entry.seq).collect();
    let mut shared = BTreeSet::new();
    for entry in &entries {
        for other in entry.copied_in.iter().filter(|seq| there.contains(seq)) {
            shared.extend([*other, entry.seq]);
        }
    }
    entries.into_iter().partition(|entry| !shared.contains(&entry.seq))
}

/// Keys of segments that were just written, by number: a segment that was begun before them is compared with them once it
/// is written itself, and a stream's next one is likely to lie beside them.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    keys: BTreeMap<u64, Arc<Keys>>,
    weight: usize,
}

impl Recent {
    /// Adds those of the latest segment. The last `least` stay in any case: so many segments are written at once.
    pub(crate) fn add(&mut self, seq: u64, keys: Keys, least: usize) {
        self.weight += weight(&keys);
        self.keys.insert(seq, Arc::new(keys));
        while self.keys.len() > least.max(1)
            && self.weight > HELD_KEYS
            && let Some((_, oldest)) = self.keys.pop_first()
        {
            self.weight -= weight(&oldest);
        }
    }

    pub(crate) fn keys(&self, seq: u64) -> Option<Arc<Keys>> {
        self.keys.get(&seq).map(Arc::clone)
    }
}

/// The keys that it counts as: what a small segment takes besides is as much as a few of them.
fn weight(keys: &Keys) -> usize {
    keys.0.len().max(16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventTable;
    use crate::manifest::Kind;

    fn keys(times: &[i64]) -> Keys {
        Keys(times.iter().map(|time| (EventTime(*time), [0; 16])).collect())
    }

    /// Scenario: keys in order against others: before, between, behind, equal at the ends and within. Guarantees: a shared
    /// one is found, whichever side is asked, and only then; a stretch of time is met where a key lies in it.
    #[test]
    fn shared_keys_are_found() {
        let own = keys(&[10, 20, 30]);
        for (others, expected) in [
            (vec![], false),
            (vec![1, 2], false),
            (vec![11, 19, 29], false),
            (vec![40], false),
            (vec![10], true),
            (vec![5, 30], true),
            (vec![5, 20, 25, 90], true),
        ] {
            assert_eq!(own.share_with(&keys(&others)), expected, "{others:?}");
            assert_eq!(keys(&others).share_with(&own), expected, "{others:?}");
        }
        let spans = [(0, 9, false), (0, 10, true), (11, 19, false), (12, 20, true), (31, 90, false)];
        for (from, to, expected) in spans {
            assert_eq!(own.meet(EventTime(from), EventTime(to)), expected, "{from} to {to}");
        }
    }

    fn entry(seq: u64, copied_in: &[u64]) -> Entry {
        let blank = Entry::removal(Kind::Rows, seq, EventTable::HostEvents, Vec::new());
        Entry { copied_in: copied_in.to_vec(), ..blank }
    }

    fn seqs<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Vec<u64> {
        entries.into_iter().map(|entry| entry.seq).collect()
    }

    /// Scenario: segments that share events with each other, and with some that are gone. Guarantees: who shares with one
    /// that is there does not stand alone, on either side; a merged segment takes over what any part shares, either way.
    #[test]
    fn shares_are_told_and_taken_over() {
        let entries = vec![entry(2, &[1]), entry(3, &[]), entry(5, &[2, 4]), entry(6, &[]), entry(7, &[6])];
        let (apart, together) = alone(entries.clone());
        assert_eq!((seqs(&apart), seqs(&together)), (vec![3], vec![2, 5, 6, 7]));
        let taken = |parts: &[usize]| {
            let parts: Vec<Entry> = parts.iter().filter_map(|part| entries.get(*part).cloned()).collect();
            let known = inherited(&parts, &entries);
            seqs(known.iter().map(|known| &known.entry))
        };
        assert_eq!(taken(&[0, 1]), [5]);
        assert_eq!(taken(&[2, 3]), [2, 7]);
        assert_eq!(taken(&[0, 2]), [0_u64; 0]);
    }

    /// Scenario: keys of many segments. Guarantees: the latest are held, within the bound, but never fewer than are needed.
    #[test]
    fn recent_keys_are_bounded() {
        let mut recent = Recent::default();
        let many = || Keys(vec![(EventTime(0), [0; 16]); HELD_KEYS / 2 + 1]);
        for seq in 1..=5 {
            recent.add(seq, many(), 3);
        }
        let held: Vec<u64> = (1..=5).filter(|seq| recent.keys(*seq).is_some()).collect();
        assert_eq!(held, [3, 4, 5]);
        recent.add(6, many(), 1);
        assert_eq!((recent.keys(5).is_some(), recent.keys(6).is_some()), (false, true));
    }
}
