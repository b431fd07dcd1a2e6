//! A line of typing: the filter, or a command.
//!
//! In: keys and pasted text. Out: the text so far. Owns: the cursor in it. Law: a paste is text, never keys.

use crate::keymap::Key;

/// Characters that a prompt holds: longer than any filter, short enough to draw.
const PROMPT_MAX_CHARS: usize = 512;

/// What is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A filter; it applies while one types.
    Filter,
    /// A command; it runs on Enter.
    Command,
}

/// What a key did to a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typed {
    /// The text is another now.
    Changed,
    /// Nothing but perhaps the cursor changed.
    Same,
    /// Enter: done.
    Done,
    /// Esc: never mind.
    Cancelled,
    /// Tab: complete what is there.
    Complete,
}

/// A line being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// What for.
    pub(crate) purpose: Purpose,
    /// What was there before; Esc brings it back.
    pub(crate) before: String,
    chars: Vec<char>,
    at: usize,
}

impl Prompt {
    /// Begins with `text`, the cursor after it.
    pub(crate) fn new(purpose: Purpose, text: &str) -> Self {
        let chars: Vec<char> = text.chars().take(PROMPT_MAX_CHARS).collect();
        Self { purpose, before: text.to_owned(), at: chars.len(), chars }
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

    /// Replaces the text.
    pub(crate) fn set(&mut self, text: &str) {
        self.chars = text.chars().take(PROMPT_MAX_CHARS).collect();
        self.at = self.chars.len();
    }

    /// Inserts text as it is.
    pub(crate) fn insert(&mut self, text: &str) {
        let room = PROMPT_MAX_CHARS.saturating_sub(self.chars.len());
        let new: Vec<char> = text.chars().take(room).collect();
        let count = new.len();
        self.chars.splice(self.at..self.at, new);
        self.at += count;
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: Key) -> Typed {
        let before = self.chars.len();
        match key {
            Key::Enter => return Typed::Done,
            Key::Esc | Key::Ctrl('c') => return Typed::Cancelled,
            Key::Tab => return Typed::Complete,
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Left => self.at = self.at.saturating_sub(1),
            Key::Right => self.at = (self.at + 1).min(self.chars.len()),
            Key::Home | Key::Ctrl('a') => self.at = 0,
            Key::End | Key::Ctrl('e') => self.at = self.chars.len(),
            Key::Backspace => self.erase(self.at.saturating_sub(1)),
            Key::Delete if self.at < self.chars.len() => drop(self.chars.remove(self.at)),
            Key::Ctrl('u') => self.erase(0),
            Key::Ctrl('w') => self.erase(self.word_start()),
            _ => {}
        }
        if self.chars.len() == before { Typed::Same } else { Typed::Changed }
    }

    /// Erases from `start` to the cursor.
    fn erase(&mut self, start: usize) {
        self.chars.drain(start..self.at);
        self.at = start;
    }

    fn word_start(&self) -> usize {
        let head = self.chars.get(..self.at).unwrap_or_default();
        let end = head.iter().rposition(|c| *c != ' ').map_or(0, |last| last + 1);
        head.get(..end).unwrap_or_default().iter().rposition(|c| *c == ' ').map_or(0, |space| space + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: typing, moving, erasing. Guarantees: the text that results.
    #[test]
    fn keys_edit() {
        let mut prompt = Prompt::new(Purpose::Filter, "ab cd");
        let keys =
            [Key::Ctrl('w'), Key::Char('x'), Key::Home, Key::Char('>'), Key::End, Key::Backspace, Key::Left];
        for key in keys {
            prompt.press(key);
        }
        assert_eq!(prompt.text(), ">ab ");
        assert_eq!(prompt.halves(), (">ab".to_owned(), " ".to_owned()));
        prompt.insert(&"y".repeat(PROMPT_MAX_CHARS * 2));
        assert_eq!(prompt.text().chars().count(), PROMPT_MAX_CHARS);
    }
}
