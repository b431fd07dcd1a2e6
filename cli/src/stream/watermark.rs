//! The watermark: up to which moment all events are taken to have arrived.
//!
//! In: per partition the newest event time, when it arrived, its end, its silence; the arrival clock. Out: one moment that
//! never goes back. Owns: what a stamp from the future, a silent and a held-back partition may do to it (nothing).
//! Law: it is the minimum over the partitions that still have something to say; no single stamp can move it beyond the
//! moment at which its record arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use offbound_schemas::EventTime;

/// A partition of a topic.
pub(crate) type Partition = (Arc<str>, i32);

/// What is known of one partition.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// The newest event time, as far as it may be believed.
    newest: Option<EventTime>,
    /// How late its events may be.
    lateness_nanos: i64,
    /// When the last of its records arrived.
    arrived: Option<EventTime>,
    /// Its end was reached, and nothing of it is inside a decoder.
    is_at_end: bool,
    /// It has nothing to say, as its broker confirmed: it holds nothing back.
    is_silent: bool,
}

impl Progress {
    /// Up to which moment everything of it has arrived, as far as that may be believed.
    fn front(&self) -> Option<EventTime> {
        self.newest.map(|newest| newest.plus_nanos(-self.lateness_nanos))
    }
}

/// The partition that the watermark waits for, and others that need not be read on until it has come nearer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ahead {
    pub(crate) slowest: Option<Partition>,
    pub(crate) partitions: BTreeSet<Partition>,
}

/// The progress of all partitions of this member.
#[derive(Debug)]
pub(crate) struct Watermarks {
    partitions: BTreeMap<Partition, Progress>,
    /// The newest event time of partitions that were given up.
    newest_given_up: Option<EventTime>,
    reached: Option<EventTime>,
}

impl Watermarks {
    /// No partition yet; `reached` is where an earlier run had come.
    pub(crate) fn new(reached: Option<EventTime>) -> Self {
        Self { partitions: BTreeMap::new(), newest_given_up: None, reached }
    }

    /// A partition is read from now on: it holds the watermark until it has spoken, or has nothing to say.
    pub(crate) fn assigned(&mut self, partition: Partition, lateness_nanos: i64) {
        let fresh =
            Progress { newest: None, lateness_nanos, arrived: None, is_at_end: false, is_silent: false };
        self.partitions.entry(partition).or_insert(fresh);
    }

    /// A partition is somebody else's from now on.
    pub(crate) fn revoked(&mut self, partition: &Partition) {
        let newest = self.partitions.remove(partition).and_then(|progress| progress.newest);
        self.newest_given_up = self.newest_given_up.max(newest);
    }

    /// Records of a partition: the newest event time among them, and when the last of them arrived.
    pub(crate) fn delivered(
        &mut self,
        partition: &Partition,
        newest: Option<EventTime>,
        arrived: EventTime,
        now: EventTime,
    ) {
        let Some(progress) = self.partitions.get_mut(partition) else { return };
        // Nothing is known before it arrives: a stamp from the future counts as the moment of its arrival, and a
        // broker's or producer's clock is not believed beyond our own.
        let credible = newest.map(|newest| newest.min(arrived).min(now));
        progress.newest = progress.newest.max(credible);
        progress.arrived = progress.arrived.max(Some(arrived));
        (progress.is_at_end, progress.is_silent) = (false, false);
    }

    /// Its end was reached.
    pub(crate) fn at_end(&mut self, partition: &Partition) {
        if let Some(progress) = self.partitions.get_mut(partition) {
            progress.is_at_end = true;
        }
    }

    /// It has been silent at its end for so long that it holds nothing back.
    pub(crate) fn silent(&mut self, partition: &Partition) {
        if let Some(progress) = self.partitions.get_mut(partition) {
            progress.is_silent = true;
        }
    }

    /// The watermark now, if there is one; it never goes back.
    pub(crate) fn current(&mut self) -> Option<EventTime> {
        // Who reads nothing knows nothing of what is still to come: partitions may be back in a moment.
        if self.partitions.is_empty() {
            return self.reached;
        }
        let held = self.partitions.values().filter(|progress| !progress.is_silent);
        // One that has not spoken yet holds everything.
        let held: Option<Vec<EventTime>> = held.map(Progress::front).collect();
        let current = match held.as_deref() {
            None => None,
            Some([]) => self.newest().map(|newest| newest.plus_nanos(1)),
            Some(held) => held.iter().min().copied(),
        };
        self.reached = self.reached.max(current);
        self.reached
    }

