//! What the engine tells while events still come: differences, and its own size.
//!
//! In: nothing. Out: the records that a live caller takes. Owns: their shape only.
//! Law STREAM-5: whoever applies all changes, in order, holds what a judgement of the same events would give.

use offbound_schemas::IncidentId;
use offbound_schemas::record::{Finding, Gap, Incident};

/// What is different since the last changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Findings that are new, revised or withdrawn, by first time and id. The first publication of an id has
    /// revision 1, each later one has one more.
    pub findings: Vec<Finding>,
    /// Incidents that are new or judged otherwise, by onset and id.
    pub incidents: Vec<Incident>,
    /// Incidents that are there no more: merged into another (which names them), or without findings. By id.
    pub dissolved: Vec<IncidentId>,
    /// New gaps, by start.
    pub gaps: Vec<Gap>,
    /// Events since the last changes that came after the watermark had passed them.
    pub late: u64,
}

impl Changes {
    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { findings, incidents, dissolved, gaps, late } = self;
        findings.is_empty() && incidents.is_empty() && dissolved.is_empty() && gaps.is_empty() && *late == 0
    }
}

/// How much the engine holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tracked {
    /// Credentials with a binding.
    pub credentials: usize,
    /// Uses, repeated ones folded.
    pub uses: usize,
    /// Host events that mean something, repeated ones folded.
    pub signals: usize,
    /// Stays of pods, hosts, agents and entries.
    pub stays: usize,
    /// Distinct texts.
    pub names: usize,
    /// Rows that wait for the watermark.
    pub waiting: usize,
    /// Rows of facts that were given up for lack of room; gaps say whose they were.
    pub given_up: u64,
    /// Logical size in bytes by fact table, in the order of the tables' names: what the bound on facts is about.
    pub bytes: Vec<(&'static str, usize)>,
}
