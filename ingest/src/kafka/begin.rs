//! Where reading of a partition begins, and what is known to be lost by then.
//!
//! In: the store's offset, the first and last offset that the broker has, and what is wanted. Out: a [`Begin`].
//! Decides, asks nobody. Law: every offset from the store's on is either read or in a gap.

use crate::kafka::notice::GapReason;
use crate::kafka::options::Start;

/// What is known about a partition before it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// The store's offset, where it has one.
    pub(super) stored: Option<i64>,
    /// First offset that the broker has.
    pub(super) low: i64,
    /// Offset that the next record will have.
    pub(super) high: i64,
}

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begin {
    /// First record that is read, for what it says about later ones.
    pub(super) read_from: i64,
    /// First record that is delivered.
    pub(super) deliver_from: i64,
    /// What is gone: from, up to, why.
    pub(super) gap: Option<(i64, i64, GapReason)>,
}

/// Decides where to begin; `warm_up` is how many records before may be read.
pub(super) fn begin(known: Known, start: Start, warm_up: i64) -> Begin {
    let Known { stored, low, high } = known;
    let (deliver_from, gap) = match stored {
        None => (if start == Start::Earliest { low } else { high }, None),
        Some(stored) if stored < low => (low, Some((stored, low, GapReason::Retention))),
        // Whether the topic was made anew cannot be told from here: all that is there is read, and what was read
        // before has the same identity.
        Some(stored) if stored > high => (low, Some((high, stored, GapReason::Truncated))),
        Some(stored) => (stored, None),
    };
    let warm_up = if gap.is_some() || stored.is_none() { 0 } else { warm_up };
    Begin { read_from: low.max(deliver_from.saturating_sub(warm_up)), deliver_from, gap }
}

/// Decides how to go on where the broker does not have the next record; none where it does after all.
pub(super) fn resume(next: i64, low: i64, high: i64) -> Option<Begin> {
    let is_there = (low..=high).contains(&next);
    (!is_there).then(|| begin(Known { stored: Some(next), low, high }, Start::Earliest, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: every order of the three offsets, never seen before or seen. Guarantees: nothing is skipped without a gap
    /// that names it exactly, and nothing before the low watermark is asked for.
    #[test]
    fn every_case() {
        let check = |stored, low, high, start, expected: (i64, i64, Option<(i64, i64, GapReason)>)| {
            let found = begin(Known { stored, low, high }, start, 10);
            let (read_from, deliver_from, gap) = expected;
            assert_eq!(found, Begin { read_from, deliver_from, gap }, "{stored:?} {low} {high}");
        };
        check(None, 5, 90, Start::Earliest, (5, 5, None));
        check(None, 5, 90, Start::Latest, (90, 90, None));
        check(Some(50), 5, 90, Start::Latest, (40, 50, None));
        check(Some(8), 5, 90, Start::Earliest, (5, 8, None));
        check(Some(90), 5, 90, Start::Earliest, (80, 90, None));
        check(Some(3), 5, 90, Start::Earliest, (5, 5, Some((3, 5, GapReason::Retention))));
        check(Some(99), 5, 90, Start::Earliest, (5, 5, Some((90, 99, GapReason::Truncated))));
        check(Some(0), 0, 0, Start::Earliest, (0, 0, None));
        assert_eq!(resume(50, 5, 90), None);
        let gap = resume(3, 5, 90).and_then(|begin| begin.gap);
        assert_eq!(gap, Some((3, 5, GapReason::Retention)));
    }
}
