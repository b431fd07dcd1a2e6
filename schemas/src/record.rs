//! The public records: finding, incident, gap, summary (`offbound.…/1`).
//!
//! In: what correlation concludes. Out: plain data, one JSON object each; absent means unknown.
//! Owns: names and shapes that other programs rely on; JSON Schemas lie in `schemas/json/`.
//! Law: nothing in a record depends on the wall clock or the machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::vocabulary::{
    Confidence, ContainmentOutcome, Control, FindingState, LayerVerdict, Severity, Strength,
};
use crate::{EventId, EventTime, FindingId, IncidentId};

/// A credential, as records name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRef {
    /// Credential id with its kind, such as `JTI=…`.
    pub id: String,
    /// Kind of credential, such as `k8s-token`.
    pub kind: String,
}

/// The place that a credential is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BoundPlace {
    /// Workload.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workload: Option<String>,
    /// Host.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
    /// Pod uid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pod_uid: Option<String>,
    /// Addresses of that place at the time.
    pub addresses: Vec<String>,
    /// Grade of the binding, 0 to 4.
    pub grade: u32,
}

/// The place where a credential was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ObservedPlace {
    /// Workload that owned the address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workload: Option<String>,
    /// Host that owned the address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
    /// Pod that owned the address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pod_uid: Option<String>,
    /// Address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    /// Quality of the address: `direct`, `translated`, `asserted`, `service`, `none`.
    pub quality: String,
}

/// The process that a host finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProcessRef {
    /// Host.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
    /// Process id, as the host counts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pid: Option<u32>,
    /// Executable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exe: Option<String>,
    /// Command names from the oldest known ancestor to the process itself.
    pub lineage: Vec<String>,
}

/// One record that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// When it happened.
    pub time: EventTime,
    /// The record.
    pub event_id: EventId,
    /// Table that the record is in.
    pub table: String,
    /// What it shows: `use`, `issue`, `placement`, `read`, `exec`, `denial`, `legitimate-use`, …
    pub role: String,
    /// Source label.
    pub source: String,
    /// Where the record is.
    pub location: String,
}

/// What a rule found (`offbound.finding/1`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Always `finding`.
    #[serde(rename = "type")]
    pub record_type: String,
    /// Always `offbound.finding/1`.
    pub schema: String,
    /// Depends only on rule, entity and anchoring evidence.
    pub id: FindingId,
    /// From 1; a later revision replaces an earlier one.
    pub revision: u32,
    /// Rule id, such as `CT-101`.
    pub rule: String,
    /// The rule's title.
    pub title: String,
    /// Whether it may still change.
    pub state: FindingState,
    /// How weighty.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// First event time.
    pub first_time: EventTime,
    /// Last event time.
    pub last_time: EventTime,
    /// Number of events.
    pub count: u64,
    /// Credential.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential: Option<CredentialRef>,
    /// Subject of the credential.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// Workload concerned.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workload: Option<String>,
    /// Where the credential belongs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bound: Option<BoundPlace>,
    /// Where it was seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub observed: Option<ObservedPlace>,
    /// What was called.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub destination: Option<String>,
    /// What was done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub action: Option<String>,
    /// What was decided: `allow`, `deny`, `error`, `none`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decision: Option<String>,
    /// Process concerned.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub process: Option<ProcessRef>,
    /// One sentence for each step of the judgement.
    pub why: Vec<String>,
    /// Records that it rests on, by time.
    pub evidence: Vec<Evidence>,
    /// Sources that would make it surer, and are not there.
    pub missing_sources: Vec<String>,
    /// Incident that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub incident: Option<IncidentId>,
    /// ATT&CK techniques.
    pub attack: Vec<String>,
    /// OWASP Non-Human Identities Top 10 (2025).
    pub nhi: Vec<String>,
    /// CSA MAESTRO layers.
    pub maestro: Vec<String>,
    /// NIST SP 800-53 controls and AI RMF items.
    pub nist: Vec<String>,
}

/// Verdict on one control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlVerdict {
    /// Which control.
    pub control: Control,
    /// What it did.
    pub verdict: LayerVerdict,
    /// When that showed first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<EventTime>,
    /// Records that show it.
    pub evidence: Vec<EventId>,
}

/// Verdict on one layer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LayerJudgement {
    /// The weightiest of its controls' verdicts.
    pub verdict: LayerVerdict,
    /// True when concluded from effects rather than seen.
    pub inferred: bool,
    /// Controls, in stage order.
    pub controls: Vec<ControlVerdict>,
}

/// One destination of the blast radius.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// What was called.
    pub destination: String,
    /// With which credential.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential: Option<String>,
    /// First use; absent when it was not tried.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first: Option<EventTime>,
    /// Last use.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last: Option<EventTime>,
    /// Number of uses.
    pub count: u64,
}

