//! Fields of a record that a mapping file does not speak of.
//!
//! In: a record. Out: what no path leads to, each under its own path, for the `unmapped` column.
//! Owns: the tree of all paths of a mapping. What is named under `ignore` counts as spoken of.

use std::collections::BTreeMap;

use serde_json::Value;

use super::path::{Path, Step};

/// Deepest level at which single fields are told apart; what is below goes in one piece.
const MAX_LEVEL: usize = 8;

/// All paths of a mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spoken {
    is_end: bool,
    each: Option<Box<Spoken>>,
    keys: BTreeMap<String, Spoken>,
}

impl Spoken {
    /// Adds a path.
    pub(super) fn add(&mut self, path: &Path) {
        self.keys.entry(path.text.clone()).or_default().is_end = true;
        let end = path.steps.iter().fold(self, |node, step| match step {
            Step::Key(key) => node.keys.entry(key.clone()).or_default(),
            Step::Each => node.each.get_or_insert_default(),
        });
        end.is_end = true;
    }

    /// What is not spoken of.
    pub(super) fn rest<'v>(&self, record: &'v Value) -> Vec<(String, &'v Value)> {
        let mut found = Vec::new();
        self.walk(record, &mut String::new(), 0, &mut found);
        found
    }

    fn walk<'v>(
        &self,
        value: &'v Value,
        at: &mut String,
        level: usize,
        found: &mut Vec<(String, &'v Value)>,
    ) {
        match value {
            Value::Object(fields) if level < MAX_LEVEL => {
                for (key, inner) in fields {
                    self.child(self.keys.get(key), key, inner, at, level, found);
                }
            }
            Value::Array(items) if level < MAX_LEVEL => {
                for (index, inner) in items.iter().enumerate() {
                    let index = index.to_string();
                    let child = self.each.as_deref().or_else(|| self.keys.get(&index));
                    self.child(child, &index, inner, at, level, found);
                }
            }
            other => found.push((at.clone(), other)),
        }
    }

    fn child<'v>(
        &self,
        child: Option<&Self>,
        key: &str,
        value: &'v Value,
        at: &mut String,
        level: usize,
        found: &mut Vec<(String, &'v Value)>,
    ) {
        let length = at.len();
        at.push_str(if length == 0 { "" } else { "." });
        at.push_str(key);
        match child {
            Some(child) if child.is_end => {}
            Some(child) => child.walk(value, at, level + 1, found),
            None => found.push((at.clone(), value)),
        }
        at.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Scenario: a record of which some fields are spoken of. Guarantees: exactly the others come out, with their paths.
    #[test]
    fn the_others() {
        let mut spoken = Spoken::default();
        for path in ["a.b", "list.*.name", "flat.key", "whole"] {
            spoken.add(&Path::parse(path).expect("a path"));
        }
        let record = json!({"a": {"b": 1, "c": 2}, "list": [{"name": "x", "id": 7}], "flat.key": 1, "whole": {"z": 1}, "new": [1]});
        let rest: Vec<String> =
            spoken.rest(&record).into_iter().map(|(path, value)| format!("{path}={value}")).collect();
        assert_eq!(rest, ["a.c=2", "list.0.id=7", "new=[1]"]);
    }
}
