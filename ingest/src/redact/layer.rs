//! Encodings undone: what a text holds in base64, URL-encoding and JSON escapes.
//!
//! In: a text. Out: each [`Layer`]: the decoded text, and where every part of it stands outside ([`Places`]).
//! Owns: the mapping between inside and outside. Leaves base64 to `base64_run`, hex to `audit_hex`.
//! Law: what is found inside is replaced outside, and never across the end of a quoted string.

use std::ops::{ControlFlow, Range};
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{Found, Mark, base64_run};

/// Escapes of JSON that are undone: `\\u` and `\\/`.
static ESCAPES: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| [Finder::new(b"\\u"), Finder::new(b"\\/")]);
/// A flag behind a blank that is written as `+`.
static PLUS_FLAG: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"+-"));

/// One encoded part of a text, decoded.
pub(super) struct Layer {
    /// What is inside; empty where nothing readable is.
    pub(super) text: String,
    /// Where it stands outside.
    pub(super) places: Places,
    /// What the encoded part is by itself, before any look inside.
    pub(super) own: Option<Found>,
    /// The part, if it is a run of base64 characters.
    pub(super) run: Option<Range<usize>>,
    /// It is the same text read in another way: what was found in the text itself is not found once more.
    pub(super) is_reading: bool,
}

/// Where the bytes of a decoded text stand outside.
pub(super) enum Places {
    /// All in this range, which can only be replaced as a whole.
    Whole(Range<usize>),
    /// Stretch by stretch, in order; the last one is the end.
    Each(Vec<Stretch>),
}

/// A part of a decoded text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    /// Where it begins.
    inside: usize,
    /// Where it stands outside.
    outside: usize,
    /// Whether it stands there byte by byte; otherwise all of it stands for what begins there.
    is_same: bool,
}

impl Places {
    /// Moves what was found inside to the outside.
    pub(super) fn outside(&self, inside: Vec<Found>) -> Vec<Found> {
        match self {
            Self::Each(places) => inside.into_iter().filter_map(|found| moved(found, places)).collect(),
            Self::Whole(range) => {
                let marks: Vec<Mark> = super::merge(inside).into_iter().map(|found| found.mark).collect();
                let is_secret = marks.iter().any(|mark| !matches!(mark, Mark::Forged(_)));
                let whole = Found::new(range.clone(), Mark::Encoded(marks));
                if is_secret { vec![whole] } else { Vec::new() }
            }
        }
    }
}

fn moved(found: Found, places: &[Stretch]) -> Option<Found> {
    let range = outside(found.range.start, places)?..outside(found.range.end, places)?;
    Some(Found { range, ..found })
}

/// Where a byte of the decoded text, or its end, stands outside.
fn outside(inside: usize, places: &[Stretch]) -> Option<usize> {
    let behind = places.partition_point(|place| place.inside <= inside);
    let place = places.get(behind.checked_sub(1)?)?;
    Some(if place.is_same { place.outside + (inside - place.inside) } else { place.outside })
}

/// Gives every layer directly below a text to `visit`, until it breaks.
pub(super) fn each(text: &str, visit: &mut dyn FnMut(Layer) -> ControlFlow<()>) -> ControlFlow<()> {
    base64_run::each(text, visit)?;
    each_url_encoded(text, visit)?;
    each_form_encoded(text, visit)?;
    // With escapes of characters undone, breaks are undone in what comes out.
    match without_escapes(text).or_else(|| with_breaks(text)) {
        Some(layer) => visit(layer),
        None => ControlFlow::Continue(()),
    }
}

/// A decoded text under construction.
#[derive(Default)]
struct Build {
    text: String,
    places: Vec<Stretch>,
}

impl Build {
    /// Takes a part of the decoded text that stands at `at`, all of it.
    fn push(&mut self, part: &str, at: usize) {
        self.place(at, false);
        self.text.push_str(part);
    }

    /// Takes text that stands outside as it is inside.
    fn copy(&mut self, part: &str, at: usize) {
        if !part.is_empty() {
            self.place(at, true);
            self.text.push_str(part);
        }
    }

    fn place(&mut self, outside: usize, is_same: bool) {
        self.places.push(Stretch { inside: self.text.len(), outside, is_same });
    }

    fn layer(mut self, end: usize) -> Layer {
        self.place(end, false);
        Layer { text: self.text, places: Places::Each(self.places), own: None, run: None, is_reading: false }
    }
}

/// Whether a URL-encoded text ends at this byte.
fn ends_url(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || b"\"'\\<>`".contains(&byte)
}

fn each_url_encoded(text: &str, visit: &mut dyn FnMut(Layer) -> ControlFlow<()>) -> ControlFlow<()> {
    let bytes = text.as_bytes();
    let mut done = 0;
    for at in memchr::memchr_iter(b'%', bytes) {
        if at < done || encoded_byte(bytes, at).is_none() {
            continue;
        }
        let range = url_around(bytes, done, at);
        done = range.end;
        let inside = bytes.get(range.clone()).unwrap_or_default();
        // A plus in front of a flag is a blank, and then all of them are; otherwise both readings are tried.
        if PLUS_FLAG.find(inside).is_none() {
            visit(url_decoded(text, range.clone(), false))?;
        }
        if memchr::memchr(b'+', inside).is_some() {
            visit(url_decoded(text, range, true))?;
        }
    }
    ControlFlow::Continue(())
}

