//! What really happened: the truth that lies beside generated logs.
//!
//! In: a scenario's own knowledge. Out: `truth.json`. Owns: its shape (`offbound.truth/1`).
//! Law: nothing here is computed by the engine that is judged by it.

use serde::{Deserialize, Serialize};

/// `truth.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// `offbound.truth/1`.
    pub schema: String,
    /// Scenarios whose events are in the files.
    pub scenarios: Vec<String>,
    /// Seed of the run.
    pub seed: u64,
    /// First and last moment of the telemetry.
    pub span: (String, String),
    /// Incidents that an engine should find; none means that it should stay silent.
    pub incidents: Vec<TruthIncident>,
    /// Findings that it should come to; others are false, unless they are posture (CT-4xx) and benign here.
    pub findings: Vec<ExpectedFinding>,
    /// Which record is whose; records without label are benign.
    pub labels: Vec<Label>,
}

/// One incident, as it truly was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruthIncident {
    /// Scenario that it belongs to.
    pub scenario: String,
    /// The attack of the catalogue: `A1`.
    pub catalogue: String,
    /// Onset: the attacker's first act on a host.
    pub t0: String,
    /// Credentials that the attacker got hold of.
    pub credentials: Vec<String>,
    /// Workloads that were attacked.
    pub workloads: Vec<String>,
    /// Hosts that the attacker acted on or from.
    pub hosts: Vec<String>,
    /// Destinations that answered the attacker.
    pub reached: Vec<String>,
    /// Destinations that refused.
    pub denied: Vec<String>,
    /// Verdict on the host layer.
    pub host_layer: String,
    /// Verdict on the identity layer.
    pub identity_layer: String,
    /// Controls that failed first.
    pub first_failed: Vec<String>,
    /// Controls that were absent, or not enforcing, first.
    pub first_absent: Vec<String>,
    /// Outcome.
    pub outcome: String,
    /// Seconds from onset within which a finding of at least medium severity is possible.
    pub detectable_within_seconds: u32,
}

/// A finding that the evidence supports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedFinding {
    /// Scenario that it belongs to.
    pub scenario: String,
    /// Rule: `CT-101`.
    pub rule: String,
    /// What it is about: a credential for CT-1xx, else a workload.
    pub entity: String,
}

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Actor {
    /// The attacker.
    Attacker,
    /// Somebody else, whose act matters to the story.
    Benign,
}

/// Whose one record is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// File, relative to the sample.
    pub file: String,
    /// Line of the record's first line, from 1.
    pub line: u64,
    /// Position in the file's `Records`, from 0, where one line holds many records.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub record: Option<u64>,
    /// Scenario.
    pub scenario: String,
    /// Who.
    pub actor: Actor,
    /// What part it plays: `shell`, `credential-read`, `use`, …
    pub role: String,
}
