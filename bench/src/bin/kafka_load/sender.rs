//! Records into the topic: at once, or each at its moment.
//!
//! In: records. Out: the same in their partitions. Owns: the producer. Law: no record is sent before its moment; one that
//! is late is sent at once, and keeps its moment.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};

use crate::Problem;
use crate::processes::LOGS;
use crate::traffic::{Record, Traffic};

/// Shortest sleep: below it a sleep is longer than what it waits for.
const SHORTEST_SLEEP: Duration = Duration::from_micros(100);
/// Longest wait for what is on its way.
const FLUSH: Duration = Duration::from_secs(60);

/// Sends to the topic with the logs.
pub(crate) struct Sender(ThreadedProducer<DefaultProducerContext>);

impl Sender {
    pub(crate) fn new(brokers: &str) -> Result<Self, Problem> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("linger.ms", "1")
            .set("queue.buffering.max.messages", "2000000")
            .set("queue.buffering.max.kbytes", "2097151")
            .create()?;
        Ok(Self(producer))
    }

    /// Sends one record.
    pub(crate) fn send(&self, partition: i32, text: &[u8]) -> Result<(), Problem> {
        self.offer(BaseRecord::to(LOGS).partition(partition).payload(text))
    }

    fn offer(&self, mut record: BaseRecord<'_, [u8], [u8]>) -> Result<(), Problem> {
        loop {
            match self.0.send(record) {
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    record = again;
                    thread::sleep(SHORTEST_SLEEP);
                }
                sent => return sent.map_err(|(error, _)| error.into()),
            }
        }
    }

    /// Sends records at once, stamped as if they had come one by one, `rate` a second, the last of them now.
    pub(crate) fn all(&self, traffic: &Traffic, records: &[Record], rate: u64) -> Result<(), Problem> {
        let whole = moment_of(records.len(), rate);
        #[allow(clippy::disallowed_methods, reason = "the last of them comes now")]
        let start = SystemTime::now().duration_since(UNIX_EPOCH)?.saturating_sub(whole);
        for (number, record) in records.iter().enumerate() {
            let stamp = i64::try_from((start + moment_of(number, rate)).as_millis())?;
            let text = traffic.text(record);
            self.offer(BaseRecord::to(LOGS).partition(record.partition).payload(text).timestamp(stamp))?;
        }
        self.flush()
    }

    /// Sends `rate` records a second from `start` on; gives how late the last of them was sent.
    pub(crate) fn at_rate(
        &self,
        traffic: &Traffic,
        rate: u64,
        start: Instant,
        mut told: impl FnMut(usize),
    ) -> Result<Duration, Problem> {
        let mut late = Duration::ZERO;
        for (number, record) in traffic.records.iter().enumerate() {
            let due = start + moment_of(number, rate);
            let mut now = Instant::now();
            while now < due {
                thread::sleep((due - now).max(SHORTEST_SLEEP));
                now = Instant::now();
            }
            late = now - due;
            told(number);
            self.send(record.partition, traffic.text(record))?;
        }
        self.flush()?;
        Ok(late)
    }

    fn flush(&self) -> Result<(), Problem> {
        self.0.flush(FLUSH).map_err(Into::into)
    }
}

/// When a record is meant to be sent, from the start on.
pub(crate) fn moment_of(number: usize, rate: u64) -> Duration {
    Duration::from_nanos((number as u128 * 1_000_000_000 / u128::from(rate.max(1))) as u64)
}
