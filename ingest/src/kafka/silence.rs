//! Silence: partitions that have nothing more to say for now, so that nobody need wait for them.
//!
//! In: when something was heard of a partition; what its broker says when it is asked. Out: [`Notice::Silent`]. Owns: when
//! brokers are asked, and for how long one that does not answer is waited for.
//! Laws: a partition is silent only when its end was reached and its broker, asked after the time for it, has nothing
//! behind that. One that was not read for want of room, was held back, or whose broker was away is not silent, however
//! long ago its last record came.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;

use crate::kafka::notice::Notice;
use crate::kafka::source::Key;
use crate::kafka::trouble::{About, Told};
use crate::kafka::turn::Owned;
use crate::kafka::worker::Worker;

/// Most partitions whose broker is asked in one turn of the thread: an answer takes about a millisecond.
const MAX_ASKED: usize = 16;
/// Longest wait for an answer, during which nothing else is done.
const ANSWER_TIME: Duration = Duration::from_millis(500);
/// Pause before a broker that did not answer, or had more, is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// A partition whose broker has not answered for so long, while others did, is waited for no more.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// What is known of a partition's silence.
#[derive(Debug)]
pub(super) struct Silence {
    /// When a record, its end, or an answer of its broker was last there.
    heard: Instant,
    /// When its broker may be asked.
    ask_at: Instant,
    /// The taker knows; nothing came since.
    is_told: bool,
    /// It is not waited for because its broker does not answer.
    is_given_up: bool,
}

/// What an answer comes to.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// There is nothing behind the end.
    Nothing,
    /// There are records that were not fetched yet.
    More,
    /// There is no answer.
    None,
}

impl Silence {
    /// A partition that is read from now on.
    pub(super) fn new(now: Instant) -> Self {
        Self { heard: now, ask_at: now, is_told: false, is_given_up: false }
    }

    /// Something came of it. Says whether it had been given up.
    pub(super) fn broken(&mut self, now: Instant) -> bool {
        std::mem::replace(self, Self::new(now)).is_given_up
    }

    /// For how long nothing came of it.
    pub(super) fn lasts(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }

    /// Whether its broker is to be asked now, when nothing came for `idle`.
    fn is_due(&self, idle: Duration, now: Instant) -> bool {
        !self.is_told && now >= self.ask_at && self.lasts(now) >= idle
    }

    /// An answer came, or none; `others` is when something was last heard of any other partition. Says whether the
    /// partition is waited for no more.
    fn answered(&mut self, answer: &Answer, others: Instant, now: Instant) -> bool {
        self.ask_at = now + ASK_AGAIN;
        match answer {
            Answer::Nothing => self.is_told = true,
            Answer::More => self.heard = now,
            Answer::None => {
                // Where nobody answers, nothing is read that could be sealed.
                let is_alone = now.saturating_duration_since(others) < GIVE_UP_AFTER;
                let is_over = now.saturating_duration_since(self.heard) >= GIVE_UP_AFTER;
                (self.is_told, self.is_given_up) = (is_alone && is_over, is_alone && is_over);
            }
        }
        self.is_told
    }
}

impl Owned {
    /// Whether nothing of it is in its queue, its reader or a decoder.
    fn is_empty(&self) -> bool {
        !self.is_warming && !self.ready.load(Ordering::Acquire) && self.reader.is_drained()
    }
}

impl Worker {
    /// Tells which partitions are silent by now.
    pub(super) fn tell_silence(&mut self, now: Instant) {
        // They are asked whether they are well again; until then nobody can say.
        if self.troubles.is_about_brokers() {
            return;
        }
        let idle = self.options.idle;
        let held_back = self.shared.held_back();
        let is_due = |(key, owned): &(&Key, &Owned)| {
            owned.is_empty() && owned.silence.is_due(idle, now) && !held_back.contains(*key)
        };
        let due: Vec<Key> =
            self.partitions.iter().filter(is_due).map(|(key, _)| key.clone()).take(MAX_ASKED).collect();
        for key in due {
            let answer = self.ask(&key);
            let is_over = answer == Answer::None;
            self.hear(&key, &answer, Instant::now());
            // One that does not answer takes its time; the others are asked in later turns.
            if is_over {
                return;
            }
        }
    }

