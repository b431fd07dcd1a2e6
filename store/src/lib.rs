//! Committed segments and results on disk: a folder of immutable Parquet files and one SQLite database.
//!
//! In: batches of the event tables, dead letters, counts, and what correlation concluded.
//! Out: the events again, in canonical order and in bounded memory; single records; the conclusions.
//! Owns: the order of a commit, permissions, the single-writer lock, the manifest and its hash chain.
//! Leaves to others: what a row means (`schemas`), where it came from (`ingest`), what it says (`correlate`).
//! Law STORE-1: what was committed survives a power cut. STORE-2: any change to a stored byte is noticed.

mod alone;
mod change;
mod check;
mod columns;
mod compact;
mod conclusions;
mod copies;
mod database;
mod dead_letters;
mod digest;
mod directory;
mod disk;
mod encoders;
mod entity_filters;
mod error;
mod event_table;
mod folder;
mod hands;
mod like;
mod live;
mod manifest;
mod merge;
mod merging;
mod meta;
mod offsets;
mod options;
mod outbox;
mod overlap;
mod page;
mod pending;
mod record;
mod records;
mod repair;
mod retention;
mod runs;
mod scan;
mod sealed;
mod segment;
mod segment_rows;
mod shares;
mod small;
mod snapshot;
mod sources;
mod steps;
mod store;
mod text_rows;
mod texts;
mod tidying;
mod unordered;
mod varint;
mod writer;

pub use check::Checked;
pub use columns::Columns;
pub use conclusions::{ConclusionCounts, Conclusions};
pub use dead_letters::{LetterCount, LetterFilter, LetterPlace, Refusal, Reread};
pub use disk::DiskUse;
pub use error::StoreError;
pub use event_table::EventTable;
pub use like::Like;
pub use live::{Committed, StreamCommit};
pub use manifest::TableContents;
pub use offsets::PartitionOffset;
pub use options::{DEAD_LETTERS_PER_COMMIT, MAX_DEAD_LETTERS_PER_READ, Options, Packing, SCAN_ROWS};
pub use outbox::{MAX_OUTBOX_ITEMS_PER_READ, OutboxItem, OutboxKind};
pub use record::StoredRecord;
pub use repair::Quarantined;
pub use retention::{Removed, Retention};
pub use scan::{RowOrder, ScanFilter, ScanStats};
pub use shares::Share;
pub use snapshot::Snapshot;
pub use steps::{Side, Step, Steps};
pub use store::Store;
pub use writer::Writer;
