//! What must hold for any bytes: the entry of the fuzz targets in `fuzz/`, and of the property tests.
//!
//! In: a format's id and bytes. Out: nothing; a law that does not hold is a panic with what differs.
//! Owns: the statement of the laws. Law FLOW-1: read = decoded + skipped + dead-lettered. Law FLOW-2: decoding never
//! panics and is a function of the bytes.

use std::ops::ControlFlow;

use offbound_schemas::EventRows;
use offbound_schemas::table::DeadLetter;

use crate::{CHUNK_ROWS, FingerprintKey, IngestOptions, IngestSink, SourceRead, SourceRule, read_bytes};

/// Everything that came of some bytes.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    rows: EventRows,
    letters: Vec<DeadLetter>,
    read: SourceRead,
}

impl IngestSink for Outcome {
    fn rows(&mut self, rows: EventRows) -> ControlFlow<()> {
        assert!(rows.len() <= CHUNK_ROWS, "a chunk of {} rows", rows.len());
        let EventRows { host_events, identity_assertions, placements } = rows;
        self.rows.host_events.extend(host_events);
        self.rows.identity_assertions.extend(identity_assertions);
        self.rows.placements.extend(placements);
        ControlFlow::Continue(())
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        self.letters.push(letter);
    }

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

/// Reads `bytes` as a file whose records are all said to be of `format`; `auto` leaves that to their content.
///
/// # Panics
/// When a law does not hold, or there is no such format: this is what a fuzzer waits for.
pub fn check(format: &str, bytes: &[u8]) {
    let outcome = read(format, bytes);
    check_count(&outcome);
    assert_eq!(outcome, read(format, bytes), "two readings of the same bytes differ");
}

fn read(format: &str, bytes: &[u8]) -> Outcome {
    let rule = SourceRule::parse(&format!("{format}=*")).expect("the target names a format");
    let options = IngestOptions { sources: vec![rule], key: FingerprintKey::for_tests() };
    let mut outcome = Outcome::default();
    outcome.read = read_bytes("fuzz", bytes, &options, &mut outcome).expect("bytes in memory can be read");
    outcome
}

fn check_count(outcome: &Outcome) {
    let count = &outcome.read.count;
    let skipped: u64 = count.skipped.values().sum();
    let dead: u64 = count.dead_lettered.values().sum();
    assert_eq!(count.read, count.decoded + skipped + dead, "the count does not add up: {count:?}");
    assert_eq!(dead, outcome.letters.len() as u64, "a dead letter is counted and not kept, or kept and not counted");
}
