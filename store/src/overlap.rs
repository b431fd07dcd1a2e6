//! Which segments overlap in time, and where most of them do.
//!
//! In: manifest entries. Out: the deepest place. Owns: nothing; a pure function of the entries.

use crate::manifest::Entry;

/// The moment at which most segments overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deepest {
    /// How many segments hold that moment.
    pub(crate) depth: usize,
    /// Their sequence numbers, in order.
    pub(crate) seqs: Vec<u64>,
}

/// Where most of `entries` overlap (the first such moment); none without entries.
pub(crate) fn deepest(entries: &[Entry]) -> Option<Deepest> {
    // A segment begins before another ends at the same moment: both hold it.
    let edges = entries.iter().flat_map(|entry| [(entry.from, false), (entry.to, true)]);
    let mut edges: Vec<_> = edges.collect();
    edges.sort_unstable();
    let (mut open, mut most) = (0_usize, (0, None));
    for (time, ends) in edges {
        open = if ends { open.saturating_sub(1) } else { open + 1 };
        if open > most.0 {
            most = (open, Some(time));
        }
    }
    let (depth, moment) = (most.0, most.1?);
    let holds = |entry: &&Entry| entry.from <= moment && moment <= entry.to;
    Some(Deepest { depth, seqs: entries.iter().filter(holds).map(|entry| entry.seq).collect() })
}

#[cfg(test)]
mod tests {
    use offbound_schemas::EventTime;

    use super::*;
    use crate::EventTable;
    use crate::manifest::Kind;

    fn check(spans: &[(i64, i64)], expected: Option<(usize, &[u64])>) {
        let entry = |(index, (from, to)): (usize, &(i64, i64))| Entry {
            seq: index as u64,
            kind: Kind::Rows,
            table: EventTable::HostEvents,
            rows: 1,
            bytes: 1,
            from: EventTime(*from),
            to: EventTime(*to),
            tail_at: 0,
            digest: [0; 32],
            replaces: Vec::new(),
            copied_in: Vec::new(),
            chain: [0; 32],
            filters: Vec::new(),
        };
        let entries: Vec<Entry> = spans.iter().enumerate().map(entry).collect();
        let expected = expected.map(|(depth, seqs)| Deepest { depth, seqs: seqs.to_vec() });
        assert_eq!(deepest(&entries), expected, "{spans:?}");
    }

    /// Scenario: spans that lie apart, touch, nest and cross. Guarantees: the depth and who makes it are right.
    #[test]
    fn the_deepest_place_is_found() {
        check(&[], None);
        check(&[(1, 2), (3, 4)], Some((1, &[0])));
        check(&[(1, 2), (2, 4)], Some((2, &[0, 1])));
        check(&[(1, 9), (2, 3), (5, 8), (6, 7)], Some((3, &[0, 2, 3])));
        check(&[(5, 5), (5, 5)], Some((2, &[0, 1])));
    }
}
