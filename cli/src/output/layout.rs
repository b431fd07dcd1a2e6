//! Laying out text in columns and paragraphs of a given width.
//!
//! In: text that has passed the gate. Out: lines. Owns: wrapping, and widths by what a terminal draws.
//! Law: nothing is cut off; what does not fit goes on in the next line.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that `text` takes on a screen.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text` filled up with spaces to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Lines of `text`, none wider than `columns`, cut between words; a word is broken only where no line holds it.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let needed = width(word) + usize::from(used > 0);
        if used > 0 && used + needed > columns && width(word) <= columns {
            lines.push(String::new());
            used = 0;
        }
        used = put(word, used, columns, &mut lines);
    }
    lines
}

/// Appends a word to the last line, breaking it where the line ends; returns the columns used there.
fn put(word: &str, used: usize, columns: usize, lines: &mut Vec<String>) -> usize {
    let mut used = used;
    let space = if used > 0 { " " } else { "" };
    for c in space.chars().chain(word.chars()) {
        let needed = c.width().unwrap_or(0);
        // A space at the very end of a line separates nothing.
        let is_last_space = c == ' ' && used + 1 >= columns;
        if used + needed > columns || is_last_space {
            lines.push(String::new());
            used = 0;
        }
        if is_last_space {
            continue;
        }
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
        used += needed;
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: words, long words and wide characters. Guarantees: no line is too wide, nothing is lost.
    #[test]
    fn wrapped_lines_fit_and_keep_everything() {
        let texts = [
            "",
            "one two three four five six",
            "a-very-long-word-that-fits-nowhere-at-all x",
            "漢字漢字漢字漢字 y",
        ];
        for text in texts {
            for columns in [8, 11, 20, 80] {
                let lines = wrap(text, columns);
                assert!(lines.iter().all(|line| width(line) <= columns), "{columns}: {lines:?}");
                let squeezed = |text: &str| text.replace(' ', "");
                assert_eq!(squeezed(&lines.concat()), squeezed(text));
            }
        }
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
    }
}
