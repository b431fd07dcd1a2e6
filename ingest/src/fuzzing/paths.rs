//! Both paths side by side.
//!
//! In: any bytes. Out: nothing, or a panic that says where the two paths differ.
//! Law FLOW-2: fast ≡ strict in every column, dead letter and count.

use super::{Collector, check_count, sample};
use crate::decode::FORMATS;
use crate::formats::Formats;
use crate::pipeline::{IngestOptions, IngestSink, Paths, SourceRead, read_run};
use crate::redact::FingerprintKey;
use crate::run::Run;

fn read(bytes: &[u8], paths: Paths) -> (SourceRead, Collector) {
    let options =
        IngestOptions { formats: Formats::default(), sources: Vec::new(), key: FingerprintKey::for_tests() };
    let mut collector = Collector::default();
    let run = Run::new("input", &options, &mut collector).with_paths(paths);
    let finished = read_run(run, bytes, None).expect("bytes in memory can be read");
    (finished.read, collector)
}

/// `bytes` behind the sample of a format, so that its fast path is open.
fn behind_sample(format: &str, bytes: &[u8]) -> Vec<u8> {
    [sample(format).as_bytes(), b"\n", bytes, b"\n"].concat()
}

/// Reads `bytes`, behind the sample of the format with this id, on both paths.
///
/// # Panics
/// When they differ in anything.
pub fn differential(format: &str, bytes: &[u8]) {
    compare(&behind_sample(format, bytes), bytes);
}

/// The same behind the samples of all formats, so that every fast path is open.
///
/// # Panics
/// When they differ in anything.
pub fn differential_of_all(bytes: &[u8]) {
    let samples = FORMATS.iter().flat_map(|format| [format.sample.as_bytes(), b"\n"]);
    let input: Vec<u8> = samples.chain([bytes, b"\n"]).flatten().copied().collect();
    compare(&input, bytes);
}

fn compare(input: &[u8], bytes: &[u8]) {
    let (fast, strict) = (read(input, Paths::Both), read(input, Paths::StrictOnly));
    check_count(&fast.0.count, &fast.1);
    let on = || format!("fast and strict differ on {}", bytes.escape_ascii());
    for (fast, strict) in fast.1.rows.identity_assertions.iter().zip(&strict.1.rows.identity_assertions) {
        assert_eq!(fast, strict, "{}", on());
    }
    for (fast, strict) in fast.1.rows.host_events.iter().zip(&strict.1.rows.host_events) {
        assert_eq!(fast, strict, "{}", on());
    }
    assert_eq!(fast, strict, "{}", on());
}

/// How many of the lines of `bytes` the fast path takes, behind the sample of the format with this id.
#[must_use]
pub fn taken(format: &str, bytes: &[u8]) -> u64 {
    let input = behind_sample(format, bytes);
    crate::run::FAST_RECORDS.with(|count| count.set(0));
    let _outcome = read(&input, Paths::Both);
    crate::run::FAST_RECORDS.with(std::cell::Cell::get)
}

/// What is done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// What every reading does.
    Whole,
    /// The same without the fast path.
    Strict,
    /// For benchmarks: plain records are validated and decoded into columns, but neither screened for secrets nor
    /// identified, and their raw text is not kept.
    ColumnsOnly,
}

/// Reads `bytes` as if `name` were their file.
///
/// # Errors
/// When the stream cannot be opened.
pub fn read_as(
    work: Work,
    name: &str,
    bytes: &[u8],
    options: &IngestOptions,
    sink: &mut dyn IngestSink,
) -> std::io::Result<SourceRead> {
    let paths = match work {
        Work::Whole => Paths::Both,
        Work::Strict => Paths::StrictOnly,
        Work::ColumnsOnly => Paths::ColumnsOnly,
    };
    let run = Run::new(name, options, sink).with_paths(paths);
    read_run(run, bytes, None).map(|finished| finished.read)
}
