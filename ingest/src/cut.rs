//! The beginning of a file that may still grow, cut into what belongs together: for those who pass records on.
//!
//! In: bytes from the start of a line. Out: how many of them are the next document, or that more are needed; the records
//! of a document that holds a list. Owns: nothing between two calls.
//! Law: what is cut here is what `frame` cuts of a whole file, but for lines with several values, which stay whole.

use std::io::{self, BufRead, Read};

use crate::decode::Envelope;
use crate::frame::{MAX_DOCUMENT_BYTES, MAX_LINE_BYTES, Shape, Step};
use crate::{list, open, text};

/// What a file holds, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Lines of text, or nothing yet.
    Text,
    /// Something compressed that is read through [`plain`].
    Compressed,
    /// No logs that can be read: binary, or UTF-16.
    Binary,
}

impl Content {
    /// How much of a file is asked for, in bytes.
    pub const HEAD_BYTES: usize = text::SAMPLE_BYTES;

    /// Tells by the first [`Content::HEAD_BYTES`], or all there are.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        match head {
            _ if open::is_compressed(head) => Self::Compressed,
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Self::Binary,
            head if text::is_binary(head) => Self::Binary,
            _ => Self::Text,
        }
    }
}

/// Plain bytes of a file that may be compressed, within the caps that hold for all input.
///
/// # Errors
/// When its first bytes cannot be read.
pub fn plain<'a>(reader: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    open::open(reader).map(|(reader, _counters)| reader)
}

/// What bytes begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// A document of so many bytes, line break included.
    Document(usize),
    /// The beginning of a document: ask again with more bytes.
    More,
    /// The beginning of a line that is longer than any record: skip to its end.
    TooLong,
}

/// Cuts the next document; `at_end` says that no more bytes will come.
#[must_use]
pub fn cut(bytes: &[u8], at_end: bool) -> Cut {
    let Some(first_end) = line_end(bytes, 0) else {
        let limit = if list::may_hold_records(bytes) { MAX_DOCUMENT_BYTES } else { MAX_LINE_BYTES };
        return match bytes.len() {
            0 => Cut::More,
            length if length > limit => Cut::TooLong,
            length if at_end => Cut::Document(length),
            _ => Cut::More,
        };
    };
    let first = bytes.get(..first_end).unwrap_or_default();
    if !matches!(first.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return Cut::Document(first_end);
    }
    let mut shape = Shape::default();
    match shape.feed(first) {
        Step::Open => gather(bytes, first_end, shape, at_end),
        Step::Complete(_) | Step::Broken => Cut::Document(first_end),
    }
}

/// Goes on while the lines make one JSON value; where they do not, the first line is alone.
fn gather(bytes: &[u8], first_end: usize, mut shape: Shape, at_end: bool) -> Cut {
    let mut from = first_end;
    loop {
        let whole = line_end(bytes, from);
        let end = match whole {
            Some(end) => end,
            None if at_end && from < bytes.len() => bytes.len(),
            None if bytes.len() > MAX_DOCUMENT_BYTES => return Cut::Document(first_end),
            None if at_end => return cut_short(bytes, first_end),
            None => return Cut::More,
        };
        let line = bytes.get(from..end).unwrap_or_default();
        match shape.feed(line) {
            Step::Open if end <= MAX_DOCUMENT_BYTES => from = end,
            Step::Complete(at) if line.get(at..).is_some_and(|rest| rest.trim_ascii().is_empty()) => {
                return Cut::Document(end);
            }
            _ => return Cut::Document(first_end),
        }
    }
}

/// The end came inside a value: all of it is one document that was cut, unless a record of its own is in it.
fn cut_short(bytes: &[u8], first_end: usize) -> Cut {
    let rest = bytes.get(first_end..).unwrap_or_default();
    let is_record = |line: &[u8]| {
        line.starts_with(b"{\"")
            && matches!(Shape::default().feed(line), Step::Complete(end) if line.trim_ascii_end().len() <= end)
    };
    let any = rest.split(|byte| *byte == b'\n').any(is_record);
    Cut::Document(if any { first_end } else { bytes.len() })
}

/// The place behind the line that begins at `from`, if it ends.
fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(b'\n', bytes.get(from..)?).map(|at| from + at + 1)
}

