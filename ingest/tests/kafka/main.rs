//! Reading from Kafka, against a real Apache Kafka that the testbed starts.
//!
//! Each test has topics and a group of its own on one shared broker; those that stop the broker start their own.

mod failures;
mod members;
mod pressure;
mod restart;
mod same_as_files;
mod security;
mod topics;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use offbound_ingest::kafka::{
    Connection, Delivery, Gap, GapReason, KafkaSource, Notice, Offsets, Revoked, SourceOptions, Stretch,
    TopicRule,
};
use offbound_ingest::{FingerprintKey, Formats, IngestOptions};
use offbound_schemas::EventRows;
use offbound_schemas::table::DeadLetter;
use offbound_testbed::{Broker, Message, TestbedError};

/// Longest wait for what must come: a slow machine with a broker and many tests beside it.
const LONGEST: Duration = Duration::from_secs(60);
/// Length of one wait for a notice.
const STEP: Duration = Duration::from_millis(20);

/// What the testbed did; where it could not, the test fails with its words.
fn done<T>(result: Result<T, TestbedError>) -> T {
    result.map_err(|error| error.to_string()).expect("the testbed does what it is asked")
}

fn broker() -> &'static Broker {
    done(offbound_testbed::shared())
}

fn ingest() -> IngestOptions {
    IngestOptions { formats: Formats::default(), sources: Vec::new(), key: FingerprintKey::for_tests() }
}

/// Options for tests: what changes is seen soon.
fn options(broker: &Broker, group: &str, topics: &[&str]) -> SourceOptions {
    let rule = |topic: &&str| TopicRule::parse(topic, &Formats::default()).expect("a sound rule");
    let connection = Connection { allow_plaintext: true, ..Connection::plaintext(broker.bootstrap()) };
    let mut options = SourceOptions::new(connection, group, topics.iter().map(rule).collect(), ingest());
    options.metadata_refresh = Duration::from_millis(500);
    options.session_timeout = Duration::from_secs(6);
    options.drain_time = Duration::from_secs(3);
    options
}

type Key = (String, i32);

/// Stands for the store: offsets are kept when a test says so.
#[derive(Debug, Clone, Default)]
struct Store(Arc<Mutex<BTreeMap<Key, i64>>>);

impl Store {
    fn keep(&self, topic: &str, partition: i32, next: i64) {
        self.0.lock().expect("no test fails while it holds this").insert((topic.to_owned(), partition), next);
    }

    fn get(&self, topic: &str, partition: i32) -> Option<i64> {
        let offsets = self.0.lock().expect("no test fails while it holds this");
        offsets.get(&(topic.to_owned(), partition)).copied()
    }
}

impl Offsets for Store {
    fn stored(&self, topic: &str, partition: i32) -> Option<i64> {
        self.get(topic, partition)
    }
}

/// A member of a group, and all that it was told.
struct Member {
    source: KafkaSource,
    store: Store,
    /// Whether deliveries count as stored at once, and revocations are released.
    keeps: bool,
    rows: EventRows,
    letters: Vec<DeadLetter>,
    read: u64,
    bytes: u64,
    gaps: Vec<Gap>,
    troubles: Vec<String>,
    recoveries: usize,
    assigned: BTreeMap<Key, u64>,
    /// Number of a revocation, partitions, whether they were lost.
    revoked: Vec<(u64, Vec<Revoked>, bool)>,
    fenced: Vec<u64>,
    ends: BTreeMap<Key, i64>,
    /// Partitions that were said to be silent, and the rows that were there by then.
    silent: Vec<(i32, usize)>,
    /// The next offset that each partition's deliveries may begin with.
    reached: BTreeMap<Key, i64>,
}

impl Member {
    fn start(options: SourceOptions, store: &Store) -> Self {
        let source = KafkaSource::start(options, Box::new(store.clone())).expect("the options are sound");
        Self {
            source,
            store: store.clone(),
            keeps: true,
            rows: EventRows::default(),
            letters: Vec::new(),
            read: 0,
            bytes: 0,
            gaps: Vec::new(),
            troubles: Vec::new(),
            recoveries: 0,
            assigned: BTreeMap::new(),
            revoked: Vec::new(),
            fenced: Vec::new(),
            ends: BTreeMap::new(),
            silent: Vec::new(),
            reached: BTreeMap::new(),
        }
    }

    /// Takes what comes until something is true.
    fn until(&mut self, what: &str, mut is_true: impl FnMut(&Self) -> bool) {
        let started = Instant::now();
        while !is_true(self) {
            assert!(started.elapsed() < LONGEST, "waited for {what}: {}", self.state());
            self.step();
        }
    }

    fn state(&self) -> String {
        format!(
            "{} read, {} rows, gaps {:?}, troubles {:?}, assigned {:?}, revoked {:?}, ends {:?}",
            self.read,
            self.rows.len(),
            self.gaps,
            self.troubles,
            self.assigned,
            self.revoked,
            self.ends
        )
    }

