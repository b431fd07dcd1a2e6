//! Where uses and signs are, by what they are about and by what they were looked up by.
//!
//! In: keys with places in the fact tables. Out: places, sorted.
//! Owns: the lists. Law: what was looked up by is never forgotten; an answer is only made again in vain for it.

use std::collections::{BTreeSet, HashMap};

use crate::asked::Key;

/// Places by key.
#[derive(Debug, Default)]
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

/// Uses and signs by key.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(super) uses: Postings,
    pub(super) signs: Postings,
    /// Uses by what their rows were looked up by.
    pub(super) uses_by_question: Postings,
    /// The same of signs.
    pub(super) signs_by_question: Postings,
}

impl Index {
    /// Uses about any of some keys.
    pub(crate) fn of_any(&self, keys: &[Key]) -> Vec<usize> {
        self.uses.of_any(keys)
    }

    /// Signs about any of some keys.
    pub(crate) fn signs_of_any(&self, keys: &[Key]) -> Vec<usize> {
        self.signs.of_any(keys)
    }
}
