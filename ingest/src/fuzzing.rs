//! What must hold for any bytes: the entry of the fuzz targets in `fuzz/`, and what the tests of this crate share.
//!
//! In: a format's id and bytes. Out: nothing; a law that does not hold is a panic with what differs.
//! Owns: the statement of the laws. Law FLOW-1: read = decoded + skipped + dead-lettered. Law FLOW-2: decoding never
//! panics and is a function of the bytes.

pub mod change;
mod numbers;
mod paths;
mod records;

use std::ops::ControlFlow;

use offbound_schemas::record::SourceCount;
use offbound_schemas::table::DeadLetter;
use offbound_schemas::{EventBatch, EventId, EventRows};

use crate::decode::FORMATS;
use crate::fast::of_format;
use crate::{
    CHUNK_ROWS, FingerprintKey, Formats, IngestOptions, IngestSink, SourceRead, SourceRule, read_bytes,
};

pub use numbers::Numbers;
pub use paths::{Work, differential, differential_of_all, read_as, taken};
pub use records::RECORDS;

pub use crate::fast::ids as fast_formats;
pub use crate::run::pair::{Account, Pair};

/// A record of the format with this id, which its fast path reads if it has one.
#[must_use]
pub fn sample(format: &str) -> &'static str {
    let known = || FORMATS.iter().find(|known| known.id == format);
    of_format(format).map(|fast| fast.sample).or_else(|| Some(known()?.sample)).unwrap_or_default()
}

/// Everything that came out of one input.
#[derive(Debug, Default, PartialEq)]
pub struct Collector {
    /// All rows, in the order in which they came.
    pub rows: EventRows,
    /// All dead letters.
    pub letters: Vec<DeadLetter>,
}

impl IngestSink for Collector {
    fn rows(&mut self, batch: EventBatch) -> ControlFlow<()> {
        assert!(batch.num_rows() <= CHUNK_ROWS, "a chunk of {} rows", batch.num_rows());
        let rows = batch.to_rows().expect("batches have the shape of their tables");
        self.rows.host_events.extend(rows.host_events);
        self.rows.identity_assertions.extend(rows.identity_assertions);
        self.rows.placements.extend(rows.placements);
        ControlFlow::Continue(())
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        self.letters.push(letter);
    }

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

impl Collector {
    /// Identities of all rows, table by table.
    #[must_use]
    pub fn event_ids(&self) -> Vec<EventId> {
        let EventRows { host_events, identity_assertions, placements } = &self.rows;
        let ids = host_events.iter().map(|row| row.event_id);
        let ids = ids.chain(identity_assertions.iter().map(|row| row.event_id));
        ids.chain(placements.iter().map(|row| row.event_id)).collect()
    }
}

/// Reads `bytes` twice, as a file whose records are all said to be of `format`; `auto` leaves that to their content. For
/// formats that have a fast path there is [`Pair`].
///
/// # Panics
/// When a law does not hold, or there is no such format: this is what a fuzzer waits for.
pub fn check(format: &str, bytes: &[u8]) {
    let (first, rows) = read(format, bytes);
    check_count(&first.count, &rows);
    assert_eq!((first, rows), read(format, bytes), "two readings of the same bytes differ");
}

fn read(format: &str, bytes: &[u8]) -> (SourceRead, Collector) {
    let formats = Formats::default();
    let rule = SourceRule::parse(&format!("{format}=*"), &formats).expect("the target names a format");
    let options = IngestOptions { formats, sources: vec![rule], key: FingerprintKey::for_tests() };
    let mut collector = Collector::default();
    let read = read_bytes("fuzz", bytes, &options, &mut collector).expect("bytes in memory can be read");
    (read, collector)
}

/// Law FLOW-1, and one dead letter per record that is counted as one.
///
/// # Panics
/// When it does not hold.
pub fn check_count(count: &SourceCount, collector: &Collector) {
    let skipped: u64 = count.skipped.values().sum();
    let dead: u64 = count.dead_lettered.values().sum();
    assert_eq!(count.read, count.decoded + skipped + dead, "the count does not add up: {count:?}");
    assert_eq!(dead, collector.letters.len() as u64, "dead letters and their count differ: {count:?}");
}
