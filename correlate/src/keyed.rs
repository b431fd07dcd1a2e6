//! Tables found by hash, each with a key of its own.
//!
//! In: names, ids and texts, all of which may come from logs. Out: maps and sets.
//! Owns: the choice of the hash: several times as quick as the standard one for short keys, and keyed like it, by chance
//! and anew in each process: whoever writes logs does not know where what they write will fall.
//! Law: nothing is told in the order of a hash.

use std::collections::VecDeque;
use std::hash::Hash;

pub(crate) use ahash::RandomState;

/// A map.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
/// A set.
pub(crate) type HashSet<T> = std::collections::HashSet<T, RandomState>;

/// A set that remembers so many of those that came last, each as of when it came first.
#[derive(Debug, Clone)]
pub(crate) struct Recent<T> {
    most: usize,
    known: HashSet<T>,
    order: VecDeque<T>,
}

impl<T: Copy + Eq + Hash> Recent<T> {
    /// Nothing yet, and at most so many.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, known: HashSet::default(), order: VecDeque::new() }
    }

    pub(crate) fn contains(&self, one: &T) -> bool {
        self.known.contains(one)
    }

    /// Remembers it; says whether it was not known.
    pub(crate) fn insert(&mut self, one: T) -> bool {
        if !self.known.insert(one) {
            return false;
        }
        self.order.push_back(one);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: more than are remembered, one of them twice. Guarantees: the last ones are known, by when they came first.
    #[test]
    fn the_last_are_remembered() {
        let mut recent = Recent::new(2);
        assert_eq!([1, 2, 1, 3].map(|one| recent.insert(one)), [true, true, false, true]);
        assert_eq!([1, 2, 3].map(|one| recent.contains(&one)), [false, true, true]);
        assert!(recent.insert(1));
    }
}
