//! The text of an `unmapped` column, written straight from values as they stand.
//!
//! In: members in the order of their names. Out: the text that `field::unmapped` gives for the same members.
//! Owns: nothing but the writing: an object that would pass the bound is not plain.

use serde_json::Value;

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

    /// Adds a member as the text of its value: numbers, truth values, lists and objects too; not what is empty or null.
    #[inline]
    pub(crate) fn add_text(&mut self, name: &str, slot: Slot<'_>) -> Result<(), Strict> {
        match slot {
            Slot::Absent | Slot::Null | Slot::Text(_) | Slot::Escaped(_) => self.add(name, slot)?,
            Slot::Truth(truth) => self.add_word(name, if truth { "true" } else { "false" }),
            Slot::Number(_) | Slot::Whole(_) | Slot::Ready(_) => {
                let mut json = String::new();
                if !slot.write_json(&mut json)? {
                    json.push_str(if slot.is_object() == Ok(true) { "{}" } else { "[]" });
                }
                self.name(name);
                self.out.push_str(&Value::from(json).to_string());
            }
        }
        Ok(())
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
