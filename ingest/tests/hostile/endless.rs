//! Streams that never come to a point: audit events without an end, cut lines without a last piece.

use std::io::Read;
use std::ops::ControlFlow;

use offbound_ingest::{IngestSink, SourceRead, read_bytes};
use offbound_schemas::EventBatch;
use offbound_schemas::table::DeadLetter;

use crate::collector::{options, read};
use crate::memory::bounded;

/// Keeps nothing, so that only what reading itself keeps is measured.
struct Nothing;

impl IngestSink for Nothing {
    fn rows(&mut self, _batch: EventBatch) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn dead_letter(&mut self, _letter: DeadLetter) {}

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

/// Reads to the end, and checks that the counts add up.
fn read_only(name: &str, bytes: impl Read) -> SourceRead {
    let read = read_bytes(name, bytes, &options(), &mut Nothing).expect("bytes in memory can be read");
    let (skipped, dead) =
        (read.count.skipped.values().sum::<u64>(), read.count.dead_lettered.values().sum::<u64>());
    assert_eq!(read.count.read, read.count.decoded + skipped + dead, "{read:?}");
    read
}

/// Lines that a function makes by their number.
struct Lines {
    line: fn(u64) -> String,
    number: u64,
    end: u64,
    rest: Vec<u8>,
}

impl Lines {
    fn new(end: u64, line: fn(u64) -> String) -> Self {
        Self { line, number: 0, end, rest: Vec::new() }
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.len() < buffer.len() && self.number < self.end {
            self.rest.extend((self.line)(self.number).into_bytes());
            self.rest.push(b'\n');
            self.number += 1;
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Ok(length)
    }
}

/// A whole audit event, before and behind the rest.
const WHOLE: &str = "type=AVC msg=audit(1772359200.500:7): apparmor=\"DENIED\" operation=\"open\" profile=\"p\" name=\"/x\" pid=1 comm=\"x\" requested_mask=\"r\" denied_mask=\"r\"\n";

/// Scenario: an audit event with 20,000 records of one serial and no end, between two whole events.
/// Guarantees: memory stays, every record is accounted for, the whole events are rows.
#[test]
fn one_audit_event() {
    bounded("endless::one_audit_event", || {
        let lines = Lines::new(20_000, |number| {
            format!(
                "type=PATH msg=audit(1772359201.000:8): item={number} name=\"/{number}\" nametype=NORMAL {}",
                "x".repeat(80)
            )
        });
        let behind = WHOLE.replace("500:7", "900:9");
        let (read, collector) = read("audit.log", WHOLE.as_bytes().chain(lines).chain(behind.as_bytes()));
        assert_eq!(read.count.read, 20_002, "{read:?}");
        let denied = collector.rows.host_events.iter().filter(|row| row.raw.contains("apparmor")).count();
        assert_eq!(denied, 2, "{:?}", collector.rows.host_events.len());
    });
}

/// Scenario: 30,000 audit events of which only the first record comes, each with its own serial and long fields.
/// Guarantees: memory stays, every record is accounted for.
#[test]
fn many_audit_events() {
    bounded("endless::many_audit_events", || {
        let lines = Lines::new(30_000, |number| {
            format!(
                "type=PATH msg=audit(1772359201.000:{number}): item=0 name=\"/{number}\" nametype=NORMAL {}",
                "x".repeat(400)
            )
        });
        let read = read_only("audit.log", lines);
        assert_eq!(read.count.read, 30_000, "{read:?}");
    });
}

/// Scenario: pieces of cut lines of a container runtime, of which the last never comes.
/// Guarantees: memory stays, and what was cut comes out.
#[test]
fn pieces() {
    bounded("endless::pieces", || {
        let lines = Lines::new(700, |_| format!("2026-03-01T10:00:00Z stdout P {}", "x".repeat(16_000)));
        let read = read_only("cri.log", lines);
        assert!(read.count.read > 0, "{read:?}");
    });
}