    /// The watermark as it was last.
    pub(crate) fn reached(&self) -> Option<EventTime> {
        self.reached
    }

    /// The newest credible event time of all.
    pub(crate) fn newest(&self) -> Option<EventTime> {
        let newest = self.partitions.values().filter_map(|progress| progress.newest).max();
        newest.max(self.newest_given_up)
    }

    /// Which partitions are more than so many nanoseconds of event time ahead of the slowest one, and say what arrived
    /// longer ago than `live_nanos`.
    pub(crate) fn ahead(&self, (slack_nanos, live_nanos): (i64, i64), now: EventTime) -> Ahead {
        let held = self.partitions.iter().filter(|(_, progress)| !progress.is_silent);
        // One that has not spoken yet may have anything: it is the slowest.
        let Some((slowest, progress)) = held.min_by_key(|(_, progress)| progress.front()) else {
            return Ahead::default();
        };
        let most = progress.front().map(|front| front.plus_nanos(slack_nanos));
        let is_ahead = |progress: &Progress| {
            let is_live = progress.arrived.is_some_and(|arrived| now.nanos_since(arrived) <= live_nanos);
            progress.front().is_some_and(|front| Some(front) > most) && !is_live
        };
        let ahead = self.partitions.iter().filter(|(_, progress)| is_ahead(progress));
        Ahead {
            slowest: Some(slowest.clone()),
            partitions: ahead.map(|(partition, _)| partition.clone()).collect(),
        }
    }

    /// Whether every partition has been read to its end.
    pub(crate) fn all_at_end(&self) -> bool {
        !self.partitions.is_empty() && self.partitions.values().all(|progress| progress.is_at_end)
    }

