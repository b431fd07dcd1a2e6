//! Passwords in addresses: `scheme://user:password@host`.
//!
//! In: text with `://`. Out: the range of the password; the user's name stays.

use std::ops::Range;

use super::{Detector, Found, Mark, value};

/// Longest user part, in bytes: longer is no address.
const MAX_USERINFO_BYTES: usize = 512;

/// Addresses with a scheme.
pub(super) const DETECTOR: Detector = Detector { patterns: &["://"], find };

fn find(text: &str, hit: Range<usize>) -> Option<Found> {
    let rest = text.get(hit.end..)?.as_bytes();
    let stop =
        |byte: &u8| byte.is_ascii_whitespace() || byte.is_ascii_control() || b"/?#\"'\\<>,;".contains(byte);
    let length = rest.iter().take(MAX_USERINFO_BYTES).take_while(|byte| !stop(byte)).count();
    let authority = rest.get(..length)?;
    let at = memchr::memrchr(b'@', authority)?;
    let colon = memchr::memchr(b':', authority.get(..at)?)?;
    let range = hit.end + colon + 1..hit.end + at;
    let is_secret = text.get(range.clone()).is_some_and(|password| !value::is_placeholder(password));
    is_secret.then_some(Found { range, mark: Mark::Secret("url-password") })
}
