//! `[completeness]`: which sources are complete, and how late they may be.
//!
//! In: a source label. Out: what is declared of exactly that label.
//! Law: MATCH-2. A label never borrows the completeness of its format: were a narrower "not complete" taken away, the
//! wider "complete" would settle what was open.

use super::Environment;
use offbound_schemas::authored::Value;

/// What is declared of a source's records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Whether every record of it arrives.
    pub complete: bool,
    /// How late one may be, in nanoseconds.
    pub max_delay_nanos: Option<i64>,
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    let Some(table) = value.table() else { return };
    for (label, entry) in table.entries() {
        let Some(entry) = entry.table() else { continue };
        entry.allow_keys(&["complete", "max_delay"]);
        let complete = entry.required("complete", "complete = true or complete = false");
        let completeness = Completeness {
            complete: complete.and_then(|complete| complete.flag()).unwrap_or(false),
            max_delay_nanos: entry.duration_nanos("max_delay"),
        };
        environment.completeness.insert(label.to_owned(), completeness);
    }
}

impl Environment {
    /// What is declared of the source with this label; nothing means unknown.
    #[must_use]
    pub fn completeness(&self, source_label: &str) -> Option<&Completeness> {
        self.completeness.get(source_label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a format that is complete and an instance of which nothing is said.
    /// Guarantees: the instance is unknown.
    #[test]
    fn labels_match_exactly() {
        let text = "[completeness]\n\"k8s-audit\" = { complete = true }\n";
        let environment = Environment::parse(text, "env.toml").expect("a good file");
        assert_eq!(environment.completeness("k8s-audit").map(|entry| entry.complete), Some(true));
        assert_eq!(environment.completeness("k8s-audit:prod"), None);
    }
}
