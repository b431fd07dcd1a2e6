//! `[[allow]]`: declared policy, who may call what.
//!
//! In: subject, destination, action, moment. Out: whether an entry in effect allows it, and whether any speaks of the
//! subject at all. Law: a subject of whom no entry speaks has no declared policy, so nothing of it is undeclared.

use offbound_schemas::EventTime;
use offbound_schemas::authored::Value;

use super::Environment;
use super::pattern::{Pattern, any_matches};
use super::ranges::{patterns, patterns_of};

/// A permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// Who may call.
    pub subjects: Vec<Pattern>,
    /// What.
    pub destinations: Vec<Pattern>,
    /// To do what; anything when the file does not say.
    pub actions: Vec<Pattern>,
    /// From when on; always when the file does not say.
    pub effective_from: Option<EventTime>,
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    for table in value.tables() {
        table.allow_keys(&["subjects", "destinations", "actions", "effective_from"]);
        let subjects = table.required("subjects", "who may call, such as subjects = [\"spiffe://…/*\"]");
        let destinations =
            table.required("destinations", "what they may call, such as destinations = [\"payments\"]");
        environment.allows.push(Allow {
            subjects: subjects.map(|subjects| patterns(&subjects)).unwrap_or_default(),
            destinations: destinations.map(|destinations| patterns(&destinations)).unwrap_or_default(),
            actions: patterns_of(&table, "actions").unwrap_or_else(|| vec![Pattern::new("*")]),
            effective_from: table.value("effective_from").and_then(|moment| moment.moment(false)),
        });
    }
}

impl Environment {
    /// Whether declared policy lets `subject` do `action` at `destination` at this moment.
    #[must_use]
    pub fn declared(&self, subject: &str, destination: &str, action: &str, at: EventTime) -> bool {
        let subjects = self.names_of_workload(subject);
        let destinations = self.names_of_destination(destination);
        self.allows.iter().any(|entry| {
            entry.effective_from.is_none_or(|from| from <= at)
                && any_matches(&entry.subjects, &subjects)
                && any_matches(&entry.destinations, &destinations)
                && any_matches(&entry.actions, &[action])
        })
    }

    /// Whether declared policy in effect at this moment speaks of `subject` at all.
    #[must_use]
    pub fn has_policy_for(&self, subject: &str, at: EventTime) -> bool {
        let subjects = self.names_of_workload(subject);
        let in_effect = |entry: &&Allow| entry.effective_from.is_none_or(|from| from <= at);
        self.allows.iter().filter(in_effect).any(|entry| any_matches(&entry.subjects, &subjects))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
[[workload]]
id = "spiffe://x/web"
aliases = ["shop/web"]
[[destination]]
name = "payments"
match = ["10.1.9.9:*"]
[[allow]]
subjects = ["spiffe://x/web"]
destinations = ["payments"]
actions = ["GET *"]
effective_from = 2026-01-01T00:00:00Z
"#;

    /// Scenario: calls within and beside the policy, under aliases, before and after it takes effect.
    /// Guarantees: every part must fit.
    #[test]
    fn every_part_must_fit() {
        let environment = Environment::parse(POLICY, "env.toml").expect("a good file");
        let time = |text| EventTime::parse(text).expect("a good time");
        let (before, after) = (time("2025-12-31T23:59:59Z"), time("2026-01-01T00:00:00Z"));
        for (subject, destination, action, at, expected) in [
            ("spiffe://x/web", "payments", "GET /", after, true),
            ("shop/web", "10.1.9.9:8443", "GET /", after, true),
            ("shop/web", "payments", "GET /", before, false),
            ("shop/web", "payments", "POST /", after, false),
            ("shop/web", "orders", "GET /", after, false),
            ("shop/job", "payments", "GET /", after, false),
        ] {
            assert_eq!(
                environment.declared(subject, destination, action, at),
                expected,
                "{subject} {destination}"
            );
        }
        assert!(environment.has_policy_for("shop/web", after));
        assert!(!environment.has_policy_for("shop/web", before));
        assert!(!environment.has_policy_for("shop/job", after));
    }
}
