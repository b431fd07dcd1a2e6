//! Secrets inside the hex that the audit system writes for arguments with blanks or quotes.
//!
//! In: an audit record (`proctitle=6D79…`, `a2=2D2D…`). Out: the same hex with the secrets inside replaced.
//! A decoder turns this hex into command lines; the secret must be gone before. Arguments are looked at one by one,
//! as the list that they are, so that a blank inside one ends nothing.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::screen::{self, GoesOn};
use super::{Found, Mark};
use crate::hex;

/// How far into a record its `audit(` stands, in bytes: behind a syslog prefix and a node name at most.
const HEAD_BYTES: usize = 512;
/// Shortest hex that is looked at, in digits: `-px`, the shortest secret argument, has 6.
const MIN_DIGITS: usize = 6;

/// What every audit record has.
static STAMP: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"audit("));
/// What the record of a system call has.
static CALL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" syscall="));

/// Every field of an audit record whose hex holds a secret.
pub(super) fn find(text: &str) -> Vec<Found> {
    fields(text).filter_map(|(range, bytes)| find_at(range, &bytes)).collect()
}

/// Whether some field of an audit record needs a look.
pub(super) fn may_hold_secret(text: &str, goes_on: &GoesOn<'_>) -> bool {
    fields(text).any(|(_, bytes)| match std::str::from_utf8(&bytes) {
        Ok(plain) => !screen::is_clean_at(&list_of(plain), 0, goes_on),
        Err(_) => !screen::is_clean_at(&Arguments::new(&bytes).list, 0, goes_on),
    })
}

/// The range and the bytes of every field of an audit record that is hex.
fn fields(text: &str) -> impl Iterator<Item = (Range<usize>, Vec<u8>)> {
    let bytes = text.as_bytes();
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let is_audit = bytes.first() != Some(&b'{') && STAMP.find(head).is_some();
    let searched = if is_audit { bytes } else { &[] };
    // The arguments of a system call are numbers in hex, and no text.
    let is_call = is_audit && CALL.find(head).is_some();
    memchr::memchr_iter(b'=', searched).filter_map(move |equals| field_at(text, equals + 1, is_call))
}

fn field_at(text: &str, start: usize, is_call: bool) -> Option<(Range<usize>, Vec<u8>)> {
    // Most names end otherwise than those that are looked for.
    let is_possible = match text.as_bytes().get(..start - 1)? {
        [.., b'l', b'e'] => true,
        [.., b't', b'a'] | [.., b'm', b'd'] | [.., b'0'..=b'9' | b'[' | b']'] => !is_call,
        _ => false,
    };
    let before = text.get(..start).filter(|_| is_possible)?;
    if !ends_in_field(before) || (is_call && !before.ends_with("proctitle=")) {
        return None;
    }
    let rest = text.as_bytes().get(start..)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let ends = rest.get(digits).is_none_or(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control());
    let range = start..start + digits;
    let bytes = text.get(range.clone()).filter(|_| ends && digits >= MIN_DIGITS).and_then(hex::any)?;
    Some((range, bytes))
}

fn find_at(range: Range<usize>, bytes: &[u8]) -> Option<Found> {
    let arguments = Arguments::new(bytes);
    let found: Vec<Found> = super::find_all(&arguments.list)
        .into_iter()
        .filter_map(|found| {
            let range =
                *arguments.offsets.get(found.range.start)?..*arguments.offsets.get(found.range.end)?;
            Some(Found::new(range, found.mark))
        })
        .collect();
    let is_text = arguments.is_text;
    (!found.is_empty()).then(|| Found::new(range, Mark::Hex(arguments.text, super::merge(found), is_text)))
}

/// The list of quoted strings that [`Arguments`] makes of a text.
fn list_of(text: &str) -> String {
    let mut list = String::with_capacity(text.len() + 64);
    list.push('"');
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'\0', b'"', rest.as_bytes()) {
        let (before, behind) = rest.split_at(at);
        list.push_str(before);
        list.push_str(if behind.starts_with('"') { "\\\"" } else { "\",\"" });
        rest = behind.get(1..).unwrap_or_default();
    }
    list.push_str(rest);
    list.push('"');
    list
}

/// An argument list out of hex.
struct Arguments {
    /// The bytes as text. Bytes that are no UTF-8 stand as characters of the same number.
    text: String,
    /// Whether they are UTF-8.
    is_text: bool,
    /// The same as a list of quoted strings.
    list: String,
    /// For each byte of `list`, and for its end, the offset in `text`.
    offsets: Vec<usize>,
}

impl Arguments {
    fn new(bytes: &[u8]) -> Self {
        let (text, is_text) = match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), true),
            Err(_) => (bytes.iter().map(|byte| char::from(*byte)).collect(), false),
        };
        let mut list = String::from("\"");
        let mut offsets = vec![0];
        for (at, c) in text.char_indices() {
            match c {
                '\0' => list.push_str("\",\""),
                '"' => list.push_str("\\\""),
                _ => list.push(c),
            }
            offsets.resize(list.len(), at);
        }
        list.push('"');
        offsets.extend([text.len(), text.len()]);
        Self { text, is_text, list, offsets }
    }
}

/// Whether text ends in `proctitle=`, `cmd=`, `data=` or `aN=`.
pub(super) fn ends_in_field(before: &str) -> bool {
    let Some(before) = before.strip_suffix('=') else { return false };
    // The longest of these names is `proctitle`; an argument in pieces is `a12[3456]`.
    let window =
        before.get(before.floor_char_boundary(before.len().saturating_sub(16))..).unwrap_or_default();
    let name = window.rsplit([' ', '\'', '\u{1d}']).next().unwrap_or_default();
    let number = name.strip_prefix('a').is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || b"[]".contains(&byte))
    });
    number || matches!(name, "proctitle" | "cmd" | "data")
}

/// Writes text as the audit system does; characters that stand for single bytes become those again.
pub(super) fn encode(text: &str, is_text: bool) -> String {
    let hex = |bytes: &mut dyn Iterator<Item = u8>| bytes.map(|byte| format!("{byte:02X}")).collect();
    if is_text {
        return hex(&mut text.bytes());
    }
    hex(&mut text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')))
}
