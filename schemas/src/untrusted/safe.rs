//! The gate: outside text in, showable text out.
//!
//! In: any string. Out: the same string where it is harmless (no copy), else one in which every other
//! character is spelled out as `<ESC>` or `<U+202E>`; a `<` that would read as such is doubled.
//! Owns: the three places text can stand (cell, line, block) and CSV. Leaves the raw bytes to JSON and Parquet.
//! Law: SCREEN-1 and SCREEN-2 of [`crate::law`]; the output can be read back to exactly one input.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use super::scalar::{Shown, shown, spell, starts_token};

/// Combining marks that one character may carry: real writing systems stay below it, floods do not.
const MARKS_PER_BASE: usize = 4;
/// Characters that one screen position may hold: what the second gate of the terminal lets through.
pub const SCALARS_PER_CLUSTER: usize = 8;
/// Cell beginnings that spreadsheets take for a formula, and the mark that takes it back.
const FORMULA_STARTS: [char; 9] = ['=', '+', '-', '@', '\'', '＝', '＋', '－', '＠'];

/// Text for a table cell: one line, with spaces at its ends made visible.
#[must_use]
pub fn cell(text: &str) -> Cow<'_, str> {
    show(text, Place::Cell)
}

/// Running text: one line, spaces as they are.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    show(text, Place::Line)
}

/// Text that keeps its line breaks (`\n` only; `\r` is spelled out).
#[must_use]
pub fn block(text: &str) -> Cow<'_, str> {
    show(text, Place::Block)
}

/// A line from bytes: what is not UTF-8 is spelled out byte by byte, such as `<xFF>`.
#[must_use]
pub fn bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.contains("<x")
    {
        return line(text);
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut parts = chunk.valid().split("<x");
        out.push_str(&line_before_token(parts.next().unwrap_or_default()));
        for part in parts {
            out.push_str("<<x");
            out.push_str(&line_before_token(part));
        }
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("<x{byte:02X}>")));
    }
    Cow::Owned(out)
}

/// A line that something beginning with `<` follows.
fn line_before_token(text: &str) -> Cow<'_, str> {
    match text.strip_suffix('<') {
        Some(head) => Cow::Owned(line(head).into_owned() + "<<"),
        None => line(text),
    }
}

/// How many characters of `text` are spelled out when it is shown on a line.
#[must_use]
pub fn count_escaped(text: &str) -> usize {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return 0;
    }
    let mut count = 0;
    show_with(text, Place::Line, &mut count);
    count
}

/// Text for a CSV field: one line, quoted where needed, and never a formula.
#[must_use]
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let shown = line(text);
    let formula = shown.starts_with(FORMULA_STARTS);
    if !formula && !shown.contains(['"', ',']) {
        return shown;
    }
    let mark = if formula { "'" } else { "" };
    Cow::Owned(format!("\"{mark}{}\"", shown.replace('"', "\"\"")))
}

/// Where the text will stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Cell,
    Line,
    Block,
}

fn show(text: &str, place: Place) -> Cow<'_, str> {
    if is_harmless(text, place) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(show_with(text, place, &mut 0))
}

/// Whether `text` is plain ASCII that shows as itself; the common case, so it reads bytes only.
fn is_harmless(text: &str, place: Place) -> bool {
    let bytes = text.as_bytes();
    let padded = place == Place::Cell && (bytes.first() == Some(&b' ') || bytes.last() == Some(&b' '));
    let breaks = place == Place::Block;
    !padded
        && bytes.iter().all(|byte| matches!(byte, b' '..=b'~' if *byte != b'<') || (breaks && *byte == b'\n'))
}

fn show_with(text: &str, place: Place, escaped: &mut usize) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let inner = text.trim_matches(' ');
    let first_inner = text.len() - text.trim_start_matches(' ').len();
    let end_inner = first_inner + inner.len();
    let mut marks = None;
    for (at, c) in text.char_indices() {
        let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
        let at_edge = place == Place::Cell && c == ' ' && !(first_inner..end_inner).contains(&at);
        let seen = match c {
            '\n' if place == Place::Block => Step::Break,
            _ if at_edge => Step::Spelled,
            '<' if starts_token(rest) => Step::Doubled,
            _ => step(shown(c), marks),
        };
        marks = seen.write(c, marks, &mut out, escaped);
    }
    if out.is_ascii() { out } else { split_clusters(&out, escaped) }
}

/// What becomes of one character.
enum Step {
    Break,
    Base,
    Doubled,
    Mark,
    Spelled,
}

fn step(shown: Shown, marks: Option<usize>) -> Step {
    match (shown, marks) {
        (Shown::Plain, _) => Step::Base,
        (Shown::Mark, Some(count)) if count < MARKS_PER_BASE => Step::Mark,
        (Shown::Mark | Shown::Spelled, _) => Step::Spelled,
    }
}

impl Step {
    /// Writes `c`; returns how many marks the character now last carries, or none when it may carry none.
    fn write(self, c: char, marks: Option<usize>, out: &mut String, escaped: &mut usize) -> Option<usize> {
        match self {
            Self::Spelled => {
                *escaped += 1;
                spell(c, out);
                None
            }
            Self::Doubled => {
                out.push_str("<<");
                Some(0)
            }
            Self::Break => {
                out.push(c);
                None
            }
            Self::Base => {
                out.push(c);
                Some(0)
            }
            Self::Mark => {
                out.push(c);
                marks.map(|count| count + 1)
            }
        }
    }
}

/// Spells out what would make one screen position hold more than [`SCALARS_PER_CLUSTER`] characters.
fn split_clusters(text: &str, escaped: &mut usize) -> String {
    let mut out = String::with_capacity(text.len());
    for cluster in text.graphemes(true) {
        for (index, c) in cluster.chars().enumerate() {
            if index < SCALARS_PER_CLUSTER || c.is_ascii() {
                out.push(c);
            } else {
                *escaped += 1;
                spell(c, &mut out);
            }
        }
    }
    out
}
