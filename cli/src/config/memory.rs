//! The memory of a stream, and the part of it that each of its holders may take.
//!
//! In: `stream.memory`. Out: [`Shares`]. Owns: the shares, each in what its holder counts.
//! Law: what is counted are messages and logical sizes; as decoded rows, with what stands on them, they take several times
//! as much, so that the shares are small parts.

use super::Config;
use crate::exit::Failure;
use crate::size::bytes;

/// Memory that a stream may take where nothing says it.
const DEFAULT_MEMORY: &str = "512MiB";
/// Below this there is no room for one message of each partition.
const MIN_MEMORY_BYTES: u64 = 64 << 20;
/// The part that messages may take which were read and are not taken in yet.
const QUEUE_SHARE: u64 = 32;
/// The part that messages may take whose rows wait for the store: a third of a second of 50,000 records, so that a
/// commit, which waits for the disk, holds up nobody who reads.
const STORE_SHARE: u64 = 32;
/// The part that the rows of one table may take that gather for a segment; as many are on their way to the disk at once as
/// there are encoders.
const SEGMENT_SHARE: u64 = 32;
/// The part that facts may take by their logical size: two sets of them, what stands on each, and the rows that are made
/// of them while rules run take several times as much.
const FACTS_SHARE: u64 = 8;
/// The part for rows that wait for the watermark …
const WAITING_SHARE: u64 = 4;
/// … of which each takes as much, with its place in the order …
const WAITING_ROW_BYTES: u64 = 1_024;
/// … while it is loose, as those are that came first; the others wait packed, in a quarter of that.
const LOOSE_SHARE: u64 = 16;

/// What each holder may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Bytes of messages that were read and not taken in.
    pub(crate) queue_bytes: usize,
    /// Bytes of messages whose rows wait for the store.
    pub(crate) store_bytes: u64,
    /// Bytes of the rows of one table that make a segment.
    pub(crate) segment_bytes: usize,
    /// Logical bytes of facts.
    pub(crate) facts_bytes: usize,
    /// Rows that wait for the watermark, while reading further ahead can be put off.
    pub(crate) waiting_rows: usize,
    /// Rows that wait for it as they came; the others are packed.
    pub(crate) loose_rows: usize,
}

impl Shares {
    fn of(memory_bytes: u64) -> Self {
        let held = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            queue_bytes: held(memory_bytes / QUEUE_SHARE),
            store_bytes: memory_bytes / STORE_SHARE,
            segment_bytes: held(memory_bytes / SEGMENT_SHARE),
            facts_bytes: held(memory_bytes / FACTS_SHARE),
            waiting_rows: held(memory_bytes / WAITING_SHARE / WAITING_ROW_BYTES),
            loose_rows: held(memory_bytes / LOOSE_SHARE / WAITING_ROW_BYTES),
        }
    }
}

impl Config {
    /// The shares of what `stream.memory` says.
    pub(super) fn shares(&self, text: Option<&str>) -> Result<Shares, Failure> {
        let text = text.unwrap_or(DEFAULT_MEMORY);
        let read = bytes(text).filter(|bytes| *bytes >= MIN_MEMORY_BYTES);
        let problem = || format!("{text:?} is no size of at least 64MiB, such as 512MiB, 2GiB");
        read.map(Shares::of).ok_or_else(|| self.wrong("stream.memory", &problem()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: no size, a size, too little, no size at all. Guarantees: the shares of the size, or a fault that names the key.
    #[test]
    fn a_size_is_shared() {
        let config = Config::default();
        assert_eq!(config.shares(None).ok(), Some(Shares::of(512 << 20)));
        assert_eq!(config.shares(Some("1GiB")).ok().map(|shares| shares.queue_bytes), Some(32 << 20));
        for text in ["63MiB", "much"] {
            let fault = config.shares(Some(text)).err().map(|fault| fault.to_string());
            assert!(
                fault.is_some_and(|fault| fault.contains("stream.memory") && fault.contains(text)),
                "{text}"
            );
        }
    }
}
