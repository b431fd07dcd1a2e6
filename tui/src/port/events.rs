//! Events as they were recorded, as lines of a list.
//!
//! In: what they are of, and a stretch of time. Out: rows in order of time. Law: a row is a record; its id leads to it.

use offbound_schemas::{EventId, EventTime};

use super::{LaneOf, PageRequest, Span};

/// Which events are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventsRequest {
    /// Of what; without anything, all of them.
    pub of: Option<LaneOf>,
    /// Within this stretch of time.
    pub span: Option<Span>,
    /// Filter (see [`crate::EventFilter`]) and window; events have one order.
    pub page: PageRequest,
}

/// A line of the events list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventRow {
    /// Which record.
    pub id: EventId,
    /// When it happened.
    pub time: EventTime,
    /// Table that it is in.
    pub table: String,
    /// Source label.
    pub source: String,
    /// Who: the credential's subject, or the process.
    pub who: String,
    /// What was done.
    pub what: String,
    /// What it was done to.
    pub to: String,
    /// How it ended.
    pub outcome: String,
    /// Where: the host or the address.
    pub place: String,
}
