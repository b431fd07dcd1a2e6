//! A text of several lines being typed: a statement.
//!
//! In: keys and pasted text. Out: the text so far. Owns: its lines, and how the cursor moves between them. Law: the text has at
//! most [`STATEMENT_MAX_CHARS`] characters.

use crate::keymap::Key;
use crate::typing::Typing;

/// Characters of a statement: in no encoding more than the engine takes, and more than anybody reads.
pub(crate) const STATEMENT_MAX_CHARS: usize = 16 * 1024;

/// What a key did to the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edited {
    /// It was taken.
    Taken,
    /// The cursor is on the first line, and was to go further up.
    Above,
    /// The cursor is on the last line, and was to go further down.
    Below,
    /// It means nothing to a text.
    Other,
}

/// A text of lines being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Editor(Typing);

impl Default for Editor {
    fn default() -> Self {
        Self(Typing::new(STATEMENT_MAX_CHARS))
    }
}

impl Editor {
    /// The text.
    pub(crate) fn text(&self) -> String {
        self.0.text()
    }

    /// The text before the cursor.
    pub(crate) fn before(&self) -> String {
        self.0.halves().0
    }

    /// Whether there is nothing but space.
    pub(crate) fn is_blank(&self) -> bool {
        self.0.chars.iter().all(|c| c.is_whitespace())
    }

    /// Replaces the text; the cursor stands behind it.
    pub(crate) fn set(&mut self, text: &str) {
        self.0.clear();
        self.insert(text);
    }

    /// Inserts text as it is, its line ends as one sign; false where there is no room for all of it.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        self.0.insert(&text.replace("\r\n", "\n").replace('\r', "\n"))
    }

    /// Puts the cursor on a line and column, both from 1, as far as there are such.
    pub(crate) fn go_to(&mut self, line: usize, column: usize) {
        let mut start = 0;
        for _ in 1..line {
            let Some(next) =
                self.end_of_line(start).checked_add(1).filter(|next| *next <= self.0.chars.len())
            else {
                break;
            };
            start = next;
        }
        self.0.at = (start + column.saturating_sub(1)).min(self.end_of_line(start));
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: Key) -> Edited {
        match key {
            Key::Ctrl('j') => drop(self.insert("\n")),
            Key::Home | Key::Ctrl('a') => self.0.at = self.start_of_line(self.0.at),
            Key::End | Key::Ctrl('e') => self.0.at = self.end_of_line(self.0.at),
            Key::Ctrl('u') => self.0.erase(self.start_of_line(self.0.at)),
            Key::Ctrl('w') => self.0.erase_word(char::is_whitespace),
            Key::Up => return self.up(),
            Key::Down => return self.down(),
            _ if self.0.press(key) => {}
            _ => return Edited::Other,
        }
        Edited::Taken
    }

    fn up(&mut self) -> Edited {
        let start = self.start_of_line(self.0.at);
        let Some(end_above) = start.checked_sub(1) else { return Edited::Above };
        let column = self.0.at - start;
        let start_above = self.start_of_line(end_above);
        self.0.at = (start_above + column).min(end_above);
        Edited::Taken
    }

    fn down(&mut self) -> Edited {
        let end = self.end_of_line(self.0.at);
        if end == self.0.chars.len() {
            return Edited::Below;
        }
        let column = self.0.at - self.start_of_line(self.0.at);
        self.0.at = (end + 1 + column).min(self.end_of_line(end + 1));
        Edited::Taken
    }

    fn start_of_line(&self, at: usize) -> usize {
        let head = self.0.chars.get(..at).unwrap_or_default();
        head.iter().rposition(|c| *c == '\n').map_or(0, |end| end + 1)
    }

    fn end_of_line(&self, at: usize) -> usize {
        let tail = self.0.chars.get(at..).unwrap_or_default();
        tail.iter().position(|c| *c == '\n').map_or(self.0.chars.len(), |end| at + end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, keys: &[Key]) -> (String, Edited) {
        let mut editor = Editor::default();
        editor.set(text);
        let last = keys.iter().map(|key| editor.press(*key)).last();
        let tail = editor.text().chars().skip(editor.before().chars().count()).collect::<String>();
        (format!("{}|{tail}", editor.before()), last.unwrap_or(Edited::Other))
    }

    /// Scenario: moving and erasing in a text of several lines. Guarantees: text and cursor, and where lines end.
    #[test]
    fn keys_edit() {
        for (text, keys, expected, last) in [
            ("ab\ncd", &[Key::Up][..], "ab|\ncd", Edited::Taken),
            ("ab\ncd", &[Key::Up, Key::Up], "ab|\ncd", Edited::Above),
            ("ab\ncd", &[Key::Down], "ab\ncd|", Edited::Below),
            ("a\nbcd", &[Key::Up, Key::Down], "a\nb|cd", Edited::Taken),
            ("ab\ncd", &[Key::Home, Key::Backspace], "ab|cd", Edited::Taken),
            ("ab\ncd", &[Key::Ctrl('w')], "ab\n|", Edited::Taken),
            ("ab\ncd", &[Key::Ctrl('u'), Key::Char('x'), Key::Ctrl('j')], "ab\nx\n|", Edited::Taken),
            ("", &[Key::Backspace], "|", Edited::Taken),
            ("", &[Key::PageUp], "|", Edited::Other),
        ] {
            assert_eq!(after(text, keys), (expected.to_owned(), last), "{text:?} {keys:?}");
        }
    }

    /// Scenario: places inside and outside of a text. Guarantees: where the cursor stands.
    #[test]
    fn places_are_found() {
        for ((line, column), expected) in
            [((1, 1), ""), ((2, 2), "ab\nc"), ((2, 99), "ab\ncd"), ((9, 1), "ab\n"), ((0, 0), "")]
        {
            let mut editor = Editor::default();
            editor.set("ab\ncd");
            editor.go_to(line, column);
            assert_eq!(editor.before(), expected, "{line} {column}");
        }
    }

    /// Scenario: a paste with line ends of every kind, and one that is too long. Guarantees: one sign for each; the bound.
    #[test]
    fn pastes_are_bounded() {
        let mut editor = Editor::default();
        assert!(editor.insert("a\r\nb\rc\nd"));
        assert_eq!(editor.text(), "a\nb\nc\nd");
        assert!(!editor.insert(&"x".repeat(STATEMENT_MAX_CHARS)));
        assert_eq!(editor.text().chars().count(), STATEMENT_MAX_CHARS);
    }
}
