//! What an HTTP client proves itself with: `Bearer …` and `Basic …`.
//!
//! In: text with a scheme and a value. Out: the range of the value.
//! Leaves to others: headers by name (`field`), tokens with claims (`jwt`).

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Detector, Found, Mark, value};

/// Shortest value of `Bearer` that is looked at, in bytes; prose such as `bearer tokens` stays.
const MIN_BEARER_BYTES: usize = 8;

/// Authentication schemes.
pub(super) const DETECTOR: Detector =
    Detector { patterns: &["bearer ", "basic ", "bearer%20", "basic%20", "bearer+"], find };

fn find(text: &str, hit: Range<usize>) -> Option<Found> {
    let rest = text.get(hit.end..)?;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    let length = rest.as_bytes().iter().take_while(|byte| is_part(byte)).count();
    let credential = rest.get(..length)?;
    let is_basic = text.get(hit.clone())?.to_ascii_lowercase().starts_with("basic");
    let is_secret = if is_basic {
        STANDARD.decode(credential).is_ok_and(|bytes| bytes.contains(&b':'))
    } else {
        length >= MIN_BEARER_BYTES && value::looks_random(credential)
    };
    let kind = if is_basic { "basic" } else { "bearer" };
    is_secret.then(|| Found { range: hit.end..hit.end + length, mark: Mark::Secret(kind) })
}