    /// Per partition, how far the watermark lies behind its newest event, in nanoseconds.
    pub(crate) fn delays(&self) -> impl Iterator<Item = (&Partition, i64)> {
        let reached = self.reached;
        self.partitions.iter().filter_map(move |(partition, progress)| {
            Some((partition, progress.newest?.nanos_since(reached?)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn at(seconds: i64) -> EventTime {
        EventTime(seconds * SECOND)
    }

    fn partition(number: i32) -> Partition {
        (Arc::from("audit"), number)
    }

    /// Two partitions with five seconds of lateness.
    fn two() -> Watermarks {
        let mut marks = Watermarks::new(None);
        marks.assigned(partition(0), 5 * SECOND);
        marks.assigned(partition(1), 5 * SECOND);
        marks
    }

    /// Scenario: one of two partitions has not spoken, then lags. Guarantees: the slower one decides, less its lateness.
    #[test]
    fn the_slowest_decides() {
        let mut marks = two();
        marks.delivered(&partition(0), Some(at(100)), at(100), at(100));
        assert_eq!(marks.current(), None, "the other may have anything");
        marks.delivered(&partition(1), Some(at(50)), at(101), at(101));
        assert_eq!(marks.current(), Some(at(45)));
        marks.revoked(&partition(1));
        assert_eq!(marks.current(), Some(at(95)));
        marks.assigned(partition(1), 5 * SECOND);
        assert_eq!(marks.current(), Some(at(95)), "it never goes back");
    }

    /// Scenario: a stamp of the year 2099. Guarantees: it moves the watermark no further than its arrival.
    #[test]
    fn the_future_is_not_believed() {
        let mut marks = two();
        let future = EventTime::parse("2099-01-01T00:00:00Z").expect("a time");
        marks.delivered(&partition(0), Some(future), at(100), at(100));
        marks.delivered(&partition(1), Some(at(99)), at(100), at(100));
        assert_eq!(marks.current(), Some(at(94)));
        let claimed = EventTime::parse("2098-01-01T00:00:00Z").expect("a time");
        marks.delivered(&partition(0), Some(future), claimed, at(101));
        marks.delivered(&partition(1), Some(future), claimed, at(101));
        assert_eq!(marks.current(), Some(at(96)), "a producer's own stamp is not believed either");
    }

    /// Scenario: a partition reaches its end, is silent there, and speaks again. Guarantees: an end alone lets nothing pass,
    /// silence does until it speaks; all silent: everything that was seen is sealed.
    #[test]
    fn who_is_silent_holds_nothing() {
        let mut marks = two();
        marks.delivered(&partition(0), Some(at(100)), at(100), at(100));
        marks.delivered(&partition(1), Some(at(50)), at(100), at(100));
        assert_eq!(marks.current(), Some(at(45)), "held back: it may only be slow");
        marks.at_end(&partition(1));
        assert_eq!(marks.current(), Some(at(45)), "it may have more in a moment");
        marks.silent(&partition(1));
        assert_eq!(marks.current(), Some(at(95)));
        marks.delivered(&partition(1), Some(at(101)), at(101), at(101));
        marks.delivered(&partition(0), Some(at(103)), at(103), at(103));
        assert_eq!(marks.current(), Some(at(96)), "it holds again");
        marks.silent(&partition(1));
        assert!(!marks.all_at_end());
        marks.at_end(&partition(1));
        marks.at_end(&partition(0));
        assert!(marks.all_at_end());
        marks.silent(&partition(0));
        assert_eq!(marks.current(), Some(at(103).plus_nanos(1)));
        marks.delivered(&partition(1), Some(at(60)), at(1_021), at(1_021));
        assert_eq!(marks.current(), Some(at(103).plus_nanos(1)), "later words are late, not a way back");
    }

    /// Scenario: every partition is given up, and comes back. Guarantees: nothing is sealed meanwhile, and then only what
    /// they say, or once they have nothing to say.
    #[test]
    fn without_partitions_nothing_moves() {
        let mut marks = two();
        for number in [0, 1] {
            marks.delivered(&partition(number), Some(at(100)), at(100), at(100));
        }
        assert_eq!(marks.current(), Some(at(95)));
        for number in [0, 1] {
            marks.revoked(&partition(number));
        }
        assert_eq!(marks.current(), Some(at(95)), "what is younger may still come");
        for number in [0, 1] {
            marks.assigned(partition(number), 5 * SECOND);
        }
        assert_eq!(marks.current(), Some(at(95)), "they have not spoken yet");
        marks.delivered(&partition(0), Some(at(103)), at(201), at(201));
        assert_eq!(marks.current(), Some(at(95)));
        marks.silent(&partition(1));
        assert_eq!(marks.current(), Some(at(98)));
        marks.silent(&partition(0));
        assert_eq!(marks.current(), Some(at(103).plus_nanos(1)));
    }

    /// Scenario: old records of which one partition is hours ahead; one that has not spoken; one whose records arrive now;
    /// one that is silent at its end. Guarantees: who is ahead of the slowest is named, who is live or is waited for is not.
    #[test]
    fn who_is_ahead_is_known() {
        const BOUNDS: (i64, i64) = (10 * SECOND, 30 * SECOND);
        let check = |marks: &Watermarks, slowest: Option<i32>, ahead: &[i32]| {
            let partitions = ahead.iter().map(|number| partition(*number)).collect();
            let expected = Ahead { slowest: slowest.map(partition), partitions };
            assert_eq!(marks.ahead(BOUNDS, at(100_000)), expected);
        };
        let mut marks = two();
        check(&marks, Some(0), &[]);
        marks.delivered(&partition(0), Some(at(9_000)), at(9_000), at(100_000));
        check(&marks, Some(1), &[0]);
        marks.delivered(&partition(1), Some(at(8_990)), at(9_001), at(100_000));
        check(&marks, Some(1), &[]);
        marks.delivered(&partition(0), Some(at(9_001)), at(9_001), at(100_000));
        check(&marks, Some(1), &[0]);
        marks.delivered(&partition(0), Some(at(99_990)), at(99_999), at(100_000));
        check(&marks, Some(1), &[]);
        marks.silent(&partition(1));
        check(&marks, Some(0), &[]);
        check(&Watermarks::new(None), None, &[]);
    }

    /// Scenario: a partition without any record. Guarantees: it holds nothing back once it is silent.
    #[test]
    fn an_empty_partition_holds_nothing() {
        let mut marks = two();
        marks.delivered(&partition(0), Some(at(100)), at(100), at(100));
        marks.silent(&partition(1));
        assert_eq!(marks.current(), Some(at(95)));
    }
}
