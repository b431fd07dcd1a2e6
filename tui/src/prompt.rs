//! A line of typing: the filter, or a command.
//!
//! In: keys and pasted text. Out: the text so far. Owns: the cursor in it. Law: a paste is text, never keys.

use crate::keymap::Key;
use crate::typing::Typing;

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
    typing: Typing,
}

impl Prompt {
    /// Begins with `text`, the cursor after it.
    pub(crate) fn new(purpose: Purpose, text: &str) -> Self {
        let mut prompt = Self { purpose, before: text.to_owned(), typing: Typing::new(PROMPT_MAX_CHARS) };
        prompt.insert(text);
        prompt
    }

    /// The text.
    pub(crate) fn text(&self) -> String {
        self.typing.text()
    }

    /// The text before and after the cursor.
    pub(crate) fn halves(&self) -> (String, String) {
        self.typing.halves()
    }

    /// Replaces the text.
    pub(crate) fn set(&mut self, text: &str) {
        self.typing.clear();
        self.insert(text);
    }

    /// Inserts text as it is, as far as there is room.
    pub(crate) fn insert(&mut self, text: &str) {
        self.typing.insert(text);
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: Key) -> Typed {
        let typing = &mut self.typing;
        let before = typing.chars.len();
        match key {
            Key::Enter => return Typed::Done,
            Key::Esc | Key::Ctrl('c') => return Typed::Cancelled,
            Key::Tab => return Typed::Complete,
            Key::Home | Key::Ctrl('a') => typing.at = 0,
            Key::End | Key::Ctrl('e') => typing.at = typing.chars.len(),
            Key::Ctrl('u') => typing.erase(0),
            Key::Ctrl('w') => typing.erase_word(|c| c == ' '),
            _ => drop(typing.press(key)),
        }
        if typing.chars.len() == before { Typed::Same } else { Typed::Changed }
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
