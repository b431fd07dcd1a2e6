//! Speed of decoding: bytes of a log to Arrow columns, on one core.
//!
//! In: seeded records in memory. Out: GB/s of CPU time, records/s, and the ratio to arrow-json on the same fields.
//! Results are compared before a time is printed: fast with strict in every column, fast with arrow-json in every
//! field that is a column as it stands.

mod mixed;
mod peer;
mod records;

use std::ops::ControlFlow;
use std::time::Instant;

use offbound_ingest::{FingerprintKey, Formats, IngestOptions, IngestSink, fuzzing};
use offbound_schemas::EventBatch;
use offbound_schemas::table::DeadLetter;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 9;

#[derive(Default)]
struct Count {
    rows: usize,
    letters: usize,
}

impl IngestSink for Count {
    fn rows(&mut self, batch: EventBatch) -> ControlFlow<()> {
        self.rows += batch.num_rows();
        ControlFlow::Continue(())
    }
    fn dead_letter(&mut self, _letter: DeadLetter) {
        self.letters += 1;
    }
    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

/// CPU time of this thread, in seconds.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux says how long a thread ran");
    let nanos: f64 = text.split(' ').next().and_then(|first| first.parse().ok()).expect("nanoseconds come first");
    nanos / 1e9
}

fn timed(work: impl FnOnce()) -> f64 {
    let before = cpu();
    work();
    cpu() - before
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn read(bytes: &[u8], work: fuzzing::Work) -> usize {
    let options = IngestOptions { formats: Formats::default(), sources: Vec::new(), key: FingerprintKey::for_tests() };
    let mut count = Count::default();
    fuzzing::read_as(work, "input", bytes, &options, &mut count).expect("memory can be read");
    assert_eq!(count.letters, 0, "the records are sound");
    count.rows
}

fn hashes() {
    let block = records::lines("k8s-audit", 1, 1);
    let megabytes = 64;
    let times = megabytes * 1_000_000 / block.len();
    let rate = |seconds: f64| (times * block.len()) as f64 / seconds / 1e9;
    let mut sink = 0_u8;
    let blake = timed(|| (0..times).for_each(|_| sink ^= blake3::hash(std::hint::black_box(&block)).as_bytes()[0]));
    let sha = timed(|| {
        use sha2::Digest as _;
        (0..times).for_each(|_| sink ^= sha2::Sha256::digest(std::hint::black_box(&block))[0])
    });
    println!("hash of {} bytes: BLAKE3 {:.2} GB/s, SHA-256 {:.2} GB/s ({sink})", block.len(), rate(blake), rate(sha));
}

fn main() {
    let megabytes: usize = std::env::var("MB").ok().and_then(|text| text.parse().ok()).unwrap_or(32);
    let mut arguments = std::env::args().skip(1);
    let only = arguments.next();
    if only.as_deref() == Some("mixed") {
        return mixed::compare(&arguments.collect::<Vec<_>>());
    }
    if let (Some(format), Some(path)) = (&only, arguments.next()) {
        let bytes = std::fs::read(&path).expect("the file can be read");
        return file(format, &path, &bytes);
    }
    if only.is_none() {
        hashes();
    }
    println!("{:<12} {:>6} {:>9} | {:>8} {:>8} {:>8} {:>8} | {:>6} {:>6}", "format", "bytes", "records", "columns", "whole", "strict", "peer", "x col", "x all");
    for format in records::FORMATS.iter().filter(|format| only.as_deref().is_none_or(|only| only == **format)) {
        let sample = records::lines(format, 200, 7);
        let count = (megabytes * 1_000_000 * 200 / sample.len()) as u64;
        let bytes = records::lines(format, count, 7);
        compare(format, &sample, &bytes);
        let slow = &bytes[..bytes.len() / 16];
        let slow = &slow[..slow.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1)];
        let mut times: [Vec<f64>; 4] = Default::default();
        let begun = Instant::now();
        // For profilers: one kind of work alone.
        let alone = match std::env::var("ALONE").as_deref() {
            Ok("columns") => Some(fuzzing::Work::ColumnsOnly),
            Ok("whole") => Some(fuzzing::Work::Whole),
            _ => None,
        };
        if let Some(work) = alone {
            (0..100).for_each(|_| drop(read(&bytes, work)));
            continue;
        }
        for _ in 0..ROUNDS {
            times[0].push(timed(|| drop(read(&bytes, fuzzing::Work::ColumnsOnly))));
            times[1].push(timed(|| drop(read(&bytes, fuzzing::Work::Whole))));
            times[2].push(timed(|| drop(read(slow, fuzzing::Work::Strict))));
            times[3].push(timed(|| drop(peer::rows(format, &bytes))));
        }
        let rate = |bytes: &[u8], seconds: f64| bytes.len() as f64 / seconds / 1e9;
        let [columns, whole, strict, other] = times.each_mut().map(|times| median(times));
        println!(
            "{format:<12} {:>6} {:>8.2}M | {:>8.3} {:>8.3} {:>8.3} {:>8.3} | {:>6.1} {:>6.1}   ({:.1}s)",
            bytes.len() as u64 / count, count as f64 / whole / 1e6,
            rate(&bytes, columns), rate(&bytes, whole), rate(slow, strict), rate(&bytes, other), other / columns, other / whole,
            begun.elapsed().as_secs_f64(),
        );
    }
}

/// How many lines of a file take the fast path, and how fast it is read.
fn file(format: &str, path: &str, bytes: &[u8]) {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    println!("{path}: {} of {lines} lines take the fast path of {format}", fuzzing::taken(format, bytes));
    let mut times: [Vec<f64>; 2] = Default::default();
    for _ in 0..ROUNDS {
        times[0].push(timed(|| drop(read(bytes, fuzzing::Work::ColumnsOnly))));
        times[1].push(timed(|| drop(read(bytes, fuzzing::Work::Whole))));
    }
    let [columns, whole] = times.each_mut().map(|times| bytes.len() as f64 / median(times) / 1e9);
    println!("columns {columns:.3} GB/s, whole {whole:.3} GB/s");
}

/// Equal results first.
fn compare(format: &str, sample: &[u8], bytes: &[u8]) {
    fuzzing::differential(format, sample);
    let taken = fuzzing::taken(format, sample);
    assert!(taken >= 195, "{format}: the fast path takes only {taken} of 200 records");
    peer::compare(format, sample);
    assert!(read(bytes, fuzzing::Work::Whole) >= peer::rows(format, bytes), "{format}: rows are missing");
}
