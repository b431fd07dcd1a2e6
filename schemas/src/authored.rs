//! Files that people write, in TOML: typed values out of them, and every fault told at once, with its place.
//!
//! In: the text of a file. Out: tables and values ([`Table`], [`Value`]), or one [`FileError`] with every problem.
//! Owns: the wording of faults about keys, words and types, and the nearest known word.
//! Leaves to others which keys a file has. Law: nothing unknown is passed over.

mod faults;
mod nearest;
mod reader;

pub use faults::{Faults, FileError, Problem, quoted};
pub use nearest::{distance, nearest};
pub use reader::{At, Table, Value, read, values};
