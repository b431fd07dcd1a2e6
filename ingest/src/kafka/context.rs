//! What librdkafka calls.
//!
//! In: its callbacks, which come while the reading thread polls. Out: the same as lists that the thread works off.
//! Owns: nothing but the lists; only while the consumer closes are partitions given back here and now.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use crate::kafka::connection::Client;
use crate::kafka::source::Key;

/// Most errors that wait to be told: each repeats until it is mended.
const MAX_ERRORS: usize = 64;

/// What the group wants.
#[derive(Debug, Clone)]
pub(super) enum Rebalance {
    /// These are ours.
    Assign(Vec<(String, i32)>),
    /// These are to be given back.
    Revoke(Vec<(String, i32)>),
}

/// An error that belongs to no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientError {
    pub(super) code: Option<RDKafkaErrorCode>,
    pub(super) reason: String,
}

/// How far a partition goes, as its broker last said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// Offset behind the last record.
    pub(super) high: i64,
    /// Offset that is fetched next: behind what is no record, too.
    next: i64,
}

/// Ends of all partitions, in order.
pub(super) type Ends = Arc<Mutex<Vec<End>>>;

pub(super) struct Context {
    client: Client,
    ends: Ends,
    rebalances: Mutex<VecDeque<Rebalance>>,
    errors: Mutex<VecDeque<ClientError>>,
    is_closing: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Context {
    pub(super) fn new(client: Client, ends: Ends) -> Self {
        Self {
            client,
            ends,
            rebalances: Mutex::default(),
            errors: Mutex::default(),
            is_closing: AtomicBool::new(false),
        }
    }

    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalances).pop_front()
    }

    pub(super) fn next_error(&self) -> Option<ClientError> {
        lock(&self.errors).pop_front()
    }

    /// From now on partitions are given back as soon as the group wants it.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
    }

    /// Offset of a partition that is fetched next, as it was some seconds ago.
    pub(super) fn fetched(&self, (topic, partition): &Key) -> Option<i64> {
        let ends = lock(&self.ends);
        let place = |end: &End| (end.topic.as_str().cmp(topic)).then(end.partition.cmp(partition));
        ends.binary_search_by(place).ok().and_then(|at| ends.get(at)).map(|end| end.next)
    }

    fn note(&self, error: ClientError) {
        let mut errors = lock(&self.errors);
        if errors.len() < MAX_ERRORS && !errors.contains(&error) {
            errors.push_back(error);
        }
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        Client::log_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.note(ClientError { code: error.rdkafka_error_code(), reason: reason.to_owned() });
    }

    fn stats(&self, statistics: Statistics) {
        // Minus one stands for the partition that records without one wait in.
        let of_topic = |(name, topic): (String, rdkafka::statistics::Topic)| {
            let known = topic.partitions.into_iter().filter(|(number, it)| *number >= 0 && it.hi_offset >= 0);
            known.map(move |(number, it)| End {
                topic: name.clone(),
                partition: number,
                high: it.hi_offset,
                next: it.next_offset,
            })
        };
        let mut ends: Vec<End> = statistics.topics.into_iter().flat_map(of_topic).collect();
        ends.sort_unstable();
        *lock(&self.ends) = ends;
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.client.token().inspect_err(|error| {
            self.note(ClientError {
                code: Some(RDKafkaErrorCode::Authentication),
                reason: error.to_string(),
            });
        })
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let is_assignment = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.is_closing.load(Ordering::Acquire) {
            let done = if is_assignment {
                consumer.incremental_assign(&TopicPartitionList::new())
            } else {
                consumer.incremental_unassign(partitions)
            };
            if let Err(error) = done {
                tracing::debug!(target: "kafka", %error, "partitions at the end");
            }
            return;
        }
        let elements = partitions.elements();
        let names =
            elements.iter().map(|element| (element.topic().to_owned(), element.partition())).collect();
        let rebalance = if is_assignment { Rebalance::Assign(names) } else { Rebalance::Revoke(names) };
        lock(&self.rebalances).push_back(rebalance);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            // The store's offsets decide; the group's are a help to other tools.
            tracing::debug!(target: "kafka", %error, "offsets are not committed to the group");
        }
    }
}
