//! Where a value ends, and whether it looks like a secret.
//!
//! In: text just behind a name. Out: the range of the value, at any depth of JSON in JSON.
//! Owns: the judgement on values that only may be secret. Placeholders are never secrets.

use std::ops::Range;

/// Longest value that is taken for one secret, in bytes: a generous private key or session token.
const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Skips blanks from `at`.
pub(super) fn skip_blanks(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The JSON string that follows the key whose closing quote (behind its backslashes) starts at `at`.
pub(super) fn json_string_after_key(text: &str, at: usize) -> Option<Range<usize>> {
    let level = backslashes_from(text, at);
    let colon = skip_blanks(text, quote(text, at + level)?);
    let value = text.get(colon..)?.strip_prefix(':').map(|_| skip_blanks(text, colon + 1))?;
    let value = if text.as_bytes().get(value) == Some(&b'[') { skip_blanks(text, value + 1) } else { value };
    json_string(text, value, level)
}

/// The inside of the JSON string whose opening quote stands at `at` behind `level` backslashes.
pub(super) fn json_string(text: &str, at: usize, level: usize) -> Option<Range<usize>> {
    if backslashes_from(text, at) != level {
        return None;
    }
    let start = quote(text, at + level)?;
    Some(start..string_end(text, start, level))
}

/// End of a JSON string that is escaped as often as `level` backslashes before its quotes say.
/// A record may be cut inside a secret: what is there of it goes too.
fn string_end(text: &str, start: usize, level: usize) -> usize {
    let rest = crate::decode::cut(text.get(start..).unwrap_or_default(), MAX_VALUE_BYTES);
    let window = rest.as_bytes();
    for at in memchr::memchr_iter(b'"', window) {
        let before = window.get(..at).unwrap_or_default();
        let run = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        if run % (2 * (level + 1)) == level {
            return start + at - level;
        }
    }
    start + rest.len()
}

fn backslashes_from(text: &str, at: usize) -> usize {
    text.as_bytes().get(at..).unwrap_or_default().iter().take_while(|byte| **byte == b'\\').count()
}

/// The place behind the quote at `at`.
fn quote(text: &str, at: usize) -> Option<usize> {
    (text.as_bytes().get(at) == Some(&b'"')).then_some(at + 1)
}

/// A word of a command line or a `key=value` pair: quoted, or up to a blank or separator.
pub(super) fn word(text: &str, at: usize) -> Option<Range<usize>> {
    let level = backslashes_from(text, at);
    if let Some(range) = json_string(text, at, level) {
        return Some(range);
    }
    let bytes = text.as_bytes();
    if bytes.get(at) == Some(&b'\'') {
        let end = memchr::memchr(b'\'', bytes.get(at + 1..)?)?;
        return Some(at + 1..at + 1 + end);
    }
    let rest = text.get(at..)?;
    let stop = |c: char| c.is_whitespace() || c.is_control() || "\"'\\&;,<>(){}[]|".contains(c);
    let length = rest.find(stop).unwrap_or(rest.len());
    (length > 0).then_some(at..at + length)
}

/// Whether a value stands for something that is not written down here.
pub(super) fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 12] = [
        "null",
        "none",
        "nil",
        "true",
        "false",
        "redacted",
        "hidden_due_to_security_reasons",
        "required",
        "unset",
        "changed",
        "hidden",
        "masked",
    ];
    let value = value.trim();
    let pairs = [("<", ">"), ("${", "}"), ("{{", "}}"), ("$(", ")"), ("[", "]"), ("%(", ")"), ("(", ")")];
    let is_variable = value.strip_prefix('$').is_some_and(|name| {
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    });
    let first = value.chars().next();
    first.is_none_or(|first| value.chars().all(|c| c == first))
        || pairs.iter().any(|(open, close)| value.starts_with(open) && value.ends_with(close))
        || is_variable
        || value.starts_with("hmac-sha256:")
        || value.starts_with("***")
        || WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether a value is so random that it is hardly a name, a path, a sentence or a number.
pub(super) fn looks_random(value: &str) -> bool {
    let bytes = value.as_bytes();
    let has = |test: fn(&u8) -> bool| bytes.iter().any(test);
    let digits = has(u8::is_ascii_digit);
    let classes = [has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase), digits];
    bytes.len() >= 8
        && !is_placeholder(value)
        && !bytes.iter().any(u8::is_ascii_whitespace)
        && !value.starts_with('/')
        && !value.contains("://")
        && digits
        && classes.iter().filter(|class| **class).count() >= 2
        && distinct(bytes) * 5 >= bytes.len().min(32) * 2
}

fn distinct(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count()
}
