//! Who did what when: lanes over time.
//!
//! In: what it is about, and a stretch of time. Out: lanes with the findings on them, and how much was recorded in each
//! cell. Law: a cell says how many there are, never which; a stretch in which nobody listened is told apart from one in
//! which nothing was heard.

use offbound_schemas::vocabulary::Severity;
use offbound_schemas::{EventTime, FindingId, IncidentId};

use super::{Entity, FindingRow, Span, Window};

/// Lanes that a timeline has at most: more than anybody compares; the rest is counted.
pub(crate) const LANES_MAX: usize = 48;
/// Findings of a cell that are named; the rest is counted.
pub(crate) const FINDINGS_OF_A_CELL: usize = 6;

/// What a timeline is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// Everything.
    #[default]
    All,
    /// A finding, and what it names.
    Finding(FindingId),
    /// An incident, and what it names.
    Incident(IncidentId),
    /// An entity, and what findings name with it.
    Entity(Entity),
}

/// Which lanes are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimelineRequest {
    /// What it is about.
    pub scope: Scope,
    /// Findings that are shown, as a filter.
    pub filter: String,
    /// The stretch of time; without one, all that it is about.
    pub span: Option<Span>,
    /// Cells that fit on a line.
    pub cells: u32,
}

/// What a lane follows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaneOf {
    /// An incident: its onset, what controls did, its containment.
    Incident(IncidentId),
    /// Every event of hosts.
    HostEvents,
    /// Every identity assertion.
    Assertions,
    /// One entity.
    Entity(Entity),
}

/// A moment of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// It began.
    Onset,
    /// A control failed, or was not there.
    Failed,
    /// A control held.
    Held,
    /// It was contained.
    Contained,
}

/// The findings of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which cell.
    pub cell: u32,
    /// How many begin in it.
    pub count: u64,
    /// The weightiest one's severity.
    pub worst: Severity,
    /// The weightiest ones, at most [`FINDINGS_OF_A_CELL`].
    pub findings: Vec<FindingRow>,
}

/// A lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// What it follows.
    pub of: LaneOf,
    /// Findings, by cell.
    pub found: Vec<Found>,
    /// Moments of an incident, by cell.
    pub marks: Vec<(u32, Mark)>,
}

/// Lanes over a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// What it is about.
    pub scope: Scope,
    /// The cells.
    pub window: Window,
    /// The lanes.
    pub lanes: Vec<Lane>,
    /// Lanes that there were no room for.
    pub more: u64,
    /// Findings in the window, each once.
    pub findings: u64,
    /// The last finding that began before the window.
    pub before: Option<EventTime>,
    /// The first one that begins after it.
    pub after: Option<EventTime>,
}

/// How much was recorded: of which lanes, in which cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountsRequest {
    /// The cells.
    pub window: Window,
    /// The lanes.
    pub lanes: Vec<LaneOf>,
}

/// What was recorded in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Records in all.
    pub records: u64,
    /// Of these: credentials issued.
    pub issued: u64,
    /// Of these: credentials revoked.
    pub revoked: u64,
    /// Of these: acts refused.
    pub denied: u64,
}

/// What was recorded on a lane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaneCounts {
    /// Cells with records, in order.
    pub counts: Vec<(u32, Count)>,
    /// First and last cells of stretches in which nobody listened, or not all was heard.
    pub unseen: Vec<(u32, u32)>,
    /// Why, for the reader; each once.
    pub why_unseen: Vec<String>,
}

/// How much was recorded, lane by lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// The cells.
    pub window: Window,
    /// As the lanes were asked for.
    pub lanes: Vec<LaneCounts>,
}