/// The records of a document that holds a list of them and says nothing else about them; none where it is one record.
#[must_use]
pub fn records_of(document: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = std::str::from_utf8(document).ok()?;
    let list = list::split(text, &Envelope::default())?;
    let layers = list.envelope.layers.clone();
    let says_nothing_else = list.envelope == Envelope { layers, ..Envelope::default() };
    let is_whole = list.rest.is_none() && says_nothing_else && !list.elements.is_empty();
    is_whole.then(|| list.elements.iter().map(|(element, _line)| element.as_bytes().to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All documents of a file that has ended, each without its line break.
    fn all(bytes: &str) -> Vec<&str> {
        let (mut rest, mut found) = (bytes, Vec::new());
        while let Cut::Document(length) = cut(rest.as_bytes(), true) {
            let (document, behind) = rest.split_at(length);
            found.push(document.trim_end_matches('\n'));
            rest = behind;
        }
        found
    }

    /// Scenario: files as tools write them. Guarantees: a line is a document, JSON over several lines is one, what was cut
    /// in its middle is alone; together they are the file.
    #[test]
    fn documents() {
        for (file, expected) in [
            ("", vec![]),
            ("a\nb\n", vec!["a", "b"]),
            ("a\n\nb", vec!["a", "", "b"]),
            ("{\n \"a\": 1\n}\n{\"b\":2}\n", vec!["{\n \"a\": 1\n}", "{\"b\":2}"]),
            ("{\"a\":1}{\"b\":2}\nx", vec!["{\"a\":1}{\"b\":2}", "x"]),
            ("{\"a\":\n{\"b\":2}\n{\"c\":3}\n", vec!["{\"a\":", "{\"b\":2}", "{\"c\":3}"]),
            ("[2026] \"GET\n[\n", vec!["[2026] \"GET", "["]),
            ("{\n \"a\": 1,\n \"b\"", vec!["{\n \"a\": 1,\n \"b\""]),
            ("{\n \"a\": 1\n}", vec!["{\n \"a\": 1\n}"]),
        ] {
            assert_eq!(all(file), expected, "{file:?}");
            assert_eq!(expected.join("\n").trim_end(), file.trim_end(), "{file:?}");
        }
    }

    /// Scenario: a file that grows byte by byte. Guarantees: nothing is cut before it is whole, and then as from the whole
    /// file.
    #[test]
    fn a_growing_file_waits() {
        let file = "a line\n{\n \"x\": [\n1]\n}\n{\"y\":1}\n";
        for end in 0..file.len() {
            let (mut rest, mut found) = (&file[..end], Vec::new());
            while let Cut::Document(length) = cut(rest.as_bytes(), false) {
                found.push(rest[..length].trim_end());
                rest = &rest[length..];
            }
            assert!(all(file).starts_with(&found), "{end}: {found:?}");
        }
        assert_eq!(cut(b"", false), Cut::More);
    }

    /// Scenario: lines beyond the bound. Guarantees: they are told apart from lines that only are not there yet.
    #[test]
    fn long_lines() {
        let long = vec![b'x'; MAX_LINE_BYTES + 1];
        assert_eq!(cut(&long, false), Cut::TooLong);
        assert_eq!(cut(&long[..MAX_LINE_BYTES], false), Cut::More);
        let list = [b"{\"Records\":[{\"a\":\"", long.as_slice()].concat();
        assert_eq!(cut(&list, false), Cut::More);
    }

    /// Scenario: lists, with and without more that is said about their elements. Guarantees: only those are taken apart
    /// whose elements lose nothing.
    #[test]
    fn lists_are_taken_apart() {
        let records = records_of(br#"{"Records":[{"a":1}, {"b": 2}]}"#).expect("a list");
        assert_eq!(records, [br#"{"a":1}"#.to_vec(), br#"{"b": 2}"#.to_vec()]);
        for other in [
            r#"{"a":1}"#,
            r#"{"Records":[{"a":1},"#,
            r#"{"owner":"1","logGroup":"g","logStream":"s","logEvents":[{"id":"1","timestamp":1,"message":"m"}]}"#,
            "line",
        ] {
            assert_eq!(records_of(other.as_bytes()), None, "{other}");
        }
    }

    /// Scenario: heads of files. Guarantees: text, compressed and binary are told apart.
    #[test]
    fn contents() {
        for (head, expected) in [
            (&b""[..], Content::Text),
            (b"a line\n", Content::Text),
            (&[0x1f, 0x8b, 8, 0], Content::Compressed),
            (&[0x28, 0xb5, 0x2f, 0xfd], Content::Compressed),
            (&[0xff, 0xfe, b'a', 0], Content::Binary),
            (&[0; 64], Content::Binary),
        ] {
            assert_eq!(Content::of(head), expected, "{head:?}");
        }
    }
}
