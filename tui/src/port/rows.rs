//! The rows of lists: what a line of a screen needs of a record.
//!
//! In: public records. Out: small rows with an id. Law: a row's id is the identity of its record.

use offbound_schemas::record::{Finding, Gap, Incident, SourceCount};
use offbound_schemas::table;
use offbound_schemas::vocabulary::{
    Confidence, ContainmentOutcome, FindingState, LayerVerdict, Severity, Strength,
};
use offbound_schemas::{EventTime, FindingId, IncidentId};

/// Which kind of telemetry a finding rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layer {
    /// Host events.
    Host,
    /// Identity assertions.
    Identity,
    /// Both.
    Both,
    /// Neither, such as placements alone.
    #[default]
    Other,
}

impl Layer {
    /// The word, as filters know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Identity => "identity",
            Self::Both => "both",
            Self::Other => "other",
        }
    }

    /// The layer of a finding, by the tables of its evidence.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        let rests_on = |name: &str| finding.evidence.iter().any(|evidence| evidence.table == name);
        match (rests_on(table::host_events::SPEC.name), rests_on(table::identity_assertions::SPEC.name)) {
            (true, true) => Self::Both,
            (true, false) => Self::Host,
            (false, true) => Self::Identity,
            (false, false) => Self::Other,
        }
    }
}

/// A line of the findings list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FindingRow {
    /// Which finding.
    pub id: FindingId,
    /// How weighty.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// Whether it may still change.
    pub state: FindingState,
    /// What it rests on.
    pub layer: Layer,
    /// Rule id.
    pub rule: String,
    /// The rule's title.
    pub title: String,
    /// What it is about: credential, else workload, else process.
    pub entity: String,
    /// Where it was seen: host, else address.
    pub place: String,
    /// First event time.
    pub first: EventTime,
    /// Last event time.
    pub last: EventTime,
    /// Number of events.
    pub count: u64,
    /// Incident that it belongs to.
    pub incident: Option<IncidentId>,
}

impl From<&Finding> for FindingRow {
    fn from(finding: &Finding) -> Self {
        Self {
            id: finding.id,
            severity: finding.severity,
            confidence: finding.confidence,
            state: finding.state,
            layer: Layer::of(finding),
            rule: finding.rule.clone(),
            title: finding.title.clone(),
            entity: entity(finding),
            place: place(finding),
            first: finding.first_time,
            last: finding.last_time,
            count: finding.count,
            incident: finding.incident,
        }
    }
}

fn entity(finding: &Finding) -> String {
    let process = finding.process.as_ref().and_then(|process| process.exe.clone());
    let credential = finding.credential.as_ref().map(|credential| credential.id.clone());
    credential
        .or_else(|| finding.workload.clone())
        .or(process)
        .or_else(|| finding.subject.clone())
        .unwrap_or_default()
}

fn place(finding: &Finding) -> String {
    let observed =
        finding.observed.as_ref().and_then(|seen| seen.host.clone().or_else(|| seen.address.clone()));
    let process = || finding.process.as_ref().and_then(|process| process.host.clone());
    let bound = || finding.bound.as_ref().and_then(|bound| bound.host.clone());
    observed.or_else(process).or_else(bound).unwrap_or_default()
}

/// A line of the incidents list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentRow {
    /// Which incident.
    pub id: IncidentId,
    /// What happened, in a few words.
    pub title: String,
    /// The weightiest finding's severity.
    pub severity: Severity,
    /// How it ended.
    pub outcome: ContainmentOutcome,
    /// Whether that is proven.
    pub strength: Strength,
    /// Verdict on host hardening.
    pub host: LayerVerdict,
    /// Verdict on workload identity.
    pub identity: LayerVerdict,
    /// When it began.
    pub onset: EventTime,
    /// Last event.
    pub end: EventTime,
    /// Number of findings.
    pub findings: u64,
    /// Destinations reached for certain.
    pub reached: u64,
    /// Sources whose absence keeps the verdict open.
    pub missing: u64,
}

impl From<&Incident> for IncidentRow {
    fn from(incident: &Incident) -> Self {
        Self {
            id: incident.id,
            title: incident.title.clone(),
            severity: incident.severity,
            outcome: incident.outcome,
            strength: incident.strength,
            host: incident.host_layer.verdict,
            identity: incident.identity_layer.verdict,
            onset: incident.onset,
            end: incident.end,
            findings: incident.findings.len() as u64,
            reached: incident.blast_radius.reached.len() as u64,
            missing: incident.missing_sources.len() as u64,
        }
    }
}

/// A line of the sources list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceRow {
    /// A source and its counts.
    Source(SourceCount),
    /// A stretch without telemetry.
    Gap(Gap),
}
