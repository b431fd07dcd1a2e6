//! Bounds of the store, each with its unit and its reason.
//!
//! Owns: every number that limits memory or file size. Defaults suit a replay on a small machine.
//! Law: bounds change speed and size, never what a scan gives.

use std::thread::available_parallelism;

/// Rows that a table gathers before they become a segment: large enough that files stay few, small enough
/// that three tables fit in memory.
const SEGMENT_ROWS: usize = 65_536;
/// Bytes (in Arrow buffers, those that columns share once) that a table gathers before they become a segment; long records
/// reach it first.
const SEGMENT_BYTES: usize = 32 * 1024 * 1024;
/// Segments that are encoded at once: with their rows ([`SEGMENT_BYTES`] each) and those that gather in three tables,
/// a writer holds a quarter of a gigabyte at most, on a machine of any size.
const MAX_ENCODERS: usize = 4;
/// Rows of one Parquet row group: the unit that a search by id reads.
const ROW_GROUP_ROWS: usize = 8_192;
/// Rows of one Parquet page: what a merge holds undecoded for each segment that it has open.
pub(crate) const PAGE_ROWS: usize = 2_048;
/// Rows that a merge holds decoded, shared among the segments that it has open (about 1 KiB each).
pub(crate) const HELD_ROWS: usize = 65_536;
/// The same where the records' own text is read too (up to 20 KiB each).
pub(crate) const HELD_ROWS_WITH_TEXT: usize = 8_192;
/// Bytes after which a row group ends early, so that long records do not fill memory while it is written.
pub(crate) const ROW_GROUP_BYTES: usize = 32 * 1024 * 1024;
/// Segments of one table that may overlap in time; above it they are merged into one, so that a scan has few
/// files open. It is also how many are merged at once.
const MAX_OVERLAP: usize = 48;
/// Segments that a new one is compared with before it is committed; those of a table that it overlaps are a few as a rule,
/// and all of them where one source is sparse.
const MAX_COMPARED: usize = 65_536;
/// Keys of recent segments that a writer holds (24 bytes each), so that it need not read them again.
pub(crate) const HELD_KEYS: usize = 65_536;
/// Commits after which the files of replaced segments go: a reader that began to read before has until then, which is a
/// quarter of an hour with a commit each second.
pub(crate) const RETIRED_COMMITS: u64 = 1_000;
/// Problems that a check of the store lists at most.
pub(crate) const MAX_PROBLEMS: usize = 1_000;
/// Rows of one batch of a filtered scan: what is decoded at once, so that most batches pass without a copy.
pub(crate) const FILTERED_ROWS: usize = 8_192;
/// Rows of one scanned batch that suit the fold: large enough to spread the costs of a batch.
pub const SCAN_ROWS: usize = 16_384;
/// Dead letters gathered before they are committed without waiting for what belongs to them: this many, or
/// [`DEAD_LETTER_BYTES`]. Reading again adds none a second time.
pub const DEAD_LETTERS_PER_COMMIT: usize = 16_384;
/// Bytes of dead letters that are gathered: what a few thousand letters of ordinary length have.
pub(crate) const DEAD_LETTER_BYTES: usize = 16 * 1024 * 1024;
/// Dead letters that one read gives at most, so that a screen never holds them all.
pub const MAX_DEAD_LETTERS_PER_READ: usize = 1_000;

/// How the pages of a segment are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// LZ4: quick to write and to read, without tables of its own for each column that is open. About twice as large.
    Quick,
    /// Zstandard, at its first level.
    Dense,
}

/// How a store is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Rows of a table that make a segment.
    pub segment_rows: usize,
    /// Bytes of a table (in memory) that make a segment.
    pub segment_bytes: usize,
    /// Rows of a row group.
    pub row_group_rows: usize,
    /// Segments of one table that may overlap in time before they are merged; at least 2.
    pub max_overlap: usize,
    /// Segments that are encoded at once, each on a thread of its own; at least 1.
    pub encoders: usize,
    /// How new rows are packed. Segments that were merged to ordinary size are dense: they stay.
    pub fresh: Packing,
    /// Whether a commit waits for the disk. Only a store that dies with its process may do without.
    pub durable: bool,
    /// Whether single rows will be looked for: filters of ids and entities are kept, and which segments share events. A
    /// store that is read once, and whole, does without.
    pub indexed: bool,
    /// Segments that a new one is compared with at most before it is committed; what it shares with more is found out when
    /// they are merged.
    pub compared: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_rows: SEGMENT_ROWS,
            segment_bytes: SEGMENT_BYTES,
            row_group_rows: ROW_GROUP_ROWS,
            max_overlap: MAX_OVERLAP,
            encoders: available_parallelism().map_or(1, usize::from).min(MAX_ENCODERS),
            fresh: Packing::Dense,
            durable: true,
            indexed: true,
            compared: MAX_COMPARED,
        }
    }
}
