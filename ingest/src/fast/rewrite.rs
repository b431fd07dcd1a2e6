//! JSON written anew as the strict path would: without blanks, the members of each object in the order of their names.
//!
//! In: valid JSON. Out: the same value as `serde_json` writes what it has read. Owns: the order of members.
//! Leaves to `serde_json`: unusual escapes and numbers, one by one; names with escapes or that are there twice, and deep
//! nesting, with all that is around them.

use serde_json::Value;

use super::slot::unescape;

/// Deepest nesting that is written here.
const MAX_NESTING: usize = 16;
/// Most digits of a number that surely fits into 64 bits without a sign; nanoseconds since 1970 have as many.
pub(super) const MAX_PLAIN_DIGITS: usize = 19;
/// The same for one below zero.
pub(super) const MAX_NEGATIVE_DIGITS: usize = 18;
/// Most members of an object that are put in order here: more are rare.
const MAX_MEMBERS: usize = 64;
/// Members that room is made for at first: those of most objects and of the objects inside them.
const USUAL_MEMBERS: usize = 32;

/// Appends `json` to `out`, or leaves it in an unknown state where the value is not plain.
pub(super) fn rewrite(json: &str, out: &mut String) -> Option<()> {
    Rewriter { json, at: 0, members: Vec::with_capacity(USUAL_MEMBERS) }.value(out, 0)
}

/// Appends a string whose inside is `inside`: valid, with or without escapes.
pub(super) fn rewrite_string(inside: &str, out: &mut String) {
    if has_usual_escapes(inside) {
        out.push('"');
        out.push_str(inside);
        out.push('"');
    } else {
        out.push_str(&Value::from(unescape(inside)).to_string());
    }
}

/// Appends a valid number.
pub(super) fn rewrite_number(number: &str, out: &mut String) -> Option<()> {
    if is_plain_integer(number) {
        out.push_str(number);
    } else {
        out.push_str(&serde_json::from_str::<Value>(number).ok()?.to_string());
    }
    Some(())
}

/// Whether all escapes are those that `serde_json` writes too.
fn has_usual_escapes(inside: &str) -> bool {
    let mut rest = inside.as_bytes();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        if !matches!(rest.get(at + 1), Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't')) {
            return false;
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    true
}

/// A whole number that is written back as it was read: one of so many digits fits into 64 bits. Zero has no sign there.
fn is_plain_integer(number: &str) -> bool {
    let (digits, most) = match number.strip_prefix('-').filter(|digits| !digits.starts_with('0')) {
        Some(digits) => (digits, MAX_NEGATIVE_DIGITS),
        None => (number, MAX_PLAIN_DIGITS),
    };
    digits.len() <= most && digits.bytes().all(|byte| byte.is_ascii_digit())
}

struct Rewriter<'a> {
    json: &'a str,
    at: usize,
    /// Of the open objects: the name of each member, and where it begins in what is written.
    members: Vec<(&'a str, usize)>,
}

impl<'a> Rewriter<'a> {
    fn byte(&self) -> u8 {
        self.json.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn blanks(&mut self) {
        while self.byte() == b' ' {
            self.at += 1;
        }
    }

    fn value(&mut self, out: &mut String, depth: usize) -> Option<()> {
        match self.byte() {
            b'{' => self.object(out, depth + 1),
            b'[' => self.list(out, depth + 1),
            b'"' => self.string(out).map(|_inside| ()),
            b't' | b'f' | b'n' => {
                out.push_str(self.run(|byte| byte.is_ascii_lowercase())?);
                Some(())
            }
            _ => rewrite_number(self.run(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))?, out),
        }
    }

    /// A word or a number.
    fn run(&mut self, is_part: fn(u8) -> bool) -> Option<&'a str> {
        let start = self.at;
        while is_part(self.byte()) {
            self.at += 1;
        }
        self.json.get(start..self.at)
    }

    /// Writes a string; gives its inside as it is written.
    fn string(&mut self, out: &mut String) -> Option<&'a str> {
        let start = self.at + 1;
        let mut end = start;
        loop {
            end += memchr::memchr2(b'"', b'\\', self.json.as_bytes().get(end..)?)?;
            if self.json.as_bytes().get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        let inside = self.json.get(start..end)?;
        rewrite_string(inside, out);
        self.at = end + 1;
        Some(inside)
    }

    fn list(&mut self, out: &mut String, depth: usize) -> Option<()> {
        (depth <= MAX_NESTING).then_some(())?;
        self.at += 1;
        out.push('[');
        self.blanks();
        while self.byte() != b']' {
            self.value(out, depth)?;
            self.comma(out)?;
        }
        self.at += 1;
        out.push(']');
        Some(())
    }

    /// Passes over a comma, and writes it, or stands before the closing bracket.
    fn comma(&mut self, out: &mut String) -> Option<()> {
        self.blanks();
        match self.byte() {
            b',' => {
                self.at += 1;
                self.blanks();
                out.push(',');
            }
            b']' | b'}' => {}
            _ => return None,
        }
        Some(())
    }

    fn object(&mut self, out: &mut String, depth: usize) -> Option<()> {
        (depth <= MAX_NESTING).then_some(())?;
        self.at += 1;
        out.push('{');
        let (start, first) = (out.len(), self.members.len());
        self.blanks();
        let mut is_sorted = true;
        while self.byte() != b'}' {
            let begins = out.len();
            let name = self.string(out)?;
            let own = self.members.get(first..)?;
            is_sorted &= own.last().is_none_or(|(last, _)| *last < name);
            let is_plain = own.len() < MAX_MEMBERS && !name.contains('\\');
            self.members.push((name, begins));
            (is_plain && self.colon()).then_some(())?;
            out.push(':');
            self.value(out, depth)?;
            self.comma(out)?;
        }
        self.at += 1;
        if !is_sorted {
            sort(out, start, self.members.get(first..)?)?;
        }
        self.members.truncate(first);
        out.push('}');
        Some(())
    }

    fn colon(&mut self) -> bool {
        self.blanks();
        let is_there = self.byte() == b':';
        self.at += 1;
        self.blanks();
        is_there
    }
}

