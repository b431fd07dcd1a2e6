//! The form of a marker, and markers that somebody else wrote.
//!
//! In: kind and fingerprint, or text that looks like a marker. Out: marker text; forged ones disarmed.
//! Owns: the escapes inside markers. A marker holds no quote, backslash or space, so that it can stand
//! inside a JSON string, a quoted argument or a `key=value` pair.

use std::ops::Range;

use super::{Detector, Found, Mark};

/// How a token's marker starts.
pub(super) const JWT_START: &str = "<jwt;";
/// How any other secret's marker starts.
pub(super) const SECRET_START: &str = "<secret;";

/// A client that writes our markers into a log must not be believed.
pub(super) const DETECTOR: Detector =
    Detector { patterns: &[JWT_START, SECRET_START], find, looks_inside: false };

fn find(text: &str, hit: Range<usize>, found: &mut Vec<Found>) {
    let instead = match text.get(hit.clone()) {
        Some(JWT_START) => "<not-jwt;",
        Some(SECRET_START) => "<not-secret;",
        _ => return,
    };
    found.push(Found::new(hit, Mark::Forged(instead)));
}

/// Writes the marker of a secret.
pub(super) fn write_secret(out: &mut String, kind: &str, fingerprint: &str) {
    out.push_str(SECRET_START);
    out.push_str("kind=");
    out.push_str(kind);
    out.push_str(";fp=");
    out.push_str(fingerprint);
    out.push('>');
}

/// Writes a value with `%XX` for all but a few harmless characters.
pub(super) fn write_escaped(out: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/@*+,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// Reads back what [`write_escaped`] wrote.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
