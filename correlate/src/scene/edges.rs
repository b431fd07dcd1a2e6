//! Edges: which workload called which destination first, and how long it had been known by then.
//!
//! In: uses. Out: for each use, whether it is the first ever to its destination.
//! Owns: the learned set of edges. Law: before the minimum history of a workload, "first ever" is not claimed.

use std::collections::HashMap;

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::Decision;

use super::Scene;
use crate::fact::usage::Usage;
use crate::names::Name;

/// First calls by workload and destination.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    started: HashMap<String, EventTime>,
    first: HashMap<(String, Name), EventTime>,
}

impl Edges {
    pub(super) fn new(scene: &Scene<'_>) -> Self {
        let mut edges = Self::default();
        for usage in scene.facts.uses.all() {
            let Some(workload) = scene.workload_of(usage) else { continue };
            let time = usage.first.time;
            let started = edges.started.entry(workload.clone()).or_insert(time);
            *started = (*started).min(time);
            if usage.key.decision == Decision::Allow {
                let first = edges.first.entry((workload, usage.key.destination)).or_insert(time);
                *first = (*first).min(time);
            }
        }
        edges
    }

    /// History of the workload before a use, in nanoseconds.
    pub(crate) fn history(&self, workload: &str, time: EventTime) -> i64 {
        self.started.get(workload).map_or(0, |started| time.nanos_since(*started).max(0))
    }

    /// Whether the workload had been allowed to a destination before a moment.
    pub(crate) fn reached_before(&self, workload: &str, destination: Name, time: EventTime) -> bool {
        self.first.get(&(workload.to_owned(), destination)).is_some_and(|first| *first < time)
    }

    /// Destinations that a workload was ever allowed to.
    pub(crate) fn destinations(&self, workload: &str) -> impl Iterator<Item = Name> {
        let mut all: Vec<Name> = self
            .first
            .keys()
            .filter(|(name, _)| name == workload)
            .map(|(_, destination)| *destination)
            .collect();
        all.sort_unstable();
        all.into_iter()
    }

    /// Whether a use is the first allowed one of its workload to its destination.
    pub(crate) fn is_first(&self, workload: &str, usage: &Usage) -> bool {
        let key = (workload.to_owned(), usage.key.destination);
        usage.key.decision == Decision::Allow && self.first.get(&key) == Some(&usage.first.time)
    }
}
