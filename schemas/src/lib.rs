//! The words of offbound: every table, column, vocabulary, record and law, defined once.
//!
//! In: nothing. Out: names, Arrow types, row structs and plain records that the other crates share.
//! Owns: column names (nobody else spells one), event identity, time text, the gate for outside text, how faults of
//! files that people write are told.
//! Leaves to others: reading logs (`ingest`), judging (`correlate`), keeping (`store`), drawing (`tui`).
//! Law: a table, a column or a word exists in exactly one place, and that place is here.

pub mod authored;
mod batch;
mod build;
mod cell;
mod column;
mod id;
mod label;
pub mod law;
pub mod record;
mod reference;
pub mod table;
mod time;
pub mod untrusted;
pub mod vocabulary;

pub use batch::{EventBatch, EventBuilder, EventRows};
pub use build::Column;
pub use cell::{Cell, CellKind, cell_text};
pub use column::{ColumnValue, SchemaError, TextList, compact};
pub use id::{EventId, FindingId, IncidentId, hash_id};
pub use label::is_container_label;
pub use reference::tables_markdown;
pub use table::{ColumnSpec, TABLES, TableSpec};
pub use time::{EventTime, TimeParseError, parse_duration_nanos};
pub use untrusted::{Untrusted, safe};
