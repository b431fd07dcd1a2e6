//! Passwords in addresses: `scheme://user:password@host`, and `user:password` behind flags.
//!
//! In: text with `://`. Out: the range of the password; the user's name stays, unless it is a token in itself.

use std::ops::Range;

use super::{Detector, Found, value};

/// Longest user part, in bytes: longer is no address.
const MAX_USERINFO_BYTES: usize = 512;

/// Shortest user without a password that may be a token, in bytes.
const MIN_TOKEN_BYTES: usize = 20;

/// Addresses with a scheme.
pub(super) const DETECTOR: Detector = Detector { patterns: &["://"], find, looks_inside: false };

fn ends_authority(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || b"/?#\"'\\<>,;".contains(&byte)
}

fn find(text: &str, hit: Range<usize>, found: &mut Vec<Found>) {
    found.extend(find_at(text, hit.end));
}

fn find_at(text: &str, start: usize) -> Option<Found> {
    let rest = text.get(start..)?.as_bytes();
    let length = rest.iter().take(MAX_USERINFO_BYTES).take_while(|byte| !ends_authority(**byte)).count();
    let authority = rest.get(..length)?;
    let at = memchr::memrchr(b'@', authority)?;
    let Some(colon) = memchr::memchr(b':', authority.get(..at)?) else {
        return token(text, start..start + at);
    };
    let range = start + colon + 1..start + at;
    let password = text.get(range.clone()).filter(|password| !value::is_placeholder(password))?;
    Some(Found::named("url-password", range, value::url_decoded(password)))
}

/// `https://TOKEN@github.com/…`: names of users are no such words.
fn token(text: &str, range: Range<usize>) -> Option<Found> {
    let user = text.get(range.clone())?;
    let is_token = user.len() >= MIN_TOKEN_BYTES
        && user.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && value::looks_random(user);
    is_token.then(|| Found::named("url-token", range, user))
}

/// Whether the `@` at `at` ends the user part of an address.
pub(super) fn ends_at(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'@') {
        return false;
    }
    let before = bytes.get(at.saturating_sub(MAX_USERINFO_BYTES)..at).unwrap_or_default();
    let length = before.iter().rev().take_while(|byte| !ends_authority(**byte)).count();
    before.get(..before.len() - length).is_some_and(|before| before.ends_with(b"://"))
}
