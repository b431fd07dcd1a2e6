//! Being behind: whether more records wait than will be read within a moment.
//!
//! In: how many records wait in the topics, how many were read so far, the time. Out: what the operator is told of it.
//! Owns: what a moment is. Law: it is told once when the stream falls behind, and once when it has caught up. A rate is one
//! of a time in which something waited all along; that nothing is read at all is for others to tell, who know why.

use offbound_schemas::EventTime;

/// Time over which the rate is taken, in nanoseconds.
const EVERY_NANOS: i64 = 5_000_000_000;
/// Who needs longer than this for what waits is behind, in seconds …
const BEHIND_SECS: f64 = 10.0;
/// … and has caught up when it needs less than this.
const CAUGHT_UP_SECS: f64 = 2.0;

/// Whether the stream is behind.
#[derive(Debug)]
pub(super) struct Behind {
    looked_at: EventTime,
    read: u64,
    /// Something waited at the last look: since then it was read as quickly as it can be.
    is_busy: bool,
    is_told: bool,
}

impl Behind {
    /// Nothing is read yet.
    pub(super) fn new(now: EventTime) -> Self {
        Self { looked_at: now, read: 0, is_busy: false, is_told: false }
    }

    /// Looks at how many records wait, and how many were read in all; gives what is to be said.
    #[allow(clippy::cast_precision_loss, reason = "seconds need no more than 53 bits")]
    pub(super) fn look(&mut self, waiting: u64, read: u64, now: EventTime) -> Option<String> {
        let nanos = now.nanos_since(self.looked_at);
        let news = read.saturating_sub(self.read);
        if nanos < EVERY_NANOS {
            return None;
        }
        let was_busy = self.is_busy;
        (self.looked_at, self.read, self.is_busy) = (now, read, waiting > 0);
        if news == 0 && waiting > 0 {
            return None;
        }
        let rate = news as f64 / (nanos as f64 / 1e9);
        let secs = if waiting == 0 { 0.0 } else { waiting as f64 / rate };
        if !self.is_told && was_busy && secs > BEHIND_SECS {
            self.is_told = true;
            return Some(format!(
                "{waiting} records wait, and {rate:.0} are read in a second: findings are about {secs:.0} s late"
            ));
        }
        if self.is_told && secs < CAUGHT_UP_SECS {
            self.is_told = false;
            return Some("all records that waited are read: findings come in time again".to_owned());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a stream that keeps up, falls behind, reads nothing for a while, catches up, and has nothing to do for long
    /// before many records come at once; looked at too soon, too.
    /// Guarantees: each change is told once, with figures; what is told elsewhere is not.
    #[test]
    fn falling_behind_is_told_once() {
        let mut behind = Behind::new(EventTime(0));
        let mut check = |second: i64, waiting: u64, read: u64, expected: Option<&str>| {
            let told = behind.look(waiting, read, EventTime(second * 1_000_000_000));
            assert_eq!(told.is_some(), expected.is_some(), "{told:?}");
            assert!(expected.is_none_or(|part| told.is_some_and(|told| told.contains(part))), "{second}");
        };
        check(5, 100, 5_000, None);
        check(7, 90_000, 7_000, None);
        check(
            10,
            50_000,
            10_000,
            Some("50000 records wait, and 1000 are read in a second: findings are about 50 s late"),
        );
        check(15, 60_000, 15_000, None);
        check(20, 60_000, 15_000, None);
        check(25, 5_000, 20_000, None);
        check(30, 0, 20_000, Some("in time again"));
        check(35, 0, 20_000, None);
        check(1_235, 5_000, 20_500, None);
        check(1_240, 0, 25_500, None);
    }
}
