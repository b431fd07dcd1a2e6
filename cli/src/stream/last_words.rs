//! Last words: what an earlier run told of findings, and did not live to make durable.
//!
//! In: the topic of findings, from the place that the last commit knew. Out: provisional words that no later one settles:
//! what the store does not know of them counts as told, so that the sealed events confirm or withdraw it.
//! Owns: the reading. Leaves to `origin` whose words are ours. Law: words of others, and what is no finding, are passed
//! over.

use std::collections::BTreeMap;
use std::time::Duration;

use offbound_ingest::kafka::{Client, Connection};
use offbound_schemas::FindingId;
use offbound_schemas::record::Finding;
use offbound_schemas::vocabulary::FindingState;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::origin::Origin;
use super::places::Places;
use crate::clock::Stopwatch;

/// Longest wait for the topic, and longest silence while it is read.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest time that reading may take, in seconds.
const READ_SECONDS: f64 = 60.0;
/// Messages of a partition that are read again at most: the latest ones.
const MAX_MESSAGES: i64 = 100_000;
/// Words without a last one that are held at most.
const MAX_WORDS: usize = 100_000;

/// The topic, before it is read.
pub(crate) struct Unread {
    pub(crate) connection: Connection,
    pub(crate) topic: String,
    pub(crate) known: Places,
    pub(crate) origin: Origin,
}

/// What was found in the topic.
#[derive(Debug)]
pub(crate) struct Found {
    /// Provisional words, each the last on its finding.
    pub(crate) words: Vec<Finding>,
    /// How far the topic was read.
    pub(crate) places: Places,
}

impl Unread {
    /// Reads the topic to its end; the error says why that is not possible.
    pub(crate) fn read(&self) -> Result<Found, String> {
        let Reader { client, begins, ends } = self.open()?;
        let (mut open, mut left) = (Open::default(), ends.clone());
        left.retain(|partition, end| begins.get(partition).is_some_and(|begin| begin < end));
        let stopwatch = Stopwatch::start();
        while !left.is_empty() {
            if stopwatch.seconds() > READ_SECONDS {
                return Err(format!("its end was not reached within {READ_SECONDS} s"));
            }
            match client.poll(PATIENCE) {
                None => return Err(format!("nothing came for {} s", PATIENCE.as_secs())),
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(left.remove(&partition)),
                Some(Err(error)) => return Err(error.to_string()),
                Some(Ok(message)) => {
                    open.hear(&message, &self.origin)?;
                    if left.get(&message.partition()).is_some_and(|end| message.offset() + 1 >= *end) {
                        left.remove(&message.partition());
                    }
                }
            }
        }
        Ok(Found { words: open.words.into_values().collect(), places: Places::new(&self.topic, ends) })
    }

    fn open(&self) -> Result<Reader, String> {
        let (topic, said) = (self.topic.as_str(), |error: KafkaError| error.to_string());
        let mut config = self.connection.client_config().map_err(|error| error.to_string())?;
        config
            // It is never joined, nor told a position; librdkafka wants a name, and asks who coordinates it.
            .set("group.id", self.origin.group())
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest");
        let client: BaseConsumer<Client> =
            config.create_with_context(self.connection.client()).map_err(said)?;
        let (mut begins, mut ends) = (BTreeMap::new(), BTreeMap::new());
        for partition in partitions(&client, topic)? {
            let (low, high) = client.fetch_watermarks(topic, partition, PATIENCE).map_err(said)?;
            let known = self.known.of(partition).filter(|known| (low..=high).contains(known));
            begins.insert(partition, known.unwrap_or(low).max(high.saturating_sub(MAX_MESSAGES)));
            ends.insert(partition, high);
        }
        let mut assignment = TopicPartitionList::new();
        for (partition, begin) in &begins {
            assignment.add_partition_offset(topic, *partition, Offset::Offset(*begin)).map_err(said)?;
        }
        client.assign(&assignment).map_err(said)?;
        Ok(Reader { client, begins, ends })
    }
}

/// Provisional words that no later one has settled.
#[derive(Debug, Default)]
struct Open {
    words: BTreeMap<FindingId, Finding>,
}

impl Open {
    fn hear(&mut self, message: &BorrowedMessage<'_>, origin: &Origin) -> Result<(), String> {
        let payload = message.payload().filter(|_| origin.is_of(message));
        let Some(word) = payload.and_then(|payload| serde_json::from_slice::<Finding>(payload).ok()) else {
            return Ok(());
        };
        if message.key() != Some(word.id.to_string().as_bytes()) {
            return Ok(());
        }
        if word.state == FindingState::Provisional {
            self.words.insert(word.id, word);
        } else {
            self.words.remove(&word.id);
        }
        if self.words.len() > MAX_WORDS {
            Err(format!("more than {MAX_WORDS} wait for a last word"))
        } else {
            Ok(())
        }
    }
}

/// A topic that is about to be read, each partition from its place to its end.
struct Reader {
    client: BaseConsumer<Client>,
    begins: BTreeMap<i32, i64>,
    ends: BTreeMap<i32, i64>,
}

/// The partitions of a topic; none where there is no such topic yet.
fn partitions(client: &BaseConsumer<Client>, topic: &str) -> Result<Vec<i32>, String> {
    let metadata = client.fetch_metadata(Some(topic), PATIENCE).map_err(|error| error.to_string())?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Ok(Vec::new());
    };
    match found.error().map(RDKafkaErrorCode::from) {
        None => Ok(found.partitions().iter().map(|partition| partition.id()).collect()),
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => Ok(Vec::new()),
        Some(code) => Err(code.to_string()),
    }
}
