//! Secrets in records, replaced by keyed fingerprints before anything else sees the record.
//!
//! In: the text of one record. Out: the same text, each secret replaced by a marker such as
//! `<secret;kind=password;fp=…>` or `<jwt;fp=…;alg=…;sub=…>`, which is safe inside a JSON string.
//! Owns: the key ([`FingerprintKey`]), the list of detectors, the form of a marker.
//! A clean record costs one pass of one automaton; detectors run only where a pattern hits.
//! Law FLOW-3: no secret appears in any output.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use hmac::{Hmac, Mac};
use sha2::Sha256;

mod audit_hex;
mod field;
mod flag;
mod header;
mod jwt;
mod kubernetes_secret;
mod marker;
mod pem;
mod prefix;
mod userinfo;
mod value;

pub use jwt::{JwtClaims, find_jwt_claims};

/// What a detector looks for.
struct Detector {
    /// Lower-case texts that make it worth a look.
    patterns: &'static [&'static str],
    /// Looks closer at one hit.
    find: fn(text: &str, hit: Range<usize>) -> Option<Found>,
}

/// Every detector.
const DETECTORS: &[Detector] = &[
    jwt::PLAIN,
    jwt::IN_BASE64,
    pem::DETECTOR,
    header::DETECTOR,
    prefix::DETECTOR,
    field::DETECTOR,
    flag::DETECTOR,
    userinfo::DETECTOR,
    kubernetes_secret::DETECTOR,
    marker::DETECTOR,
];

/// A secret that a detector found.
struct Found {
    /// What is replaced.
    range: Range<usize>,
    /// What the marker says.
    mark: Mark,
}

/// What takes the place of a secret.
enum Mark {
    /// A secret of this kind.
    Secret(&'static str),
    /// A JSON Web Token; its claims stay readable. The token itself is fingerprinted.
    Jwt(Box<JwtClaims>, String),
    /// Text that only looks like a marker of ours: it must not be believed.
    Forged(&'static str),
    /// Hex of this text, in which these secrets are.
    Hex(String, Vec<Found>),
}

/// The key that fingerprints are made with: one per installation.
#[derive(Clone)]
pub struct FingerprintKey {
    mac: Hmac<Sha256>,
}

impl FingerprintKey {
    /// Takes the 32 bytes of the key.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        let mac = Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length");
        Self { mac }
    }

    /// A fixed key, so that tests give the same fingerprints everywhere.
    #[must_use]
    pub fn for_tests() -> Self {
        Self::new(&[7; 32])
    }

    /// The fingerprint of a secret: 32 lower-case hex digits (HMAC-SHA-256, cut to 128 bits).
    #[must_use]
    pub fn fingerprint(&self, secret: &[u8]) -> String {
        let mut mac = self.mac.clone();
        mac.update(secret);
        let digest = mac.finalize().into_bytes();
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(…)")
    }
}

/// A record without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The text; borrowed when there was nothing to replace.
    pub text: Cow<'a, str>,
    /// Number of replacements.
    pub count: u32,
}

/// Replaces secrets in the records of one stream.
#[derive(Debug, Clone)]
pub struct Redactor {
    key: FingerprintKey,
    /// A private key began in an earlier record and has not ended.
    open_pem: bool,
}

impl Redactor {
    /// A redactor for one stream.
    #[must_use]
    pub fn new(key: FingerprintKey) -> Self {
        Self { key, open_pem: false }
    }

    /// Replaces every secret of one record.
    #[must_use]
    pub fn redact<'a>(&mut self, text: &'a str) -> Redacted<'a> {
        let mut found = find_all(text);
        found.extend(audit_hex::find(text));
        if let Some(range) = pem::continued(text, &mut self.open_pem) {
            found.push(Found { range, mark: Mark::Secret(pem::KIND) });
        }
        if found.is_empty() {
            return Redacted { text: Cow::Borrowed(text), count: 0 };
        }
        let found = merge(found);
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        Redacted { text: Cow::Owned(replace(text, &found, &self.key)), count }
    }
}

/// The automaton over all patterns, and the detector that each pattern belongs to.
static PATTERNS: LazyLock<(AhoCorasick, Vec<usize>)> = LazyLock::new(|| {
    let owned = DETECTORS.iter().enumerate();
    let all =
        owned.flat_map(|(index, detector)| detector.patterns.iter().map(move |pattern| (*pattern, index)));
    let (patterns, owners): (Vec<_>, Vec<_>) = all.unzip();
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(patterns);
    (automaton.expect("a few short patterns make a small automaton"), owners)
});

fn find_all(text: &str) -> Vec<Found> {
    let (automaton, owners) = &*PATTERNS;
    let mut found = Vec::new();
    for hit in automaton.find_overlapping_iter(text) {
        let detector = owners.get(hit.pattern().as_usize()).and_then(|index| DETECTORS.get(*index));
        found.extend(detector.and_then(|detector| (detector.find)(text, hit.range())));
    }
    found
}

/// Orders what was found and joins what overlaps; a token with readable claims names the whole.
fn merge(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
    let mut merged: Vec<Found> = Vec::with_capacity(found.len());
    for next in found {
        match merged.last_mut() {
            Some(last) if next.range.start < last.range.end => {
                last.range.end = last.range.end.max(next.range.end);
                if !matches!(last.mark, Mark::Jwt(..)) && !matches!(next.mark, Mark::Secret(_)) {
                    last.mark = next.mark;
                }
            }
            _ => merged.push(next),
        }
    }
    merged
}

fn replace(text: &str, found: &[Found], key: &FingerprintKey) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for Found { range, mark } in found {
        let secret = text.get(range.clone()).unwrap_or_default();
        out.push_str(text.get(done..range.start).unwrap_or_default());
        match mark {
            Mark::Secret(kind) => marker::write_secret(&mut out, kind, &key.fingerprint(secret.as_bytes())),
            Mark::Jwt(claims, token) => {
                jwt::write_marker(&mut out, claims, &key.fingerprint(token.as_bytes()))
            }
            Mark::Forged(instead) => out.push_str(instead),
            Mark::Hex(inside, found) => out.push_str(&audit_hex::encode(&replace(inside, found, key))),
        }
        done = range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
