//! By what a mapping file recognises a record.
//!
//! In: a record. Out: whether all conditions hold, or which one does not. Owns: `has`, `lacks`, `equals`, `starts`.

use serde_json::Value;

use super::path::Path;
use crate::decode::field::scalar_text;

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    /// Paths that lead to something.
    pub(super) has: Vec<Path>,
    /// Paths that lead to nothing.
    pub(super) lacks: Vec<Path>,
    /// Paths that lead to one of these texts.
    pub(super) equals: Vec<(Path, Vec<String>)>,
    /// Paths that lead to a text that starts with one of these.
    pub(super) starts: Vec<(Path, Vec<String>)>,
}

impl Conditions {
    /// Whether something must be there for them to hold.
    pub(super) fn ask_for_something(&self) -> bool {
        !(self.has.is_empty() && self.equals.is_empty() && self.starts.is_empty())
    }

    /// Paths that must lead to something.
    pub(super) fn required(&self) -> impl Iterator<Item = &Path> {
        let compared = self.equals.iter().chain(&self.starts).map(|(path, _)| path);
        self.has.iter().chain(compared)
    }

    /// Whether all hold.
    pub(super) fn hold(&self, record: &Value) -> bool {
        let Self { has, lacks, equals, starts } = self;
        has.iter().all(|path| path.first(record).is_some())
            && lacks.iter().all(|path| path.first(record).is_none())
            && equals.iter().all(|(path, texts)| is_one_of(path, texts, record))
            && starts.iter().all(|(path, texts)| starts_with_one_of(path, texts, record))
    }

    /// What must hold, for a reader.
    pub(super) fn in_words(&self) -> String {
        let Self { has, lacks, equals, starts } = self;
        let has = has.iter().map(|path| format!("`{}`", path.text));
        let equals = equals.iter().map(|(path, texts)| format!("`{}` = {}", path.text, texts.join("|")));
        let starts = starts.iter().map(|(path, texts)| format!("`{}` = {}…", path.text, texts.join("…|")));
        let lacks = lacks.iter().map(|path| format!("no `{}`", path.text));
        has.chain(equals).chain(starts).chain(lacks).collect::<Vec<_>>().join(", ")
    }

    /// What does not hold, for a reader; names paths, never values of the record.
    pub(super) fn failure(&self, record: &Value) -> Option<String> {
        let Self { has, lacks, equals, starts } = self;
        let absent = has.iter().find(|path| path.first(record).is_none());
        let absent = absent.map(|path| format!("`{}` is missing", path.text));
        let present = lacks.iter().find(|path| path.first(record).is_some());
        let present = || present.map(|path| format!("`{}` is there", path.text));
        let other = equals.iter().find(|(path, texts)| !is_one_of(path, texts, record));
        let other = || other.map(|(path, texts)| format!("`{}` is not {}", path.text, texts.join(" or ")));
        let start = starts.iter().find(|(path, texts)| !starts_with_one_of(path, texts, record));
        let start = || {
            start.map(|(path, texts)| format!("`{}` does not start with {}", path.text, texts.join(" or ")))
        };
        absent.or_else(present).or_else(other).or_else(start)
    }
}

fn is_one_of(path: &Path, texts: &[String], record: &Value) -> bool {
    match path.first(record) {
        Some(Value::String(found)) => texts.iter().any(|text| text == found),
        Some(found) => scalar_text(found).is_some_and(|found| texts.contains(&found)),
        None => false,
    }
}

fn starts_with_one_of(path: &Path, texts: &[String], record: &Value) -> bool {
    let found = path.first(record).and_then(Value::as_str);
    found.is_some_and(|found| texts.iter().any(|text| found.starts_with(text.as_str())))
}
