//! Secrets in records, replaced by keyed fingerprints before anything else sees the record.
//!
//! In: the text of one record. Out: the same text, each secret replaced by a marker such as
//! `<secret;kind=password;fp=…>` or `<jwt;fp=…;alg=…;sub=…>`, which is safe inside a JSON string.
//! Owns: the list of detectors, the order of steps. `screen` lets clean records through at the speed of memory,
//! `layer` undoes encodings, each detector is one file, `marker` owns the form of what is written instead.
//! A fingerprint is that of the decoded secret, so that it is the same in every encoding; exceptions are in
//! `docs/secrets.md`. Law FLOW-3: no secret appears in any output.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

mod argument_list;
mod audit_hex;
mod base64_run;
mod command;
mod family;
mod field;
mod flag;
mod header;
mod identify;
mod jwk;
mod jwt;
mod key;
mod layer;
mod marker;
mod name;
mod password_hash;
mod pem;
mod prefix;
mod screen;
mod secret_map;
mod texts;
mod userinfo;
mod value;

pub use identify::identify;
pub use jwt::{JwtClaims, find_jwt_claims};
pub use key::FingerprintKey;

/// Most encodings inside each other that are undone: base64 of base64 in a URL in a JSON string is four.
const MAX_LAYERS: usize = 4;

/// What a detector looks for.
struct Detector {
    /// Texts that make it worth a look, in any case.
    patterns: &'static [&'static str],
    /// Looks closer at one hit.
    find: fn(text: &str, hit: Range<usize>, found: &mut Vec<Found>),
    /// Whether it also looks inside what another detector has found already.
    looks_inside: bool,
}

impl Detector {
    /// Whether it finds something at a hit.
    fn finds(&self, text: &str, hit: Range<usize>) -> bool {
        let mut found = Vec::new();
        (self.find)(text, hit, &mut found);
        !found.is_empty()
    }
}

/// Every detector.
const DETECTORS: &[Detector] = &[
    jwt::DETECTOR,
    pem::DETECTOR,
    header::DETECTOR,
    prefix::DETECTOR,
    field::DETECTOR,
    flag::DETECTOR,
    command::DETECTOR,
    userinfo::DETECTOR,
    password_hash::DETECTOR,
    marker::DETECTOR,
];

/// A secret that a detector found.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// What is replaced.
    range: Range<usize>,
    /// What the marker says.
    mark: Mark,
    /// How many encodings were undone to find it.
    layers: u8,
}

/// What takes the place of a secret.
#[derive(PartialEq, Eq)]
enum Mark {
    /// A secret that its surroundings give away, and its decoded bytes.
    Named(&'static str, Vec<u8>),
    /// A secret that gives itself away, and its decoded bytes.
    Known(&'static str, Vec<u8>),
    /// A number under a secret name: its marker needs quotes that are escaped as often as this.
    Number(&'static str, Vec<u8>, usize),
    /// A JSON Web Token; its claims stay readable. The token itself is fingerprinted.
    Jwt(Box<JwtClaims>, String),
    /// Text that only looks like a marker of ours: it must not be believed.
    Forged(&'static str),
    /// Hex of this text, in which these secrets are; whether the text is the bytes themselves or stands for them.
    Hex(String, Vec<Found>, bool),
    /// An encoded text that holds these secrets.
    Encoded(Vec<Mark>),
}

impl std::fmt::Debug for Mark {
    /// Names the kind only: a secret must not get into a message of a failed assertion either.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Named(kind, _) | Self::Known(kind, _) | Self::Number(kind, ..) => kind,
            Self::Jwt(..) => "jwt",
            Self::Forged(_) => "forged",
            Self::Hex(..) => "hex",
            Self::Encoded(_) => "encoded",
        })
    }
}

impl Mark {
    /// Which of two marks for the same text says more.
    fn rank(&self) -> u8 {
        match self {
            Self::Forged(_) => 0,
            Self::Hex(..) => 1,
            Self::Named(..) | Self::Number(..) => 2,
            Self::Known(..) => 3,
            Self::Encoded(_) => 4,
            Self::Jwt(..) => 5,
        }
    }
}

impl Found {
    /// Something that stands in the text as it is.
    fn new(range: Range<usize>, mark: Mark) -> Self {
        Self { range, mark, layers: 0 }
    }

