//! `key=value` pairs of a record, and the encodings that values come in.
//!
//! In: the text behind a stamp. Out: fields in order; the first of a name wins.
//! Owns: quotes, the nested `msg='…'`, the names that enriching appends (behind byte 0x1D, or glued where it was lost), hex.
//! Law: hex is decoded only in fields that may be encoded, and only where unquoted.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::stops::{Stops, is_blank};
use crate::fast::is_same;
use crate::hex;

/// Most fields of a record that are kept: a long argument list comes in several records.
const MAX_FIELDS: usize = 4096;
/// Fields that room is made for at first: a system call has this many.
const USUAL_FIELDS: usize = 32;
/// Buckets of names.
const BUCKETS: usize = 64;

/// Names that auditd appends when it enriches; never confused with the kernel's own, which are lower case.
const ENRICHED: &[&str] = &[
    "FSUID", "FSGID", "OAUID", "SAUID", "NEW_GID", "OLD-AUID", "SYSCALL", "SADDR", "AUID", "EUID", "EGID",
    "SUID", "SGID", "OUID", "OGID", "ARCH", "UID", "GID", "ID",
];

/// A part of the line, or of what is kept behind it.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
struct Field {
    key: Span,
    text: Span,
    /// [`tag`] of its name.
    tag: u16,
    /// The field before it in the same bucket, counted from one.
    before: u16,
    quoted: bool,
}

/// What tells most names apart at a glance: a record has dozens of fields, and is asked for dozens.
#[inline]
fn tag(name: &str) -> u16 {
    let bytes = name.as_bytes();
    let [first, last] =
        [bytes.first(), bytes.last()].map(|byte| u16::from(byte.copied().unwrap_or_default()));
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    length.wrapping_mul(0x1003) ^ (first << 5) ^ (last << 1)
}

/// The bucket of names with this tag.
#[inline]
fn bucket(tag: u16) -> usize {
    usize::from(tag.wrapping_mul(0x9e35) >> 10) % BUCKETS
}

/// Fields of one record, as places in its line: a record has dozens. They are read when they are first asked for, since
/// records wait long for the others of their event, and many at a time.
#[derive(Debug, Clone, Default)]
pub(in crate::decode) struct Fields {
    /// The line that they are in.
    line: String,
    /// Where what is behind the stamp begins in the line.
    body_start: usize,
    read: OnceCell<Box<Read>>,
}

/// Fields, and by which name each is found.
#[derive(Debug, Clone)]
struct Read {
    fields: Vec<Field>,
    /// Texts that stand nowhere in the line; their places are counted behind its end.
    kept: String,
    /// Of each bucket the last field, counted from one.
    last: [u16; BUCKETS],
}

impl Default for Read {
    fn default() -> Self {
        Self { fields: Vec::new(), kept: String::new(), last: [0; BUCKETS] }
    }
}

impl Read {
    #[inline]
    fn push(&mut self, (key, tag): (Span, u16), text: Span, quoted: bool) {
        let last = &mut self.last[bucket(tag)];
        self.fields.push(Field { key, text, tag, before: *last, quoted });
        *last = u16::try_from(self.fields.len()).unwrap_or(u16::MAX);
    }

    /// Keeps a text that stands nowhere in the line, which is so long.
    fn keep(&mut self, text: &str, line: usize) -> Span {
        let start = line + self.kept.len();
        self.kept.push_str(text);
        span(start, start + text.len())
    }
}

impl Fields {
    /// Adds a field whose text is as it was meant: it is never read as hex. The first of a name wins.
    pub(in crate::decode) fn push(&mut self, key: impl AsRef<str>, text: impl AsRef<str>) {
        self.add(key.as_ref(), text.as_ref(), true);
    }

    /// Adds bytes.
    pub(in crate::decode) fn push_bytes(&mut self, key: &str, bytes: &[u8]) {
        let text: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        self.add(key, &text, false);
    }

    fn add(&mut self, key: &str, text: &str, quoted: bool) {
        self.read();
        let length = self.line.len();
        if let Some(read) = self.read.get_mut().filter(|read| read.fields.len() < MAX_FIELDS) {
            let name = (read.keep(key, length), tag(key));
            let text = read.keep(text, length);
            read.push(name, text, quoted);
        }
    }

