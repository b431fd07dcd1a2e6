//! What an HTTP client proves itself with: `Bearer …`, `Basic …`, `SSWS …`.
//!
//! In: text with a scheme and a value. Out: the range of the value.
//! Leaves to others: headers by name (`field`), tokens with claims (`jwt`).

use std::ops::Range;

use super::{Detector, Found, field, value};

/// Shortest value of `Bearer` that is looked at, in bytes; prose such as `bearer tokens` stays.
const MIN_BEARER_BYTES: usize = 8;

/// Authentication schemes.
pub(super) const DETECTOR: Detector =
    Detector { patterns: &["bearer ", "bearer+", "bearer:", "basic ", "ssws "], find, looks_inside: false };

fn find(text: &str, hit: Range<usize>, found: &mut Vec<Found>) {
    found.extend(find_at(text, &hit));
}

fn find_at(text: &str, hit: &Range<usize>) -> Option<Found> {
    let rest = text.get(hit.end..)?;
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    let length = rest.as_bytes().iter().take_while(is_part).count();
    let credential = rest.get(..length)?;
    let range = hit.end..hit.end + length;
    let scheme = text.get(hit.clone())?.to_ascii_lowercase();
    if scheme.starts_with("basic") {
        return field::basic(range, credential);
    }
    let kind = if scheme.starts_with("ssws") { "okta-token" } else { "bearer" };
    let is_secret = length >= MIN_BEARER_BYTES && value::looks_random(credential);
    is_secret.then(|| Found::named(kind, range, credential))
}
