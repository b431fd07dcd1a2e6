//! Edges: which workload called which destination first, and how long it had been known by then.
//!
//! In: uses, with the workload that made each. Out: for each use, whether it is the first ever to its destination.
//! Owns: the learned set of edges. Law: before the minimum history of a workload, "first ever" is not claimed.

use std::collections::{BTreeMap, HashMap};

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::Decision;

use crate::fact::usage::Usage;
use crate::names::Name;

/// First calls of one workload.
#[derive(Debug)]
struct Past {
    started: EventTime,
    first: BTreeMap<Name, EventTime>,
}

/// First calls by workload and destination.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    by_workload: HashMap<String, Past>,
}

/// What a use changed of what was known of its workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learned {
    /// Nothing.
    Nothing,
    /// It is the first to its destination.
    Edge,
    /// Something is older than was known: other uses may have been taken for the first.
    Past,
}

impl Edges {
    pub(super) fn new<'u>(uses: impl Iterator<Item = (String, &'u Usage)>) -> Self {
        let mut edges = Self::default();
        for (workload, usage) in uses {
            edges.learn(&workload, usage);
        }
        edges
    }

    /// Learns from a use of a workload.
    pub(crate) fn learn(&mut self, workload: &str, usage: &Usage) -> Learned {
        let time = usage.first.time;
        let allowed = usage.key.decision == Decision::Allow;
        let Some(past) = self.by_workload.get_mut(workload) else {
            let first = allowed.then_some((usage.key.destination, time)).into_iter().collect();
            self.by_workload.insert(workload.to_owned(), Past { started: time, first });
            return Learned::Edge;
        };
        let mut learned = if time < past.started { Learned::Past } else { Learned::Nothing };
        past.started = past.started.min(time);
        if !allowed {
            return learned;
        }
        match past.first.get_mut(&usage.key.destination) {
            Some(first) if time < *first => (*first, learned) = (time, Learned::Past),
            Some(_) => {}
            None => {
                past.first.insert(usage.key.destination, time);
                learned = if learned == Learned::Past { learned } else { Learned::Edge };
            }
        }
        learned
    }

    /// Forgets a workload: its uses turned out to be others'.
    pub(crate) fn forget(&mut self, workload: &str) {
        self.by_workload.remove(workload);
    }

    /// History of the workload before a use, in nanoseconds.
    pub(crate) fn history(&self, workload: &str, time: EventTime) -> i64 {
        self.by_workload.get(workload).map_or(0, |past| time.nanos_since(past.started).max(0))
    }

    /// Whether the workload had been allowed to a destination before a moment.
    pub(crate) fn reached_before(&self, workload: &str, destination: Name, time: EventTime) -> bool {
        let past = self.by_workload.get(workload);
        past.and_then(|past| past.first.get(&destination)).is_some_and(|first| *first < time)
    }

    /// Destinations that a workload was ever allowed to.
    pub(crate) fn destinations(&self, workload: &str) -> impl Iterator<Item = Name> {
        self.by_workload.get(workload).into_iter().flat_map(|past| past.first.keys().copied())
    }

    /// Whether a use is the first allowed one of its workload to its destination.
    pub(crate) fn is_first(&self, workload: &str, usage: &Usage) -> bool {
        let past = self.by_workload.get(workload);
        let first = past.and_then(|past| past.first.get(&usage.key.destination));
        usage.key.decision == Decision::Allow && first == Some(&usage.first.time)
    }
}
