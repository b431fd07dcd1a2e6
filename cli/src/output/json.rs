//! JSON that no terminal can misread: exact values, with everything invisible written as `\uXXXX`.
//!
//! In: records. Out: one object, or one line of NDJSON.
//! Owns: how a string is spelled in JSON. Leaves to `schemas` the names and shapes.
//! Law: reading the JSON back gives the exact value; SCREEN-1 holds for the bytes themselves.

use std::io::{self, Write};

use offbound_schemas::record::{Finding, Gap, Incident, Summary};
use offbound_schemas::untrusted::{Shown, shown};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::Results;

/// `--format json`: one object.
#[derive(Debug, Serialize)]
struct Document<'a> {
    findings: &'a [Finding],
    incidents: &'a [Incident],
    gaps: &'a [Gap],
    summary: &'a Summary,
}

/// Writes everything as one object.
pub(crate) fn write(results: &Results, to: &mut dyn Write) -> io::Result<()> {
    let Results { findings, incidents, gaps, summary } = results;
    write_line(&Document { findings, incidents, gaps, summary }, to)
}

/// Writes one value on one line.
pub(crate) fn write_line(value: &impl Serialize, to: &mut dyn Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *to, Visible)).map_err(io::Error::from)?;
    to.write_all(b"\n")
}

/// One value as text, without a line end.
pub(crate) fn text(value: &impl Serialize) -> io::Result<String> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Visible)).map_err(io::Error::from)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// Compact JSON in which only characters that show themselves are written as such.
#[derive(Debug, Clone, Copy)]
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            let (before, after) = rest.split_at(at);
            to.write_all(before.as_bytes())?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(to, "\\u{unit:04x}")?;
            }
            rest = after.get(hidden.len_utf8()..).unwrap_or_default();
        }
        to.write_all(rest.as_bytes())
    }
}

fn is_hidden(c: char) -> bool {
    !matches!(c, ' '..='~') && shown(c) == Shown::Spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: controls, direction marks and zero-width characters in a value. Guarantees: the JSON shows
    /// none of them, and reads back to the exact value.
    #[test]
    fn hidden_characters_are_spelled_out_and_read_back() {
        let value = "a\u{1b}[31m\u{9b}\u{202e}\u{200b}\u{7f}\u{2028}\u{e0041}\"\\ é 漢";
        let mut bytes = Vec::new();
        write_line(&value, &mut bytes).expect("a vector takes everything");
        let text = String::from_utf8(bytes).expect("JSON is UTF-8");
        assert!(!text.trim_end().chars().any(|c| c.is_control() || is_hidden(c)), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).expect("it is JSON"), value);
        assert!(text.contains("é 漢"), "{text}");
    }
}
