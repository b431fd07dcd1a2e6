//! Results to their topics.
//!
//! In: provisional findings as they arise, and what waits in the store's outbox. Out: messages keyed by id; which of the
//! outbox a broker has taken, and how far the topic of findings is. Owns: the producer. Leaves to `keeper` the outbox itself.
//! Law: nothing leaves the outbox before every in-sync replica has it; what is sent twice after a crash has the same
//! key, state and revision.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use offbound_ingest::kafka::Client;
use offbound_schemas::record::Finding;
use offbound_store::{OutboxItem, OutboxKind};
use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};

use super::health::{Health, Part};
use super::origin::Origin;
use super::places::Places;
use super::under_way::UnderWay;
use crate::config::stream::{ResultTopics, StreamSettings};
use crate::exit::{Failure, say};
use crate::output::json;

/// Memory for messages that no broker has taken yet, in KiB; beyond it they stay in the outbox.
const QUEUE_KBYTES: &str = "16384";
/// How long a broker may take to take a message, in milliseconds; after it, it is sent again from the outbox.
const MESSAGE_TIMEOUT_MS: &str = "60000";
/// How long a drain waits for what is on its way.
const DRAIN: Duration = Duration::from_secs(10);
/// Stands for a message that is not in the outbox.
const NOT_IN_OUTBOX: usize = usize::MAX;

/// What became of messages.
struct Reports {
    under_way: Mutex<UnderWay>,
    /// Why a topic takes nothing, by its name: as many as there are topics of results.
    refusals: Mutex<BTreeMap<String, String>>,
    /// How far the topic of findings is, as brokers say.
    places: Mutex<Places>,
    health: Arc<Health>,
    client: Client,
}

impl ClientContext for Reports {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.client.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.client.generate_oauth_token(config)
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match (result, (number != NOT_IN_OUTBOX).then_some(number as u64)) {
            (Ok(message), number) => {
                if let Some(number) = number {
                    lock(&self.under_way).taken(number);
                }
                lock(&self.places).taken(message.topic(), message.partition(), message.offset());
                self.content(message.topic());
            }
            (Err((error, message)), Some(number)) => {
                lock(&self.under_way).refused(number);
                self.complain(message.topic(), error);
            }
            // Provisional: it comes confirmed, from the outbox, and is complained of where that is refused as well.
            (Err((error, _)), None) => tracing::debug!(%error, "a provisional finding was not taken"),
        }
    }
}

impl Reports {
    /// A topic takes nothing; said once, until it does or the reason is another.
    fn complain(&self, topic: &str, error: &KafkaError) {
        let why = format!("topic {topic} takes no results: {error}; they wait in the store's outbox");
        let mut refusals = lock(&self.refusals);
        if refusals.get(topic) != Some(&why) {
            say("warning", &why);
            refusals.insert(topic.to_owned(), why);
            self.health.trouble(Part::Results, &all_of(&refusals));
        }
    }

    /// A topic takes results.
    fn content(&self, topic: &str) {
        let mut refusals = lock(&self.refusals);
        if refusals.remove(topic).is_none() {
            return;
        }
        say("note", &format!("topic {topic} takes results again"));
        if refusals.is_empty() {
            self.health.well(Part::Results);
        } else {
            self.health.trouble(Part::Results, &all_of(&refusals));
        }
    }
}

fn all_of(refusals: &BTreeMap<String, String>) -> String {
    refusals.values().cloned().collect::<Vec<_>>().join("; ")
}

/// The producer of results.
pub(crate) struct Publisher {
    producer: ThreadedProducer<Reports>,
    topics: ResultTopics,
    origin: Origin,
}

impl Publisher {
    /// A producer for these topics; none where there are none.
    pub(crate) fn new(
        mut config: ClientConfig,
        settings: &StreamSettings,
        told: (Origin, Places),
        health: Arc<Health>,
    ) -> Result<Option<Self>, Failure> {
        let topics = &settings.results;
        if topics == &ResultTopics::default() {
            return Ok(None);
        }
        let (origin, places) = told;
        let reports = Reports {
            under_way: Mutex::default(),
            refusals: Mutex::default(),
            places: Mutex::new(places),
            health,
            client: settings.connection.client(),
        };
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "1")
            .set("compression.type", "zstd")
            .set("queue.buffering.max.kbytes", QUEUE_KBYTES)
            .set("message.timeout.ms", MESSAGE_TIMEOUT_MS);
        let producer = config.create_with_context(reports);
        let producer =
            producer.map_err(|error| Failure::could_not(format!("cannot make a Kafka producer: {error}")))?;
        Ok(Some(Self { producer, topics: topics.clone(), origin }))
    }

    /// Sends a provisional finding at once; where that is not possible it comes confirmed, from the outbox.
    pub(crate) fn at_once(&self, finding: &Finding) {
        let Some(topic) = &self.topics.findings else { return };
        let Ok(payload) = json::text(finding) else { return };
        let key = finding.id.to_string();
        let record = BaseRecord::with_opaque_to(topic, NOT_IN_OUTBOX).key(&key).payload(&payload);
        let record = record.headers(self.origin.headers());
        if let Err((error, _)) = self.producer.send(record) {
            tracing::debug!(%error, "a provisional finding was not taken");
        }
    }

    /// The topic for a kind of results, if there is one.
    pub(crate) fn topic(&self, kind: OutboxKind) -> Option<&str> {
        let ResultTopics { findings, incidents, gaps, dead_letters } = &self.topics;
        match kind {
            OutboxKind::Finding => findings.as_deref(),
            OutboxKind::Incident => incidents.as_deref(),
            OutboxKind::Gap => gaps.as_deref(),
            OutboxKind::DeadLetter => dead_letters.as_deref(),
        }
    }

    /// Sends what waits in the outbox and is not on its way already; false when there is no more room for now.
    pub(crate) fn send(&self, number: u64, item: &OutboxItem) -> bool {
        let Some(topic) = self.topic(item.kind) else {
            // The topic was taken out of the configuration: nobody wants it any more.
            lock(&self.producer.context().under_way).taken(number);
            return true;
        };
        let Ok(opaque) = usize::try_from(number) else { return false };
        if !lock(&self.producer.context().under_way).begins(number) {
            return true;
        }
        let record = BaseRecord::with_opaque_to(topic, opaque).key(&item.key).payload(&item.payload);
        let record = record.headers(self.origin.headers());
        let Err((error, _)) = self.producer.send(record) else { return true };
        lock(&self.producer.context().under_way).refused(number);
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
            self.producer.context().complain(topic, &error);
        }
        false
    }

    /// What brokers have taken since the last call.
    pub(crate) fn taken(&self) -> Vec<u64> {
        lock(&self.producer.context().under_way).take_taken()
    }

    /// The outbox has let go of these.
    pub(crate) fn gone(&self, numbers: &[u64]) {
        lock(&self.producer.context().under_way).gone(numbers);
    }

    /// How far the topic of findings is.
    pub(crate) fn places(&self) -> Places {
        lock(&self.producer.context().places).clone()
    }

    /// The topic of findings was read up to these places.
    pub(crate) fn read_up_to(&self, places: &Places) {
        lock(&self.producer.context().places).advance(places);
    }

    /// Waits for what is on its way.
    pub(crate) fn drain(&self) {
        if let Err(error) = self.producer.flush(DRAIN) {
            tracing::warn!(%error, "results are still on their way; the outbox keeps them");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
