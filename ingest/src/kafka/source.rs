//! The source itself: its thread, and the other end of its queue.
//!
//! In: [`SourceOptions`] and the store's offsets. Out: [`Notice`]s, one after the other. Owns: the thread, and what is
//! told to it: how far partitions are committed, which revocations are drained, that it is to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::kafka::connection::KafkaError;
use crate::kafka::context::{Context, Ends};
use crate::kafka::hand_over::HandOver;
use crate::kafka::notice::{Notice, PartitionOffset};
use crate::kafka::options::{Offsets, SourceOptions};
use crate::kafka::worker::Worker;

/// Kilobytes of messages that librdkafka keeps of one partition before it stops fetching, so that reading seldom waits for
/// the network; with what one fetch may add, a hundred partitions take a third of 512 MiB at most.
const FETCHED_KIB: usize = 512;
/// Bytes that are asked for of one partition at a time: as much as brokers take in one batch by default. Of a partition
/// whose next batch is larger a broker gives nothing while others have anything, so that it would fall behind.
const FETCH_BYTES: usize = 1024 * 1024;
/// Bytes of one answer of a broker.
const FETCH_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Longest time that a broker waits for news of the partitions that are asked for, in milliseconds. Meanwhile it is asked
/// for no others: a partition that was left out because its queue was full waits as long.
const FETCH_WAIT_MS: usize = 20;
/// How soon a partition is fetched again whose messages were too many, in milliseconds: librdkafka's own second would be
/// the limit when a backlog is read.
const FETCH_BACKOFF_MS: usize = 2;

/// A partition's name.
pub(super) type Key = (Arc<str>, i32);

/// What the two sides share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) hand_over: HandOver,
    pub(super) is_stopping: AtomicBool,
    commits: Mutex<BTreeMap<Key, i64>>,
    released: Mutex<BTreeSet<u64>>,
    held_back: Mutex<Arc<BTreeSet<Key>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// What is to be committed, once.
    pub(super) fn take_commits(&self) -> BTreeMap<Key, i64> {
        std::mem::take(&mut lock(&self.commits))
    }

    /// Partitions that are not to be read now.
    pub(super) fn held_back(&self) -> Arc<BTreeSet<Key>> {
        Arc::clone(&lock(&self.held_back))
    }

    /// Whether a revocation was released; says so once.
    pub(super) fn take_release(&self, epoch: u64) -> bool {
        lock(&self.released).remove(&epoch)
    }
}

/// How often librdkafka says where partitions end, in milliseconds.
const STATISTICS_MS: &str = "2000";

/// A member of a consumer group.
#[derive(Debug)]
pub struct KafkaSource {
    shared: Arc<Shared>,
    ends: Ends,
    thread: Option<JoinHandle<()>>,
}

impl KafkaSource {
    /// Joins the group and begins to read.
    ///
    /// # Errors
    /// When the options cannot be used. That no broker answers is told later, as a notice.
    pub fn start(options: SourceOptions, offsets: Box<dyn Offsets>) -> Result<Self, KafkaError> {
        let config = consumer_config(&options)?;
        let refused = |error: rdkafka::error::KafkaError| KafkaError::Client(error.to_string());
        let ends = Ends::default();
        let context = Context::new(options.connection.client(), Arc::clone(&ends));
        let mut consumer: BaseConsumer<Context> = config.create_with_context(context).map_err(refused)?;
        let topics: Vec<&str> = options.topics.iter().map(|rule| rule.pattern.as_str()).collect();
        if topics.is_empty() {
            return Err(KafkaError::NoTopic);
        }
        let shared = Arc::new(Shared {
            hand_over: HandOver::new(options.queue_bytes),
            is_stopping: AtomicBool::new(false),
            commits: Mutex::default(),
            released: Mutex::default(),
            held_back: Mutex::default(),
        });
        consumer.subscribe(&topics).map_err(refused)?;
        let theirs = Arc::clone(&shared);
        let work = move || {
            let thread = thread::current();
            consumer.set_nonempty_callback(move || thread.unpark());
            Worker::new(consumer, options, offsets, Arc::clone(&theirs)).work();
            theirs.hand_over.close();
        };
        let thread = thread::Builder::new().name("kafka".to_owned()).spawn(work);
        let thread = thread.map_err(|error| KafkaError::Thread(error.to_string()))?;
        Ok(Self { shared, ends, thread: Some(thread) })
    }

