//! How much a question may cost, each bound with its unit and its reason.
//!
//! Owns: every number that limits text, shape, stack, memory, time or rows of a hunt.
//! Law: what exceeds a bound gets an error that names the bound; the process lives, and the store is as it was.

use std::time::Duration;

/// Bytes of the SQL text: a list of a thousand credentials fits, a program does not.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Operators (`+`, `=`, `AND`, `UNION`, `JOIN`, …) of one question: each may be a level of the tree that planning
/// descends, and no hand writes more.
pub(super) const MAX_OPERATORS: usize = 500;
/// Parentheses and brackets within each other.
pub(super) const MAX_NESTING: usize = 32;
/// Elements between commas: columns, list items, rows of `VALUES`. Names of a thousand credentials fit.
pub(super) const MAX_ELEMENTS: usize = 4_096;
/// Tables that are read once every name of a `WITH` is replaced by what it stands for: names that double each other
/// would otherwise make a plan of any size.
pub(super) const MAX_RELATIONS: u64 = 128;
/// Levels that the parser descends; more than [`MAX_NESTING`], because a level of parentheses can be several of its own.
pub(super) const PARSER_LEVELS: usize = 200;
/// Bytes of stack of every thread that plans or computes: [`MAX_OPERATORS`] levels at the size that frames have in a
/// build without optimisation, twice over. Only what is used is real memory.
pub(super) const STACK_BYTES: usize = 256 * 1024 * 1024;
/// Threads that compute: a hunt beside a running stream shall leave it cores.
pub(super) const MAX_THREADS: usize = 4;
/// Rows that one step of a plan hands to the next at a time.
pub(super) const BATCH_ROWS: usize = 8_192;
/// Batches that wait between two steps: enough that neither waits for the other, few enough to forget.
pub(super) const BATCHES_UNDER_WAY: usize = 2;
/// Bytes that the process may hold beyond the memory for joins, groups and orders: the program itself, batches under way,
/// decoding, and facts while they are made. What computes a text of any size ends here.
pub(super) const BYTES_BESIDE: u64 = 768 * 1024 * 1024;
/// How often time, memory and Ctrl-C are looked at: memory grows by less than 100 MB in between.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the user allows one question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Most rows of the answer.
    pub(super) rows: u64,
    /// Longest time of computing.
    pub(super) timeout: Duration,
    /// Most memory for joins, groups and orders, in bytes.
    pub(super) memory_bytes: u64,
}

impl Bounds {
    /// Most bytes that the process may hold in all.
    pub(super) fn resident_bytes(&self) -> u64 {
        self.memory_bytes.saturating_mul(2).saturating_add(BYTES_BESIDE)
    }
}

/// A number of bytes as `--memory` takes it.
pub(super) fn size(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{} {name}", bytes / unit);
        }
    }
    format!("{bytes} bytes")
}
