//! Shares of a scan: what each of several threads reads, so that together they give what one would.
//!
//! In: segments, and which share of how many. Out: the segments of that share; or its stretch of time, where segments that
//! hold copies of one event must be read side by side. Owns: nothing; pure functions of the segments.
//! Law: a row is in exactly one share, whoever asks for which first.

use std::cmp::Reverse;

use offbound_schemas::EventTime;

use crate::manifest::Entry;

/// One of several shares of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Which: the first is 0.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

impl Default for Share {
    /// The only one.
    fn default() -> Self {
        Self { number: 0, of: 1 }
    }
}

impl Share {
    /// Its segments: about as many rows as each other share has, in the order in which they were given.
    pub(crate) fn of_segments(self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut given = vec![0_u64; self.of.max(1)];
        let mut largest_first: Vec<&Entry> = entries.iter().collect();
        largest_first.sort_by_key(|entry| (Reverse(entry.rows), entry.seq));
        let mut mine = Vec::new();
        for entry in largest_first {
            let least = (0..given.len()).min_by_key(|share| given.get(*share).copied()).unwrap_or_default();
            if let Some(rows) = given.get_mut(least) {
                *rows += entry.rows;
            }
            if least == self.number {
                mine.push(entry.seq);
            }
        }
        mine.sort_unstable();
        entries.into_iter().filter(|entry| mine.binary_search(&entry.seq).is_ok()).collect()
    }

    /// Its part of the time of these segments: from that moment on, and before that one. The first share begins with the
    /// earliest event there may be, and the last one ends with the latest.
    pub(crate) fn of_time(self, entries: &[Entry]) -> (Option<EventTime>, Option<EventTime>) {
        let from = entries.iter().map(|entry| entry.from).min().unwrap_or_default();
        let to = entries.iter().map(|entry| entry.to).max().unwrap_or_default();
        let edge = |number: usize| {
            let length = i128::from(to.0) - i128::from(from.0);
            let nanos = i128::from(from.0) + length * number as i128 / self.of.max(1) as i128;
            EventTime(i64::try_from(nanos).unwrap_or(to.0))
        };
        let first = (self.number > 0).then(|| edge(self.number));
        let next = (self.number + 1 < self.of).then(|| edge(self.number + 1));
        (first, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventTable;
    use crate::manifest::Kind;

    fn entry(seq: u64, rows: u64, from: i64, to: i64) -> Entry {
        let blank = Entry::removal(Kind::Rows, seq, EventTable::HostEvents, Vec::new());
        Entry { rows, from: EventTime(from), to: EventTime(to), ..blank }
    }

    /// Scenario: segments of many sizes in one to five shares, more shares than segments among them. Guarantees: each
    /// segment is in one share; no share has more than the largest segment above its part.
    #[test]
    fn every_segment_is_in_one_share() {
        let sizes = [900_u64, 10, 500, 510, 20, 30, 880];
        let entries: Vec<Entry> = (1..).zip(sizes).map(|(seq, rows)| entry(seq, rows, 0, 9)).collect();
        for (of, least) in [(1, 2_850), (2, 1_400), (3, 900), (5, 60), (9, 0)] {
            let shares: Vec<Vec<Entry>> =
                (0..of).map(|number| Share { number, of }.of_segments(entries.clone())).collect();
            let mut seqs: Vec<u64> = shares.iter().flatten().map(|entry| entry.seq).collect();
            seqs.sort_unstable();
            assert_eq!(seqs, [1, 2, 3, 4, 5, 6, 7], "{of} shares");
            let rows = shares.iter().map(|share| share.iter().map(|entry| entry.rows).sum::<u64>());
            assert!(rows.min() >= Some(least), "{of} shares");
        }
    }

    /// Scenario: spans of time in one to four shares, the longest there is among them. Guarantees: the shares touch, share
    /// no moment, and are open at both ends.
    #[test]
    fn every_moment_is_in_one_share() {
        for (from, to) in [(0, 100), (5, 5), (i64::MIN, i64::MAX)] {
            let entries = [entry(1, 1, from, from), entry(2, 1, to, to)];
            for of in 1..=4 {
                let shares: Vec<_> = (0..of).map(|number| Share { number, of }.of_time(&entries)).collect();
                assert_eq!((shares[0].0, shares[of - 1].1), (None, None));
                for pair in shares.windows(2) {
                    assert!(pair[0].1 == pair[1].0 && pair[0].1.is_some(), "{shares:?}");
                    assert!(pair[0].0 <= pair[0].1, "{shares:?}");
                }
            }
        }
    }
}
