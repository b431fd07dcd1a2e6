//! A line of 100 MB, alone in its process so that its memory can be measured.

mod collector;

use std::io::Read;

use collector::read;

const LINE_BYTES: u64 = 100 * 1000 * 1000;
const MAX_RISE_KB: u64 = 8 * 1024;

fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Scenario: a line of 100 MB between two short ones.
/// Guarantees: one dead letter `too-long` with length and hash, the next line is read, memory rises by less than 8 MiB.
#[test]
fn hundred_megabytes() {
    let _warm = read("a.log", b"warm\n".as_slice());
    let before = peak_kb();
    let long = std::io::repeat(b'x').take(LINE_BYTES);
    let (_, collector) = read("a.log", b"first\n".as_slice().chain(long).chain(b"\nlast\n".as_slice()));
    let after = peak_kb();
    let found: Vec<_> = collector
        .letters
        .iter()
        .map(|letter| (letter.location.as_str(), letter.reason.as_str(), letter.length))
        .collect();
    assert_eq!(
        found,
        [
            ("a.log:1", "unknown-format", 5),
            ("a.log:2", "too-long", LINE_BYTES),
            ("a.log:3", "unknown-format", 4)
        ]
    );
    assert!(collector.letters.iter().all(|letter| letter.bytes.len() <= offbound_ingest::MAX_LETTER_BYTES));
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after - before < MAX_RISE_KB, "memory rose by {} kB", after - before);
    }
}
