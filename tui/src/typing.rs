//! A text being typed, and the cursor in it: what a prompt and a statement have in common.
//!
//! In: keys and pasted text. Out: the text so far. Owns: the cursor. Laws: a paste is text, never keys; the text has at most as
//! many characters as was said.

use crate::keymap::Key;

/// A text being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typing {
    pub(crate) chars: Vec<char>,
    /// Characters before the cursor: at most all.
    pub(crate) at: usize,
    most: usize,
}

impl Typing {
    /// Nothing yet; there is room for so many characters.
    pub(crate) fn new(most: usize) -> Self {
        Self { chars: Vec::new(), at: 0, most }
    }

    /// The text.
    pub(crate) fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// The text before and after the cursor.
    pub(crate) fn halves(&self) -> (String, String) {
        let (head, tail) = self.chars.split_at(self.at);
        (head.iter().collect(), tail.iter().collect())
    }

    /// Lets go of the text.
    pub(crate) fn clear(&mut self) {
        self.chars.clear();
        self.at = 0;
    }

    /// Inserts text as it is; false where there is no room for all of it.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        let room = self.most.saturating_sub(self.chars.len());
        let new: Vec<char> = text.chars().take(room).collect();
        let (count, fits) = (new.len(), text.chars().nth(room).is_none());
        self.chars.splice(self.at..self.at, new);
        self.at += count;
        fits
    }

    /// Takes a key that means the same in every text; false where it is none of these.
    pub(crate) fn press(&mut self, key: Key) -> bool {
        match key {
            Key::Char(c) => drop(self.insert(c.encode_utf8(&mut [0; 4]))),
            Key::Left => self.at = self.at.saturating_sub(1),
            Key::Right => self.at = (self.at + 1).min(self.chars.len()),
            Key::Backspace => self.erase(self.at.saturating_sub(1)),
            Key::Delete if self.at < self.chars.len() => drop(self.chars.remove(self.at)),
            _ => return false,
        }
        true
    }

    /// Erases from `start` to the cursor.
    pub(crate) fn erase(&mut self, start: usize) {
        self.chars.drain(start..self.at);
        self.at = start;
    }

    /// Erases the word before the cursor, and what stands between.
    pub(crate) fn erase_word(&mut self, is_between: impl Fn(char) -> bool) {
        let head = self.chars.get(..self.at).unwrap_or_default();
        let end = head.iter().rposition(|c| !is_between(*c)).map_or(0, |last| last + 1);
        let word = head.get(..end).unwrap_or_default();
        let start = word.iter().rposition(|c| is_between(*c)).map_or(0, |between| between + 1);
        self.erase(start);
    }
}
