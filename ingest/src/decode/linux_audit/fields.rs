//! `key=value` pairs of a record, and the encodings that values come in.
//!
//! In: the text behind a stamp. Out: fields in order; the first of a name wins.
//! Owns: quotes, the nested `msg='…'`, the names that enriching appends (behind byte 0x1D, or glued where it was lost), hex.
//! Law: hex is decoded only in fields that may be encoded, and only where unquoted.

/// Most fields of a record that are kept: a long argument list comes in several records.
const MAX_FIELDS: usize = 4096;
/// Fields that room is made for at first: a system call has this many.
const USUAL_FIELDS: usize = 32;

/// Names that auditd appends when it enriches; never confused with the kernel's own, which are lower case.
const ENRICHED: &[&str] = &[
    "FSUID", "FSGID", "OAUID", "SAUID", "NEW_GID", "OLD-AUID", "SYSCALL", "SADDR", "AUID", "EUID", "EGID",
    "SUID", "SGID", "OUID", "OGID", "ARCH", "UID", "GID", "ID",
];

/// A part of the text of [`Fields`].
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
    quoted: bool,
}

/// What tells most names apart at a glance: a record has dozens of fields, and is asked for dozens.
fn tag(name: &str) -> u16 {
    let bytes = name.as_bytes();
    let [first, last] =
        [bytes.first(), bytes.last()].map(|byte| u16::from(byte.copied().unwrap_or_default()));
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    length.wrapping_mul(0x1003) ^ (first << 5) ^ (last << 1)
}

/// Fields of one record, as places in one text: a record has dozens. That text begins with the line they were read from.
#[derive(Debug, Clone, Default)]
pub(in crate::decode) struct Fields {
    text: String,
    /// Where the line ends in the text.
    line_end: usize,
    /// Where what is behind the stamp begins in the line.
    body_start: usize,
    fields: Vec<Field>,
}

impl Fields {
    /// Adds a field whose text is as it was meant: it is never read as hex. The first of a name wins.
    pub(in crate::decode) fn push(&mut self, key: impl AsRef<str>, text: impl AsRef<str>) {
        if self.fields.len() < MAX_FIELDS {
            let tag = tag(key.as_ref());
            let (key, text) = (self.keep(key.as_ref()), self.keep(text.as_ref()));
            self.fields.push(Field { key, text, tag, quoted: true });
        }
    }

    /// Adds bytes.
    pub(in crate::decode) fn push_bytes(&mut self, key: &str, bytes: &[u8]) {
        let text: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let tag = tag(key);
        let (key, text) = (self.keep(key), self.keep(&text));
        self.fields.push(Field { key, text, tag, quoted: false });
    }

    /// Takes a body apart.
    pub(in crate::decode) fn parse(body: &str) -> Self {
        Self::of_line(body, body)
    }

    /// Takes apart the body with which a line ends.
    pub(super) fn of_line(line: &str, body: &str) -> Self {
        let mut fields = Self {
            text: line.to_owned(),
            line_end: line.len(),
            body_start: line.len().saturating_sub(body.len()),
            fields: Vec::with_capacity(USUAL_FIELDS),
        };
        fields.read(body, line.len());
        fields
    }

    /// The line, as it was written.
    pub(super) fn line(&self) -> &str {
        self.text.get(..self.line_end).unwrap_or_default()
    }

    /// What stands behind the stamp, as it was written.
    pub(super) fn body(&self) -> &str {
        self.text.get(self.body_start..self.line_end).unwrap_or_default()
    }

    /// Keeps a text that stands nowhere in the body.
    fn keep(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        starting_at(start, text.len())
    }

    /// Bytes of memory that they take beside themselves.
    pub(super) fn memory(&self) -> usize {
        self.text.capacity() + self.fields.capacity() * size_of::<Field>()
    }

    fn part(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The value as it is written, without quotes; none for `?`, `(null)`, `(none)` and empty text.
    pub(in crate::decode) fn get(&self, key: &str) -> Option<&str> {
        self.raw(key)
            .map(|field| self.part(field.text))
            .filter(|text| !matches!(*text, "" | "?" | "(null)" | "(none)"))
    }

    /// The value of an encodable field: quoted as it stands, else from hex where it is hex.
    pub(in crate::decode) fn text(&self, key: &str) -> Option<String> {
        self.get(key)?;
        self.raw(key).map(|field| self.decoded(field)).filter(|text| !text.is_empty())
    }

    /// A decimal number.
    pub(super) fn number(&self, key: &str) -> Option<u32> {
        self.get(key)?.parse().ok()
    }

    /// A decimal number that stands twice, outside and inside of the nested message: the inner one.
    pub(super) fn inner_number(&self, key: &str) -> Option<u32> {
        let mut found = self.fields.iter().filter(|field| self.is_named(field, key, tag(key)));
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
        self.fields.iter().map(|field| (self.part(field.key), self.part(field.text)))
    }

    /// The bytes of an unquoted hex value.
    pub(super) fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        self.raw(key).filter(|field| !field.quoted).and_then(|field| unhex(self.part(field.text)))
    }