    /// Asks a partition's broker whether there is anything behind what was read.
    fn ask(&self, key: &Key) -> Answer {
        let (topic, partition) = key;
        let high = self.consumer.fetch_watermarks(topic, *partition, ANSWER_TIME).map(|(_low, high)| high);
        let Some(owned) = self.partitions.get(key) else { return Answer::None };
        // Behind the last record there may be marks of transactions, which only librdkafka counts.
        let fetched = self.consumer.context().fetched(key).unwrap_or_default();
        answer(high, owned.reader.position().max(fetched), owned.reader.is_at_end())
    }

    fn hear(&mut self, key: &Key, answer: &Answer, now: Instant) {
        let others = self.partitions.iter().filter(|(other, _)| *other != key);
        let others = others.map(|(_, owned)| owned.silence.heard).max();
        let Some(owned) = self.partitions.get_mut(key) else { return };
        let others = others.unwrap_or(owned.silence.heard);
        if !owned.silence.answered(answer, others, now) {
            return;
        }
        let (epoch, is_given_up) = (owned.reader.epoch(), owned.silence.is_given_up);
        let (topic, partition) = key.clone();
        if is_given_up {
            let secs = GIVE_UP_AFTER.as_secs();
            let text = format!(
                "topic {topic}, partition {partition}: its broker has not answered for {secs} s; nothing waits for it any more, and what it still has may count as late; look at the partition's leader"
            );
            self.tell(Told { about: About::Partition(key.clone()), text });
        }
        self.push(Notice::Silent { epoch, topic, partition });
    }
}

/// What an answer says: `high` is the broker's end of the log, `next` the offset that comes next.
fn answer(high: KafkaResult<i64>, next: i64, is_at_end: bool) -> Answer {
    match high {
        Ok(high) if high <= next && is_at_end => Answer::Nothing,
        Ok(_) => Answer::More,
        Err(_) => Answer::None,
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::KafkaError;

    use super::*;

    /// Scenario: a broker that has nothing more, has more, has more only of what is no record, or does not answer.
    /// Guarantees: only the first is silence, and only at an end that was reached.
    #[test]
    fn silence_is_what_a_broker_confirms() {
        let check = |high, next, is_at_end, expected| assert_eq!(answer(high, next, is_at_end), expected);
        check(Ok(10), 10, true, Answer::Nothing);
        check(Ok(10), 11, true, Answer::Nothing);
        check(Ok(11), 10, true, Answer::More);
        check(Ok(10), 10, false, Answer::More);
        check(Err(KafkaError::Canceled), 10, true, Answer::None);
    }

    /// Scenario: silence is broken, not answered for, not answered for by anybody. Guarantees: it is asked for only after the
    /// time for it, and again after a pause; who does not answer is given up while others are heard, and only then.
    #[test]
    fn who_does_not_answer_is_given_up_in_time() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let idle = Duration::from_secs(10);
        let mut silence = Silence::new(at(0));
        assert!(!silence.is_due(idle, at(9)) && silence.is_due(idle, at(10)));
        assert!(!silence.answered(&Answer::None, at(10), at(10)));
        assert!(!silence.is_due(idle, at(14)) && silence.is_due(idle, at(15)));
        assert!(!silence.answered(&Answer::None, at(0), at(70)), "nobody is heard");
        assert!(silence.answered(&Answer::None, at(69), at(70)) && silence.is_given_up);
        assert!(!silence.is_due(idle, at(1_000)), "it is told");
        assert!(silence.broken(at(1_000)), "it had been given up");
        assert!(!silence.answered(&Answer::More, at(1_010), at(1_010)), "there is more to fetch");
        assert!(!silence.is_due(idle, at(1_019)) && silence.is_due(idle, at(1_020)));
        assert!(silence.answered(&Answer::Nothing, at(0), at(1_020)) && !silence.is_given_up);
    }
}
