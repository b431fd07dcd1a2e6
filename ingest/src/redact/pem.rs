//! Private keys in PEM form, in one record or spread over the lines of several.
//!
//! In: text with `-----BEGIN … PRIVATE KEY-----`. Out: the range from there to the end of the key.
//! Owns: the state between the lines of a key that was written line by line.

use std::ops::Range;

use super::{Detector, Found, Mark};

/// Kind of secret, as the marker names it.
pub(super) const KIND: &str = "private-key";
/// Longest line of a key body, in bytes: writers break at 64 or 76.
const MAX_KEY_LINE_BYTES: usize = 128;
const END: &str = "PRIVATE KEY-----";

/// The beginning of a private key.
pub(super) const DETECTOR: Detector = Detector { patterns: &["private key-----"], find };

fn find(text: &str, hit: Range<usize>) -> Option<Found> {
    let start = text.get(..hit.start)?.rfind("-----BEGIN ")?;
    if hit.start - start > 32 {
        return None;
    }
    let rest = text.get(hit.end..)?;
    let length =
        match rest.find(END).filter(|end| rest.get(..*end).is_some_and(|body| body.contains("-----END "))) {
            Some(end) => end + END.len(),
            None => body_length(rest),
        };
    Some(Found { range: start..hit.end + length, mark: Mark::Secret(KIND) })
}

/// Length of a key body that has no end here: base64, blanks and escaped line breaks.
fn body_length(rest: &str) -> usize {
    let mut bytes = rest.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        let is_break = byte == b'\\' && bytes.peek().is_some_and(|(_, next)| b"nr\\".contains(next));
        let is_body = byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b"+/=-:,".contains(&byte);
        if !is_body && !is_break {
            return at;
        }
    }
    rest.len()
}

/// The part of `text` that continues a private key begun in an earlier record; keeps `open` up to date.
pub(super) fn continued(text: &str, open: &mut bool) -> Option<Range<usize>> {
    let was_open = *open;
    let begins = text.contains("PRIVATE KEY-----") && text.contains("-----BEGIN ");
    let ends = text.contains("-----END ");
    let body = text.trim();
    let is_body = body.len() <= MAX_KEY_LINE_BYTES && body_length(body) == body.len();
    *open = (begins && !ends) || (was_open && is_body && !ends);
    (was_open && is_body && !ends && !body.is_empty()).then_some(0..text.len())
}
