//! Law FLOW-2 for lines of text: the fast path and the strict one give the same rows, dead letters and counts.
//!
//! Seeds are events of the audit system of several lines; their words are replaced, doubled, left out, their lines
//! interleaved and moved in time.

use offbound_ingest::fuzzing::change::change;
use offbound_ingest::fuzzing::change::text::LINES;
use offbound_ingest::fuzzing::{Numbers, differential, taken};
use proptest::prelude::*;

/// Number of cases: `OFFBOUND_CASES`, or enough for every build.
fn cases() -> u32 {
    std::env::var("OFFBOUND_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

/// Scenario: the plain ones of the lines above. Guarantees: the fast path takes them, so that these tests test.
#[test]
fn plain_lines_take_the_fast_path() {
    let plain: Vec<&str> = LINES.iter().copied().take(12).collect();
    assert_eq!(taken("linux-audit", plain.join("\n").as_bytes()), 12);
}

/// Scenario: up to thirty lines, changed up to sixty times, with all breaks of lines, in any order.
/// Guarantees: both paths agree.
#[test]
fn changed_lines_agree() {
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let lines = proptest::collection::vec((0..LINES.len(), any::<bool>()), 1..30);
    let result = runner.run(&(lines, 0..=60, any::<u64>()), |(lines, changes, seed)| {
        let lines =
            lines.iter().flat_map(|(line, windows)| [LINES[*line], if *windows { "\r\n" } else { "\n" }]);
        let log = lines.collect::<String>().into_bytes();
        let numbers = &mut Numbers::of(seed);
        let log = (0..changes).fold(log, |log, _| change("linux-audit", &log, numbers));
        differential("linux-audit", &log);
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}