    /// Takes what comes for so long.
    fn during(&mut self, time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {
            self.step();
        }
    }

    fn step(&mut self) {
        match self.source.next(STEP) {
            None => {}
            Some(Notice::Delivery(delivery)) => self.delivery(*delivery),
            Some(Notice::Assigned { epoch, partitions }) => {
                for partition in partitions {
                    let key = (partition.topic.to_string(), partition.partition);
                    self.reached.insert(key.clone(), partition.begin);
                    self.assigned.insert(key, epoch);
                }
            }
            Some(Notice::Revoking { epoch, partitions, is_lost }) => {
                for Revoked { topic, partition, epoch } in &partitions {
                    let was = self.assigned.remove(&(topic.to_string(), *partition));
                    assert_eq!(was, Some(*epoch), "{topic}/{partition}");
                }
                self.revoked.push((epoch, partitions, is_lost));
                if self.keeps {
                    self.source.release(epoch);
                }
            }
            Some(Notice::Fenced { epoch, .. }) => self.fenced.push(epoch),
            Some(Notice::Silent { epoch, topic, partition }) => {
                assert_eq!(self.assigned.get(&(topic.to_string(), partition)), Some(&epoch));
                self.silent.push((partition, self.rows.len()));
            }
            Some(Notice::Gap(gap)) => {
                if gap.reason == GapReason::Retention {
                    self.reached.insert((gap.topic.to_string(), gap.partition), gap.to);
                }
                self.gaps.push(gap);
            }
            Some(Notice::AtEnd { topic, partition, next, .. }) => {
                self.ends.insert((topic.to_string(), partition), next);
            }
            Some(Notice::Trouble { text, is_fatal }) => {
                assert!(!is_fatal && !text.contains('\n'), "{text}");
                self.troubles.push(text);
            }
            Some(Notice::Recovered) => self.recoveries += 1,
        }
    }

    fn delivery(&mut self, delivery: Delivery) {
        let rows = delivery.rows.to_rows().expect("batches have the shape of their tables");
        self.rows.host_events.extend(rows.host_events);
        self.rows.identity_assertions.extend(rows.identity_assertions);
        self.rows.placements.extend(rows.placements);
        self.letters.extend(delivery.letters);
        let bytes: u64 = delivery.stretches.iter().map(|stretch| stretch.bytes).sum();
        assert_eq!(delivery.bytes, bytes);
        delivery.stretches.into_iter().for_each(|stretch| self.stretch(&stretch));
    }

    fn stretch(&mut self, stretch: &Stretch) {
        let key = (stretch.topic.to_string(), stretch.partition);
        assert_eq!(self.assigned.get(&key), Some(&stretch.epoch), "a partition that is not ours");
        let reached = self.reached.get(&key).copied().unwrap_or_default();
        assert!(stretch.first_offset >= reached, "{key:?}: {} after {reached}", stretch.first_offset);
        let count = &stretch.count;
        let lost: u64 = count.skipped.values().chain(count.dead_lettered.values()).sum();
        assert_eq!(count.read, count.decoded + lost, "FLOW-1");
        self.read += count.read;
        self.bytes += stretch.bytes;
        if stretch.at_end {
            self.ends.insert(key.clone(), stretch.next);
        }
        if self.keeps {
            self.store.keep(&key.0, key.1, stretch.next);
        }
    }
}

/// One record of Kubernetes audit; equal numbers give equal records.
fn record(number: usize) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"00000000-0000-4000-8000-{number:012}","stage":"ResponseComplete","requestURI":"/api/v1/pods/{number}","verb":"get","user":{{"username":"u{number}"}},"sourceIPs":["10.0.0.1"],"requestReceivedTimestamp":"2026-03-01T10:{:02}:{:02}.{:06}Z","stageTimestamp":"2026-03-01T10:{:02}:{:02}.{:06}Z"}}"#,
        number / 60 % 60,
        number % 60,
        number % 1_000_000,
        number / 60 % 60,
        number % 60,
        number % 1_000_000,
    )
}

/// Sends records with these numbers, in turn to each partition.
fn send(broker: &Broker, topic: &str, partitions: i32, numbers: std::ops::Range<usize>) {
    let records: Vec<(i32, String)> = (0..partitions).cycle().zip(numbers.map(record)).collect();
    let messages: Vec<Message<'_>> =
        records.iter().map(|(partition, record)| Message::to(*partition, record.as_bytes())).collect();
    done(broker.produce(topic, &messages));
}

fn create(topic: &str, partitions: i32) {
    done(broker().create_topic(topic, partitions, &[]));
}

/// Which of those records the rows are of, sorted.
fn numbers(rows: &EventRows) -> Vec<usize> {
    let of_user = |user: &String| user.strip_prefix('u').and_then(|number| number.parse().ok());
    let subjects = rows.identity_assertions.iter().filter_map(|row| row.subject.as_ref());
    let mut numbers: Vec<usize> = subjects.filter_map(of_user).collect();
    numbers.sort_unstable();
    numbers
}
