//! Keys of what an answer was looked up by, so that it can be given anew when one of them means something else.
//!
//! In: what is asked of places, and what uses and signs are about. Out: a number for each.
//! Owns: those numbers, and the note of what was asked. Law: equal questions have equal keys; two questions that share
//! a key by chance only make an answer be given anew in vain.

use std::cell::RefCell;
use std::hash::Hash;

use crate::keyed::RandomState;
use crate::names::{Id, Name};

/// The same in each process, so that a run can be repeated: several rows make a dozen keys each.
const HASH: RandomState = RandomState::with_seeds(1, 2, 3, 4);

/// A question, or a thing that rows are about, as a number.
pub(crate) type Key = u64;

/// What a row may be about, or may have been looked up by.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) enum About<'a> {
    /// Who owned an address.
    Address(&'a str),
    /// Stays of a pod.
    Pod(Name),
    /// Stays on a host.
    Host(Name),
    /// Those of them that are no pods.
    HostItself(Name),
    /// What else a host is called, or whether it is known at all.
    HostName(Name),
    /// Stays of a workload, by its canonical name.
    Workload(&'a str),
    /// The pods of a workload at a moment, by its canonical name.
    PodsOf(&'a str),
    /// Whether a workload is known at all.
    WorkloadName(&'a str),
    /// The host of a SPIRE agent.
    Agent(Name),
    /// Hosts of any agents.
    Agents,
    /// The entries of a workload.
    EntriesOf(&'a str),
    /// All entries.
    Entries,
    /// Stays with a container, by the beginning of its id.
    Container(&'a str),
    /// Which sensors watch a host, by its one name.
    Watched(Name),
    /// Uses of a workload while one of its hosts was silent, since a moment.
    Silence(&'a str, Name, i64),
    /// When issuing logs were heard, and what they tell of.
    Issuing,
    /// Uses of a credential, by one of its names.
    Credential(Id),
    /// Uses of a credential, or of a subject that shows none.
    Holder(&'a str),
    /// Uses of a subject, or of a credential that tells none.
    Subject(&'a str),
    /// Uses and signs of a workload, of a subject or address without one, or of a place without either.
    Who(&'a str),
    /// Uses and signs of a pod or host.
    Scope(&'a str),
    /// Rare uses that belong on a host, and signs on it.
    On(&'a str),
    /// Uses that a workload made.
    MadeBy(&'a str),
    /// Those of them off their place that belong to a scope.
    OffFrom(&'a str, Key),
    /// Uses that were seen in an environment.
    Environment(&'a str),
    /// Uses at a destination that some rule may ask for.
    Called(&'a str),
    /// Uses that were refused at a destination in a stretch of time.
    Refused(&'a str, i64),
}

impl About<'_> {
    /// Its number.
    pub(crate) fn key(self) -> Key {
        HASH.hash_one(self)
    }
}

/// What was asked while an answer was made.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    keys: RefCell<Option<Vec<Key>>>,
}

impl Asked {
    /// Notes a question, if somebody wants to know.
    pub(crate) fn note(&self, about: About<'_>) {
        if let Some(keys) = self.keys.borrow_mut().as_mut() {
            keys.push(about.key());
        }
    }

    /// Makes an answer, and tells what was asked for it, each once.
    pub(crate) fn during<T>(&self, answer: impl FnOnce() -> T) -> (T, Vec<Key>) {
        self.keys.replace(Some(Vec::new()));
        let answer = answer();
        let mut keys = self.keys.take().unwrap_or_default();
        keys.sort_unstable();
        keys.dedup();
        (answer, keys)
    }
}
