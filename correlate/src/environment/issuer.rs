//! `[[issuer]]`: who makes credentials, and the logs that tell of every one of them.
//!
//! In: a kind of credential, the label of the source that accepted one. Out: the issuer that alone can have made it.
//! Law: MATCH-2. A kind is one issuer's at a verifier: of two that share it, taking one away would settle what was open.

use std::collections::BTreeSet;

use offbound_schemas::authored::{At, Table, Value, quoted, values};

use super::Environment;

/// The kind of credentials of which no log tells the kind.
const UNKNOWN_KIND: &str = "unknown";

/// An issuer of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// What it is called.
    pub name: String,
    /// Kinds of credentials that it makes.
    pub kinds: Vec<String>,
    /// Labels of the sources that together tell of every one that it makes.
    pub logs: Vec<String>,
    /// Labels of the sources whose recorders take such credentials from nobody else: its own logs, unless told otherwise.
    pub verifiers: Vec<String>,
    /// How long after it was made nobody honest shows one any more, in nanoseconds.
    pub max_age_nanos: Option<i64>,
}

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    let mut known = BTreeSet::new();
    for table in value.tables() {
        table.allow_keys(&["name", "kinds", "logs", "verifiers", "max_age"]);
        let name = table.required("name", "what it is called, such as name = \"cluster prod\"");
        let kinds = texts(&table, "kinds", "what it makes, such as kinds = [\"k8s-token\"]");
        let logs = texts(
            &table,
            "logs",
            "the sources that tell of each that it makes, such as logs = [\"k8s-audit:prod\"]",
        );
        let verifiers = table.value("verifiers").map(|verifiers| verifiers.texts());
        refuse_second_issuers(&mut known, (&kinds, verifiers.as_deref().unwrap_or(&logs)), &table);
        let logs = values(logs);
        environment.issuers.push(Issuer {
            name: name.and_then(|name| name.text()).unwrap_or_default(),
            kinds: values(kinds),
            verifiers: verifiers.map_or_else(|| logs.clone(), values),
            logs,
            max_age_nanos: table.duration_nanos("max_age"),
        });
    }
}

fn texts(table: &Table<'_>, key: &str, hint: &str) -> Vec<At<String>> {
    table.required(key, hint).map(|list| list.texts()).unwrap_or_default()
}

fn refuse_second_issuers(
    known: &mut BTreeSet<(String, String)>,
    (kinds, verifiers): (&[At<String>], &[At<String>]),
    table: &Table<'_>,
) {
    for kind in kinds {
        for verifier in verifiers {
            if !known.insert((kind.value.clone(), verifier.value.clone())) {
                let (kind, label) = (quoted(&kind.value), quoted(&verifier.value));
                let message = format!(
                    "\"{kind}\" at \"{label}\" already has an issuer; keep the logs of both in one [[issuer]]"
                );
                table.fault(verifier.at, message);
            }
        }
    }
}

impl Environment {
    /// The issuer that alone can have made a credential of that kind, where this source recorded that it was let in; with
    /// its number.
    pub(crate) fn issuer_of(&self, kind: &str, source_label: &str) -> Option<(usize, &Issuer)> {
        let has = |list: &[String], word: &str| list.iter().any(|known| known == word);
        // What has no id of its own is named by its claims, which others may share or write otherwise.
        if kind == UNKNOWN_KIND {
            return None;
        }
        let makes = |issuer: &Issuer| has(&issuer.verifiers, source_label) && has(&issuer.kinds, kind);
        self.issuers.iter().enumerate().find(|(_, issuer)| makes(issuer))
    }

    /// Whether a source is to tell of every credential of some issuer.
    pub(crate) fn is_issuing_log(&self, source_label: &str) -> bool {
        self.issuers.iter().any(|issuer| issuer.logs.iter().any(|log| log == source_label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[[issuer]]
name = "cluster"
kinds = ["k8s-token"]
logs = ["k8s-audit:a", "k8s-audit:b"]
max_age = "25h"
[[issuer]]
name = "mesh"
kinds = ["x509-svid"]
logs = ["spire-server"]
verifiers = ["envoy"]
"#;

    /// Scenario: an issuer that verifies by itself, and one whose credentials others accept. Guarantees: the issuer is found
    /// by kind and exact label, where it is declared to be the only one, and nowhere else.
    #[test]
    fn issuers_are_found_where_they_are_the_only_ones() {
        let environment = Environment::parse(TEXT, "env.toml").expect("a good file");
        for (kind, source, name) in [
            ("k8s-token", "k8s-audit:b", Some("cluster")),
            ("k8s-token", "k8s-audit", None),
            ("k8s-legacy-token", "k8s-audit:b", None),
            ("x509-svid", "envoy", Some("mesh")),
            ("x509-svid", "spire-server", None),
        ] {
            let found = environment.issuer_of(kind, source).map(|(_, issuer)| issuer.name.as_str());
            assert_eq!(found, name, "{kind} at {source}");
        }
        assert!(environment.is_issuing_log("spire-server") && !environment.is_issuing_log("envoy"));
    }

    /// Scenario: two issuers of one kind at one verifier. Guarantees: the file is refused.
    #[test]
    fn a_kind_has_one_issuer_at_a_verifier() {
        let text = format!(
            "{TEXT}[[issuer]]\nname = \"other\"\nkinds = [\"x509-svid\"]\nlogs = [\"o\"]\nverifiers = [\"envoy\"]\n"
        );
        let told = Environment::parse(&text, "env.toml").expect_err("two issuers").to_string();
        assert!(told.contains("\"x509-svid\" at \"envoy\" already has an issuer"), "{told}");
    }
}
