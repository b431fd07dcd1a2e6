//! The order in which partitions have their turns.
//!
//! In: how far each partition is in event time, whether it has messages, whether whoever takes is behind. Out: those that have
//! a turn now. Owns: how long one that is ahead may have to wait.
//! Laws: while the taker keeps up, everybody has a turn. While it does not, those that are behind go first, since what is
//! ahead of them would only wait in memory for them; but whoever writes old times cannot keep the others from being read.

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
        let newest = self.reader.newest().map(|newest| newest.0);
        let is_ahead = newest.zip(slowest).is_some_and(|(newest, slowest)| {
            newest.saturating_sub(slowest) > AHEAD_NANOS && self.put_off < MAX_PUT_OFF
        });
        self.put_off = if is_ahead { self.put_off + 1 } else { 0 };
        is_ahead
    }
}

impl Worker {
    /// The partitions that have a turn now, those first that had none for want of room.
    pub(super) fn in_turn(&mut self) -> Vec<Key> {
        let slowest = if self.shared.hand_over.is_empty() { None } else { self.slowest() };
        let due = self.partitions.iter_mut().filter_map(|(key, owned)| {
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
    fn slowest(&self) -> Option<i64> {
        let held_back = self.shared.held_back();
        let with_messages = self.partitions.iter().filter(|(key, owned)| {
            owned.ready.load(Ordering::Acquire) && !owned.is_warming && !held_back.contains(*key)
        });
        // One of which nothing is known yet may have anything.
        with_messages.map(|(_, owned)| owned.reader.newest().map(|newest| newest.0)).min().flatten()
    }
}
