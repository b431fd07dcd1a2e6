//! Tables found by hash, each with a key of its own.
//!
//! In: names, ids and texts, all of which may come from logs. Out: maps and sets.
//! Owns: the choice of the hash: several times as quick as the standard one for short keys, and keyed like it, by chance
//! and anew in each process: whoever writes logs does not know where what they write will fall.
//! Law: nothing is told in the order of a hash.

pub(crate) use ahash::RandomState;

/// A map.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
/// A set.
pub(crate) type HashSet<T> = std::collections::HashSet<T, RandomState>;