/// What an incident touched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BlastRadius {
    /// Definite or probable uses that were allowed.
    pub reached: Vec<Reach>,
    /// Possible uses that were allowed.
    pub suspected: Vec<Reach>,
    /// Attempts that were refused.
    pub denied: Vec<Reach>,
    /// What the exposed credentials could have reached, and did not.
    pub reachable: Vec<Reach>,
}

/// How long a stolen credential stays usable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResidualExposure {
    /// The credential.
    pub credential: String,
    /// Seconds of validity left at the end of the data; null when unbounded.
    pub seconds: Option<i64>,
    /// Why: `expires`, `static`, `unknown-expiry`, `expired`, `revoked`, `forged` (whoever made it can make others).
    pub reason: String,
}

/// Findings that belong together, and what they say about containment (`offbound.incident/1`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Always `incident`.
    #[serde(rename = "type")]
    pub record_type: String,
    /// Always `offbound.incident/1`.
    pub schema: String,
    /// Hash of the earliest member.
    pub id: IncidentId,
    /// What happened, in a few words.
    pub title: String,
    /// The weightiest finding's severity.
    pub severity: Severity,
    /// When it began.
    pub onset: EventTime,
    /// `observed` or `inferred`.
    pub onset_basis: String,
    /// Last event.
    pub end: EventTime,
    /// Findings, by time.
    pub findings: Vec<FindingId>,
    /// Credentials concerned.
    pub credentials: Vec<String>,
    /// Workloads concerned.
    pub workloads: Vec<String>,
    /// Hosts concerned.
    pub hosts: Vec<String>,
    /// Verdict on host hardening.
    pub host_layer: LayerJudgement,
    /// Verdict on workload identity.
    pub identity_layer: LayerJudgement,
    /// Enforcing controls that failed first; several when the clocks cannot order them.
    pub first_failed: Vec<Control>,
    /// Absent or non-enforcing controls that were missed first.
    pub first_absent: Vec<Control>,
    /// How it ended.
    pub outcome: ContainmentOutcome,
    /// Whether that rests on recorded denials.
    pub strength: Strength,
    /// Why, in a sentence.
    pub reason: String,
    /// When it was contained; null while it is not.
    pub contained_at: Option<EventTime>,
    /// Sources whose absence keeps the verdict open.
    pub missing_sources: Vec<String>,
    /// What was touched.
    pub blast_radius: BlastRadius,
    /// Seconds from onset to the first finding of medium severity or more.
    pub time_to_detect_seconds: Option<f64>,
    /// Seconds from onset to containment; null while it is open.
    pub time_to_contain_seconds: Option<f64>,
    /// What stolen credentials are still good for.
    pub residual_exposure: Vec<ResidualExposure>,
    /// Incidents that turned out to be part of this one.
    pub merged_from: Vec<IncidentId>,
}

/// A stretch without telemetry (`offbound.gap/1`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// Always `gap`.
    #[serde(rename = "type")]
    pub record_type: String,
    /// Always `offbound.gap/1`.
    pub schema: String,
    /// Source label.
    pub source: String,
    /// What is affected.
    pub scope: String,
    /// Start.
    pub from: EventTime,
    /// End.
    pub to: EventTime,
    /// Records lost; null when unknown.
    pub lost: Option<u64>,
    /// How that is known.
    pub reason: String,
}

/// Counts of one source: they always add up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceCount {
    /// File, or topic.
    pub location: String,
    /// Format that most of its records have; `unknown` when none was recognised.
    pub format: String,
    /// Records read.
    pub read: u64,
    /// Records decoded.
    pub decoded: u64,
    /// Records skipped on purpose, by name.
    pub skipped: BTreeMap<String, u64>,
    /// Records that could not be read, by reason.
    pub dead_lettered: BTreeMap<String, u64>,
    /// Records with a field that is not known, by the field's name: how the format drifts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub unmapped: BTreeMap<String, u64>,
}

/// The account of a run (`offbound.summary/1`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Always `summary`.
    #[serde(rename = "type")]
    pub record_type: String,
    /// Always `offbound.summary/1`.
    pub schema: String,
    /// Records read.
    pub read: u64,
    /// Records decoded.
    pub decoded: u64,
    /// Records skipped on purpose, by name.
    pub skipped: BTreeMap<String, u64>,
    /// Records that could not be read, by reason.
    pub dead_lettered: BTreeMap<String, u64>,
    /// Records later than the lateness bound.
    pub late: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Earliest event time.
    pub from: Option<EventTime>,
    /// Latest event time.
    pub to: Option<EventTime>,
    /// The same, per source.
    pub sources: Vec<SourceCount>,
    /// Findings by rule and severity.
    pub findings: BTreeMap<String, BTreeMap<String, u64>>,
    /// Incidents by outcome.
    pub incidents: BTreeMap<String, u64>,
}
