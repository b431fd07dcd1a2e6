//! Where uses and signs are, by what they are about and by what they were looked up by.
//!
//! In: keys with places in the fact tables. Out: places, sorted.
//! Owns: the lists. Law: what was looked up by is never forgotten; an answer is only made again in vain for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::asked::Key;
use crate::keyed::HashMap;
use crate::rule::Marks;
use crate::scene::uses::is_shared;

/// Places by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Postings {
    lists: HashMap<Key, Vec<usize>>,
}

impl Postings {
    pub(super) fn add(&mut self, key: Key, place: usize) {
        let list = self.lists.entry(key).or_default();
        // Mostly the newest: the end is looked at first.
        if list.last().is_none_or(|last| *last < place) {
            list.push(place);
        } else if let Err(at) = list.binary_search(&place) {
            list.insert(at, place);
        }
    }

    pub(super) fn remove(&mut self, key: Key, place: usize) {
        let Some(list) = self.lists.get_mut(&key) else { return };
        if let Ok(at) = list.binary_search(&place) {
            list.remove(at);
        }
        if list.is_empty() {
            self.lists.remove(&key);
        }
    }

    pub(super) fn of(&self, key: Key) -> &[usize] {
        self.lists.get(&key).map(Vec::as_slice).unwrap_or_default()
    }

    fn of_any(&self, keys: &[Key]) -> Vec<usize> {
        let places: BTreeSet<usize> = keys.iter().flat_map(|key| self.of(*key)).copied().collect();
        places.into_iter().collect()
    }
}

/// Which uses somebody looks for.
#[derive(Debug, Default)]
pub(crate) struct Sought {
    /// Holders whose uses off their place are looked for …
    pub(crate) held: Vec<Key>,
    /// … holders of whom all uses are …
    pub(crate) loose: Vec<Key>,
    /// … workloads, of which only those at some scopes are …
    pub(crate) made: Vec<Key>,
    pub(crate) scopes: Vec<Key>,
    /// … and places of which all uses are.
    pub(crate) at: Vec<Key>,
}

/// Uses and signs by key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    pub(super) uses: Postings,
    pub(super) signs: Postings,
    /// Credentials that were issued for too long, by themselves, whom they stand for, what they were got with, and where
    /// that belongs.
    pub(super) issues: Postings,
    /// Uses off their host or pod, after their end, not meant for where they were shown, or never issued, by credential and by workload.
    pub(super) off: Postings,
    /// Uses by what their rows were looked up by.
    pub(super) uses_by_question: Postings,
    /// The same of signs.
    pub(super) signs_by_question: Postings,
    /// How many rows of a group have each mark.
    marked: HashMap<Key, [u32; Marks::COUNT]>,
    /// Where the uses of a holder were seen.
    pub(super) places: Kinds,
    /// Environments in which the uses of a subject were seen.
    pub(super) environments: Kinds,
    /// Workloads in whose pods they were.
    pub(super) callers: Kinds,
}

/// How many uses of a group are of each kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Kinds {
    counts: HashMap<Key, BTreeMap<Key, u32>>,
}

impl Kinds {
    /// A use of a group is of a kind.
    pub(super) fn add(&mut self, group: Key, kind: Key) {
        *self.counts.entry(group).or_default().entry(kind).or_default() += 1;
    }

    /// It is not, any more.
    pub(super) fn remove(&mut self, group: Key, kind: Key) {
        let Some(kinds) = self.counts.get_mut(&group) else { return };
        if let Some(count) = kinds.get_mut(&kind) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                kinds.remove(&kind);
            }
        }
        if kinds.is_empty() {
            self.counts.remove(&group);
        }
    }

    fn of(&self, group: Key) -> usize {
        self.counts.get(&group).map_or(0, BTreeMap::len)
    }
}

impl Index {
    /// A row with marks is in a group.
    pub(super) fn mark(&mut self, group: Key, marks: Marks) {
        let counts = self.marked.entry(group).or_default();
        for number in marks.numbers() {
            if let Some(count) = counts.get_mut(number) {
                *count += 1;
            }
        }
    }

    /// It is there no more.
    pub(super) fn unmark(&mut self, group: Key, marks: Marks) {
        let Some(counts) = self.marked.get_mut(&group) else { return };
        for number in marks.numbers() {
            if let Some(count) = counts.get_mut(number) {
                *count = count.saturating_sub(1);
            }
        }
        if counts.iter().all(|count| *count == 0) {
            self.marked.remove(&group);
        }
    }

    /// The marks of a group's rows.
    pub(super) fn marks_of(&self, group: Key) -> Marks {
        let counts = self.marked.get(&group);
        let there =
            |number: usize| counts.and_then(|counts| counts.get(number)).is_some_and(|count| *count > 0);
        let several = self.places.of(group) > 1;
        let shared = is_shared(self.environments.of(group), self.callers.of(group));
        Marks::of_numbers(there).without(Marks::PLACES.when(!several)).without(Marks::SHARED.when(!shared))
    }

    /// Uses that somebody looks for.
    pub(crate) fn uses_of(&self, sought: &Sought) -> Vec<usize> {
        let Sought { held, loose, made, scopes, at } = sought;
        let of_held = held.iter().flat_map(|key| self.off.of(*key));
        let is_there =
            |place: &&usize| scopes.iter().any(|scope| self.uses.of(*scope).binary_search(*place).is_ok());
        let of_made = made.iter().flat_map(|key| self.off.of(*key)).filter(is_there);
        let of_places = at.iter().chain(loose).flat_map(|key| self.uses.of(*key));
        let places: BTreeSet<usize> = of_held.chain(of_made).chain(of_places).copied().collect();
        places.into_iter().collect()
    }

    /// Signs about any of some keys.
    pub(crate) fn signs_of_any(&self, keys: &[Key]) -> Vec<usize> {
        self.signs.of_any(keys)
    }
}