    /// Takes a body apart.
    pub(in crate::decode) fn parse(body: &str) -> Self {
        Self::of_line(body, body)
    }

    /// The fields of the body with which a line ends.
    pub(super) fn of_line(line: &str, body: &str) -> Self {
        let body_start = line.len().saturating_sub(body.len());
        Self { line: line.to_owned(), body_start, read: OnceCell::new() }
    }

    fn read(&self) -> &Read {
        self.read.get_or_init(|| {
            if self.line.is_empty() {
                return Box::default();
            }
            let fields = Vec::with_capacity(USUAL_FIELDS);
            let stops = Stops::new(self.line.as_bytes());
            let mut reader = Reader { line: &self.line, stops, read: Read { fields, ..Read::default() } };
            reader.fields(self.body_start, self.line.len());
            Box::new(reader.read)
        })
    }

    /// The line, as it was written.
    pub(super) fn line(&self) -> &str {
        &self.line
    }

    /// What stands behind the stamp, as it was written.
    pub(super) fn body(&self) -> &str {
        self.line.get(self.body_start..).unwrap_or_default()
    }

    /// The name of the first field of the body; nothing else is read.
    pub(in crate::decode) fn first_name(&self) -> Option<&str> {
        let (before, _) = self.body().split_once('=')?;
        let is_blank = |letter: char| u8::try_from(letter).is_ok_and(is_blank);
        let mut words = before.rsplit(is_blank);
        let name = words.next()?;
        let name = name.trim_start_matches(|letter| u8::try_from(letter).is_ok_and(is_name_sign));
        // What stands behind `old` has another name.
        (words.find(|word| !word.is_empty()) != Some("old")).then_some(name)
    }

    /// Bytes of memory that they take beside themselves.
    pub(super) fn memory(&self) -> usize {
        let read = self.read.get().map_or(0, |read| {
            size_of::<Read>() + read.kept.capacity() + read.fields.capacity() * size_of::<Field>()
        });
        self.line.capacity() + read
    }

    #[inline]
    fn part(&self, part: Span) -> &str {
        let (start, end, length) = (part.start as usize, part.end as usize, self.line.len());
        if end <= length {
            return self.line.get(start..end).unwrap_or_default();
        }
        let kept = self.read.get().map_or("", |read| read.kept.as_str());
        start.checked_sub(length).and_then(|start| kept.get(start..end - length)).unwrap_or_default()
    }

    /// The value as it is written, without quotes; none for `?`, `(null)`, `(none)` and empty text.
    #[inline]
    pub(in crate::decode) fn get(&self, key: &str) -> Option<&str> {
        self.said(key).map(|(_, text)| text)
    }

    /// The value of an encodable field: quoted as it stands, else from hex where it is hex.
    #[inline]
    pub(in crate::decode) fn text(&self, key: &str) -> Option<String> {
        self.value(key).map(Cow::into_owned)
    }

