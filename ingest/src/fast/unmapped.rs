//! The text of an `unmapped` column, written straight from values as they stand.
//!
//! In: members in the order of their names. Out: the text that `field::unmapped` gives for the same members.
//! Owns: nothing but the writing: an object that would pass the bound is not plain.

use super::slot::{Slot, Strict};
use crate::decode::MAX_UNMAPPED_BYTES;

/// What `field::unmapped` keeps free for its count.
const ROOM_BYTES: usize = 32;

/// An object that is being written.
pub(crate) struct Unmapped<'b> {
    out: &'b mut String,
}

impl<'b> Unmapped<'b> {
    /// Writes into `out`, in place of what is there.
    pub(crate) fn new(out: &'b mut String) -> Self {
        out.clear();
        out.push('{');
        Self { out }
    }

    /// Adds a member, unless its value is blank; `name` stands behind all names before it in the alphabet.
    #[inline]
    pub(crate) fn add(&mut self, name: &str, slot: Slot<'_>) -> Result<(), Strict> {
        let before = self.out.len();
        self.name(name);
        if !slot.write_json(self.out)? {
            self.out.truncate(before);
        }
        Ok(())
    }

    /// Adds a member whose value is a word of ours: no character of it needs an escape.
    #[inline]
    pub(crate) fn add_word(&mut self, name: &str, word: &str) {
        self.name(name);
        self.out.push('"');
        self.out.push_str(word);
        self.out.push('"');
    }

    fn name(&mut self, name: &str) {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
    }

    /// The whole text, if any member was added.
    pub(crate) fn finish(self) -> Result<Option<&'b str>, Strict> {
        if self.out.len() == 1 {
            return Ok(None);
        }
        self.out.push('}');
        // `field::unmapped` counts a member as its text and two bytes; that is the object without one bracket.
        (self.out.len() - 1 + ROOM_BYTES <= MAX_UNMAPPED_BYTES).then_some(Some(&**self.out)).ok_or(Strict)
    }
}
