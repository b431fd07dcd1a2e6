//! JSON written anew as the strict path would: without blanks, the members of each object in the order of their names.
//!
//! In: valid JSON. Out: the same value as `serde_json` writes what it has read. Owns: the order of members.
//! Leaves to `serde_json`: escapes, numbers that are no plain integers, names that are there twice, deep nesting.

/// Deepest nesting that is written here.
const MAX_NESTING: usize = 16;
/// Most members of an object that are put in order here: more are rare.
const MAX_MEMBERS: usize = 64;

/// Appends `json` to `out`, or leaves it in an unknown state where the value is not plain.
pub(super) fn rewrite(json: &str, out: &mut String) -> Option<()> {
    Rewriter { json, at: 0 }.value(out, 0)
}

struct Rewriter<'a> {
    json: &'a str,
    at: usize,
}

impl Rewriter<'_> {
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
            b'"' => self.string(out),
            b't' | b'f' | b'n' => self.run(out, |byte| byte.is_ascii_lowercase()),
            b'1'..=b'9' => self.run(out, |byte| byte.is_ascii_digit()),
            b'0' => self.run(out, |byte| byte == b'0'),
            _ => None,
        }
    }

    /// Copies a word or a whole number; what is longer, or goes on behind it, is not plain.
    fn run(&mut self, out: &mut String, is_part: fn(u8) -> bool) -> Option<()> {
        // So many digits always fit into 64 bits.
        const MAX_BYTES: usize = 19;
        let start = self.at;
        while is_part(self.byte()) {
            self.at += 1;
        }
        let is_plain = self.at - start <= MAX_BYTES && matches!(self.byte(), 0 | b',' | b'}' | b']' | b' ');
        out.push_str(self.json.get(start..self.at).filter(|_| is_plain)?);
        Some(())
    }

    fn string(&mut self, out: &mut String) -> Option<()> {
        let rest = self.json.as_bytes().get(self.at + 1..)?;
        let length = memchr::memchr2(b'"', b'\\', rest).filter(|end| rest.get(*end) == Some(&b'"'))?;
        let end = self.at + length + 2;
        out.push_str(self.json.get(self.at..end)?);
        self.at = end;
        Some(())
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
        let start = out.len();
        let mut members: Vec<(&str, usize)> = Vec::new();
        self.blanks();
        let mut is_sorted = true;
        while self.byte() != b'}' {
            let (begins, name_starts) = (out.len(), self.at);
            self.string(out)?;
            let name = self.json.get(name_starts + 1..self.at - 1)?;
            is_sorted &= members.last().is_none_or(|(last, _)| *last < name);
            members.push((name, begins));
            (members.len() <= MAX_MEMBERS && self.colon()).then_some(())?;
            out.push(':');
            self.value(out, depth)?;
            self.comma(out)?;
        }
        self.at += 1;
        if !is_sorted {
            sort(out, start, &members)?;
        }
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
    use serde_json::Value;

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
        for other in [
            r#"{"a":1,"a":2}"#,
            r#"{"b":1,"a":1,"b":1}"#,
            "1.5",
            "-1",
            "12345678901234567890",
            r#""\n""#,
            r#"{"\u0061":1}"#,
            "1e5",
            "00",
        ] {
            assert!(other == "00" || !check(other), "{other}");
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
            Just("1.50".to_owned())
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
