//! Private keys: in PEM form, in one record or spread over the lines of several, and as bare DER.
//!
//! In: text with `-----BEGIN … PRIVATE KEY-----`. Out: the range from there to the end of the key.
//! Owns: the state between the lines of a key that was written line by line.
//! The fingerprint is that of the key's bytes, whatever its line breaks; of a key in several records each line has
//! its own.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Detector, Found};

/// Kind of secret, as the marker names it.
const KIND: &str = "private-key";
/// Longest line of a key body, in bytes: writers break at 64 or 76.
const MAX_KEY_LINE_BYTES: usize = 128;
/// Longest text between the two dashes in front of the label and the label's end, in bytes.
const MAX_LABEL_BYTES: usize = 32;
/// Shortest private key, in bytes: Ed25519 in PKCS #8 has 48.
const MIN_DER_BYTES: usize = 40;
/// First byte of every key in DER.
pub(super) const DER_SEQUENCE: u8 = 0x30;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The beginning of a private key.
pub(super) const DETECTOR: Detector =
    Detector { patterns: &["private key-----", "private key block-----"], find, looks_inside: false };

fn find(text: &str, hit: Range<usize>, found: &mut Vec<Found>) {
    let window = text.floor_char_boundary(hit.start.saturating_sub(MAX_LABEL_BYTES));
    let Some(start) = text.get(window..hit.start).and_then(|before| before.rfind(BEGIN)) else { return };
    let rest = text.get(hit.end..).unwrap_or_default();
    let body = rest.get(..body_length(rest)).unwrap_or_default();
    let key_end = body.find(END).unwrap_or(body.len());
    let behind = body.get(key_end + END.len()..).and_then(|label| label.find(DASHES));
    let end = behind.map_or(body.len(), |label| key_end + END.len() + label + DASHES.len());
    let key = bytes_of(body.get(..key_end).unwrap_or_default());
    found.push(Found::known(KIND, window + start..hit.end + end, key));
}

/// Length of what may be a key body and its end: base64, blanks, headers and escaped line breaks.
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

/// The bytes of a key, without line breaks and headers such as `Proc-Type`.
fn bytes_of(body: &str) -> Vec<u8> {
    // A line break is escaped once more in each string that holds the string.
    let mut lines = body.to_owned();
    while lines.contains("\\\\") {
        lines = lines.replace("\\\\", "\\");
    }
    let lines = lines.replace("\\r", "\n").replace("\\n", "\n");
    let text: String =
        lines.lines().filter(|line| !line.contains(':')).flat_map(str::split_whitespace).collect();
    STANDARD.decode(text.trim_end_matches('-')).unwrap_or_else(|_| text.into_bytes())
}

/// Whether bytes are a private key: PKCS #1, PKCS #8, SEC 1 and PKCS #12 all start with a version, as no certificate,
/// public key, request or signature does; OpenSSH has a magic of its own.
pub(super) fn kind_of_der(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"openssh-key-v1\0") {
        return Some(KIND);
    }
    let (first, rest) = bytes.split_first().filter(|_| bytes.len() >= MIN_DER_BYTES)?;
    let (length, rest) = rest.split_first()?;
    let more = if *length < 0x80 { 0 } else { usize::from(*length & 0x7f) };
    let inside = rest.get(more..)?;
    (*first == DER_SEQUENCE && matches!(inside, [2, 1, 0 | 1 | 3, 2 | 4 | 0x30, ..])).then_some(KIND)
}

/// The part of `text` that continues a private key begun in an earlier record; keeps `open` up to date.
pub(super) fn continued(text: &str, open: &mut bool) -> Option<Found> {
    let was_open = *open;
    let begins = text.contains("PRIVATE KEY") && text.contains(BEGIN);
    let ends = text.contains(END);
    let body = text.trim();
    let is_body = body.len() <= MAX_KEY_LINE_BYTES && body_length(body) == body.len();
    *open = (begins && !ends) || (was_open && is_body && !ends);
    (was_open && is_body && !ends && !body.is_empty()).then(|| Found::known(KIND, 0..text.len(), body))
}