    /// A secret that its surroundings give away.
    fn named(kind: &'static str, range: Range<usize>, secret: impl Into<Vec<u8>>) -> Self {
        Self::new(range, Mark::Named(kind, secret.into()))
    }

    /// A secret that gives itself away.
    fn known(kind: &'static str, range: Range<usize>, secret: impl Into<Vec<u8>>) -> Self {
        Self::new(range, Mark::Known(kind, secret.into()))
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

/// A record whose secrets are replaced, and what of them goes on in the next record.
#[derive(Debug)]
pub(crate) struct Clean {
    /// The text.
    pub(crate) text: String,
    open_pem: bool,
    open_arguments: Option<argument_list::Open>,
}

/// Replaces secrets in the records of one stream.
#[derive(Debug, Clone)]
pub struct Redactor {
    key: FingerprintKey,
    /// A private key began in an earlier record and has not ended.
    open_pem: bool,
    /// The end of an argument list that may go on in the next record.
    open_arguments: Option<argument_list::Open>,
}

impl Redactor {
    /// A redactor for one stream.
    #[must_use]
    pub fn new(key: FingerprintKey) -> Self {
        Self { key, open_pem: false, open_arguments: None }
    }

    /// A redactor with the same key, for text that is not part of the stream.
    pub(crate) fn aside(&self) -> Self {
        Self::new(self.key.clone())
    }

    /// Whether no secret goes on in the next record.
    pub(crate) fn is_idle(&self) -> bool {
        !self.open_pem && self.open_arguments.is_none()
    }

    /// Whether a private key that began may go on in the next record.
    #[cfg(feature = "kafka")]
    pub(crate) fn is_inside_key(&self) -> bool {
        self.open_pem
    }

    /// Whether [`Redactor::redact`] leaves this record as it is. If so, the record has gone by as if it had been
    /// redacted; if not, as if it had not been looked at.
    pub(crate) fn is_clean(&mut self, text: &str) -> bool {
        self.clean(text).is_none()
    }

    /// The record without its secrets, if it has any: then it has gone by as if it had not been looked at, until
    /// [`Redactor::has_passed`] is told. If it has none, it has gone by as if it had been redacted.
    pub(crate) fn clean(&mut self, text: &str) -> Option<Clean> {
        let (open_pem, open_arguments) = (self.open_pem, self.open_arguments.clone());
        let Redacted { text: Cow::Owned(text), .. } = self.redact(text) else { return None };
        Some(Clean {
            text,
            open_pem: std::mem::replace(&mut self.open_pem, open_pem),
            open_arguments: std::mem::replace(&mut self.open_arguments, open_arguments),
        })
    }

    /// The record that this was made of has gone by.
    pub(crate) fn has_passed(&mut self, clean: Clean) {
        (self.open_pem, self.open_arguments) = (clean.open_pem, clean.open_arguments);
    }

    /// Replaces every secret of one record.
    #[must_use]
    pub fn redact<'a>(&mut self, text: &'a str) -> Redacted<'a> {
        let is_open = self.open_pem || self.open_arguments.is_some();
        if !is_open && screen::is_clean(text) {
            return Redacted { text: Cow::Borrowed(text), count: 0 };
        }
        let mut found = find_all(text);
        found.extend(audit_hex::find(text));
        found.extend(argument_list::continued(text, &mut self.open_arguments));
        found.extend(pem::continued(text, &mut self.open_pem));
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
    // Built once, and asked about every byte of a record that may hold a secret: one step a byte is worth its memory.
    let kind = Some(AhoCorasickKind::DFA);
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).kind(kind).build(patterns);
    (automaton.expect("a few short patterns make a small automaton"), owners)
});

/// Every secret of a text, in every layer of encoding.
fn find_all(text: &str) -> Vec<Found> {
    find_in(text, 0)
}

fn find_in(text: &str, depth: usize) -> Vec<Found> {
    let mut found = find_plain(text);
    if depth < MAX_LAYERS {
        let flow = layer::each(text, &mut |layer| {
            found.extend(layer.run.and_then(|run| prefix::old_vault_token(text, run)));
            found.extend(layer.own);
            let inside = layer.places.outside(find_in(&layer.text, depth + 1));
            let inside = inside.into_iter().map(|it| Found { layers: it.layers + 1, ..it });
            let taken = if layer.is_reading { Taken::of(&found) } else { Taken::default() };
            found.extend(inside.filter(|it| taken.is_free(&it.range)));
            ControlFlow::Continue(())
        });
        debug_assert!(flow.is_continue(), "nothing above breaks");
    }
    found
}

