//! What an investigation is about: hosts, workloads and credentials by name.
//!
//! In: findings, incidents and columns of records. Out: the entities that they name. Owns: which field names which kind.
//! Law: an entity is its kind and its exact name; names that only look alike are two entities.

use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::table::{findings, host_events, identity_assertions, placements};

/// A kind of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum EntityKind {
    /// A machine.
    #[default]
    Host,
    /// What runs: a service account, a SPIFFE ID, a role.
    Workload,
    /// What is shown to prove who one is.
    Credential,
}

impl EntityKind {
    /// Every kind, as lists show them.
    pub const ALL: [Self; 3] = [Self::Credential, Self::Workload, Self::Host];

    /// The kind of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == word)
    }

    /// The word, which is the filter field of findings too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Workload => "workload",
            Self::Credential => "credential",
        }
    }
}

/// An entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Entity {
    /// What it is.
    pub kind: EntityKind,
    /// Its exact name.
    pub name: String,
}

impl Entity {
    /// The entity of that kind and name.
    #[must_use]
    pub fn new(kind: EntityKind, name: &str) -> Self {
        Self { kind, name: name.to_owned() }
    }

    /// Whether a finding names it.
    #[must_use]
    pub fn is_in(&self, finding: &Finding) -> bool {
        named_by(finding).any(|(kind, name)| kind == self.kind && name == self.name)
    }

    /// The entities that a finding names, most telling first, each once. A subject stands for the workload where that is
    /// not known.
    #[must_use]
    pub fn of_finding(finding: &Finding) -> Vec<Self> {
        let has_workload = finding.workload.is_some();
        let is_subject = |name: &str| has_workload && finding.subject.as_deref() == Some(name);
        let named = named_by(finding)
            .filter(|(kind, name)| *kind != EntityKind::Workload || !is_subject(name))
            .map(|(kind, name)| Self::new(kind, name));
        each_once(named)
    }

    /// The entities that an incident names.
    #[must_use]
    pub fn of_incident(incident: &Incident) -> Vec<Self> {
        let kinds = [
            (EntityKind::Host, &incident.hosts),
            (EntityKind::Workload, &incident.workloads),
            (EntityKind::Credential, &incident.credentials),
        ];
        each_once(
            kinds.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| Self::new(kind, name))),
        )
    }

    /// The entities that the columns of a stored record or finding name, each once.
    #[must_use]
    pub fn of_columns(columns: &[(String, String)]) -> Vec<Self> {
        each_once(columns.iter().filter_map(|(column, value)| Self::of_column(column, value)))
    }

    /// The entity that a column of a stored record or finding names.
    fn of_column(column: &str, value: &str) -> Option<Self> {
        use identity_assertions::column as identity;
        let is = |names: &[&str]| names.contains(&column);
        let kind = if is(&[identity::credential_id, identity::credential_alias, identity::parent_id]) {
            EntityKind::Credential
        } else if is(&[
            identity::subject,
            identity::observed_workload,
            placements::column::workload,
            findings::column::bound_workload,
        ]) {
            EntityKind::Workload
        } else if is(&[host_events::column::host, identity::bound_host, identity::recorder_host])
            || is(&[findings::column::observed_host, findings::column::process_host])
        {
            EntityKind::Host
        } else {
            return None;
        };
        (!value.is_empty()).then(|| Self::new(kind, value))
    }
}

/// Every name in a finding with what it names.
fn named_by(finding: &Finding) -> impl Iterator<Item = (EntityKind, &str)> {
    let credential = finding.credential.as_ref().map(|credential| credential.id.as_str());
    let (bound, observed) = (finding.bound.as_ref(), finding.observed.as_ref());
    let workloads = [
        finding.workload.as_deref(),
        finding.subject.as_deref(),
        bound.and_then(|place| place.workload.as_deref()),
        observed.and_then(|place| place.workload.as_deref()),
    ];
    let hosts = [
        bound.and_then(|place| place.host.as_deref()),
        observed.and_then(|place| place.host.as_deref()),
        finding.process.as_ref().and_then(|process| process.host.as_deref()),
    ];
    let of = |kind| move |name| (kind, name);
    let credentials = credential.into_iter().map(of(EntityKind::Credential));
    credentials
        .chain(workloads.into_iter().flatten().map(of(EntityKind::Workload)))
        .chain(hosts.into_iter().flatten().map(of(EntityKind::Host)))
}

/// The same without repetitions.
fn each_once(entities: impl Iterator<Item = Entity>) -> Vec<Entity> {
    let mut seen = std::collections::BTreeSet::new();
    entities.filter(|entity| seen.insert(entity.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixture;

    /// Scenario: a finding about a credential used elsewhere. Guarantees: credential, workload and both hosts, each once,
    /// and each is in the finding; another name is not.
    #[test]
    fn a_finding_names_its_entities() {
        let finding = &fixture::investigation().findings[0];
        let entities = Entity::of_finding(finding);
        let kinds: Vec<&str> = entities.iter().map(|entity| entity.kind.name()).collect();
        assert_eq!(kinds, ["credential", "workload", "host", "host"]);
        assert!(entities.iter().all(|entity| entity.is_in(finding)));
        assert!(Entity::new(EntityKind::Workload, "system:serviceaccount:shop:web").is_in(finding));
        assert!(!Entity::new(EntityKind::Host, "node-1").is_in(finding));
    }
}
