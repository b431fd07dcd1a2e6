//! Samples as records: what a shipper would have made of their files.
//!
//! In: the folder of a sample. Out: records, each with the stream that it belongs to. Owns: a seeded interleaving.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use offbound_testbed::{Broker, Message};

use crate::root;

/// Partitions of every topic here.
pub(super) const PARTITIONS: i32 = 12;
/// Files of a sample that are no logs.
const NO_LOGS: &[&str] = &["README.md", "environment.toml", "expected.ndjson", "truth.json"];

/// One record.
pub(super) struct Record {
    /// Records that have to stay in order share one.
    stream: Option<i32>,
    bytes: Vec<u8>,
}

/// The folder of a sample.
pub(super) fn folder(sample: &str) -> PathBuf {
    root().join("samples").join(sample)
}

/// The environment file of a sample.
pub(super) fn environment(sample: &str) -> String {
    folder(sample).join("environment.toml").display().to_string()
}

/// All records of a sample, file by file.
pub(super) fn records(sample: &str) -> Vec<Record> {
    let entries = std::fs::read_dir(folder(sample)).expect("a sample");
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
    if name.trim_end_matches(".gz").ends_with(".json") {
        return vec![Record { stream: None, bytes }];
    }
    // Raw audit events span lines: their order is theirs, so a shipper keys them by host.
    let stream = name.ends_with("-audit.log").then_some(number % PARTITIONS);
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| Record { stream, bytes: line.to_vec() }).collect()
}

/// Puts records into a new topic, interleaved and spread over its partitions by `seed`.
pub(super) fn fill(broker: &Broker, topic: &str, records: &[Record], seed: u64) {
    broker.create_topic(topic, PARTITIONS, &[]).expect("a new topic");
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
    let messages: Vec<Message<'_>> = order
        .iter()
        .map(|index| {
            let record = &records[*index];
            let any = i32::try_from(dice.below(usize::try_from(PARTITIONS).expect("small"))).expect("small");
            Message::to(record.stream.unwrap_or(any), &record.bytes)
        })
        .collect();
    broker.produce(topic, &messages).expect("the broker takes records");
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
