//! Input that is broken, hostile or merely odd: each piece has a reason code, costs nothing else, and little memory.

mod audit;
#[path = "../collector/mod.rs"]
mod collector;
mod compression;
mod endless;
mod files;
mod forged;
mod framing;
mod json;
mod memory;
mod text;
mod times;

use std::collections::BTreeMap;
use std::io::Read;

use collector::read;
use offbound_ingest::fuzzing::Collector;

/// A record of no format: what becomes of it shows that it was read.
const GOOD: &str = r#"{"unknown":"but fine"}"#;

/// Reads `bytes` and compares what became of the records; returns the dead letters' text.
fn check(bytes: &(impl AsRef<[u8]> + ?Sized), expected: &[(&str, u64)]) -> Vec<String> {
    collect(bytes.as_ref(), expected).letters.into_iter().map(|letter| letter.bytes).collect()
}

/// The same of a stream, and returns all that came out.
fn collect(bytes: impl Read, expected: &[(&str, u64)]) -> Collector {
    let (read, collector) = read("odd.log", bytes);
    let mut found = read.count.dead_lettered.clone();
    found.extend(read.count.skipped.clone());
    let expected: BTreeMap<String, u64> =
        expected.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
    let details: Vec<&String> = collector.letters.iter().map(|letter| &letter.detail).take(9).collect();
    assert_eq!(found, expected, "{details:?}");
    collector
}
