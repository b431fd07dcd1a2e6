//! A Kafka client that asks and changes nothing.
//!
//! In: a connection. Out: answers, or why there are none, in the words of the client library. Owns: how long is waited.
//! Law: it joins no group, commits nothing, and creates no topic.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offbound_ingest::kafka::{Client, Connection, explain_complaint};
use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;

use crate::clock::{self, Stopwatch};

/// Longest wait for a first answer, in seconds: a slow handshake and a login.
const FIRST_ANSWER_SECS: f64 = 8.0;
/// Wait between two looks at what the client has to say.
const STEP: Duration = Duration::from_millis(50);
/// Longest wait for one try.
const TRY: Duration = Duration::from_millis(500);
/// Longest wait for later answers.
pub(super) const ANSWER: Duration = Duration::from_secs(8);

/// What the client's threads tell.
pub(super) struct Listener {
    client: Client,
    complaint: Mutex<Option<Complaint>>,
}

/// What the client library said: its code, and why.
type Complaint = (Option<RDKafkaErrorCode>, String);

impl Listener {
    fn complaint(&self) -> MutexGuard<'_, Option<Complaint>> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Listener {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        // What goes wrong is told in a check.
        tracing::debug!(target: "kafka", ?level, facility, line, "client");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        // "All brokers are down" says nothing about why.
        if code != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.complaint() = Some((code, reason.to_owned()));
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.client.token().inspect_err(|error| {
            let why = format!("no token: {error}; correct kafka.sasl.token_file");
            *self.complaint() = Some((Some(RDKafkaErrorCode::Authentication), why));
        })
    }
}

impl ConsumerContext for Listener {}

/// A client.
pub(super) struct Probe {
    pub(super) consumer: BaseConsumer<Listener>,
}

/// The configuration of a client that asks, for brokers of its own where some are named.
pub(super) fn config(connection: &Connection, brokers: Option<&str>) -> Result<ClientConfig, String> {
    let brokers = brokers.map_or_else(|| connection.brokers.clone(), str::to_owned);
    let connection = Connection { brokers, ..connection.clone() };
    connection.client_config().map_err(|error| error.to_string())
}

impl Probe {
    /// A client for some brokers, which looks as this group.
    pub(super) fn new(connection: &Connection, brokers: Option<&str>, group: &str) -> Result<Self, String> {
        let mut config = config(connection, brokers)?;
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false");
        config.set("allow.auto.create.topics", "false").set("auto.offset.reset", "error");
        let listener = Listener { client: connection.client(), complaint: Mutex::new(None) };
        let consumer = config.create_with_context(listener).map_err(|error| error.to_string())?;
        Ok(Self { consumer })
    }

    /// What brokers and topics there are, or why nobody answers and what to do.
    pub(super) fn metadata(&self) -> Result<Metadata, String> {
        let began = Stopwatch::start();
        loop {
            // Tokens are fetched and errors are told while it is polled; it has no partition, so no message comes.
            let _nothing = self.consumer.poll(STEP);
            let error = match self.consumer.fetch_metadata(None, TRY) {
                Ok(metadata) => return Ok(metadata),
                Err(error) => error,
            };
            let is_sure = self.consumer.context().complaint().as_ref().is_some_and(|(_, why)| is_final(why));
            if is_sure || began.seconds() > FIRST_ANSWER_SECS {
                let _nothing = self.consumer.poll(STEP);
                let complaint = self.consumer.context().complaint().clone();
                let (code, why) =
                    complaint.unwrap_or_else(|| (error.rdkafka_error_code(), error.to_string()));
                return Err(explain_complaint(code, &why, clock::now()).unwrap_or(why));
            }
        }
    }
}

/// Whether trying again in a moment cannot help.
fn is_final(complaint: &str) -> bool {
    ["handshake failed", "uthentication", "Connection refused", "certificate"]
        .iter()
        .any(|part| complaint.contains(part))
}
