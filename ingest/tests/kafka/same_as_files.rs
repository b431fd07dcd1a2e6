//! What is read from Kafka is what is read from files (law STREAM-5), but for the place of each record.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use offbound_ingest::decode::FORMATS;
use offbound_ingest::fuzzing::Collector;
use offbound_ingest::read_bytes;
use offbound_schemas::EventRows;
use offbound_testbed::Message;

use crate::{Member, Store, broker, done, ingest, options};

/// Formats whose records say less alone than together, or which tell of a pod when it is first seen: all of a file go
/// to one partition, as all of a host do.
const TOGETHER: &[&str] = &[
    "tetragon",
    "falco",
    "tracee",
    "kubescape",
    "linux-audit",
    "laurel",
    "auditbeat",
    "auoms",
    "vault-audit",
    "ztunnel",
    "gke-metadata",
    "spire-server",
    "spire-agent",
];
/// Partitions of the topics whose records may go anywhere.
const PARTITIONS: i32 = 12;

/// A text as it lies in a file, and the messages that it would be.
struct Case {
    topic: String,
    /// Rows of the file.
    expected: Vec<String>,
    format: String,
    messages: Vec<Vec<u8>>,
    partitions: i32,
}

fn case(number: usize, name: &str, file: Vec<u8>) -> Case {
    let (rows, format) = from_file(&file);
    let is_text = file.first().is_some_and(u8::is_ascii) && std::str::from_utf8(&file).is_ok();
    // A compressed file and a document are one message each.
    let messages = if is_text && !name.ends_with(".json") {
        file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
    } else {
        vec![file]
    };
    let partitions = if TOGETHER.contains(&format.as_str()) || messages.len() == 1 { 1 } else { PARTITIONS };
    Case { topic: format!("same.{number}"), expected: texts(&rows), format, messages, partitions }
}

fn cases() -> Vec<Case> {
    let of_formats = FORMATS.iter().map(|format| (format.id.to_owned(), format.sample.as_bytes().to_vec()));
    let mut texts: Vec<(String, Vec<u8>)> = of_formats.collect();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    for sample in ["identity-stops-it", "stolen-session-key"] {
        let mut files: Vec<_> = fs::read_dir(samples.join(sample)).expect("a sample").flatten().collect();
        files.sort_by_key(fs::DirEntry::path);
        for file in files {
            let name = file.path().display().to_string();
            let is_log = ["environment.toml", "truth.json", "expected.ndjson", "README.md"];
            if !is_log.iter().any(|own| name.ends_with(own)) {
                texts.push((name, fs::read(file.path()).expect("a file of ours")));
            }
        }
    }
    for other in ["stolen-pod-token/tetragon-2026-03-01.ndjson.zst", "busy-benign-day/falco.ndjson"] {
        texts.push((other.to_owned(), fs::read(samples.join(other)).expect("a file of ours")));
    }
    let numbered = texts.into_iter().enumerate();
    numbered.map(|(number, (name, file))| case(number, &name, file)).collect()
}

/// The rows of a file, and the format of most of its records.
fn from_file(file: &[u8]) -> (EventRows, String) {
    let mut collector = Collector::default();
    let read = read_bytes("file.log", file, &ingest(), &mut collector).expect("memory can be read");
    (collector.rows, read.count.format)
}

/// Rows without their places, in an order that does not depend on that of reading.
fn texts(rows: &EventRows) -> Vec<String> {
    let EventRows { host_events, identity_assertions, placements } = rows.clone();
    let mut texts = Vec::new();
    for mut row in host_events {
        row.location.clear();
        texts.push(format!("{row:?}"));
    }
    for mut row in identity_assertions {
        row.location.clear();
        texts.push(format!("{row:?}"));
    }
    for mut row in placements {
        row.location.clear();
        texts.push(format!("{row:?}"));
    }
    texts.sort();
    texts
}

/// The rows of each topic.
fn by_topic(rows: EventRows) -> BTreeMap<String, EventRows> {
    let topic = |location: &str| location.split('/').next().unwrap_or_default().to_owned();
    let mut all: BTreeMap<String, EventRows> = BTreeMap::new();
    for row in rows.host_events {
        all.entry(topic(&row.location)).or_default().host_events.push(row);
    }
    for row in rows.identity_assertions {
        all.entry(topic(&row.location)).or_default().identity_assertions.push(row);
    }
    for row in rows.placements {
        all.entry(topic(&row.location)).or_default().placements.push(row);
    }
    all
}

/// Scenario: every format's sample and the logs of three sample incidents, each in a topic of its own, most spread over 12
/// partitions, some compressed or documents of many records. Guarantees: the same rows as from the file, in every field
/// but the place, which names topic, partition and offset.
#[test]
fn every_sample() {
    let cases = cases();
    let topics: Vec<(&str, i32)> = cases.iter().map(|case| (case.topic.as_str(), case.partitions)).collect();
    done(broker().create_topics(&topics, &[]));
    for case in &cases {
        let places = (0..case.messages.len()).map(|at| (at as i32).wrapping_mul(7_919) % case.partitions);
        let messages: Vec<Message<'_>> =
            places.zip(&case.messages).map(|(partition, payload)| Message::to(partition, payload)).collect();
        done(broker().produce(&case.topic, &messages));
    }
    let mut member = Member::start(options(broker(), "same", &["^same\\."]), &Store::default());
    let partitions: usize = cases.iter().map(|case| case.partitions as usize).sum();
    member.until("the ends of all partitions", |member| member.ends.len() == partitions);
    assert!(member.troubles.is_empty(), "{:?}", member.troubles);
    let mut found = by_topic(std::mem::take(&mut member.rows));
    for case in &cases {
        let Case { topic, expected, format, .. } = case;
        let found = texts(&found.remove(topic).unwrap_or_default());
        let unlike = found.iter().zip(expected).find(|(found, expected)| found != expected);
        assert!(unlike.is_none(), "{topic} {format}: {unlike:?}");
        assert_eq!(found.len(), expected.len(), "{topic} {format}");
    }
    member.source.stop();
}
