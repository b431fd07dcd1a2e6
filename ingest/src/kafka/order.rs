//! The order in which partitions have their turns.
//!
//! In: how far each partition is in event time, whether it has messages, whether whoever takes is behind. Out: those that have
//! a turn now. Owns: how long one that is ahead may have to wait.
//! Laws: while the taker keeps up, everybody has a turn whose records arrive now. Of a backlog, and while the taker does not
//! keep up, those that are behind go first, since what is ahead of them would only wait in memory for them; but whoever
//! writes old times cannot keep the others from being read.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::kafka::options::LIVE_NANOS;
use crate::kafka::source::Key;
use crate::kafka::turn::Owned;
use crate::kafka::worker::Worker;

/// How far a partition may be ahead of the slowest one before its turn is put off, in nanoseconds of event time.
const AHEAD_NANOS: i64 = 1_000_000_000;
/// How long messages of a partition that is not at its end may be on their way.
const FETCH_TIME: Duration = Duration::from_secs(1);
/// How long its turn may be put off. Not a number of turns: where little has come, a turn takes no time.
const MAX_PUT_OFF: Duration = Duration::from_millis(500);

impl Owned {
    /// Whether there are messages, here or soon: one whose messages are being fetched is behind all the same.
    fn has_messages(&self, now: Instant) -> bool {
        let is_fetched = !self.reader.is_at_end() && self.silence.lasts(now) < FETCH_TIME;
        is_fetched || self.ready.load(Ordering::Acquire)
    }

    /// Whether its turn is put off; `slowest` is how far the slowest partition is that has messages.
    fn is_put_off(&mut self, slowest: Option<i64>, now: Instant) -> bool {
        let newest = self.reader.newest().map(|newest| newest.0);
        self.put_off = put_off(newest, slowest, self.put_off, now);
        self.put_off.is_some()
    }
}

/// Since when the turn is put off of a partition that is as far as `newest` and was put off `before`; none where it has its
/// turn.
fn put_off(
    newest: Option<i64>,
    slowest: Option<i64>,
    before: Option<Instant>,
    now: Instant,
) -> Option<Instant> {
    let ahead = newest.zip(slowest).map_or(0, |(newest, slowest)| newest.saturating_sub(slowest));
    let since = before.unwrap_or(now);
    let may_wait = now.saturating_duration_since(since) < MAX_PUT_OFF;
    (ahead > AHEAD_NANOS && may_wait).then_some(since)
}

impl Worker {
    /// The partitions that may be read and have a turn now, those first that had none for want of room.
    pub(super) fn in_turn(&mut self, now: Instant) -> Vec<Key> {
        let held_back = self.shared.held_back();
        let slowest = self.slowest(&held_back, now);
        let keeps_up = self.shared.hand_over.is_empty();
        let live = self.options.connection.now.map(|now| now().plus_nanos(-LIVE_NANOS));
        let read = self.partitions.iter_mut().filter(|(key, _)| !held_back.contains(*key));
        let due = read.filter_map(|(key, owned)| {
            let is_backlog = live.zip(owned.reader.arrived()).is_some_and(|(live, arrived)| arrived < live);
            let slowest = slowest.filter(|_| is_backlog || !keeps_up);
            // Who has nothing is neither behind nor put off.
            let is_put_off = owned.ready.load(Ordering::Acquire) && owned.is_put_off(slowest, now);
            (!is_put_off).then(|| key.clone())
        });
        let due: Vec<Key> = due.collect();
        let Some(first) = self.goes_on_at.take() else { return due };
        let (before, rest): (Vec<Key>, Vec<Key>) = due.into_iter().partition(|key| *key < first);
        rest.into_iter().chain(before).collect()
    }

    /// How far the slowest partition is that has messages and may be read, in event time.
    fn slowest(&self, held_back: &BTreeSet<Key>, now: Instant) -> Option<i64> {
        let with_messages = self
            .partitions
            .iter()
            .filter(|(key, owned)| owned.has_messages(now) && !owned.is_warming && !held_back.contains(*key));
        // One of which nothing is known yet may have anything.
        with_messages.map(|(_, owned)| owned.reader.newest().map(|newest| newest.0)).min().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a partition that is little, far, or an unknown time ahead of the slowest, and a slowest that stays. Guarantees:
    /// only who is far ahead is put off, and has a turn after a while, however many turns others had.
    #[test]
    fn who_is_ahead_is_put_off_for_a_while() {
        let (far, start) = (2 * AHEAD_NANOS, Instant::now());
        assert_eq!(put_off(Some(far), Some(0), None, start), Some(start));
        for (newest, slowest) in
            [(Some(AHEAD_NANOS), Some(0)), (None, Some(0)), (Some(far), None), (Some(0), Some(far))]
        {
            assert_eq!(put_off(newest, slowest, Some(start), start), None, "{newest:?} {slowest:?}");
        }
        let turns = (0..3_000).scan(None, |before, millis| {
            *before = put_off(Some(far), Some(0), *before, start + Duration::from_millis(millis));
            Some(before.is_none())
        });
        assert_eq!(turns.filter(|has_turn| *has_turn).count(), 5);
    }
}
