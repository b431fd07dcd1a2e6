//! A value of a record as it stands in the text, not yet taken apart.
//!
//! In: what the walker found. Out: text, numbers, and the JSON that the strict path would write for a value.
//! Owns: what counts as plain; [`Strict`] means that only the strict path knows what to make of a value.
//! Law FLOW-2: what is read here is what `field` reads from the same value.

use std::borrow::Cow;
use std::str::FromStr;

use offbound_schemas::{Column, EventTime};
use serde_json::Value;

use super::grow::{grow, number_tree};
use super::rewrite::{rewrite, rewrite_number, rewrite_string};
use crate::decode::field;
use crate::decode::tree::Tree;

/// Not plain: the strict path reads the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strict;

/// One value of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Slot<'a> {
    /// The record does not have it.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// `true` or `false`.
    Truth(bool),
    /// A number, as written.
    Number(&'a str),
    /// A string without escapes.
    Text(&'a str),
    /// The inside of a string with escapes, all of them valid.
    Escaped(&'a str),
    /// An object or a list, as written.
    Whole(&'a str),
    /// One that the strict path would write just so.
    Ready(&'a str),
}

impl<'a> Slot<'a> {
    /// Whether the value counts as absent.
    pub(crate) fn is_nothing(self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }

    /// Its text, unless it is absent or empty; anything but a string is not plain.
    #[inline]
    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, Strict> {
        match self {
            Self::Absent | Self::Null | Self::Text("") => Ok(None),
            Self::Text(text) => Ok(Some(Cow::Borrowed(text))),
            Self::Escaped(inside) => Ok(Some(Cow::Owned(unescape(inside)))),
            _ => Err(Strict),
        }
    }

    /// Its text, where no escape is in it.
    #[inline]
    pub(super) fn text_as_it_is(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its text as it stands, unless it is absent or empty; a string with escapes is not plain.
    #[inline]
    pub(crate) fn plain(self) -> Result<Option<&'a str>, Strict> {
        match self {
            Self::Absent | Self::Null | Self::Text("") => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            _ => Err(Strict),
        }
    }

    /// Whether it is text, or absent; anything else is not plain.
    #[inline]
    pub(crate) fn text_or_nothing(self) -> Result<(), Strict> {
        match self {
            Self::Absent | Self::Null | Self::Text(_) | Self::Escaped(_) => Ok(()),
            _ => Err(Strict),
        }
    }

    /// Its text, unless it is absent, empty or no text.
    #[inline]
    pub(crate) fn text_or_none(self) -> Option<Cow<'a, str>> {
        self.text().ok().flatten()
    }

    /// Sets `row` to its text, unless it is absent, empty or no text.
    #[inline]
    pub(crate) fn put(self, column: &mut Column<Option<String>>, row: usize) {
        match self {
            Self::Text(text) if !text.is_empty() => column.put_text(row, text),
            Self::Escaped(inside) => column.put_text(row, &unescape(inside)),
            _ => {}
        }
    }

    /// Its number, unless absent or below zero; a string or a number with fraction or exponent is not plain.
    #[inline]
    pub(crate) fn u64(self) -> Result<Option<u64>, Strict> {
        match self {
            Self::Absent | Self::Null => Ok(None),
            Self::Number(digits) if digits.starts_with('-') => Ok(None),
            Self::Number(digits) => digits.parse().map(Some).map_err(|_too_large| Strict),
            _ => Err(Strict),
        }
    }

    /// Its number, if it is a whole one that fits, as `field` reads it; also one that is written as text.
    pub(crate) fn whole_number<T: FromStr>(self) -> Option<T> {
        match self {
            // Zero with a sign is no whole number to `serde_json`.
            Self::Number("-0") => None,
            Self::Number(digits) => digits.parse().ok(),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Escaped(inside) => unescape(inside).trim().parse().ok(),
            _ => None,
        }
    }

    /// Its number, where it fits 16 bits.
    #[inline]
    pub(crate) fn u16(self) -> Result<Option<u16>, Strict> {
        self.u64().map(|number| number.and_then(|number| u16::try_from(number).ok()))
    }

    /// Its number, where it fits 32 bits.
    #[inline]
    pub(crate) fn u32(self) -> Result<Option<u32>, Strict> {
        self.u64().map(|number| number.and_then(|number| u32::try_from(number).ok()))
    }

    /// Its truth value, unless absent; only `true` and `false` are plain.
    #[inline]
    pub(crate) fn truth(self) -> Result<Option<bool>, Strict> {
        match self {
            Self::Absent | Self::Null => Ok(None),
            Self::Truth(truth) => Ok(Some(truth)),
            _ => Err(Strict),
        }
    }

    /// Whether it is an object; absent is no, anything else is not plain.
    #[inline]
    pub(crate) fn is_object(self) -> Result<bool, Strict> {
        match self {
            Self::Absent | Self::Null => Ok(false),
            Self::Whole(text) | Self::Ready(text) if text.starts_with('{') => Ok(true),
            _ => Err(Strict),
        }
    }

    /// The value as a tree.
    pub(crate) fn tree(self) -> Result<Tree<'a>, Strict> {
        Ok(match self {
            Self::Absent | Self::Null => Tree::Null,
            Self::Truth(truth) => Tree::Truth(truth),
            Self::Text(text) => Tree::Text(Cow::Borrowed(text)),
            Self::Escaped(inside) => Tree::Text(Cow::Owned(unescape(inside))),
            Self::Number(number) => return number_tree(number).ok_or(Strict),
            Self::Whole(text) | Self::Ready(text) => return grow(text).ok_or(Strict),
        })
    }

    /// Its moment, unless absent; only text is plain.
    #[inline]
    pub(crate) fn time(self) -> Result<Option<EventTime>, Strict> {
        match self {
            Self::Absent | Self::Null => Ok(None),
            Self::Text(text) => Ok(field::time_text(text)),
            _ => Err(Strict),
        }
    }

    /// The texts of a list of strings without escapes; nothing else is plain.
    pub(crate) fn texts(self) -> Result<Texts<'a>, Strict> {
        match self {
            Self::Absent | Self::Null => Ok(Texts { rest: "" }),
            Self::Whole(list) | Self::Ready(list) => Texts::of(list),
            _ => Err(Strict),
        }
    }

    /// Writes the value as the strict path would; false when it counts as blank, and then nothing is written.
    pub(crate) fn write_json(self, out: &mut String) -> Result<bool, Strict> {
        match self {
            Self::Absent | Self::Null | Self::Text("") => return Ok(false),
            Self::Truth(truth) => out.push_str(if truth { "true" } else { "false" }),
            Self::Number(number) => rewrite_number(number, out).ok_or(Strict)?,
            Self::Text(text) => {
                out.push('"');
                out.push_str(text);
                out.push('"');
            }
            Self::Escaped(inside) => rewrite_string(inside, out),
            Self::Whole("[]" | "{}") | Self::Ready("[]" | "{}") => return Ok(false),
            Self::Ready(text) => out.push_str(text),
            Self::Whole(other) => return write_whole(other, out),
        }
        Ok(true)
    }
}

/// Writes an object or a list.
fn write_whole(json: &str, out: &mut String) -> Result<bool, Strict> {
    let before = out.len();
    if rewrite(json, out).is_none() {
        out.truncate(before);
        let value: Value = serde_json::from_str(json).map_err(|_never| Strict)?;
        out.push_str(&value.to_string());
    }
    let is_blank = matches!(out.get(before..), Some("[]" | "{}"));
    if is_blank {
        out.truncate(before);
    }
    Ok(!is_blank)
}

/// The strings of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts<'a> {
    /// `"a","b"`, valid JSON strings without escapes.
    rest: &'a str,
}