/// Puts the members that stand in `out` from `start` on into the order of their names.
fn sort(out: &mut String, start: usize, members: &[(&str, usize)]) -> Option<()> {
    let written = out.split_off(start);
    let ends = members.iter().skip(1).map(|(_, begins)| begins - 1).chain([start + written.len()]);
    let mut texts: Vec<(&str, &str)> = Vec::with_capacity(members.len());
    for ((name, begins), end) in members.iter().zip(ends) {
        texts.push((name, written.get(begins - start..end - start)?));
    }
    texts.sort_unstable();
    let is_twice = texts.windows(2).any(|pair| matches!(pair, [(first, _), (second, _)] if first == second));
    (!is_twice).then_some(())?;
    for (index, (_, text)) in texts.iter().enumerate() {
        out.push_str(if index > 0 { "," } else { "" });
        out.push_str(text);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(json: &str) -> bool {
        let mut out = String::from("before");
        let done = rewrite(json, &mut out).is_some();
        if done {
            let expected = serde_json::from_str::<Value>(json).expect("a case is JSON").to_string();
            assert_eq!(out, format!("before{expected}"), "{json}");
        }
        done
    }

    /// Scenario: objects in any order, with blanks and nesting. Guarantees: what serde writes; the rest is left to it.
    #[test]
    fn members_are_put_in_order() {
        for plain in [
            r#"{"b":1,"a":{"d":[true,null,{"z":"","y":0}],"c":"é/"},"B":"x"}"#,
            r#"{ "b" : [ 1 , 2 ] , "a" : { } }"#,
            "[]",
            "{}",
            "0",
            "[[],[{}]]",
            r#""x""#,
            r#"{"a":1,"ab":2,"aa":3}"#,
        ] {
            assert!(check(plain), "{plain}");
        }
        for other in
            [r#"{"a":1,"a":2}"#, r#"{"b":1,"a":1,"b":1}"#, r#"{"\u0061":1}"#, r#"[{"b":{"\n":1},"a":0}]"#]
        {
            assert!(!check(other), "{other}");
        }
    }

    /// Scenario: numbers and strings that are written in more than one way. Guarantees: serde's way.
    #[test]
    fn numbers_and_escapes_are_written_anew() {
        for scalar in [
            "-1",
            "-0",
            "0",
            "1.5",
            "1.50",
            "-0.0",
            "1e5",
            "-1E-3",
            "999999999999999999",
            "1000000000000000000",
            "1772359200000000000",
            "9999999999999999999",
            "-999999999999999999",
            "-9223372036854775809",
            "-1000000000000000000",
            "12345678901234567890",
            "123456789012345678901",
            r#""\n\t\r\b\f\"\\""#,
            r#""\/""#,
            r#""a\u0026b""#,
            r#""\u0000\u001f\u007f""#,
            r#""\u00e9é""#,
            r#""\\u0026""#,
        ] {
            assert!(check(scalar), "{scalar}");
            assert!(check(&format!("{{\"b\": [{scalar} , {scalar}],\"a\":{scalar}}}")), "{scalar}");
        }
    }

    proptest! {
        /// Scenario: any small value. Guarantees: what is written is what serde writes.
        #[test]
        fn any_value(value in value()) {
            check(&value);
        }
    }

    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[a-c]{0,2}".prop_map(|text| format!("\"{text}\"")),
            Just("12".to_owned()),
            Just("null".to_owned()),
            Just("1.50".to_owned()),
            Just("-7".to_owned()),
            Just(r#""\u0026\n""#.to_owned())
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(", "))),
                proptest::collection::vec(("[a-d]{1,2}", inner), 0..5).prop_map(|members| {
                    let members: Vec<String> =
                        members.into_iter().map(|(name, value)| format!("\"{name}\" :{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }
}
