//! Trees out of JSON as it is written.
//!
//! In: valid JSON that the walker has judged: blanks are spaces, escapes are no surrogates. Out: a [`Tree`], or nothing
//! where it is not as the walker leaves it. Owns: nothing but the reading.

use std::borrow::Cow;

use super::rewrite::rewrite_number;
use super::slot::{Slot, unescape};
use crate::decode::tree::Tree;

/// Deepest nesting that is read: the walker goes no deeper.
const MAX_NESTING: usize = 40;

/// The tree of `json`.
pub(super) fn grow<'a>(json: &'a str) -> Option<Tree<'a>> {
    let mut grower = Grower { json, at: 0 };
    let tree = grower.value(0)?;
    (grower.at == json.len()).then_some(tree)
}

/// The tree of a number.
pub(super) fn number_tree<'a>(number: &'a str) -> Option<Tree<'a>> {
    let mut written = String::new();
    rewrite_number(number, &mut written)?;
    let text = if written == number { Cow::Borrowed(number) } else { Cow::Owned(written) };
    Some(Tree::Number(Slot::Number(number).whole_number(), text))
}

struct Grower<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Grower<'a> {
    fn byte(&self) -> u8 {
        self.json.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn blanks(&mut self) {
        while self.byte() == b' ' {
            self.at += 1;
        }
    }

    /// Passes over this byte and the blanks around it.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.blanks();
        (self.byte() == byte).then(|| self.at += 1)?;
        self.blanks();
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<Tree<'a>> {
        (depth <= MAX_NESTING).then_some(())?;
        match self.byte() {
            b'{' => self.object(depth + 1),
            b'[' => self.list(depth + 1),
            b'"' => self.string().map(Tree::Text),
            b't' | b'f' | b'n' => match self.run(|byte| byte.is_ascii_lowercase())? {
                "true" => Some(Tree::Truth(true)),
                "false" => Some(Tree::Truth(false)),
                _ => Some(Tree::Null),
            },
            _ => number_tree(self.run(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))?),
        }
    }

    fn run(&mut self, is_part: fn(u8) -> bool) -> Option<&'a str> {
        let start = self.at;
        while is_part(self.byte()) {
            self.at += 1;
        }
        self.json.get(start..self.at)
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        (self.byte() == b'"').then_some(())?;
        let start = self.at + 1;
        let (mut end, mut is_escaped) = (start, false);
        loop {
            end += memchr::memchr2(b'"', b'\\', self.json.as_bytes().get(end..)?)?;
            if self.json.as_bytes().get(end) == Some(&b'"') {
                break;
            }
            is_escaped = true;
            end += 2;
        }
        self.at = end + 1;
        let inside = self.json.get(start..end)?;
        Some(if is_escaped { Cow::Owned(unescape(inside)) } else { Cow::Borrowed(inside) })
    }

    fn list(&mut self, depth: usize) -> Option<Tree<'a>> {
        let mut items = Vec::new();
        self.take(b'[')?;
        while self.byte() != b']' {
            items.push(self.value(depth)?);
            self.comma()?;
        }
        self.at += 1;
        Some(Tree::List(items))
    }

    fn object(&mut self, depth: usize) -> Option<Tree<'a>> {
        let mut members = Vec::new();
        self.take(b'{')?;
        while self.byte() != b'}' {
            let name = self.string()?;
            self.take(b':')?;
            members.push((name, self.value(depth)?));
            self.comma()?;
        }
        self.at += 1;
        Some(Tree::Object(members))
    }

    /// Passes over a comma, or stands before the closing bracket.
    fn comma(&mut self) -> Option<()> {
        self.blanks();
        match self.byte() {
            b',' => self.take(b','),
            b']' | b'}' => Some(()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Scenario: JSON of every kind. Guarantees: the tree of what serde reads; what is cut gives nothing.
    #[test]
    fn trees_are_what_serde_reads() {
        for json in [
            "[]",
            "{ }",
            r#"[{"file_arg":{"path":"/etc/a","permission":"-rw"}},{"int_arg":4}]"#,
            r#"{ "b" : [ 1 , -2 , 1.50, true , null, "\u0026\n" ] , "a" : { "" : "" } }"#,
            "[-0, 18446744073709551615, 1e3]",
            "[[[[]]], {}]",
        ] {
            let value: Value = serde_json::from_str(json).expect("a case is JSON");
            let same = |grown: Option<Tree<'_>>| grown.map(|tree| sorted(tree)) == Some(Tree::of(&value));
            assert!(same(grow(json)), "{json}: {:?}", grow(json));
            for end in 1..json.len() {
                assert_eq!(json.get(..end).and_then(grow), None, "{json} up to {end}");
            }
        }
    }

    /// With the members of objects in the order of their names, as serde has them.
    fn sorted(tree: Tree<'_>) -> Tree<'_> {
        match tree {
            Tree::List(items) => Tree::List(items.into_iter().map(sorted).collect()),
            Tree::Object(mut members) => {
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                Tree::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect())
            }
            other => other,
        }
    }
}