impl<'a> Texts<'a> {
    fn of(list: &'a str) -> Result<Self, Strict> {
        let inside = list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or(Strict)?;
        let texts = Self { rest: inside };
        let mut length = 0;
        let mut count = 0_usize;
        for text in texts {
            length += text.len() + 3;
            count += 1;
            if text.is_empty() || count > field::MAX_LIST_ITEMS {
                return Err(Strict);
            }
        }
        if memchr::memchr(b'\\', inside.as_bytes()).is_some() {
            return Err(Strict);
        }
        // What is neither string nor comma, such as a blank or a number, makes the sum differ.
        (length == inside.len() + usize::from(!inside.is_empty())).then_some(texts).ok_or(Strict)
    }
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let inside = self.rest.strip_prefix('"')?;
        let end = memchr::memchr(b'"', inside.as_bytes())?;
        let rest = inside.get(end + 1..)?;
        self.rest = rest.strip_prefix(',').unwrap_or(rest);
        inside.get(..end)
    }
}

/// Text of the inside of a string whose escapes were found valid.
pub(crate) fn unescape(inside: &str) -> String {
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (before, behind) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
        text.push_str(before);
        let (letter, behind) = behind.split_at_checked(1).unwrap_or(("", ""));
        let (plain, behind) = match letter {
            "u" => code_point(behind),
            "n" => ('\n', behind),
            "t" => ('\t', behind),
            "r" => ('\r', behind),
            "b" => ('\u{8}', behind),
            "f" => ('\u{c}', behind),
            other => (other.chars().next().unwrap_or_default(), behind),
        };
        text.push(plain);
        rest = behind;
    }
    text.push_str(rest);
    text
}

