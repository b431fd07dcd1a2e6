//! Private parts of JSON Web Keys: `d`, its companions, and `k` of a symmetric key.
//!
//! In: text with a `kty`. Out: the ranges of the private values; the public ones stay.

use std::ops::Range;

use super::{Found, value};

/// How far around a `kty` its object reaches at most, in bytes: an RSA key of 8,192 bits has 7 KiB.
const MAX_KEY_BYTES: usize = 8 * 1024;
/// Names of private values (RFC 7518, section 6).
const PRIVATE: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "k"];

/// Every private value of every key.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut done = 0;
    for at in memchr::memmem::find_iter(text.as_bytes(), b"kty") {
        let window = around(text, at, done);
        if window.is_empty() || at < done {
            continue;
        }
        done = window.end;
        for name in PRIVATE {
            found.extend(values(text, &window, name));
        }
    }
}

/// The object that the `kty` at `at` stands in: up to the nearest braces.
fn around(text: &str, at: usize, from: usize) -> Range<usize> {
    let start = text.floor_char_boundary(at.saturating_sub(MAX_KEY_BYTES).max(from).min(at));
    let before = text.get(start..at).unwrap_or_default();
    let behind = crate::decode::cut(text.get(at..).unwrap_or_default(), MAX_KEY_BYTES);
    let open = before.rfind('{').map_or(start, |open| start + open);
    open..at + behind.find('}').unwrap_or(behind.len())
}

fn values(text: &str, window: &Range<usize>, name: &str) -> Vec<Found> {
    let inside = text.get(window.clone()).unwrap_or_default();
    let keys = inside.match_indices(name).map(|(at, _)| window.start + at);
    let keys = keys.filter(|at| text.as_bytes().get(at.wrapping_sub(1)) == Some(&b'"'));
    keys.filter_map(|at| {
        let (range, level) = value::json_string_after_key(text, at + name.len())?;
        let secret = value::unescaped(text.get(range.clone())?, level + 1);
        (range.end <= window.end && secret.len() >= 16).then(|| Found::named("private-key", range, secret))
    })
    .collect()
}
