//! Terminal screens over an investigation.
//!
//! In: a [`Investigation`] (the questions that the screens ask, answered by whoever holds the data) and keys.
//! Out: frames. Owns: the screens, the one list of actions, the one list of views, the second gate for outside text.
//! Leaves to others: reading, correlating and keeping data. Flow: event → message → `update` → effects → draw.
//! Laws: SCREEN-1 only allow-listed bytes reach the terminal; SCREEN-2 different values look different;
//! SCREEN-3 the selection never moves by itself.

mod action;
mod console;
mod desk;
mod editor;
mod event;
mod event_filter;
mod filter;
mod guard;
mod keymap;
mod keys;
mod list;
mod location;
mod model;
mod port;
mod prompt;
mod question;
mod session;
mod theme;
mod typing;
mod update;
mod view;
mod worker;

pub use event_filter::{EVENT_FIELDS, EventFilter, EventTerm};
pub use filter::{FIELDS, Filter, FilterError};
pub use port::{
    AnswerColumn, AnswerRequest, AnswerRow, Answered, Archive, At, CELLS_MAX, ColumnNote, Console, Count,
    Counts, CountsRequest, EntitiesRequest, Entity, EntityFacts, EntityKind, EntityNote, EntityRow, EventRow,
    EventsRequest, EvidenceRecord, ExportRequest, Exported, FindingRow, Found, Header, IncidentRow,
    Investigation, Judged, Lane, LaneCounts, LaneOf, Layer, Lookup, Mark, Page, PageRequest, PortError,
    Recorded, Scope, Sort, SourceRow, Span, Statement, Stop, TableNote, Telemetry, Timeline, TimelineRequest,
    Use, Value, Window,
};
pub use session::{Options, Start, TuiError, run};

/// What tests of this crate need and users do not.
#[doc(hidden)]
pub mod testing;