/// Command lines whose blanks are written as `+`, and nothing else is encoded.
fn each_form_encoded(text: &str, visit: &mut dyn FnMut(Layer) -> ControlFlow<()>) -> ControlFlow<()> {
    let bytes = text.as_bytes();
    let mut done = 0;
    for at in PLUS_FLAG.find_iter(bytes) {
        if at < done {
            continue;
        }
        let range = url_around(bytes, done, at);
        done = range.end;
        // With a percent sign it was looked at already.
        if memchr::memchr(b'%', bytes.get(range.clone()).unwrap_or_default()).is_none() {
            visit(url_decoded(text, range, true))?;
        }
    }
    ControlFlow::Continue(())
}

/// The URL-encoded text around `at` that starts at or behind `from`.
fn url_around(bytes: &[u8], from: usize, at: usize) -> Range<usize> {
    let before = bytes.get(from..at).unwrap_or_default();
    let behind = bytes.get(at..).unwrap_or_default();
    let start = at - before.iter().rev().take_while(|byte| !ends_url(**byte)).count();
    start..at + behind.iter().take_while(|byte| !ends_url(**byte)).count()
}

/// The byte that `%XX` at `at` stands for, where it is ASCII; the bytes of longer characters stay encoded.
fn encoded_byte(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let byte = u8::try_from(digit(at + 1)? * 16 + digit(at + 2)?).ok()?;
    (bytes.get(at) == Some(&b'%') && byte.is_ascii()).then_some(byte)
}

fn url_decoded(text: &str, range: Range<usize>, plus_is_blank: bool) -> Layer {
    let bytes = text.as_bytes();
    let mut build = Build::default();
    let mut at = range.start;
    while at < range.end {
        let rest = bytes.get(at..range.end).unwrap_or_default();
        let next = memchr::memchr2(b'%', b'+', rest).map_or(range.end, |next| at + next);
        build.copy(text.get(at..next).unwrap_or_default(), at);
        at = next;
        match (encoded_byte(bytes, at), bytes.get(at)) {
            _ if at >= range.end => break,
            (Some(byte), _) => {
                build.push(char::from(byte).encode_utf8(&mut [0; 4]), at);
                at += 2;
            }
            (None, Some(b'+')) if plus_is_blank => build.push(" ", at),
            _ => build.copy(text.get(at..=at).unwrap_or_default(), at),
        }
        at += 1;
    }
    build.layer(range.end)
}

/// The text with `\uXXXX` and `\/` undone, at any depth of JSON in JSON; its quotes stay as escaped as they were.
fn without_escapes(text: &str) -> Option<Layer> {
    let bytes = text.as_bytes();
    let first = memchr::memchr(b'\\', bytes)?;
    let has = |finder: &Finder<'_>| finder.find(bytes.get(first..).unwrap_or_default()).is_some();
    if !ESCAPES.iter().any(has) {
        return None;
    }
    let mut build = Build::default();
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'\\', bytes.get(at..)?) {
        build.copy(text.get(at..at + next)?, at);
        at += next;
        let level = bytes.get(at..)?.iter().take_while(|byte| **byte == b'\\').count();
        at += escape(text, at, level, &mut build)?;
    }
    build.copy(text.get(at..)?, at);
    Some(build.layer(text.len()))
}

/// The character that an escaped break stands for: a letter behind backslashes would else be the beginning of the word that
/// follows it.
fn break_of(letter: Option<&u8>) -> Option<&'static str> {
    match letter? {
        b'n' | b'r' => Some("\n"),
        b't' => Some("\t"),
        _ => None,
    }
}

/// The text with `\n`, `\r` and `\t` in front of words undone, at any depth of JSON in JSON.
fn with_breaks(text: &str) -> Option<Layer> {
    let bytes = text.as_bytes();
    let begins_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let mut build = Build::default();
    let (mut done, mut passed) = (0, 0);
    for at in memchr::memchr_iter(b'\\', bytes) {
        // Each run of backslashes is counted once.
        if at < passed {
            continue;
        }
        let letter = at + bytes.get(at..)?.iter().take_while(|byte| **byte == b'\\').count();
        passed = letter;
        let instead = break_of(bytes.get(letter)).filter(|_| bytes.get(letter + 1).is_some_and(begins_word));
        let Some(instead) = instead else { continue };
        build.copy(text.get(done..at)?, done);
        build.push(instead, at);
        done = letter + 1;
    }
    if done == 0 {
        return None;
    }
    build.copy(text.get(done..)?, done);
    Some(Layer { is_reading: true, ..build.layer(text.len()) })
}

/// Undoes the escape that starts at `at` with `level` backslashes; gives its length.
fn escape(text: &str, at: usize, level: usize, build: &mut Build) -> Option<usize> {
    let behind = at + level;
    if text.as_bytes().get(behind) == Some(&b'/') {
        build.push("/", at);
        return Some(level + 1);
    }
    let (shown, length) = match character(text, behind) {
        Some(('"', length)) => (format!("{}\"", "\\".repeat(2 * level - 1)), length),
        Some(('\\', length)) => ("\\".repeat(2 * level), length),
        Some((c, length)) if c.is_control() => (format!("{}n", "\\".repeat(level)), length),
        Some((c, length)) => (c.to_string(), length),
        None => {
            build.copy(text.get(at..behind)?, at);
            return Some(level);
        }
    };
    build.push(&shown, at);
    Some(level + length)
}

/// The character that `uXXXX` at `at` stands for, and its length; two of them make one beyond the first 65,536.
fn character(text: &str, at: usize) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 5)?.strip_prefix('u')?;
        u32::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let first = unit(at)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, 5));
    }
    let slashes = text.as_bytes().get(at + 5..)?.iter().take_while(|byte| **byte == b'\\').count();
    let second = unit(at + 5 + slashes).filter(|_| slashes > 0)?;
    let is_pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
    let c =
        is_pair.then(|| 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).and_then(char::from_u32)?;
    Some((c, 10 + slashes))
}
