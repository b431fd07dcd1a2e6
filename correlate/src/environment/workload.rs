//! `[[workload]]`: what is known of a workload, and under which names it goes.
//!
//! In: a name as a log writes it. Out: the workload and its canonical id. Owns: aliases; they match exactly.
//! Law: one name means one workload; a name that two entries claim is refused.

use offbound_schemas::authored::{At, Table, Value, quoted, values};
use std::collections::BTreeSet;

use offbound_schemas::vocabulary::Control;

use super::Environment;

/// What is declared of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadInfo {
    /// Canonical id.
    pub id: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Controls that it is required to have.
    pub baseline: Vec<Control>,
    /// Programs that read its credentials, if declared.
    pub credential_readers: Option<Vec<String>>,
    /// Whether it is sensitive as a destination.
    pub sensitive: bool,
    /// Whether a sensor can be on its hosts: not where somebody else runs them.
    pub host_sensor: bool,
}

const KEYS: &[&str] =
    &["id", "aliases", "owner", "baseline", "credential_readers", "sensitive", "host_sensor"];

pub(super) fn read(environment: &mut Environment, value: &Value<'_>) {
    let controls: Vec<(&str, Control)> =
        Control::ALL.iter().map(|control| (control.as_str(), *control)).collect();
    let mut names = BTreeSet::new();
    for table in value.tables() {
        table.allow_keys(KEYS);
        let id = table.required("id", "its name, such as id = \"spiffe://prod.example/ns/shop/sa/web\"");
        let id = id.and_then(|id| Some(At { at: id.at(), value: id.text()? }));
        let aliases = table.value("aliases").map(|aliases| aliases.texts()).unwrap_or_default();
        refuse_second_owners(&mut names, id.iter().chain(&aliases), &table);
        environment.workloads.push(WorkloadInfo {
            id: id.map(|id| id.value).unwrap_or_default(),
            aliases: values(aliases),
            owner: table.text("owner"),
            baseline: table.value("baseline").map(|baseline| baseline.words(&controls)).unwrap_or_default(),
            credential_readers: table.texts("credential_readers"),
            sensitive: table.flag("sensitive").unwrap_or(false),
            host_sensor: table.flag("host_sensor").unwrap_or(true),
        });
    }
}

fn refuse_second_owners<'n>(
    names: &mut BTreeSet<String>,
    claimed: impl Iterator<Item = &'n At<String>>,
    table: &Table<'_>,
) {
    for name in claimed {
        if !names.insert(name.value.clone()) {
            let message =
                format!("\"{}\" already names a workload; keep it in one [[workload]]", quoted(&name.value));
            table.fault(name.at, message);
        }
    }
}

impl Environment {
    /// The canonical id of a workload; the name itself when no entry knows it.
    #[must_use]
    pub fn canonical_workload(&self, name: &str) -> String {
        self.canonical(name).to_owned()
    }

    /// The same without a copy.
    pub(crate) fn canonical<'n>(&'n self, name: &'n str) -> &'n str {
        self.workload(name).map_or(name, |workload| &workload.id)
    }

    /// Every name under which a workload goes, the given one included.
    pub(super) fn names_of_workload<'n>(&'n self, name: &'n str) -> Vec<&'n str> {
        match self.workload(name) {
            Some(workload) => {
                std::iter::once(&workload.id).chain(&workload.aliases).map(String::as_str).collect()
            }
            None => vec![name],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a workload under its id, an alias and a stranger's name. Guarantees: names match exactly.
    #[test]
    fn canonical_names() {
        let text = "[[workload]]\nid = \"spiffe://x/web\"\naliases = [\"shop/web\"]\n";
        let environment = Environment::parse(text, "env.toml").expect("a good file");
        for (name, canonical) in
            [("spiffe://x/web", "spiffe://x/web"), ("shop/web", "spiffe://x/web"), ("shop/web2", "shop/web2")]
        {
            assert_eq!(environment.canonical_workload(name), canonical);
        }
        assert!(environment.workload("shop").is_none());
        assert_eq!(Environment::default().canonical_workload("a"), "a");
    }
}