    /// The next notice, waited for so long at most.
    pub fn next(&mut self, wait: Duration) -> Option<Notice> {
        let had_room = self.shared.hand_over.has_room();
        let notice = self.shared.hand_over.next(wait);
        // A full queue has room again, or small deliveries are welcome again.
        if !had_room || (notice.is_some() && self.shared.hand_over.is_empty()) {
            self.wake();
        }
        notice
    }

    /// Where partitions end, as brokers said within the last seconds: the offset behind the last record.
    #[must_use]
    pub fn ends(&self) -> Vec<(String, i32, i64)> {
        let ends = lock(&self.ends);
        ends.iter().map(|end| (end.topic.clone(), end.partition, end.high)).collect()
    }

    /// Bytes of messages that are read and not taken yet.
    #[must_use]
    pub fn queued_bytes(&self) -> u64 {
        self.shared.hand_over.bytes()
    }

    /// Tells the brokers how far partitions are committed. Advisory: the store's own offsets decide. Partitions that are
    /// not ours are left out.
    pub fn commit(&self, offsets: &[PartitionOffset]) {
        let mut commits = lock(&self.shared.commits);
        for PartitionOffset { topic, partition, next } in offsets {
            commits.insert((Arc::clone(topic), *partition), *next);
        }
    }

    /// Says that everything that was delivered of the partitions of a revocation is committed, or thrown away.
    pub fn release(&self, epoch: u64) {
        lock(&self.shared.released).insert(epoch);
        self.wake();
    }

    /// Reads none of these partitions until it is told others. Their messages stay with librdkafka, which stops fetching.
    pub fn hold_back(&self, partitions: Arc<BTreeSet<Key>>) {
        *lock(&self.shared.held_back) = partitions;
        self.wake();
    }

    /// Commits what was told and leaves the group.
    pub fn stop(mut self) {
        self.end();
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    fn end(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that reads Kafka failed");
        }
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.end();
    }
}

/// The configuration of the consumer.
fn consumer_config(options: &SourceOptions) -> Result<ClientConfig, KafkaError> {
    let mut config = options.connection.client_config()?;
    let millis = |duration: Duration| duration.as_millis().to_string();
    let mut own = ClientConfig::new();
    own.set("group.id", &options.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("statistics.interval.ms", STATISTICS_MS)
        .set("enable.partition.eof", "true")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", millis(options.session_timeout))
        .set("heartbeat.interval.ms", millis(options.session_timeout / 15))
        .set("topic.metadata.refresh.interval.ms", millis(options.metadata_refresh))
        .set("metadata.max.age.ms", millis(options.metadata_refresh * 3))
        // A pattern never means the brokers' own topics.
        .set("topic.blacklist", "^__")
        .set("queued.max.messages.kbytes", FETCHED_KIB.to_string())
        .set("fetch.message.max.bytes", FETCH_BYTES.to_string())
        .set("fetch.max.bytes", FETCH_MAX_BYTES.to_string())
        .set("fetch.queue.backoff.ms", FETCH_BACKOFF_MS.to_string())
        .set("fetch.error.backoff.ms", "100")
        .set("fetch.wait.max.ms", FETCH_WAIT_MS.to_string());
    for (key, value) in own.config_map() {
        config.set(key, value);
    }
    for (key, value) in &options.connection.extra {
        config.set(key, value);
    }
    Ok(config)
}
