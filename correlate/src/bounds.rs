//! Bounds: how long facts are kept, and how much memory they, and rows that wait, may take.
//!
//! In: what the operator says. Out: the same, for an engine. Owns: the defaults, and how often age is looked at.
//! Law: what is kept follows from the events and these bounds alone, never from batches, clocks or what was allocated.

use offbound_schemas::EventTime;

const DAY_NANOS: i64 = 24 * 3_600 * 1_000_000_000;
/// Longer than tokens, certificates and most investigations live; what was normal is remembered beyond it.
const DEFAULT_RETENTION_NANOS: i64 = 30 * DAY_NANOS;
/// Facts of some fifty million credentials in use: no ordinary replay comes near it.
const DEFAULT_FACTS_BYTES: usize = 4 << 30;
/// Rows that wait take some kilobyte each.
const DEFAULT_LOOSE_ROWS: usize = 65_536;
/// What was normal of a workload is remembered for so much longer than facts are kept: what is done once a year is not
/// new, and who sleeps for longer than facts are kept can still be seen to awake.
pub(crate) const MEMORY_NANOS: i64 = 400 * DAY_NANOS;
/// How many times within the retention facts are looked through for what is older: at most a quarter more is held.
const STEPS: i64 = 4;

/// How long facts are kept, and how much memory they may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How long a fact is kept after it was last heard of, in nanoseconds of event time. What something rests on that
    /// still goes on is kept as long as that does: credentials while they are valid, stays until they end, the
    /// evidence of an incident until nothing was added to it for this long.
    pub retention_nanos: i64,
    /// The most that facts may take by their logical size (rows, lists and texts), in bytes. An engine that also looks
    /// ahead of the watermark holds two sets of facts, and each may take half.
    pub facts_bytes: usize,
    /// How many rows may wait for the watermark as they came. What comes when there are more waits in packed form: a fraction
    /// of the room, for a microsecond or two a row. With 0, whatever comes is packed.
    pub loose_rows: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            retention_nanos: DEFAULT_RETENTION_NANOS,
            facts_bytes: DEFAULT_FACTS_BYTES,
            loose_rows: DEFAULT_LOOSE_ROWS,
        }
    }
}

impl Bounds {
    /// The number of the stretch of event time that a moment is in: facts are looked through where a new one begins.
    pub(crate) fn step_of(&self, time: EventTime) -> i64 {
        time.0.div_euclid(self.step_nanos())
    }

    /// The moment before which facts are too old when a stretch begins.
    pub(crate) fn horizon(&self, step: i64) -> EventTime {
        EventTime(step.saturating_mul(self.step_nanos()).saturating_sub(self.retention_nanos))
    }

    fn step_nanos(&self) -> i64 {
        (self.retention_nanos / STEPS).max(1)
    }
}
