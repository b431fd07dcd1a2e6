//! Health: whether the stream is alive and ready, and if not, why.
//!
//! In: what the parts of the stream say of themselves. Out: the answers of `/healthz` and `/readyz`.
//! Owns: the list of troubles. Law: a trouble is named until whoever named it takes it back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use offbound_schemas::EventTime;

/// Nanoseconds without a round of the stream's loop after which it counts as stuck. A round takes milliseconds; judging
/// anew after a reload may take minutes, and is announced as a trouble of its own.
const STUCK_NANOS: i64 = 60 * 1_000_000_000;

/// The parts that can be in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Starting, or building facts from the store.
    Start,
    /// The brokers.
    Kafka,
    /// The store: no room, or not writable.
    Store,
    /// The topics that results go to.
    Results,
}

#[derive(Debug, Default)]
struct State {
    troubles: BTreeMap<Part, String>,
    last_round: Option<EventTime>,
}

/// Health of a running stream.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<State>);

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The part is in trouble; true where that is news.
    pub(crate) fn trouble(&self, part: Part, why: &str) -> bool {
        self.state().troubles.insert(part, why.to_owned()).as_deref() != Some(why)
    }

    /// The part is well again; true where that is news.
    pub(crate) fn well(&self, part: Part) -> bool {
        self.state().troubles.remove(&part).is_some()
    }

    /// The loop came round.
    pub(crate) fn round(&self, now: EventTime) {
        self.state().last_round = Some(now);
    }

    /// Whether the process does its work, be it waiting.
    pub(crate) fn alive(&self, now: EventTime) -> Result<(), String> {
        let state = self.state();
        match state.last_round {
            Some(last) if now.nanos_since(last) > STUCK_NANOS && state.troubles.is_empty() => {
                Err(format!("the stream has not moved for {} s", now.nanos_since(last) / 1_000_000_000))
            }
            _ => Ok(()),
        }
    }

    /// Whether records are being read, kept and judged.
    pub(crate) fn ready(&self, now: EventTime) -> Result<(), String> {
        self.alive(now)?;
        let state = self.state();
        if state.troubles.is_empty() {
            return Ok(());
        }
        Err(state.troubles.values().cloned().collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// Scenario: troubles come and go. Guarantees: ready only without any, all are named, repetition is no news.
    #[test]
    fn troubles_are_named() {
        let health = Health::default();
        assert_eq!(health.ready(EventTime(0)), Ok(()));
        assert!(health.trouble(Part::Store, "the disk is full"));
        assert!(!health.trouble(Part::Store, "the disk is full"));
        assert!(health.trouble(Part::Kafka, "no broker"));
        assert_eq!(health.ready(EventTime(0)), Err("no broker; the disk is full".to_owned()));
        assert_eq!(health.alive(EventTime(0)), Ok(()), "waiting is no death");
        assert!(health.well(Part::Store) && health.well(Part::Kafka) && !health.well(Part::Kafka));
        assert_eq!(health.ready(EventTime(0)), Ok(()));
    }

    /// Scenario: the loop stands still without a reason. Guarantees: neither alive nor ready.
    #[test]
    fn standing_still_is_noticed() {
        let health = Health::default();
        health.round(EventTime(0));
        assert_eq!(health.alive(EventTime(30 * SECOND)), Ok(()));
        let later = EventTime(90 * SECOND);
        assert!(health.alive(later).is_err() && health.ready(later).is_err());
    }
}
