//! Bytes to text without loss, and what is no text at all.
//!
//! In: bytes of a record, or the head of a file. Out: text in which every bad byte is visible as `\xNN`.
//! Law: together with the mark that something was escaped, different bytes give different text.

use std::borrow::Cow;

/// How much of a file is looked at to tell text from binary, in bytes.
pub(crate) const SAMPLE_BYTES: usize = 8 * 1024;

/// Text of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    /// The text.
    pub(crate) text: Cow<'a, str>,
    /// Whether bytes were not UTF-8 and are escaped.
    pub(crate) escaped: bool,
}

/// Reads bytes as UTF-8; bad bytes become `\xNN`, or `\\xNN` in JSON so that it stays JSON.
pub(crate) fn decode(bytes: &[u8]) -> Text<'_> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Text { text: Cow::Borrowed(text), escaped: false };
    }
    let is_json = matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['));
    let start = if is_json { "\\\\x" } else { "\\x" };
    let mut text = String::with_capacity(bytes.len() + 64);
    for chunk in bytes.utf8_chunks() {
        // What already looks like an escape is escaped itself, so that it cannot pose as a bad byte.
        let literal = format!("{start}5c{}x", if is_json { "\\\\" } else { "" });
        let valid = chunk.valid();
        if valid.contains(start) {
            text.push_str(&valid.replace(start, &literal))
        } else {
            text.push_str(valid)
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("{start}{byte:02x}"));
        }
    }
    Text { text: Cow::Owned(text), escaped: true }
}

/// Whether the head of a file is that of a binary file: mostly control characters or bytes that are no UTF-8.
pub(crate) fn is_binary(head: &[u8]) -> bool {
    let head = head.get(..SAMPLE_BYTES).unwrap_or(head);
    let is_control = |byte: &&u8| **byte < 0x20 && !b"\t\n\r\x0b\x0c\x1b".contains(byte);
    let controls = head.iter().filter(is_control).count();
    let invalid: usize = head.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
    let strange = controls + invalid;
    let has_nul = head.contains(&0);
    strange * 10 > head.len() * 3 || (has_nul && strange * 10 > head.len())
}
