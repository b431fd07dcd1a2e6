//! Where uses and signs are, by what they are about and by what they were looked up by.
//!
//! In: keys with places in the fact tables. Out: places, sorted.
//! Owns: the lists: every use stands in a dozen of them, so that they take no more room than they must.
//! Law: what was looked up by is never forgotten; an answer is only made again in vain for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::asked::Key;
use crate::keyed::HashMap;
use crate::rule::Marks;
use crate::scene::uses::is_shared;

/// Places by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Postings {
    lists: HashMap<Key, List>,
}

/// Places, sorted: a credential that is used once is what most keys are about.
#[derive(Debug, Clone)]
enum List {
    One(u32),
    Many(Vec<u32>),
}

impl List {
    fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(place) => std::slice::from_ref(place),
            Self::Many(places) => places,
        }
    }

    fn add(&mut self, place: u32) {
        match self {
            Self::One(known) if *known == place => {}
            Self::One(known) => *self = Self::Many(vec![place.min(*known), place.max(*known)]),
            // Mostly the newest: the end is looked at first.
            Self::Many(places) if places.last().is_none_or(|last| *last < place) => places.push(place),
            Self::Many(places) => {
                if let Err(at) = places.binary_search(&place) {
                    places.insert(at, place);
                }
            }
        }
    }
}

impl Postings {
    pub(super) fn add(&mut self, key: Key, place: usize) {
        let place = short(place);
        self.lists.entry(key).and_modify(|list| list.add(place)).or_insert(List::One(place));
    }

    pub(super) fn remove(&mut self, key: Key, place: usize) {
        let place = short(place);
        let is_empty = match self.lists.get_mut(&key) {
            None => return,
            Some(List::One(known)) => *known == place,
            Some(List::Many(places)) => {
                if let Ok(at) = places.binary_search(&place) {
                    places.remove(at);
                }
                places.is_empty()
            }
        };
        if is_empty {
            self.lists.remove(&key);
        }
    }

    /// The places of a key, sorted.
    pub(super) fn of(&self, key: Key) -> impl Iterator<Item = usize> + '_ {
        self.listed(key).iter().map(|place| *place as usize)
    }

    pub(super) fn has_any(&self, key: Key) -> bool {
        self.lists.contains_key(&key)
    }

    fn has(&self, key: Key, place: usize) -> bool {
        self.listed(key).binary_search(&short(place)).is_ok()
    }

    fn listed(&self, key: Key) -> &[u32] {
        self.lists.get(&key).map(List::as_slice).unwrap_or_default()
    }

    fn of_any(&self, keys: &[Key]) -> Vec<usize> {
        let places: BTreeSet<usize> = keys.iter().flat_map(|key| self.of(*key)).collect();
        places.into_iter().collect()
    }
}

fn short(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than 2^32 uses or signs fit in memory")
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
    /// Uses off their host or pod, after their end, not meant for where they were shown, or never issued, by credential and
    /// by workload.
    pub(super) off: Postings,
    /// Uses by what their rows were looked up by.
    pub(super) uses_by_question: Postings,
    /// The same of signs.
    pub(super) signs_by_question: Postings,
    /// Which marks the rows of a group have.
    marked: Kinds<Marks>,
    /// Where the uses of a holder were seen.
    pub(super) places: Kinds<Key>,
    /// Environments in which the uses of a subject were seen.
    pub(super) environments: Kinds<Key>,
    /// Workloads in whose pods they were.
    pub(super) callers: Kinds<Key>,
}

/// Of which kinds the rows of a group are, and how many are of each.
#[derive(Debug, Clone)]
pub(super) struct Kinds<K> {
    counts: HashMap<Key, Counts<K>>,
}

/// Most groups have rows of one kind.
#[derive(Debug, Clone)]
enum Counts<K> {
    One(K, u32),
    Several(BTreeMap<K, u32>),
}

impl<K> Default for Kinds<K> {
    fn default() -> Self {
        Self { counts: HashMap::default() }
    }
}

impl<K: Copy + Ord> Kinds<K> {
    /// A row of a group is of a kind.
    pub(super) fn add(&mut self, group: Key, kind: K) {
        match self.counts.entry(group).or_insert(Counts::One(kind, 0)) {
            Counts::One(known, count) if *known == kind => *count += 1,
            counts @ Counts::One(..) => {
                let Counts::One(known, count) = *counts else { return };
                *counts = Counts::Several(BTreeMap::from([(known, count), (kind, 1)]));
            }
            Counts::Several(kinds) => *kinds.entry(kind).or_default() += 1,
        }
    }

    /// It is not, any more.
    pub(super) fn remove(&mut self, group: Key, kind: K) {
        let is_empty = match self.counts.get_mut(&group) {
            None => return,
            Some(Counts::One(known, count)) => {
                *count -= u32::from(*known == kind);
                *count == 0
            }
            Some(Counts::Several(kinds)) => {
                if let Some(count) = kinds.get_mut(&kind) {
                    *count -= 1;
                    if *count == 0 {
                        kinds.remove(&kind);
                    }
                }
                kinds.is_empty()
            }
        };
        if is_empty {
            self.counts.remove(&group);
        }
    }

    fn count(&self, group: Key) -> usize {
        match self.counts.get(&group) {
            None => 0,
            Some(Counts::One(..)) => 1,
            Some(Counts::Several(kinds)) => kinds.len(),
        }
    }

    fn of(&self, group: Key) -> impl Iterator<Item = K> + '_ {
        let (one, several) = match self.counts.get(&group) {
            None => (None, None),
            Some(Counts::One(kind, _)) => (Some(*kind), None),
            Some(Counts::Several(kinds)) => (None, Some(kinds.keys().copied())),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }
}

impl Index {
    /// A row with marks is in a group.
    pub(super) fn mark(&mut self, group: Key, marks: Marks) {
        self.marked.add(group, marks);
    }

    /// It is there no more.
    pub(super) fn unmark(&mut self, group: Key, marks: Marks) {
        self.marked.remove(group, marks);
    }

    /// The marks of a group's rows.
    pub(super) fn marks_of(&self, group: Key) -> Marks {
        let there = self.marked.of(group).fold(Marks::default(), Marks::and);
        let several = self.places.count(group) > 1;
        let shared = is_shared(self.environments.count(group), self.callers.count(group));
        there.without(Marks::PLACES.when(!several)).without(Marks::SHARED.when(!shared))
    }

    /// Uses that somebody looks for.
    pub(crate) fn uses_of(&self, sought: &Sought) -> Vec<usize> {
        let Sought { held, loose, made, scopes, at } = sought;
        let of_held = held.iter().flat_map(|key| self.off.of(*key));
        let is_there = |place: &usize| scopes.iter().any(|scope| self.uses.has(*scope, *place));
        let of_made = made.iter().flat_map(|key| self.off.of(*key)).filter(is_there);
        let of_places = at.iter().chain(loose).flat_map(|key| self.uses.of(*key));
        let places: BTreeSet<usize> = of_held.chain(of_made).chain(of_places).collect();
        places.into_iter().collect()
    }

    /// Signs about any of some keys.
    pub(crate) fn signs_of_any(&self, keys: &[Key]) -> Vec<usize> {
        self.signs.of_any(keys)
    }
}
