//! Secrets behind long flags: `--password x`, in every way in which logs write argument lists.
//!
//! In: a command line, as one string, as JSON arguments, as `aN="…"` of an audit record or as URL parameters.
//! Out: the range of the secret argument.
//! Leaves `--name=value` to `field`, which reads it like any other pair, and short flags to `command`.

use std::ops::Range;

use super::field::is_secret;
use super::name::{self, Strength};
use super::{Detector, Found, audit_hex, value};
use crate::hex;

/// Shortest value of a flag whose name alone does not decide, in bytes.
const MIN_VALUE_BYTES: usize = 6;

/// Ends of flags that take a secret.
pub(super) const DETECTOR: Detector = Detector {
    patterns: &[
        "password",
        "passwd",
        "passphrase",
        "token",
        "secret",
        "key",
        "storepass",
        "keypass",
        "secret-id",
        "pass",
        "pwd",
    ],
    find,
    looks_inside: false,
};

fn find(text: &str, hit: Range<usize>, found: &mut Vec<Found>) {
    found.extend(find_at(text, hit.end));
}

fn find_at(text: &str, end: usize) -> Option<Found> {
    // Behind a single dash, `pass` names where a password comes from.
    let flag = name::flag_ending_at(text, end).filter(|flag| !matches!(*flag, "-pass" | "-pwd"))?;
    let (kind, strength) = name::strength(flag)?;
    let start = next_argument(text, end)?;
    let range = argument(text, start)?;
    let secret = argument_text(text, range.clone());
    let is_plausible = match strength {
        Strength::Always | Strength::Header | Strength::Cookie => is_secret(&secret, Strength::Always),
        _ => secret.len() >= MIN_VALUE_BYTES && !value::is_placeholder(&secret) && !value::is_path(&secret),
    };
    (is_plausible && !secret.starts_with('-')).then(|| Found::named(kind, range, secret))
}

/// The argument that starts at `start`: a whole string of a list, or a word of a line.
pub(super) fn argument(text: &str, start: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let slashes = text.get(..start)?.bytes().rev().skip(1).take_while(|byte| *byte == b'\\').count();
    let list = text.get(..start)?.strip_suffix('"').and_then(|before| before.get(..before.len() - slashes));
    match list {
        // The quote before it opened it.
        Some(before) if before.ends_with([',', ' ', '=', '[']) && bytes.get(start).is_some() => {
            Some(start..value::string_end(text, start, slashes))
        }
        _ => value::word(text, start),
    }
}

/// What an argument says; the audit system writes one with blanks or quotes as hex.
pub(super) fn argument_text(text: &str, range: Range<usize>) -> String {
    let word = text.get(range.clone()).unwrap_or_default();
    let is_audit = text.get(..range.start).is_some_and(audit_hex::ends_in_field);
    let decoded = if is_audit { hex::any(word) } else { None };
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.unwrap_or_else(|| value::word_text(text, range))
}

/// Where the next argument starts: behind blanks, between JSON strings, or in the next `aN=` or `command=`.
pub(super) fn next_argument(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut next = at;
    let closes = |byte: &u8| b"\"'\\".contains(byte);
    while bytes.get(next).is_some_and(closes) {
        next += 1;
    }
    let gap = next;
    let may_be_list = gap > at;
    while bytes.get(next).is_some_and(|byte| byte.is_ascii_whitespace() || (may_be_list && *byte == b',')) {
        next += 1;
    }
    let rest = text.get(next..)?;
    if let Some(behind) = rest.strip_prefix("&command=") {
        return Some(text.len() - behind.len());
    }
    if next == gap {
        return None;
    }
    let digits = rest.strip_prefix('a').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let is_audit = digits > 0 && rest.as_bytes().get(digits + 1) == Some(&b'=');
    Some(if is_audit { next + digits + 2 } else { next })
}