fn code_point(digits: &str) -> (char, &str) {
    let (digits, behind) = digits.split_at_checked(4).unwrap_or((digits, ""));
    let point = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    (point.unwrap_or(char::REPLACEMENT_CHARACTER), behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: values of every kind. Guarantees: their JSON is what the strict path writes.
    #[test]
    fn json_is_written_as_by_the_strict_path() {
        let cases = [
            Slot::Number("12"),
            Slot::Number("1.50"),
            Slot::Number("-0"),
            Slot::Number("18446744073709551616"),
            Slot::Text("a/b é"),
            Slot::Whole(r#"["a","b"]"#),
            Slot::Whole(r#"["a" , "b"]"#),
            Slot::Whole("[1,[]]"),
            Slot::Whole(r#"{"b":1,"a":"\u0026"}"#),
            Slot::Truth(true),
        ];
        for slot in cases {
            let written = match slot {
                Slot::Text(text) => format!("\"{text}\""),
                Slot::Number(text) | Slot::Whole(text) => text.to_owned(),
                _ => "true".to_owned(),
            };
            let expected = serde_json::from_str::<Value>(&written).expect("a case is JSON").to_string();
            let mut out = String::new();
            assert_eq!(slot.write_json(&mut out), Ok(true), "{slot:?}");
            assert_eq!(out, expected, "{slot:?}");
        }
        for blank in [Slot::Null, Slot::Text(""), Slot::Whole("[]"), Slot::Whole("{ }"), Slot::Whole("[ ]")] {
            assert_eq!(blank.write_json(&mut String::new()), Ok(false), "{blank:?}");
        }
    }

    /// Scenario: escapes of every kind. Guarantees: the text that serde reads.
    #[test]
    fn escapes_are_read() {
        let inside = r#"a\u0026b\n\t\r\b\f\/\\\"\u00e9\u0000z"#;
        let expected: String = serde_json::from_str(&format!("\"{inside}\"")).expect("valid escapes");
        assert_eq!(unescape(inside), expected);
    }

    /// Scenario: lists that hold more than plain strings. Guarantees: only plain ones are taken.
    #[test]
    fn only_plain_lists_are_taken() {
        let texts = |list| Slot::Whole(list).texts().map(|texts| texts.collect::<Vec<_>>());
        assert_eq!(texts(r#"["a","b,c"]"#), Ok(vec!["a", "b,c"]));
        assert_eq!(texts("[]"), Ok(vec![]));
        for other in
            [r#"["a",1]"#, r#"[1,"a"]"#, r#"["a\"",""]"#, r#"["a", "b"]"#, r#"{"a":"b"}"#, r#"["a",""]"#]
        {
            assert_eq!(texts(other), Err(Strict), "{other}");
        }
    }
}