    /// The same, where it need not be kept.
    #[inline]
    pub(super) fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        let (quoted, text) = self.said(key)?;
        Some(decoded(text, quoted)).filter(|text| !text.is_empty())
    }

    /// The value as it is written, if it says something, and whether it was quoted.
    #[inline]
    fn said(&self, key: &str) -> Option<(bool, &str)> {
        self.find(key, tag(key)).and_then(|field| {
            let text = self.part(field.text);
            (!matches!(text, "" | "?" | "(null)" | "(none)")).then_some((field.quoted, text))
        })
    }

    /// A decimal number.
    pub(super) fn number(&self, key: &str) -> Option<u32> {
        self.get(key)?.parse().ok()
    }

    /// The last value of that name, where what comes before it is the word of whoever asked.
    pub(super) fn last(&self, key: &str) -> Option<&str> {
        let tag = tag(key);
        let field = self.read().fields.iter().rfind(|field| self.is_named(field, key, tag))?;
        Some(self.part(field.text)).filter(|text| !matches!(*text, "" | "?" | "(null)" | "(none)"))
    }

    /// A decimal number that stands twice, outside and inside of the nested message: the inner one.
    pub(super) fn inner_number(&self, key: &str) -> Option<u32> {
        let tag = tag(key);
        let mut found = self.read().fields.iter().filter(|field| self.is_named(field, key, tag));
        found.next()?;
        self.part(found.next_back()?.text).parse().ok()
    }

    /// A decimal number where the largest, `-1` and `unset` mean that there is none.
    pub(super) fn id(&self, key: &str) -> Option<u32> {
        self.number(key).filter(|number| *number != u32::MAX)
    }

    /// A number in hex, as the arguments of a system call are.
    pub(super) fn hex(&self, key: &str) -> Option<u64> {
        let text = self.get(key)?;
        u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
    }

    /// All fields as they are written.
    pub(in crate::decode) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.read().fields.iter().map(|field| (self.part(field.key), self.part(field.text)))
    }

    /// The bytes of an unquoted hex value.
    pub(super) fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        self.find(key, tag(key))
            .filter(|field| !field.quoted)
            .and_then(|field| hex::upper(self.part(field.text)))
    }

    /// All fields as arguments of an execution are written: as they stand if they were quoted, else perhaps hex.
    pub(super) fn all_bytes(&self) -> impl Iterator<Item = (&str, Cow<'_, [u8]>)> {
        self.read().fields.iter().map(|field| {
            let text = self.part(field.text);
            let bytes = if field.quoted { None } else { hex::upper(text) };
            (self.part(field.key), bytes.map_or(Cow::Borrowed(text.as_bytes()), Cow::Owned))
        })
    }

    /// The first field with this name, which has this tag.
    fn find(&self, key: &str, tag: u16) -> Option<&Field> {
        let read = self.read();
        let mut place = read.last[bucket(tag)];
        let mut first = None;
        while let Some(field) = usize::from(place).checked_sub(1).and_then(|place| read.fields.get(place)) {
            if self.is_named(field, key, tag) {
                first = Some(field);
            }
            place = field.before;
        }
        first
    }

    /// Whether the field has the name `key`, whose tag is `tag`.
    #[inline]
    fn is_named(&self, field: &Field, key: &str, tag: u16) -> bool {
        field.tag == tag && is_same(self.part(field.key).as_bytes(), key.as_bytes())
    }
}

/// Whether a byte may stand in front of a name.
fn is_name_sign(byte: u8) -> bool {
    matches!(byte, b'(' | b',' | b'\'' | b'"')
}

/// The text that a value stands for.
fn decoded(text: &str, quoted: bool) -> Cow<'_, str> {
    let bytes = if quoted { None } else { hex::upper(text) };
    match bytes.map(String::from_utf8) {
        Some(Ok(text)) => Cow::Owned(text),
        Some(Err(bytes)) => Cow::Owned(String::from_utf8_lossy(bytes.as_bytes()).into_owned()),
        None => Cow::Borrowed(text),
    }
}

/// A line on its way into fields.
struct Reader<'a> {
    line: &'a str,
    stops: Stops<'a>,
    read: Read,
}

impl<'a> Reader<'a> {
    fn byte(&self, at: usize) -> u8 {
        self.line.as_bytes().get(at).copied().unwrap_or_default()
    }

