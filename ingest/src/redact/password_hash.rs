//! Hashes of passwords, as `htpasswd`, `/etc/shadow` and LDAP keep them: whoever has one can guess at leisure.
//!
//! In: text with `$2y$`, `$6$`, `{SSHA}` and the like. Out: the range of the hash.

use std::ops::Range;

use super::{Detector, Found};

/// How the schemes of `crypt` start, and their shortest body in bytes.
const SCHEMES: &[(&str, usize)] = &[
    ("$1$", 22),
    ("$2a$", 50),
    ("$2b$", 50),
    ("$2y$", 50),
    ("$5$", 43),
    ("$6$", 60),
    ("$y$", 40),
    ("$7$", 40),
    ("$apr1$", 22),
    ("$argon2id$", 40),
    ("$argon2i$", 40),
    ("{SHA}", 27),
    ("{SSHA}", 32),
    ("{SSHA512}", 80),
];

const PATTERNS: &[&str] = &{
    let mut patterns = [""; SCHEMES.len()];
    let mut index = 0;
    while index < SCHEMES.len() {
        patterns[index] = SCHEMES[index].0;
        index += 1;
    }
    patterns
};

/// Hashes of passwords.
pub(super) const DETECTOR: Detector = Detector { patterns: PATTERNS, find, looks_inside: false };

fn find(text: &str, hit: Range<usize>, found: &mut Vec<Found>) {
    let Some((_, min)) = SCHEMES.iter().find(|(scheme, _)| text.get(hit.clone()) == Some(*scheme)) else {
        return;
    };
    let rest = text.as_bytes().get(hit.end..).unwrap_or_default();
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"./$+=,".contains(byte);
    let length = rest.iter().take_while(is_part).count();
    let range = hit.start..hit.end + length;
    if let Some(hash) = text.get(range.clone()).filter(|_| length >= *min) {
        found.push(Found::known("password-hash", range, hash));
    }
}

/// Whether a scheme of `crypt` starts at `at`.
pub(super) fn starts_at(text: &str, at: usize) -> bool {
    text.get(at..).is_some_and(|rest| SCHEMES.iter().any(|(scheme, _)| rest.starts_with(scheme)))
}
