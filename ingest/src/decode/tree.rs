//! JSON of operands as a tree that borrows its texts: a map of owned values costs more than all the rest of a record.
//!
//! In: a `serde_json` value, or members of a tree that `fast` has read. Out: text, numbers and lists at a path, as `field` reads them.
//! Owns: nothing but the looking. Law FLOW-2: whoever has read the JSON, what is found in it is the same.

use std::borrow::Cow;

use serde_json::Value;

use super::field::MAX_LIST_ITEMS;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tree<'a> {
    /// `null`: it counts as absent.
    Null,
    /// `true` or `false`.
    Truth(bool),
    /// A number: as a whole one where it is one of 64 bits, and as `serde_json` writes it.
    Number(Option<i64>, Cow<'a, str>),
    /// A string.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Tree<'a>>),
    /// An object; of members with one name the last counts.
    Object(Vec<(Cow<'a, str>, Tree<'a>)>),
}

impl<'a> Tree<'a> {
    /// The tree of a value.
    pub(crate) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Truth(*truth),
            Value::Number(number) => Self::Number(number.as_i64(), Cow::Owned(number.to_string())),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Array(items) => Self::List(items.iter().map(Self::of).collect()),
            Value::Object(members) => {
                let members = members.iter();
                Self::Object(members.map(|(name, value)| (Cow::Borrowed(&**name), Self::of(value))).collect())
            }
        }
    }

    /// The value at `path`, one key a step; null counts as absent.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        let found = path.iter().try_fold(self, |tree, key| match tree {
            Self::Object(members) => {
                members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
            }
            _ => None,
        })?;
        (*found != Self::Null).then_some(found)
    }

    /// Whether something other than null is at `path`.
    pub(crate) fn has(&self, path: &[&str]) -> bool {
        self.at(path).is_some()
    }

    /// Text at `path`, unless empty.
    pub(crate) fn str_at(&self, path: &[&str]) -> Option<&str> {
        match self.at(path)? {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Text, number or truth value at `path`, as text, unless empty.
    pub(crate) fn string_at(&self, path: &[&str]) -> Option<String> {
        self.at(path)?.scalar()
    }

    fn scalar(&self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text.to_string()),
            Self::Number(_, text) => Some(text.to_string()),
            Self::Truth(truth) => Some(truth.to_string()),
            _ => None,
        }
    }

    /// Whole number at `path`; also one that is written as text.
    pub(crate) fn i64_at(&self, path: &[&str]) -> Option<i64> {
        match self.at(path)? {
            Self::Number(whole, _) => *whole,
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A 32-bit number at `path`, such as a pid.
    pub(crate) fn u32_at(&self, path: &[&str]) -> Option<u32> {
        match self.at(path)? {
            Self::Number(whole, _) => whole.and_then(|whole| u32::try_from(whole).ok()),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A 16-bit number at `path`, such as a port.
    pub(crate) fn u16_at(&self, path: &[&str]) -> Option<u16> {
        self.u32_at(path).and_then(|number| u16::try_from(number).ok())
    }

    /// The list at `path`; empty when there is none.
    pub(crate) fn array_at(&self, path: &[&str]) -> &[Self] {
        match self.at(path) {
            Some(Self::List(items)) => items,
            _ => &[],
        }
    }

    /// Texts of the list at `path`, at most [`MAX_LIST_ITEMS`]; a lone scalar is a list of one.
    pub(crate) fn list_at(&self, path: &[&str]) -> Vec<String> {
        match self.at(path) {
            Some(Self::List(items)) => items.iter().filter_map(Self::scalar).take(MAX_LIST_ITEMS).collect(),
            Some(lone) => lone.scalar().into_iter().collect(),
            None => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode::field;

    /// Scenario: values of every type. Guarantees: what `field` reads from a value is read from its tree.
    #[test]
    fn trees_are_read_as_values_are() {
        let value = json!({
            "text": "x", "empty": "", "null": null, "truth": true, "whole": 7, "below": -7, "part": 1.5, "large": u64::MAX,
            "port": 70_000, "digits": " 42 ", "sign": "-0", "plus": "+5", "list": ["a", 1, null, "", [2]], "in": {"side": "y"},
        });
        let tree = Tree::of(&value);
        let names = value.as_object().expect("an object").keys();
        for path in
            names.map(|name| vec![name.as_str()]).chain([vec!["in", "side"], vec!["in", "x"], vec!["x"]])
        {
            assert_eq!(tree.has(&path), field::has(&value, &path), "{path:?}");
            assert_eq!(tree.str_at(&path), field::str_at(&value, &path), "{path:?}");
            assert_eq!(tree.string_at(&path), field::string_at(&value, &path), "{path:?}");
            assert_eq!(tree.i64_at(&path), field::i64_at(&value, &path), "{path:?}");
            assert_eq!(tree.u32_at(&path), field::u32_at(&value, &path), "{path:?}");
            assert_eq!(tree.u16_at(&path), field::u16_at(&value, &path), "{path:?}");
            assert_eq!(tree.list_at(&path), field::list_at(&value, &path), "{path:?}");
            assert_eq!(tree.array_at(&path).len(), field::array_at(&value, &path).len(), "{path:?}");
        }
    }
}
