//! Pace: whether looking ahead of the watermark is worth what it costs.
//!
//! In: how many records wait in the topics, how many were read so far, the watermark, the time, and whether looking ahead
//! rests. Out: whether it is to rest. Owns: the two delays that decide. Law: looking ahead rests only while what waits needs
//! longer to be read than events need to be confirmed once they are read; a watermark that stands still makes nobody wait.

use std::collections::VecDeque;

use offbound_schemas::EventTime;

/// Time between two looks at the pace, in nanoseconds.
const EVERY_NANOS: i64 = 1_000_000_000;
/// Looks that the pace is taken over.
const SPAN: usize = 4;
/// Looking ahead rests when what waits needs this many times as long to be read as events to be confirmed …
const FAR_BEHIND: f64 = 2.0;
/// … and longer than this, in seconds …
const AT_LEAST_SECS: f64 = 2.0;
/// … and goes on when it needs less than this part of that time, or than so many seconds: going on takes a moment in which
/// nothing is read.
const NEARLY_THERE: f64 = 0.5;
const CAUGHT_UP_SECS: f64 = 0.5;

/// What was so at one moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: EventTime,
    read: u64,
    watermark: Option<EventTime>,
}

/// How quickly records are read, and event time goes by.
#[derive(Debug)]
pub(super) struct Pace {
    lateness_secs: f64,
    /// The last looks, the oldest first. Bound: [`SPAN`].
    looks: VecDeque<Look>,
}

impl Pace {
    /// Nothing is read yet; events may come so much later than others.
    #[allow(clippy::cast_precision_loss, reason = "seconds need no more than 53 bits")]
    pub(super) fn new(lateness_nanos: i64) -> Self {
        Self { lateness_secs: lateness_nanos as f64 / 1e9, looks: VecDeque::new() }
    }

    /// Whether it is time for a look.
    pub(super) fn is_due(&self, now: EventTime) -> bool {
        self.looks.back().is_none_or(|last| now.nanos_since(last.at) >= EVERY_NANOS)
    }

    /// Takes a look; gives whether looking ahead is to rest. Whether it does already makes the difference near the bounds.
    pub(super) fn look(
        &mut self,
        waiting: u64,
        read: u64,
        watermark: Option<EventTime>,
        now: EventTime,
        is_resting: bool,
    ) -> bool {
        let look = Look { at: now, read, watermark };
        let to_confirm = self.secs_to_confirm(look);
        let bound = if is_resting {
            (to_confirm * NEARLY_THERE).max(CAUGHT_UP_SECS)
        } else {
            (to_confirm * FAR_BEHIND).max(AT_LEAST_SECS)
        };
        // Where nothing is read, something else holds everything up.
        let is_to_rest = self.secs_to_read(look, waiting).map_or(is_resting, |to_read| to_read > bound);
        if self.looks.len() == SPAN {
            self.looks.pop_front();
        }
        self.looks.push_back(look);
        is_to_rest
    }

    /// How long what waits needs to be read; none where nothing is read.
    #[allow(clippy::cast_precision_loss, reason = "seconds need no more than 53 bits")]
    fn secs_to_read(&self, look: Look, waiting: u64) -> Option<f64> {
        let from = self.looks.front()?;
        let news = look.read.saturating_sub(from.read);
        if waiting == 0 {
            return Some(0.0);
        }
        (news > 0).then(|| waiting as f64 * secs(from.at, look.at) / news as f64)
    }

    /// How long an event that was just read waits for its confirmation; for ever, where the watermark stands still.
    fn secs_to_confirm(&self, look: Look) -> f64 {
        let from = self.looks.iter().find_map(|look| Some((look.at, look.watermark?)));
        let Some(((at, from), to)) = from.zip(look.watermark).filter(|((_, from), to)| from < to) else {
            return f64::INFINITY;
        };
        self.lateness_secs * secs(at, look.at) / secs(from, to)
    }
}

#[allow(clippy::cast_precision_loss, reason = "seconds need no more than 53 bits")]
fn secs(from: EventTime, to: EventTime) -> f64 {
    to.nanos_since(from) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: i64 = 1_000_000_000;

    /// Seconds, records that wait, records read, seconds of event time that are sealed, whether looking ahead is to rest.
    type Step = (i64, u64, u64, Option<i64>, bool);

    fn run(lateness: i64, course: &[Step]) {
        let mut pace = Pace::new(lateness * SEC);
        let mut is_resting = false;
        for (at, waiting, read, sealed, expected) in course {
            let (now, watermark) = (EventTime(at * SEC), sealed.map(|sealed| EventTime(sealed * SEC)));
            assert!(pace.is_due(now));
            is_resting = pace.look(*waiting, *read, watermark, now, is_resting);
            assert_eq!(is_resting, *expected, "after {at} s");
        }
    }

    /// Scenario: a backlog of a thousand seconds is read at a hundred times the pace at which it happened, to its end.
    /// Guarantees: looking ahead rests once that is seen, and goes on when what waits is nearly read.
    #[test]
    fn a_backlog_is_not_looked_ahead_in() {
        run(
            30,
            &[
                (0, 0, 0, None, false),
                (1, 900_000, 40_000, Some(10), false),
                (2, 800_000, 80_000, Some(110), true),
                (5, 500_000, 380_000, Some(410), true),
                (9, 100_000, 780_000, Some(810), true),
                (10, 20_000, 880_000, Some(910), false),
                (11, 0, 900_000, Some(930), false),
            ],
        );
    }

    /// Scenario: somewhat more comes than is read, as it happens. Guarantees: looking ahead goes on until what waits
    /// makes findings later than confirming them would.
    #[test]
    fn being_somewhat_behind_is_no_reason() {
        run(
            30,
            &[
                (0, 0, 0, Some(0), false),
                (1, 10_000, 4_000, Some(1), false),
                (2, 100_000, 8_000, Some(2), false),
                (3, 400_000, 12_000, Some(3), true),
                (4, 50_000, 16_000, Some(4), false),
            ],
        );
    }

    /// Scenario: much waits, and the watermark stands still, or nothing is read at all. Guarantees: looking ahead does not
    /// rest while nothing is confirmed, goes on if it does, and stays as it is while something else holds all up.
    #[test]
    fn a_watermark_that_stands_still_makes_nobody_wait() {
        run(
            30,
            &[
                (0, 0, 0, Some(5), false),
                (1, 900_000, 40_000, Some(5), false),
                (2, 900_000, 80_000, Some(5), false),
                (3, 900_000, 120_000, Some(1_005), true),
                (8, 900_000, 120_000, Some(1_005), true),
                (9, 900_000, 120_000, Some(1_005), true),
                (10, 900_000, 120_000, Some(1_005), true),
                (11, 900_000, 120_000, Some(1_005), true),
                (12, 900_000, 160_000, Some(1_005), false),
            ],
        );
    }
}
