//! Values that many rows share: each held once, as a dense number.
//!
//! In: values. Out: a `u32` each, and the value back. Owns: the values of one table.
//! Law: two values have one number only if they are equal.

use std::hash::Hash;

use hashbrown::HashTable;

use super::keep::Moves;
use crate::keyed::RandomState;
use crate::names::{Named, Renaming};

/// Values by number.
#[derive(Debug, Clone)]
pub(super) struct Shared<T> {
    values: Vec<T>,
    index: HashTable<u32>,
    hasher: RandomState,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { values: Vec::new(), index: HashTable::new(), hasher: RandomState::new() }
    }
}

impl<T: Hash + Eq + Named> Shared<T> {
    /// Logical size of a value without its names: itself, and its place in the index.
    pub(super) const BYTES: usize = size_of::<T>() + 2 * size_of::<u32>();

    /// The number of a value, given now if it is new.
    pub(super) fn number(&mut self, value: T) -> u32 {
        let Self { values, index, hasher } = self;
        let hash = hasher.hash_one(&value);
        if let Some(known) = index.find(hash, |number| values.get(*number as usize) == Some(&value)) {
            return *known;
        }
        let number = u32::try_from(values.len()).expect("fewer than 2^32 values fit in memory");
        values.push(value);
        index.insert_unique(hash, number, |number| hash_of(hasher, values, *number));
        number
    }

    /// The value of a number.
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Logical size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.len() * Self::BYTES
    }

    /// Keeps the values of some numbers, under new names; tells where each went.
    pub(super) fn keep(&mut self, needed: &[bool], renaming: &Renaming) -> Moves {
        let moves = Moves::of(needed);
        moves.retain(&mut self.values);
        renaming.rename(self.values.as_mut_slice());
        let Self { values, index, hasher } = self;
        *index = HashTable::with_capacity(values.len());
        for number in (0u32..).take(values.len()) {
            let hash = hash_of(hasher, values, number);
            index.insert_unique(hash, number, |number| hash_of(hasher, values, *number));
        }
        moves
    }
}

fn hash_of<T: Hash>(hasher: &RandomState, values: &[T], number: u32) -> u64 {
    values.get(number as usize).map_or(0, |value| hasher.hash_one(value))
}
