//! Entities: the list of all of them, and what events and conclusions say of one.
//!
//! In: a filter, an entity. Out: rows and facts. Law: a number says which rows are behind it; what is not known is left
//! out, never guessed.

use offbound_schemas::record::Finding;
use offbound_schemas::vocabulary::Severity;
use offbound_schemas::{EventTime, FindingId};

use super::{Entity, IncidentRow, PageRequest};

/// A line of the entities list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntityRow {
    /// Which entity.
    pub entity: Entity,
    /// Findings that name it.
    pub findings: u64,
    /// The weightiest one's severity.
    pub worst: Option<Severity>,
    /// Events that name it.
    pub records: u64,
    /// The first of them.
    pub first: Option<EventTime>,
    /// The last of them.
    pub last: Option<EventTime>,
}

/// Which entities are wanted: those whose name passes [`PageRequest::filter`] (`host:`, `workload:`, `credential:` and
/// plain terms), weightiest findings first.
pub type EntitiesRequest = PageRequest;

/// What conclusions say of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntityNote {
    /// Of which.
    pub entity: Entity,
    /// Incidents that name it.
    pub incidents: Vec<IncidentRow>,
    /// Uses that findings speak of.
    pub judged: Vec<Judged>,
}

/// A use that a finding speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Which finding.
    pub finding: FindingId,
    /// Its rule.
    pub rule: String,
    /// The credential.
    pub credential: Option<String>,
    /// The address from which it was used.
    pub address: String,
    /// Whether the finding says that this is another host or pod than it is bound to.
    pub is_off_bind: bool,
}

impl Judged {
    /// What a finding says of a use; nothing where it names no address.
    #[must_use]
    pub fn of(finding: &Finding) -> Option<Self> {
        let observed = finding.observed.as_ref()?;
        let differ = |bound: &Option<String>, seen: &Option<String>| {
            bound.as_ref().zip(seen.as_ref()).is_some_and(|(bound, seen)| bound != seen)
        };
        let is_off_bind = finding.bound.as_ref().is_some_and(|bound| {
            differ(&bound.host, &observed.host) || differ(&bound.pod_uid, &observed.pod_uid)
        });
        Some(Self {
            finding: finding.id,
            rule: finding.rule.clone(),
            credential: finding.credential.as_ref().map(|credential| credential.id.clone()),
            address: observed.address.clone()?,
            is_off_bind,
        })
    }
}

/// What events say of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntityFacts {
    /// Of which.
    pub entity: Entity,
    /// What it is: labels of ours, and values.
    pub facts: Vec<(&'static str, String)>,
    /// Where and for what credentials were used, most often first.
    pub uses: Vec<Use>,
    /// Entities that events name together with it, most often first.
    pub related: Vec<EntityRow>,
    /// Who recorded what of it.
    pub telemetry: Vec<Telemetry>,
    /// What there was more of than is listed.
    pub is_cut: bool,
}

/// Uses of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Use {
    /// The address from which; none where it was not recorded.
    pub address: Option<String>,
    /// The hosts that placements say have that address.
    pub hosts: Vec<String>,
    /// The workload that the recorder saw there.
    pub workload: Option<String>,
    /// What was called.
    pub destination: Option<String>,
    /// First use.
    pub first: EventTime,
    /// Last use.
    pub last: EventTime,
    /// How many.
    pub count: u64,
    /// Of these: refused.
    pub denied: u64,
}

/// What one source recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Telemetry {
    /// Table that it is in.
    pub table: String,
    /// Source label.
    pub source: String,
    /// How many records.
    pub records: u64,
    /// The first.
    pub first: EventTime,
    /// The last.
    pub last: EventTime,
}
