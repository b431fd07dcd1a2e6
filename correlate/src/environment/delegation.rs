//! `[[delegation]]`: who may present whose credential.
//!
//! In: presenter, subject, destination. Out: whether an entry allows it. Names count by any alias of the workload.
//! Law: MATCH-2. Entries only ever permit, so taking one away permits less.

use super::Environment;
use super::pattern::{Pattern, any_matches};
use super::ranges::{patterns, patterns_of};
use offbound_schemas::authored::Value;

/// A permitted intermediary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// Who presents.
    pub presenter: Pattern,
    /// Whose credentials.
    pub subjects: Vec<Pattern>,
    /// To which destinations; all of them when the file does not say.
    pub destinations: Vec<Pattern>,
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    for table in value.tables() {
        table.allow_keys(&["presenter", "subjects", "destinations"]);
        let presenter =
            table.required("presenter", "the workload that presents, such as presenter = \"spiffe://…\"");
        let subjects = table
            .required("subjects", "whose credentials it presents, such as subjects = [\"spiffe://…/*\"]");
        let destinations = patterns_of(&table, "destinations").unwrap_or_else(|| vec![Pattern::new("*")]);
        let presenter = presenter.and_then(|presenter| presenter.text()).unwrap_or_default();
        let subjects = subjects.map(|subjects| patterns(&subjects)).unwrap_or_default();
        environment.delegations.push(Delegation {
            presenter: Pattern::new(&presenter),
            subjects,
            destinations,
        });
    }
}

impl Environment {
    /// Whether `presenter` may present credentials of `subject` to `destination`.
    #[must_use]
    pub fn delegated(&self, presenter: &str, subject: &str, destination: &str) -> bool {
        let presenters = self.names_of_workload(presenter);
        let subjects = self.names_of_workload(subject);
        let destinations = self.names_of_destination(destination);
        self.delegations.iter().any(|entry| {
            presenters.iter().any(|name| entry.presenter.matches(name))
                && any_matches(&entry.subjects, &subjects)
                && any_matches(&entry.destinations, &destinations)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Scenario: a gateway that forwards for one namespace, seen under its alias.
    /// Guarantees: all three parts must fit.
    #[test]
    fn all_parts_must_fit() {
        let text = r#"
[[workload]]
id = "spiffe://x.example/gateway"
aliases = ["system:serviceaccount:edge:gateway"]
[[destination]]
name = "payments"
match = ["payments.*"]
[[delegation]]
presenter = "spiffe://x.example/gateway"
subjects = ["spiffe://x.example/shop/*"]
destinations = ["payments"]
"#;
        let environment = Environment::parse(text, "env.toml").expect("a good file");
        for (presenter, subject, destination, expected) in [
            ("spiffe://x.example/gateway", "spiffe://x.example/shop/web", "payments", true),
            ("system:serviceaccount:edge:gateway", "spiffe://x.example/shop/web", "payments.svc", true),
            ("spiffe://x.example/other", "spiffe://x.example/shop/web", "payments", false),
            ("spiffe://x.example/gateway", "spiffe://x.example/bank/web", "payments", false),
            ("spiffe://x.example/gateway", "spiffe://x.example/shop/web", "orders", false),
        ] {
            assert_eq!(
                environment.delegated(presenter, subject, destination),
                expected,
                "{presenter} {destination}"
            );
        }
        assert!(!Environment::default().delegated("a", "b", "c"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        /// Scenario: any delegations over few names; one is taken away. Guarantees: MATCH-2. Nothing new is permitted.
        #[test]
        fn taking_an_entry_away_permits_less(
            entries in proptest::collection::vec(("[ab*]{1,2}", "[ab*]{1,2}", "[ab*]{1,2}"), 1..5),
            gone in any::<proptest::sample::Index>(),
        ) {
            let delegation = |(presenter, subject, destination): &(String, String, String)| Delegation {
                presenter: Pattern::new(presenter),
                subjects: vec![Pattern::new(subject)],
                destinations: vec![Pattern::new(destination)],
            };
            let whole =
                Environment { delegations: entries.iter().map(delegation).collect(), ..Environment::default() };
            let mut less = whole.clone();
            less.delegations.remove(gone.index(whole.delegations.len()));
            for presenter in ["a", "b", "ab"] {
                for subject in ["a", "ba"] {
                    for destination in ["a", "bb"] {
                        let after = less.delegated(presenter, subject, destination);
                        prop_assert!(!after || whole.delegated(presenter, subject, destination));
                    }
                }
            }
        }
    }
}
