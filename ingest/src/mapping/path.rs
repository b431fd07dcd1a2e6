//! A way to a value inside a JSON record, as a mapping file writes it.
//!
//! In: `request.headers."x-forwarded-for".0`, or `groups.*.name`. Out: the value, or all values that `*` stands for.
//! Owns: that spelling. A key of the record that is spelled exactly like the whole path wins: columns of CSV and flat
//! keys of shippers hold dots. Null counts as absent.

use serde_json::Value;

/// Longest path, in steps: deeper than any record of the field, and short enough to be cheap.
const MAX_STEPS: usize = 16;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a key of an object, or an index of a list.
    Key(String),
    /// Into every item of a list.
    Each,
}

/// A path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(super) text: String,
    pub(super) steps: Vec<Step>,
}

impl Path {
    /// Reads a path; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let (step, behind) = step(rest)?;
            steps.push(step);
            if steps.len() > MAX_STEPS {
                return Err(format!("is deeper than {MAX_STEPS} steps"));
            }
            match behind.strip_prefix('.') {
                Some(next) => rest = next,
                None if behind.is_empty() => return Ok(Self { text: text.to_owned(), steps }),
                None => return Err("has text behind a closing quote; a step ends at a dot".to_owned()),
            }
        }
    }

    /// The first value that is there.
    pub(super) fn first<'v>(&self, record: &'v Value) -> Option<&'v Value> {
        self.flat(record).or_else(|| first(record, &self.steps))
    }

    /// Every value that is there.
    pub(super) fn all<'v>(&self, record: &'v Value) -> Vec<&'v Value> {
        let mut found = Vec::new();
        match self.flat(record) {
            Some(value) => found.push(value),
            None => all(record, &self.steps, &mut found),
        }
        found
    }

    fn flat<'v>(&self, record: &'v Value) -> Option<&'v Value> {
        record.get(&self.text).filter(|value| !value.is_null())
    }
}

/// The first step of a path, and what is behind it.
fn step(text: &str) -> Result<(Step, &str), String> {
    if let Some(inside) = text.strip_prefix('"') {
        let (key, behind) = inside.split_once('"').ok_or("has a quote that is not closed")?;
        return Ok((Step::Key(key.to_owned()), behind));
    }
    let end = text.find('.').unwrap_or(text.len());
    let (key, behind) = text.split_at(end);
    match key {
        "" => Err("has an empty step".to_owned()),
        "*" => Ok((Step::Each, behind)),
        key => Ok((Step::Key(key.to_owned()), behind)),
    }
}

fn into<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

fn first<'v>(value: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    let Some((step, rest)) = steps.split_first() else { return (!value.is_null()).then_some(value) };
    match step {
        Step::Key(key) => first(into(value, key)?, rest),
        Step::Each => value.as_array()?.iter().find_map(|item| first(item, rest)),
    }
}

fn all<'v>(value: &'v Value, steps: &[Step], found: &mut Vec<&'v Value>) {
    match steps.split_first() {
        None if value.is_null() => {}
        None => found.push(value),
        Some((Step::Key(key), rest)) => {
            into(value, key).into_iter().for_each(|inner| all(inner, rest, found))
        }
        Some((Step::Each, rest)) => {
            value.as_array().into_iter().flatten().for_each(|item| all(item, rest, found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Scenario: paths through objects, lists, quoted and flat keys. Guarantees: the value, and null is none.
    #[test]
    fn values_at_paths() {
        let record =
            json!({"a": {"b.c": ["x", {"d": 1}, {"d": null}, {"d": 2}]}, "source.ip": "10.0.0.1", "n": null});
        for (path, first, count) in [
            (r#"a."b.c".0"#, json!("x"), 1),
            (r#"a."b.c".*.d"#, json!(1), 2),
            ("source.ip", json!("10.0.0.1"), 1),
            ("n", Value::Null, 0),
            ("a.x.y", Value::Null, 0),
        ] {
            let parsed = Path::parse(path).expect("a path");
            assert_eq!(parsed.first(&record).cloned().unwrap_or_default(), first, "{path}");
            assert_eq!(parsed.all(&record).len(), count, "{path}");
        }
        for bad in ["", "a..b", "a.", "\"a", "\"a\"b", &"a.".repeat(20)] {
            assert!(Path::parse(bad).is_err(), "{bad}");
        }
    }
}
