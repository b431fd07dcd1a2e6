//! Holding back: partitions that are ahead of the slowest one are not read while too many rows wait for it.
//!
//! In: how many rows wait for the watermark; which partitions are ahead. Out: which are to be held back, when that changes.
//! Owns: the bounds. Law: the slowest partition and those whose records arrive now are always read, so that a backlog
//! that was written one partition after the other fills no memory, and nothing live waits for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::watermark::{Ahead, Partition};

/// How far a partition may be ahead of the slowest one, in nanoseconds of event time.
pub(super) const SLACK_NANOS: i64 = 10_000_000_000;
/// Once rows are too many, partitions are held back until they are fewer than this part of that number.
const ENOUGH: usize = 2;

/// Which partitions are held back.
#[derive(Debug)]
pub(super) struct HoldBack {
    most_rows: usize,
    held: Arc<BTreeSet<Partition>>,
}

impl HoldBack {
    /// None yet; more than `most_rows` are too many.
    pub(super) fn new(most_rows: usize) -> Self {
        Self { most_rows, held: Arc::default() }
    }

    /// Whether anything has to be looked at: rows are too many, or were.
    pub(super) fn is_due(&self, waiting: usize) -> bool {
        waiting >= self.most_rows || !self.held.is_empty()
    }

    /// Which partitions are not to be read now, if others than before.
    pub(super) fn change(&mut self, waiting: usize, ahead: &Ahead) -> Option<Arc<BTreeSet<Partition>>> {
        let is_enough = waiting < self.most_rows / ENOUGH;
        let held = if is_enough { BTreeSet::new() } else { ahead.partitions.clone() };
        if *self.held == held {
            return None;
        }
        self.held = Arc::new(held);
        Some(Arc::clone(&self.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ahead(numbers: &[i32]) -> Ahead {
        let partition = |number: &i32| (Arc::from("audit"), *number);
        Ahead { slowest: Some(partition(&0)), partitions: numbers.iter().map(partition).collect() }
    }

    /// Scenario: rows become many, then fewer, then few. Guarantees: partitions are held back from the bound on, as long as
    /// they are ahead, until half of it is left.
    #[test]
    fn partitions_are_held_while_rows_are_many() {
        let mut hold_back = HoldBack::new(100);
        assert!(!hold_back.is_due(99));
        assert!(hold_back.is_due(100));
        let held = hold_back.change(100, &ahead(&[1, 2]));
        assert_eq!(held.as_deref(), Some(&ahead(&[1, 2]).partitions));
        assert_eq!(hold_back.change(120, &ahead(&[1, 2])), None, "nothing changed");
        assert!(hold_back.is_due(60));
        let held = hold_back.change(60, &ahead(&[2]));
        assert_eq!(held.as_deref(), Some(&ahead(&[2]).partitions));
        let held = hold_back.change(49, &ahead(&[2]));
        assert_eq!(held.as_deref(), Some(&BTreeSet::new()));
        assert!(!hold_back.is_due(60), "that is not too many");
    }
}
