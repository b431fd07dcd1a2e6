//! `[[exception]]`: dated, reasoned exceptions to rules.
//!
//! In: rule, subject, moment. Out: the exception that covers it. Law: an exception ends; an expiry that is a bare
//! date lasts through that day (UTC).

use offbound_schemas::EventTime;
use offbound_schemas::authored::Value;

use super::Environment;
use super::pattern::Pattern;

/// An exception to a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Number of the rule.
    pub rule: String,
    /// Whom it excepts.
    pub subject: Pattern,
    /// Why.
    pub reason: String,
    /// The first moment at which it no longer holds.
    pub expires: EventTime,
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    for table in value.tables() {
        table.allow_keys(&["rule", "subject", "reason", "expires"]);
        let rule = table.required("rule", "the rule it excepts from, such as rule = \"CT-305\"");
        let subject = table.required("subject", "whom it excepts, such as subject = \"legacy-batch\"");
        let reason = table.required("reason", "why, in a sentence");
        let expires = table.required("expires", "when it ends, such as expires = 2026-12-31");
        let text = |value: Option<Value<'_>>| value.and_then(|value| value.text()).unwrap_or_default();
        environment.exceptions.push(Exception {
            rule: text(rule),
            subject: Pattern::new(&text(subject)),
            reason: text(reason),
            expires: expires.and_then(|moment| moment.moment(true)).unwrap_or(EventTime::MIN),
        });
    }
}

impl Environment {
    /// The exception from `rule` that covers `subject` at this moment.
    #[must_use]
    pub fn exception(&self, rule: &str, subject: &str, at: EventTime) -> Option<&Exception> {
        let subjects = self.names_of_workload(subject);
        let covers = |entry: &&Exception| {
            entry.rule == rule
                && at < entry.expires
                && subjects.iter().any(|subject| entry.subject.matches(subject))
        };
        self.exceptions.iter().find(covers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: an exception with a bare date, before and after its end, other rules and subjects.
    /// Guarantees: it covers just what it says, through its last day.
    #[test]
    fn ends_after_its_day() {
        let text = "[[exception]]\nrule = \"CT-305\"\nsubject = \"batch-*\"\nreason = \"old\"\nexpires = 2026-12-31\n";
        let environment = Environment::parse(text, "env.toml").expect("a good file");
        let time = |text| EventTime::parse(text).expect("a good time");
        for (rule, subject, at, expected) in [
            ("CT-305", "batch-1", "2026-12-31T23:59:59Z", true),
            ("CT-305", "batch-1", "2027-01-01T00:00:00Z", false),
            ("CT-306", "batch-1", "2026-12-31T00:00:00Z", false),
            ("CT-305", "web", "2026-12-31T00:00:00Z", false),
        ] {
            assert_eq!(
                environment.exception(rule, subject, time(at)).is_some(),
                expected,
                "{rule} {subject} {at}"
            );
        }
    }
}
