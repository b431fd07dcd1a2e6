//! Records into topics and out of them again.
//!
//! In: [`Message`]s. Out: they are stored when [`Broker::produce`] returns, with their order in each partition kept;
//! [`Broker::read`] gives all that a topic holds. Owns: one producer a call.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::broker::Broker;
use crate::error::TestbedError;

/// Longest wait for all records of one call.
const SEND_TIME: Duration = Duration::from_secs(60);
/// Longest wait for one record that is there.
const READ_TIME: Duration = Duration::from_secs(20);
/// Pause while the producer's queue is full.
const FULL_PAUSE: Duration = Duration::from_millis(1);

/// One record to be sent.
#[derive(Debug, Clone, Default)]
pub struct Message<'a> {
    /// Partition; none leaves it to the key.
    pub partition: Option<i32>,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value; none is a tombstone.
    pub payload: Option<&'a [u8]>,
    /// Headers.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Its time in milliseconds since 1970; none is now.
    pub timestamp_ms: Option<i64>,
}

impl<'a> Message<'a> {
    /// A record with a value, for one partition.
    #[must_use]
    pub fn to(partition: i32, payload: &'a [u8]) -> Self {
        Self { partition: Some(partition), payload: Some(payload), ..Self::default() }
    }
}

/// One record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value.
    pub payload: Option<Vec<u8>>,
    /// Headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Keeps the first record that could not be stored.
#[derive(Clone, Default)]
struct Failures(Arc<Mutex<Option<String>>>);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _message)) = result {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.to_string());
        }
    }
}

/// Sends records to one topic, as they come.
pub struct Sender {
    topic: String,
    producer: ThreadedProducer<Failures>,
    failures: Failures,
}

impl Sender {
    fn failed(&self, error: impl std::fmt::Display) -> TestbedError {
        TestbedError::client(format!("produce to {}", self.topic), error)
    }

    /// Sends one; it is stored when [`Sender::flush`] returns.
    pub fn send(&self, message: &Message<'_>) -> Result<(), TestbedError> {
        send(&self.producer, &self.topic, message).map_err(|error| self.failed(error))
    }

    /// Waits until everything is stored.
    pub fn flush(&self) -> Result<(), TestbedError> {
        self.producer.flush(SEND_TIME).map_err(|error| self.failed(error))?;
        let first = self.failures.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.map_or(Ok(()), |error| Err(self.failed(error)))
    }
}

impl Broker {
    /// Stores records in a topic.
    pub fn produce(&self, topic: &str, messages: &[Message<'_>]) -> Result<(), TestbedError> {
        let sender = self.producer(topic)?;
        messages.iter().try_for_each(|message| sender.send(message))?;
        sender.flush()
    }

    /// A way to send records to a topic over some time.
    pub fn producer(&self, topic: &str) -> Result<Sender, TestbedError> {
        let failures = Failures::default();
        let mut config = self.client_config();
        config
            // A record comes once and in order, also when the broker is killed while it answers.
            .set("enable.idempotence", "true")
            .set("max.in.flight.requests.per.connection", "1")
            .set("linger.ms", "1")
            .set("message.max.bytes", "67108864")
            .set("queue.buffering.max.messages", "1000000");
        let producer = config
            .create_with_context(failures.clone())
            .map_err(|error| TestbedError::client(format!("produce to {topic}"), error))?;
        Ok(Sender { topic: topic.to_owned(), producer, failures })
    }

    /// All records that a topic holds now, by partition and offset.
    pub fn read(&self, topic: &str) -> Result<Vec<Stored>, TestbedError> {
        let failed = |error: String| TestbedError::client(format!("read {topic}"), error);
        let mut config = self.client_config();
        config.set("group.id", "testbed").set("enable.auto.commit", "false");
        config.set("enable.partition.eof", "true").set("auto.offset.reset", "error");
        let client: BaseConsumer = config.create().map_err(|error| failed(error.to_string()))?;
        let metadata =
            client.fetch_metadata(Some(topic), READ_TIME).map_err(|error| failed(error.to_string()))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions = found.map(|found| found.partitions()).unwrap_or_default();
        let mut assignment = TopicPartitionList::new();
        for partition in partitions {
            assignment
                .add_partition_offset(topic, partition.id(), Offset::Beginning)
                .map_err(|error| failed(error.to_string()))?;
        }
        client.assign(&assignment).map_err(|error| failed(error.to_string()))?;
        let mut stored = read_to_ends(&client, partitions.len()).map_err(failed)?;
        stored.sort_by_key(|record| (record.partition, record.offset));
        Ok(stored)
    }
}

fn send(producer: &ThreadedProducer<Failures>, topic: &str, message: &Message<'_>) -> Result<(), KafkaError> {
    let mut headers = OwnedHeaders::new();
    for (key, value) in message.headers {
        headers = headers.insert(Header { key, value: Some(*value) });
    }
    let mut record = BaseRecord::<[u8], [u8]>::to(topic).headers(headers);
    record.partition = message.partition;
    record.key = message.key;
    record.payload = message.payload;
    record.timestamp = message.timestamp_ms;
    loop {
        match producer.send(record) {
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                record = again;
                std::thread::sleep(FULL_PAUSE);
            }
            sent => return sent.map_err(|(error, _record)| error),
        }
    }
}

fn read_to_ends(client: &BaseConsumer, partitions: usize) -> Result<Vec<Stored>, String> {
    let (mut stored, mut ends, mut last) = (Vec::new(), 0, Instant::now());
    while ends < partitions {
        match client.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
                stored.push(Stored {
                    partition: message.partition(),
                    offset: message.offset(),
                    key: message.key().map(<[u8]>::to_vec),
                    payload: message.payload().map(<[u8]>::to_vec),
                    headers: headers
                        .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
                        .collect(),
                });
                last = Instant::now();
            }
            Some(Err(KafkaError::PartitionEOF(_partition))) => ends += 1,
            Some(Err(error)) => return Err(error.to_string()),
            None if last.elapsed() > READ_TIME => return Err("its end was not reached in time".to_owned()),
            None => {}
        }
    }
    Ok(stored)
}
