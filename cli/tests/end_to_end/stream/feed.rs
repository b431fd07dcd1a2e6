//! Logs as records: what a shipper would have made of their files.
//!
//! In: a sample, or a folder that the generator wrote. Out: records, each with the stream that it belongs to, in a topic.
//! Owns: a seeded interleaving, and how long it takes to send.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use offbound_schemas::EventTime;
use offbound_testbed::{Broker, Message};

use crate::{root, run, said, scratch};

/// Partitions of every topic here.
pub(super) const PARTITIONS: i32 = 12;
/// How much later than its event a record comes that is sent in time.
pub(super) const LATE: Duration = Duration::from_secs(60);
/// Files of a sample that are no logs.
const NO_LOGS: &[&str] = &["README.md", "environment.toml", "expected.ndjson", "truth.json"];

/// One record.
pub(super) struct Record {
    /// Name of the file that it was in.
    pub(super) file: Arc<str>,
    /// Its line in the file; the first one where it has several.
    line: usize,
    /// Records that have to stay in order share one.
    stream: Option<i32>,
    bytes: Vec<u8>,
}

impl Record {
    /// When the last of its events happened.
    fn time(&self, times: &BTreeMap<(String, usize), EventTime>) -> Option<EventTime> {
        let last = if is_document(&self.file) { usize::MAX } else { self.line };
        let of = |line| (self.file.to_string(), line);
        times.range(of(self.line)..=of(last)).map(|(_, time)| *time).max()
    }
}

/// Whether a file is one document, and not one on each line.
fn is_document(name: &str) -> bool {
    name.trim_end_matches(".gz").ends_with(".json")
}

/// The folder of a sample.
pub(super) fn folder(sample: &str) -> PathBuf {
    root().join("samples").join(sample)
}

/// The environment file of a sample.
pub(super) fn environment(sample: &str) -> String {
    folder(sample).join("environment.toml").display().to_string()
}

/// A folder with about so many lines of ordinary traffic in all formats, and three incidents among them.
pub(super) fn generated(lines: u64) -> tempfile::TempDir {
    let home = scratch();
    let (lines, out) = (lines.to_string(), home.path().display().to_string());
    let args = ["simulate", "volume", "--lines", &lines, "--seed", "5", "--out", &out, "--quiet"];
    let plants = ["stolen-pod-token", "identity-stops-it", "stolen-session-key"];
    let plants = plants.iter().flat_map(|scenario| ["--plant", scenario]);
    let output = run(home.path(), &args.into_iter().chain(plants).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", said(&output));
    home
}

/// All records of a sample, file by file.
pub(super) fn records(sample: &str) -> Vec<Record> {
    records_of(&folder(sample))
}

/// All records of a folder of logs, file by file.
pub(super) fn records_of(folder: &Path) -> Vec<Record> {
    let entries = std::fs::read_dir(folder).expect("a folder of logs");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let is_log = |path: &&PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| !NO_LOGS.contains(&name))
    };
    (0..).zip(paths.iter().filter(is_log)).flat_map(|(number, path)| of_file(path, number)).collect()
}

fn of_file(path: &Path, number: i32) -> Vec<Record> {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
    let mut bytes = Vec::new();
    let file = File::open(path).expect("a readable sample");
    if name.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).expect("sound gzip");
    } else if name.ends_with(".zst") {
        zstd::Decoder::new(file).and_then(|mut from| from.read_to_end(&mut bytes)).expect("sound zstd");
    } else {
        let mut file = file;
        file.read_to_end(&mut bytes).expect("a readable sample");
    }
    if is_document(name) {
        return vec![Record { file: name.into(), line: 1, stream: None, bytes }];
    }
    // Raw audit events span lines: their order is theirs, so a shipper keys them by host.
    let is_of_a_host = name.ends_with("-audit.log") && name != "k8s-audit.log";
    let stream = is_of_a_host.then_some(number % PARTITIONS);
    let file: Arc<str> = name.into();
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.is_empty());
    let record = |(line, bytes): (usize, &[u8])| Record {
        file: Arc::clone(&file),
        line,
        stream,
        bytes: bytes.to_vec(),
    };
    lines.map(record).collect()
}

/// Puts records into a new topic, interleaved and spread over its partitions by `seed`.
pub(super) fn fill(broker: &Broker, topic: &str, records: &[Record], seed: u64) {
    broker.create_topic(topic, PARTITIONS, &[]).expect("a new topic");
    broker.produce(topic, &interleaved(records, seed)).expect("the broker takes records");
}

/// Sends messages into a topic that is there, evenly over so much time.
pub(super) fn trickle(broker: &Broker, topic: &str, messages: &[Message<'_>], during: Duration) {
    let (sender, began) = (broker.producer(topic).expect("a producer"), Instant::now());
    for (number, message) in (0_u32..).zip(messages) {
        let share = f64::from(number) / messages.len() as f64;
        let due = during.mul_f64(share);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        sender.send(message).expect("the producer has room");
    }
    sender.flush().expect("the broker takes records");
}

/// Records as messages, interleaved and spread over partitions by `seed`.
pub(super) fn interleaved(records: &[Record], seed: u64) -> Vec<Message<'_>> {
    let mut dice = Dice(seed);
    let mut order: Vec<usize> = (0..records.len()).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, dice.below(at + 1));
    }
    // Records of one stream take the places that the shuffle gave them in their own order.
    let places: Vec<usize> = (0..order.len()).filter(|at| records[order[*at]].stream.is_some()).collect();
    let mut streamed: Vec<usize> = places.iter().map(|at| order[*at]).collect();
    streamed.sort_unstable();
    places.iter().zip(streamed).for_each(|(at, record)| order[*at] = record);
    order.iter().map(|index| message(&records[*index], &mut dice)).collect()
}

/// Records as messages, about as their events happened (`times`, by file and line), each up to [`LATE`] later, spread over
/// partitions by `seed`. A line without events comes with the line before it, a document with the last of its lines.
pub(super) fn in_time<'r>(
    records: &'r [Record],
    times: &BTreeMap<(String, usize), EventTime>,
    seed: u64,
) -> Vec<Message<'r>> {
    let mut dice = Dice(seed);
    let (mut file, mut last) = ("", EventTime(i64::MIN));
    let mut places = Vec::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        if *record.file != *file {
            (file, last) = (&record.file, EventTime(i64::MIN));
        }
        if let Some(time) = record.time(times) {
            // Records of one stream stay in order.
            let late = if record.stream.is_none() { dice.below(LATE.as_millis() as usize) } else { 0 };
            last = time.plus_nanos(late as i64 * 1_000_000);
        }
        places.push((last, index));
    }
    places.sort_unstable();
    places.iter().map(|(_, index)| message(&records[*index], &mut dice)).collect()
}

fn message<'r>(record: &'r Record, dice: &mut Dice) -> Message<'r> {
    let any = i32::try_from(dice.below(usize::try_from(PARTITIONS).expect("small"))).expect("small");
    Message::to(record.stream.unwrap_or(any), &record.bytes)
}

/// Numbers from a seed (xorshift64*): the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).expect("31 bits") % limit
    }
}
