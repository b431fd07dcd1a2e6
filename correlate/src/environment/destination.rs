//! `[[destination]]`: names for places that are called.
//!
//! In: the names under which logs know a place (host, authority, cluster, address and port). Out: its entry.
//! Owns: order; the first entry that any of the names fits wins.

use offbound_schemas::authored::{Value, quoted};
use std::collections::BTreeSet;

use offbound_schemas::vocabulary::Enforcement;

use super::Environment;
use super::pattern::Pattern;
use super::ranges::patterns_of;

/// What is declared of a place that is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationInfo {
    /// Its name.
    pub name: String,
    /// How logs write it (`match` in the file).
    pub patterns: Vec<Pattern>,
    /// Whether it is sensitive.
    pub sensitive: bool,
    /// Whether it enforces its decisions.
    pub enforcement: Enforcement,
    /// Whether it logs assertions; unknown unless declared.
    pub identity_log: Option<bool>,
    /// The audiences of tokens that are meant for it; unknown unless declared.
    pub audiences: Option<Vec<String>>,
}

const ENFORCEMENTS: &[(&str, Enforcement)] = &[
    (Enforcement::Enforced.as_str(), Enforcement::Enforced),
    (Enforcement::DryRun.as_str(), Enforcement::DryRun),
    (Enforcement::None.as_str(), Enforcement::None),
];

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    let mut names = BTreeSet::new();
    for table in value.tables() {
        table.allow_keys(&["name", "match", "sensitive", "enforcement", "identity_log", "audiences"]);
        let name = table.required("name", "what to call it, such as name = \"payments\"");
        let name_at = name.as_ref().map_or(table.at(), Value::at);
        let name = name.and_then(|name| name.text()).unwrap_or_default();
        if !name.is_empty() && !names.insert(name.clone()) {
            let message = format!(
                "destination \"{}\" is declared twice; make it one [[destination]] with all of their `match`",
                quoted(&name)
            );
            table.fault(name_at, message);
        }
        environment.destinations.push(DestinationInfo {
            name,
            patterns: patterns_of(&table, "match").unwrap_or_default(),
            sensitive: table.flag("sensitive").unwrap_or(false),
            enforcement: table
                .value("enforcement")
                .and_then(|word| word.word(ENFORCEMENTS))
                .unwrap_or_default(),
            identity_log: table.flag("identity_log"),
            audiences: table.texts("audiences"),
        });
    }
}

impl Environment {
    /// The audiences that are declared of the destination of that name.
    pub(crate) fn audiences_of(&self, name: &str) -> Option<&[String]> {
        self.destination_named(name)?.audiences.as_deref()
    }

    /// A name of a destination, and the one that the file gives it.
    pub(super) fn names_of_destination<'n>(&'n self, name: &'n str) -> Vec<&'n str> {
        let declared = self.destination(&[name]).map(|entry| entry.name.as_str());
        std::iter::once(name).chain(declared.filter(|declared| *declared != name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: overlapping entries and several candidate names. Guarantees: any name may fit, the first entry wins.
    #[test]
    fn first_entry_wins() {
        let text = r#"
[[destination]]
name = "payments"
match = ["payments.shop.svc*", "10.1.9.9:8443"]
[[destination]]
name = "shop"
match = ["*.shop.svc*"]
"#;
        let environment = Environment::parse(text, "env.toml").expect("a good file");
        let found = |names: &[&str]| environment.destination(names).map(|entry| entry.name.as_str());
        assert_eq!(found(&["payments.shop.svc.cluster.local"]), Some("payments"));
        assert_eq!(found(&["orders.shop.svc", "10.1.9.9:8443"]), Some("payments"));
        assert_eq!(found(&["orders.shop.svc"]), Some("shop"));
        assert_eq!(found(&["payments"]), Some("payments"));
        assert_eq!(found(&["10.1.9.9"]), None);
        assert_eq!(found(&[]), None);
    }
}