    /// All fields as arguments of an execution are written: as they stand if they were quoted, else perhaps hex.
    pub(super) fn all_bytes(&self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        self.fields.iter().map(|field| {
            let text = self.part(field.text);
            let bytes = unhex(text).filter(|_| !field.quoted);
            (self.part(field.key), bytes.unwrap_or_else(|| text.as_bytes().to_vec()))
        })
    }

    fn raw(&self, key: &str) -> Option<&Field> {
        let tag = tag(key);
        self.fields.iter().find(|field| self.is_named(field, key, tag))
    }

    /// Whether the field has the name `key`, whose tag is `tag`.
    fn is_named(&self, field: &Field, key: &str, tag: u16) -> bool {
        field.tag == tag && self.part(field.key) == key
    }

    fn decoded(&self, field: &Field) -> String {
        let text = self.part(field.text);
        match unhex(text).filter(|_| !field.quoted) {
            Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            None => text.to_owned(),
        }
    }

    /// Reads pairs; `end` is where the body ends in the text.
    fn read(&mut self, body: &str, end: usize) {
        let mut rest = body;
        let mut word = "";
        while self.fields.len() < MAX_FIELDS {
            rest = rest.trim_start_matches(is_space);
            if rest.is_empty() {
                return;
            }
            let ends = |byte: &u8| *byte == b'=' || is_space(char::from(*byte));
            let length = rest.as_bytes().iter().position(ends).unwrap_or(rest.len());
            let (token, after) = rest.split_at(length);
            let Some(value) = after.strip_prefix('=') else {
                word = token;
                rest = after;
                continue;
            };
            let key = token.trim_start_matches(['(', ',', '\'', '"']);
            // Old records write `old auid=1 new auid=2`.
            let name = if word == "old" {
                let name = format!("old-{key}");
                (self.keep(&name), tag(&name))
            } else {
                (ending_at(end - after.len(), key.len()), tag(key))
            };
            word = "";
            rest = self.value(name, value, end);
        }
    }

    /// Keeps the value at the start of `text`, which ends where the body does; gives what follows it.
    fn value<'t>(&mut self, (key, tag): (Span, u16), text: &'t str, end: usize) -> &'t str {
        // Where a part begins that goes on to the end of the body.
        let place = |part: &str| end - part.len();
        if let Some(inside) = text.strip_prefix('"') {
            let (value, rest) = inside.split_once('"').unwrap_or((inside, ""));
            let text = starting_at(place(inside), value.len());
            self.fields.push(Field { key, text, tag, quoted: true });
            return rest;
        }
        if let Some(inside) = text.strip_prefix('\'') {
            let (value, rest) = inside.rsplit_once('\'').unwrap_or((inside, ""));
            let span = starting_at(place(inside), value.len());
            self.fields.push(Field { key, text: span, tag, quoted: true });
            self.read(value, span.end as usize);
            return rest;
        }
        if let Some(inside) = text.strip_prefix('{') {
            let (value, rest) = inside.split_once('}').unwrap_or((inside, ""));
            let blanks = value.len() - value.trim_start().len();
            let span = starting_at(place(inside) + blanks, value.trim().len());
            self.fields.push(Field { key, text: span, tag, quoted: true });
            return rest;
        }
        let is_end = |byte: &u8| is_space(char::from(*byte));
        let length = text.as_bytes().iter().position(is_end).unwrap_or(text.len());
        let token = text.get(..length).unwrap_or_default();
        let length = glued(token).unwrap_or(length);
        let (value, rest) = text.split_at(length);
        let value = if value.starts_with('(') { value } else { value.trim_end_matches([',', ')']) };
        let text = starting_at(place(text), value.len());
        self.fields.push(Field { key, text, tag, quoted: false });
        rest
    }
}

fn starting_at(start: usize, length: usize) -> Span {
    // No line is as long as that; a place beyond the text is an empty part.
    let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    Span { start: place(start), end: place(start + length) }
}

fn ending_at(end: usize, length: usize) -> Span {
    starting_at(end - length, length)
}

fn is_space(letter: char) -> bool {
    letter == ' ' || letter == '\t' || letter == '\u{1d}' || letter == '\n'
}

/// Where an enriched name begins that has lost the byte before it: `key=(null)ARCH=x86_64`.
fn glued(token: &str) -> Option<usize> {
    let (before, _) = token.split_once('=')?;
    let name = ENRICHED.iter().find(|name| before.ends_with(**name))?;
    Some(before.len() - name.len()).filter(|at| *at > 0)
}

/// Bytes of an even number of hex digits (upper case, as the kernel writes them; lower case is a number).
pub(in crate::decode) fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) || text.bytes().any(|byte| byte.is_ascii_lowercase())
    {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
            _ => None,
        })
        .collect()
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
