//! Reading bytes into a sink that keeps everything, for the tests of this folder.

use std::io::Read;

#[allow(unused_imports, reason = "not every test file asks for each")]
pub(crate) use offbound_ingest::fuzzing::{Collector, check_count};
use offbound_ingest::{FingerprintKey, Formats, IngestOptions, SourceRead, read_bytes};

/// Default options with a fixed key.
pub(crate) fn options() -> IngestOptions {
    IngestOptions { formats: Formats::default(), sources: Vec::new(), key: FingerprintKey::for_tests() }
}

#[allow(dead_code, reason = "the corpus is read from files")]
/// Reads bytes, and checks that the counts add up (law FLOW-1).
pub(crate) fn read(name: &str, bytes: impl Read) -> (SourceRead, Collector) {
    let mut collector = Collector::default();
    let read = read_bytes(name, bytes, &options(), &mut collector).expect("bytes in memory can be read");
    check_count(&read.count, &collector);
    (read, collector)
}