/// Stretches of a text in which something was found.
#[derive(Default)]
struct Taken(Vec<Range<usize>>);

impl Taken {
    fn of(found: &[Found]) -> Self {
        let mut ranges: Vec<Range<usize>> = found.iter().map(|found| found.range.clone()).collect();
        ranges.sort_by_key(|range| range.start);
        let mut joined: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
        for next in ranges {
            match joined.last_mut() {
                Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
                _ => joined.push(next),
            }
        }
        Self(joined)
    }

    /// Whether nothing was found in this stretch.
    fn is_free(&self, range: &Range<usize>) -> bool {
        let behind = self.0.partition_point(|taken| taken.end <= range.start);
        self.0.get(behind).is_none_or(|taken| taken.start >= range.end)
    }
}

/// Every secret that stands in a text as it is.
fn find_plain(text: &str) -> Vec<Found> {
    let (automaton, owners) = &*PATTERNS;
    let mut found: Vec<Found> = Vec::new();
    // Looking twice at the same bytes would make the time grow with the square of the length.
    let mut covered = 0;
    for hit in automaton.find_overlapping_iter(text) {
        let detector = owners.get(hit.pattern().as_usize()).and_then(|index| DETECTORS.get(*index));
        let Some(detector) = detector.filter(|detector| detector.looks_inside || hit.start() >= covered)
        else {
            continue;
        };
        let before = found.len();
        (detector.find)(text, hit.range(), &mut found);
        let ends = found.iter().skip(before).map(|found| found.range.end);
        covered = ends.fold(covered, usize::max);
    }
    secret_map::find(text, &mut found);
    jwk::find(text, &mut found);
    found
}

/// Orders what was found and joins what overlaps; the mark that says most names the whole.
fn merge(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
    let mut merged: Vec<Found> = Vec::with_capacity(found.len());
    // Length of what the last mark was found for; what it stands for may be longer.
    let mut last_length = 0;
    for next in found {
        match merged.last_mut() {
            Some(last) if next.range.start < last.range.end => {
                // Of two that say as much, the one that was decoded more is right; else the one cut out more exactly,
                // or the one that holds more where both give themselves away.
                let length = next.range.len();
                let is_named = matches!(next.mark, Mark::Named(..));
                let is_better = if is_named { length <= last_length } else { length > last_length };
                let ranks = (next.mark.rank(), next.layers).cmp(&(last.mark.rank(), last.layers));
                if ranks.is_gt() || (ranks.is_eq() && is_better) {
                    (last.mark, last.layers) = (next.mark, next.layers);
                    last_length = length;
                }
                last.range.end = last.range.end.max(next.range.end);
            }
            _ => {
                last_length = next.range.len();
                merged.push(next);
            }
        }
    }
    merged
}

fn replace(text: &str, found: &[Found], key: &FingerprintKey) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for Found { range, mark, .. } in found {
        out.push_str(text.get(done..range.start).unwrap_or_default());
        write_mark(&mut out, mark, key);
        done = range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

fn write_mark(out: &mut String, mark: &Mark, key: &FingerprintKey) {
    match mark {
        Mark::Named(kind, secret) | Mark::Known(kind, secret) => {
            marker::write_secret(out, kind, &key.fingerprint(secret));
        }
        Mark::Number(kind, secret, level) => {
            let quote = format!("{}\"", "\\".repeat(*level));
            out.push_str(&quote);
            marker::write_secret(out, kind, &key.fingerprint(secret));
            out.push_str(&quote);
        }
        Mark::Jwt(claims, token) => jwt::write_marker(out, claims, &key.fingerprint(token.as_bytes())),
        Mark::Forged(instead) => out.push_str(instead),
        Mark::Hex(inside, found, is_text) => {
            out.push_str(&audit_hex::encode(&replace(inside, found, key), *is_text));
        }
        Mark::Encoded(marks) => marks.iter().for_each(|mark| write_mark(out, mark, key)),
    }
}

#[cfg(test)]
mod tests;
