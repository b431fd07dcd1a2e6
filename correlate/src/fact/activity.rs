//! Activity: the stretches of time in which something was heard of, and the rests between them.
//!
//! In: moments, in any order. Out: the rest before a moment; whether a stretch of time was covered without a rest.
//! Owns: what is a rest, and how many stretches are kept. Law: the stretches follow from the set of moments alone.

use offbound_schemas::EventTime;

const HOUR_NANOS: i64 = 3_600 * 1_000_000_000;
/// Moments that lie closer together are of one stretch: what is done every day has no rests, though it be late by hours.
pub(crate) const REST_NANOS: i64 = 36 * HOUR_NANOS;
/// How long after its first moment a stretch has only begun.
const BEGINNING_NANOS: i64 = HOUR_NANOS;
/// Stretches that are kept, one in a day and a half at most: longer than facts are kept, unless told otherwise. Of older ones the
/// longest rest is remembered.
const MAX_STRETCHES: usize = 64;

/// Stretches, by time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Activity {
    stretches: Vec<(EventTime, EventTime)>,
    /// The longest rest before the first of them.
    longest_before: i64,
}

/// A rest that has just ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) since: EventTime,
    pub(crate) until: EventTime,
    /// The longest of the rests before, in nanoseconds.
    pub(crate) longest_nanos: i64,
}

impl Activity {
    /// Something was heard at a moment; says whether answers about other moments may be others now.
    pub(crate) fn hear(&mut self, time: EventTime) -> bool {
        let next = self.stretches.partition_point(|(from, _)| *from <= time);
        let is_last = next == self.stretches.len();
        let before = next.checked_sub(1).and_then(|at| self.stretches.get(at)).copied();
        if before.is_some_and(|(_, to)| time <= to) {
            return false;
        }
        let joins_before = before.is_some_and(|(_, to)| time.nanos_since(to) <= REST_NANOS);
        let after = self.stretches.get(next).copied();
        let joins_after = after.is_some_and(|(from, _)| from.nanos_since(time) <= REST_NANOS);
        let (first, last) = if joins_after { (next, next + 1) } else { (next, next) };
        let first = if joins_before { first - 1 } else { first };
        let from = before.filter(|_| joins_before).map_or(time, |(from, _)| from);
        let to = after.filter(|_| joins_after).map_or(time, |(_, to)| to);
        self.stretches.splice(first..last, [(from, to)]);
        !is_last
    }

    /// The rest that ended at most an hour before a moment of a stretch, if there was any.
    pub(crate) fn rest_before(&self, time: EventTime) -> Option<Rest> {
        let at = self.stretches.partition_point(|(from, _)| *from <= time).checked_sub(1)?;
        let until = self.stretches.get(at)?.0;
        let earlier = self.stretches.get(..at)?;
        let since = earlier.last()?.1;
        let rests = earlier.windows(2).map(|pair| match pair {
            [(_, to), (from, _)] => from.nanos_since(*to),
            _ => 0,
        });
        let longest_nanos = rests.fold(self.longest_before, i64::max);
        (time.nanos_since(until) <= BEGINNING_NANOS).then_some(Rest { since, until, longest_nanos })
    }

    /// Whether something was heard from one moment to another without a rest.
    pub(crate) fn covers(&self, from: EventTime, to: EventTime) -> bool {
        self.stretches
            .iter()
            .any(|(begin, end)| *begin <= from && to.nanos_since(*end) <= REST_NANOS && from <= *end)
    }

    /// The stretch that a moment is in, or that begins or ends that near to it.
    pub(crate) fn around(&self, time: EventTime, near_nanos: i64) -> Option<(EventTime, EventTime)> {
        let next = self.stretches.partition_point(|(from, _)| from.plus_nanos(-near_nanos) <= time);
        let found = next.checked_sub(1).and_then(|at| self.stretches.get(at)).copied();
        found.filter(|(_, to)| time <= to.plus_nanos(near_nanos))
    }

    /// Whether nothing was heard after a moment.
    pub(crate) fn is_over_by(&self, time: EventTime) -> bool {
        self.stretches.last().is_none_or(|(_, end)| *end <= time)
    }

    /// Keeps the newest stretches.
    pub(crate) fn cut(&mut self) {
        let excess = self.stretches.len().saturating_sub(MAX_STRETCHES);
        let gone = self.stretches.get(..=excess).unwrap_or_default().windows(2).take(excess);
        let rests = gone.map(|pair| match pair {
            [(_, to), (from, _)] => from.nanos_since(*to),
            _ => 0,
        });
        self.longest_before = rests.fold(self.longest_before, i64::max);
        self.stretches.drain(..excess);
    }

    /// Logical size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.stretches.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = REST_NANOS;

    fn heard(days: &[i64]) -> Activity {
        let mut activity = Activity::default();
        for day in days {
            activity.hear(EventTime(day * DAY));
        }
        activity
    }

    /// Scenario: the same moments in several orders. Guarantees: the same stretches, and rests by the moments before them.
    #[test]
    fn order_makes_no_difference() {
        let (rest, at) = (|days: &[i64], at: i64| heard(days).rest_before(EventTime(at * DAY)), 50);
        let expected =
            Rest { since: EventTime(12 * DAY), until: EventTime(at * DAY), longest_nanos: 8 * DAY };
        for days in [[1, 2, 10, 11, 12, 50, 51], [51, 50, 12, 10, 11, 2, 1], [11, 50, 1, 12, 2, 51, 10]] {
            assert_eq!(rest(&days, at), Some(expected), "{days:?}");
            assert_eq!((rest(&days, 51), rest(&days, 1)), (None, None));
        }
    }

    /// Scenario: moments at the end, within, and before what was heard. Guarantees: only what moves a rest is news for others.
    #[test]
    fn what_moves_rests_is_told() {
        let mut activity = Activity::default();
        for (day, is_news) in
            [(10, false), (11, false), (30, false), (10, false), (13, true), (29, true), (20, true)]
        {
            assert_eq!(activity.hear(EventTime(day * DAY)), is_news, "{day}");
        }
    }

    /// Scenario: a log that was heard every day, and one that was silent for a while. Guarantees: only the first says what was
    /// not in it.
    #[test]
    fn silence_covers_nothing() {
        let (from, to) = (EventTime(2 * DAY), EventTime(6 * DAY));
        assert!(heard(&[1, 2, 3, 4, 5]).covers(from, to));
        assert!(!heard(&[1, 2, 4, 5, 6]).covers(from, to));
        assert!(!heard(&[1, 2]).covers(from, to) && !heard(&[3, 4, 5, 6]).covers(from, to));
    }

    /// Scenario: more stretches than are kept. Guarantees: the longest rest is still known.
    #[test]
    fn long_rests_are_remembered() {
        let mut days = vec![1, 40];
        days.extend((0..100).map(|number| 50 + 3 * number));
        let mut activity = heard(&days);
        let (last, before) = (EventTime(347 * DAY), activity.bytes());
        let known = activity.rest_before(last).map(|rest| rest.longest_nanos);
        activity.cut();
        assert!(activity.bytes() < before);
        assert_eq!(
            (activity.rest_before(last).map(|rest| rest.longest_nanos), known),
            (known, Some(39 * DAY))
        );
    }
}
