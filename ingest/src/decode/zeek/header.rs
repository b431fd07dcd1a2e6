//! The header of a Zeek text log, and its lines by that header.
//!
//! In: lines that begin with `#`, and lines of values. Out: values by the names of their columns.
//! Law: without `#fields` no column is known, and none is guessed.

use serde_json::{Map, Value};

use crate::decode::{Reject, WEAK_CONFIDENCE};

/// What the header lines said so far.
#[derive(Debug, Default)]
pub(super) struct Header {
    separator: Option<char>,
    unset: Option<String>,
    empty: Option<String>,
    path: Option<String>,
    names: Vec<String>,
}

/// Most columns that a header may name: Zeek's widest logs have about 60.
const MAX_COLUMNS: usize = 512;

/// How surely a text line is of a Zeek log.
pub(super) fn sniff(text: &str) -> u8 {
    const HEADINGS: &[&str] = &[
        "#separator ",
        "#set_separator",
        "#empty_field",
        "#unset_field",
        "#path",
        "#open",
        "#fields",
        "#types",
        "#close",
    ];
    if let Some(heading) = HEADINGS.iter().find(|heading| text.starts_with(**heading)) {
        let rest = text.get(heading.len()..).unwrap_or_default();
        let separated =
            heading.ends_with(' ') || rest.starts_with(|c: char| !c.is_alphanumeric() && c != '_');
        return if separated { 86 } else { 0 };
    }
    match behind_stamp(text) {
        Some(rest) if begins_with_id(rest) => 84,
        // Lines of logs without such ids are known among others of theirs only.
        Some(_) => WEAK_CONFIDENCE,
        None => 0,
    }
}

/// What stands behind `SECONDS.FRACTION` and a separator.
fn behind_stamp(text: &str) -> Option<&str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let fraction = text.get(digits..)?.strip_prefix('.')?;
    let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let rest = fraction.get(length..)?.strip_prefix(['\t', ',', '|', ';'])?;
    (digits == 10 && (1..=9).contains(&length)).then_some(rest)
}

/// Whether an id follows, which begins with `C`.
fn begins_with_id(text: &str) -> bool {
    let rest = text.strip_prefix('C').unwrap_or_default();
    rest.bytes().take_while(u8::is_ascii_alphanumeric).count() >= 12
}

impl Header {
    /// Which log it is.
    pub(super) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Takes a header line; what is no known heading says nothing.
    pub(super) fn read(&mut self, text: &str) {
        if let Some(escaped) = text.strip_prefix("#separator ") {
            *self = Self { separator: unescape(escaped.trim()), ..Self::default() };
            return;
        }
        let mut words = text.split(self.separator.unwrap_or('\t'));
        let heading = words.next().unwrap_or_default();
        let one = |words: &mut dyn Iterator<Item = &str>| words.next().map(str::to_owned);
        match heading {
            "#unset_field" => self.unset = one(&mut words),
            "#empty_field" => self.empty = one(&mut words),
            "#path" => self.path = one(&mut words),
            "#fields" => self.names = words.take(MAX_COLUMNS).map(str::to_owned).collect(),
            _ => {}
        }
    }

    /// The values of a line, by column; those that are marked as absent are left out.
    pub(super) fn fields(&self, text: &str) -> Result<Map<String, Value>, Reject> {
        if self.names.is_empty() {
            let detail = "no #fields line was read before this one".to_owned();
            return Err(Reject { reason: "missing-header", detail });
        }
        let values: Vec<&str> = text.split(self.separator.unwrap_or('\t')).collect();
        if values.len() != self.names.len() {
            let detail = format!("{} values for {} columns", values.len(), self.names.len());
            return Err(Reject { reason: "missing-field", detail });
        }
        let absent = [self.unset.as_deref().unwrap_or("-"), self.empty.as_deref().unwrap_or("(empty)")];
        let pairs = self.names.iter().zip(values).filter(|(_, value)| !absent.contains(value));
        Ok(pairs.map(|(name, value)| (name.clone(), Value::from(value))).collect())
    }
}

/// `\x09`, or a character as it is.
fn unescape(text: &str) -> Option<char> {
    match text.strip_prefix("\\x") {
        Some(code) => u8::from_str_radix(code, 16).ok().map(char::from),
        None => text.chars().next(),
    }
}
