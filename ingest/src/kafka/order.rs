//! The order in which partitions have their turns.
//!
//! In: how far each partition is in event time, whether it has messages, whether whoever takes is behind. Out: those that have
//! a turn now. Owns: how long one that is ahead may have to wait.
//! Laws: while the taker keeps up, everybody has a turn. While it does not, those that are behind go first, since what is
//! ahead of them would only wait in memory for them; but whoever writes old times cannot keep the others from being read.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use crate::kafka::source::Key;
use crate::kafka::turn::Owned;
use crate::kafka::worker::Worker;

/// How far a partition may be ahead of the slowest one before its turn is put off, in nanoseconds of event time.
const AHEAD_NANOS: i64 = 1_000_000_000;
/// Turns of others after which it has its own all the same.
const MAX_PUT_OFF: u32 = 32;

impl Owned {
    /// Whether its turn is put off; `slowest` is how far the slowest partition is that has messages.
    fn is_put_off(&mut self, slowest: Option<i64>) -> bool {
        self.put_off = put_off(self.reader.newest().map(|newest| newest.0), slowest, self.put_off);
        self.put_off > 0
    }
}

/// How many turns in a row are put off of a partition that is as far as `newest`, of which so many were; none where it has
/// its turn.
fn put_off(newest: Option<i64>, slowest: Option<i64>, so_far: u32) -> u32 {
    let ahead = newest.zip(slowest).map_or(0, |(newest, slowest)| newest.saturating_sub(slowest));
    if ahead > AHEAD_NANOS && so_far < MAX_PUT_OFF { so_far + 1 } else { 0 }
}

impl Worker {
    /// The partitions that may be read and have a turn now, those first that had none for want of room.
    pub(super) fn in_turn(&mut self) -> Vec<Key> {
        let held_back = self.shared.held_back();
        let slowest = if self.shared.hand_over.is_empty() { None } else { self.slowest(&held_back) };
        let read = self.partitions.iter_mut().filter(|(key, _)| !held_back.contains(*key));
        let due = read.filter_map(|(key, owned)| {
            // Who has nothing is neither behind nor put off.
            let is_put_off = owned.ready.load(Ordering::Acquire) && owned.is_put_off(slowest);
            (!is_put_off).then(|| key.clone())
        });
        let due: Vec<Key> = due.collect();
        let Some(first) = self.goes_on_at.take() else { return due };
        let (before, rest): (Vec<Key>, Vec<Key>) = due.into_iter().partition(|key| *key < first);
        rest.into_iter().chain(before).collect()
    }

    /// How far the slowest partition is that has messages and may be read, in event time.
    fn slowest(&self, held_back: &BTreeSet<Key>) -> Option<i64> {
        let with_messages = self.partitions.iter().filter(|(key, owned)| {
            owned.ready.load(Ordering::Acquire) && !owned.is_warming && !held_back.contains(*key)
        });
        // One of which nothing is known yet may have anything.
        with_messages.map(|(_, owned)| owned.reader.newest().map(|newest| newest.0)).min().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a partition that is little, far, or an unknown time ahead of the slowest, and a slowest that stays. Guarantees:
    /// only who is far ahead is put off, and has a turn after so many.
    #[test]
    fn who_is_ahead_is_put_off_for_a_while() {
        let far = 2 * AHEAD_NANOS;
        assert_eq!(put_off(Some(far), Some(0), 0), 1);
        for (newest, slowest) in
            [(Some(AHEAD_NANOS), Some(0)), (None, Some(0)), (Some(far), None), (Some(0), Some(far))]
        {
            assert_eq!(put_off(newest, slowest, 3), 0, "{newest:?} {slowest:?}");
        }
        let turns = (0..3 * (MAX_PUT_OFF + 1)).scan(0, |so_far, _| {
            *so_far = put_off(Some(far), Some(0), *so_far);
            Some(*so_far == 0)
        });
        assert_eq!(turns.filter(|has_turn| *has_turn).count(), 3);
    }
}