    fn part(&self, start: usize, end: usize) -> &'a str {
        self.line.get(start..end).unwrap_or_default()
    }

    /// Reads the fields between two places.
    fn fields(&mut self, mut at: usize, end: usize) {
        let mut word = "";
        while self.read.fields.len() < MAX_FIELDS {
            while at < end && is_blank(self.byte(at)) {
                at += 1;
            }
            if at >= end {
                return;
            }
            let start = at;
            at = self.stops.next(at, end);
            while at < end && self.byte(at) == b'"' {
                at = self.stops.next(at + 1, end);
            }
            let token = self.part(start, at);
            if at >= end || self.byte(at) != b'=' {
                word = token;
                continue;
            }
            let signs = token.bytes().take_while(|byte| is_name_sign(*byte)).count();
            let key = token.get(signs..).unwrap_or_default();
            // Old records write `old auid=1 new auid=2`.
            let name = if word == "old" {
                let name = format!("old-{key}");
                (self.read.keep(&name, self.line.len()), tag(&name))
            } else {
                (span(at - key.len(), at), tag(key))
            };
            word = "";
            at = self.value(name, at + 1, end);
        }
    }

    /// Keeps the value that begins at `at` in a part that ends at `end`; gives the place behind it.
    fn value(&mut self, name: (Span, u16), at: usize, end: usize) -> usize {
        let inside = at + 1;
        match if at < end { self.byte(at) } else { 0 } {
            b'"' => {
                let mut close = self.stops.next(inside.min(end), end);
                while close < end && self.byte(close) != b'"' {
                    close = self.stops.next(close + 1, end);
                }
                self.read.push(name, span(inside, close), true);
                close + 1
            }
            b'\'' => {
                let close = memchr::memrchr(b'\'', self.part(inside, end).as_bytes())
                    .map_or(end, |place| inside + place);
                self.read.push(name, span(inside, close), true);
                self.fields(inside, close);
                close + 1
            }
            b'{' => {
                let close = memchr::memchr(b'}', self.part(inside, end).as_bytes())
                    .map_or(end, |place| inside + place);
                let value = self.part(inside, close);
                let start = inside + value.len() - value.trim_start().len();
                self.read.push(name, span(start, start + value.trim().len()), true);
                close + 1
            }
            _ => self.bare(name, at, end),
        }
    }

    /// Keeps a value without quotes.
    fn bare(&mut self, name: (Span, u16), at: usize, end: usize) -> usize {
        let mut close = self.stops.next(at, end);
        let mut equals = None;
        while close < end && !is_blank(self.byte(close)) {
            if self.byte(close) == b'=' {
                equals = equals.or(Some(close));
            }
            close = self.stops.next(close + 1, end);
        }
        let glued = equals.and_then(|equals| glued(self.part(at, equals)));
        let close = glued.map_or(close, |length| at + length);
        let value = self.part(at, close);
        let is_closing = |byte: &u8| matches!(byte, b',' | b')');
        let signs = match value.as_bytes().first() {
            Some(b'(') => 0,
            _ => value.as_bytes().iter().rev().take_while(|byte| is_closing(byte)).count(),
        };
        self.read.push(name, span(at, at + value.len() - signs), false);
        close
    }
}

fn span(start: usize, end: usize) -> Span {
    // No line is as long as that; a place beyond the text is an empty part.
    let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    Span { start: place(start), end: place(end) }
}

/// Where an enriched name begins, with which this ends, that has lost the byte before it: `key=(null)ARCH=x86_64`.
fn glued(before: &str) -> Option<usize> {
    let name = ENRICHED.iter().find(|name| before.ends_with(**name))?;
    Some(before.len() - name.len()).filter(|at| *at > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: values quoted, in hex, nested, enriched with and without the separating byte. Guarantees: each field
    /// reads as the kernel meant it, and enriched names never stand in for the kernel's.
    #[test]
    fn values_are_read() {
        let body = "uid=7 comm=6C73 exe=\"6C73\" a0=6C73 key=(null)\u{1d}UID=\"eve\" ARCH=x86_64";
        let fields = Fields::parse(body);
        assert_eq!(fields.text("comm").as_deref(), Some("ls"));
        assert_eq!(fields.text("exe").as_deref(), Some("6C73"));
        assert_eq!(
            (fields.number("uid"), fields.get("key"), fields.get("UID")),
            (Some(7), None, Some("eve"))
        );
        let cases = [
            ("ses=4294967295AUID=\"unset\"", "ses", None),
            ("res=successUID=\"root\"", "res", Some("success")),
            ("exe=2F61FSUID=\"root\"", "exe", Some("2F61")),
            ("saddr=0200SADDR={ fam=inet }", "saddr", Some("0200")),
            ("old auid=1 new auid=2", "auid", Some("2")),
            ("old auid=1 new auid=2", "old-auid", Some("1")),
            ("msg='op=x acct=\"eve\" (hostname=h, addr=10.0.0.1, res=failed)'", "addr", Some("10.0.0.1")),
            ("msg='op=x res=failed'UID=\"root\"", "res", Some("failed")),
            ("success=\"yes\"", "success", Some("yes")),
            ("subj=? key=", "subj", None),
        ];
        for (body, key, expected) in cases {
            let fields = Fields::parse(body);
            let found = if key == "ses" { fields.id(key).map(|_| "") } else { fields.get(key) };
            assert_eq!(found, expected, "{body}");
        }
    }
}
