//! JSON written in the order in which a tool writes it.
//!
//! In: calls in order. Out: compact bytes behind a buffer. Owns: escaping as Go and C++ encoders do it
//! (control characters escaped, everything else as it stands). No tree is built: volume runs need the speed.

use std::io::Write;

use crate::moment::Moment;

/// An open JSON object or array.
pub(crate) struct Json<'a> {
    out: &'a mut Vec<u8>,
    fresh: bool,
}

impl<'a> Json<'a> {
    /// Writes one object behind `out`.
    pub(crate) fn object_into(out: &mut Vec<u8>, fill: impl FnOnce(&mut Json<'_>)) {
        out.push(b'{');
        fill(&mut Json { out, fresh: true });
        out.push(b'}');
    }

    fn comma(&mut self) {
        if !self.fresh {
            self.out.push(b',');
        }
        self.fresh = false;
    }

    fn key(&mut self, key: &str) {
        self.comma();
        write_text(self.out, key);
        self.out.push(b':');
    }

    /// A text member.
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_text(self.out, value);
    }

    /// A text member, or `null`.
    pub(crate) fn text_or_null(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.null(key),
        }
    }

    /// A text member of several parts.
    pub(crate) fn joined(&mut self, key: &str, parts: &[&str]) {
        self.key(key);
        self.out.push(b'"');
        for part in parts {
            write_escaped(self.out, part);
        }
        self.out.push(b'"');
    }

    /// A number.
    pub(crate) fn number(&mut self, key: &str, value: impl Into<i64>) {
        self.key(key);
        write!(self.out, "{}", value.into()).expect("writing to memory succeeds");
    }

    /// True or false.
    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// `null`.
    pub(crate) fn null(&mut self, key: &str) {
        self.key(key);
        self.out.extend_from_slice(b"null");
    }

    /// A moment with `digits` digits of a second's fraction.
    pub(crate) fn moment(&mut self, key: &str, value: Moment, digits: u32) {
        self.key(key);
        self.out.push(b'"');
        value.write(digits, self.out);
        self.out.push(b'"');
    }

    /// An object member.
    pub(crate) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Json<'_>)) {
        self.key(key);
        Json::object_into(self.out, fill);
    }

    /// An array member; elements are added with [`Json::item`] and [`Json::item_object`].
    pub(crate) fn array(&mut self, key: &str, fill: impl FnOnce(&mut Json<'_>)) {
        self.key(key);
        self.out.push(b'[');
        fill(&mut Json { out: self.out, fresh: true });
        self.out.push(b']');
    }

    /// An array of texts.
    pub(crate) fn texts<T: AsRef<str>>(&mut self, key: &str, values: &[T]) {
        self.array(key, |list| values.iter().for_each(|value| list.item(value.as_ref())));
    }

    /// A text element of an array.
    pub(crate) fn item(&mut self, value: &str) {
        self.comma();
        write_text(self.out, value);
    }

    /// A text element of several parts.
    pub(crate) fn item_joined(&mut self, parts: &[&str]) {
        self.comma();
        self.out.push(b'"');
        for part in parts {
            write_escaped(self.out, part);
        }
        self.out.push(b'"');
    }

    /// A member that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, value: &[u8]) {
        self.key(key);
        self.out.extend_from_slice(value);
    }

    /// An object element of an array.
    pub(crate) fn item_object(&mut self, fill: impl FnOnce(&mut Json<'_>)) {
        self.comma();
        Json::object_into(self.out, fill);
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// Whether a text can be written as it stands; eight bytes at a time, since nearly all of them can.
fn is_clean(bytes: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut chunks = bytes.chunks_exact(8);
    let mut bad = 0;
    for chunk in &mut chunks {
        let word = u64::from_ne_bytes(chunk.try_into().expect("chunks are of eight bytes"));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        bad |= control | has_zero(word ^ (ONES * 0x22)) | has_zero(word ^ (ONES * 0x5c));
    }
    bad == 0 && chunks.remainder().iter().all(|byte| *byte >= 0x20 && *byte != b'"' && *byte != b'\\')
}

fn write_escaped(out: &mut Vec<u8>, text: &str) {
    if is_clean(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let mut clean_from = 0;
    let bytes = text.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[clean_from..index]);
        clean_from = index + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => write!(out, "\\u{other:04x}").expect("writing to memory succeeds"),
        }
    }
    out.extend_from_slice(&bytes[clean_from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: nesting and hostile text. Guarantees: what is written is JSON and reads back as it was.
    #[test]
    fn reads_back() {
        let hostile = "a\u{1b}[2J\n\"\\ \u{202e}x";
        let mut out = Vec::new();
        Json::object_into(&mut out, |json| {
            json.text("t", hostile);
            json.joined("j", &["a\"", "b"]);
            json.number("n", -4);
            json.null("z");
            json.array("l", |list| {
                list.item("x");
                list.item_object(|json| json.flag("f", true));
            });
        });
        let value: serde_json::Value = serde_json::from_slice(&out).expect("it is JSON");
        let expected =
            serde_json::json!({"t": hostile, "j": "a\"b", "n": -4, "z": null, "l": ["x", {"f": true}]});
        assert_eq!(value, expected);
    }
}
