//! What the screens may ask, and the plain data that answers it.
//!
//! In: questions with a filter, an order and a window. Out: pages and single records, never whole tables.
//! Owns: the trait that the holder of the data implements. Leaves to it: how an answer is found.
//! Law: a question changes nothing; a page says where it begins and how many rows there are in all.

mod archive;
mod console;
mod entities;
mod entity;
mod events;
mod recorded;
mod rows;
mod timeline;
pub(crate) mod window;

use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::{EventId, EventTime, FindingId, IncidentId};

pub use archive::{Archive, Stop};
pub use console::{
    AnswerColumn, AnswerRequest, AnswerRow, Answered, ColumnNote, Console, ExportRequest, Exported,
    Statement, TableNote, Value,
};
pub use entities::{EntitiesRequest, EntityFacts, EntityNote, EntityRow, Judged, Telemetry, Use};
pub use entity::{Entity, EntityKind};
pub use events::{EventRow, EventsRequest};
pub use recorded::{Lookup, Recorded};
pub use rows::{FindingRow, IncidentRow, Layer, SourceRow};
pub use timeline::{
    Count, Counts, CountsRequest, Found, Lane, LaneCounts, LaneOf, Mark, Scope, Timeline, TimelineRequest,
};
pub use window::{CELLS_MAX, Span, Window};

/// The questions. They are asked on a thread of their own, one at a time; the screen never waits for them.
pub trait Investigation: Send {
    /// What is being looked at.
    fn header(&mut self) -> Result<Header, PortError>;
    /// Findings that pass [`PageRequest::filter`] (see [`crate::Filter`]), in the order asked for.
    fn findings(&mut self, request: &PageRequest) -> Result<Page<FindingRow>, PortError>;
    /// One finding.
    fn finding(&mut self, id: FindingId) -> Result<Option<Finding>, PortError>;
    /// Incidents that pass the filter.
    fn incidents(&mut self, request: &PageRequest) -> Result<Page<IncidentRow>, PortError>;
    /// One incident.
    fn incident(&mut self, id: IncidentId) -> Result<Option<Incident>, PortError>;
    /// One record, as it was read and as it was understood.
    fn record(&mut self, id: EventId) -> Result<Option<EvidenceRecord>, PortError>;
    /// Sources with their counts, then gaps.
    fn sources(&mut self, request: &PageRequest) -> Result<Page<SourceRow>, PortError>;
    /// Lanes over a stretch of time, with the findings on them.
    fn timeline(&mut self, request: &TimelineRequest) -> Result<Timeline, PortError>;
    /// What conclusions say of an entity, without its findings.
    fn note(&mut self, entity: &Entity) -> Result<EntityNote, PortError>;
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct PortError {
    /// What went wrong, and where.
    pub what: String,
    /// Line and column, from 1, of what was asked in writing, where the mistake is in there.
    pub place: Option<(usize, usize)>,
}

impl PortError {
    /// An error that says `what` went wrong.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: None }
    }
}

/// What is being looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// A name for it: folder, files, store.
    pub title: String,
    /// Earliest event time.
    pub from: Option<EventTime>,
    /// Latest event time.
    pub to: Option<EventTime>,
    /// Records read.
    pub records: u64,
    /// Findings, unfiltered.
    pub findings: u64,
    /// Incidents, unfiltered.
    pub incidents: u64,
    /// Whether more may come while one looks.
    pub live: bool,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Weightiest first, then latest first, then by id.
    #[default]
    Severity,
    /// Latest first, then by id.
    Time,
    /// By rule, then latest first, then by id. Lists without rules take it as `Time`.
    Rule,
}

impl Sort {
    /// Every order, as `S` cycles through them.
    pub const ALL: [Self; 3] = [Self::Severity, Self::Time, Self::Rule];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Time => "time",
            Self::Rule => "rule",
        }
    }
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// Filter text, already found to be readable.
    pub filter: String,
    /// Order.
    pub sort: Sort,
    /// Where the window lies.
    pub at: At,
    /// Rows at most.
    pub limit: usize,
}

/// Where a window begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// At this row.
    Offset(u64),
    /// `before` rows before the row with this id; at `otherwise` when there is no such row any more.
    Around {
        /// The row that must be in the window.
        id: String,
        /// Rows before it.
        before: u64,
        /// Where to begin when the row is not there.
        otherwise: u64,
    },
}

impl Default for At {
    fn default() -> Self {
        Self::Offset(0)
    }
}

/// A window of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<R> {
    /// The rows.
    pub rows: Vec<R>,
    /// Index of the first one in the filtered list.
    pub offset: u64,
    /// Rows of the filtered list.
    pub total: u64,
    /// Rows without the filter.
    pub unfiltered: u64,
}

impl<R> Default for Page<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), offset: 0, total: 0, unfiltered: 0 }
    }
}

/// One record as evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EvidenceRecord {
    /// Its identity.
    pub event_id: EventId,
    /// Table that it is in.
    pub table: String,
    /// Where it was read: `path:line` or `topic/partition/offset`.
    pub location: String,
    /// Source label.
    pub source: String,
    /// What was understood: column name and value, in the order of the table.
    pub columns: Vec<(String, String)>,
    /// The original, exactly as it was read.
    pub raw: String,
}
