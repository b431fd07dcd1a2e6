//! A Kafka client that asks and changes nothing.
//!
//! In: a connection. Out: answers, or why there are none, in the words of the client library. Owns: how long is waited.
//! Law: it joins no group, commits nothing, and creates no topic.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offbound_ingest::kafka::{Client, Connection};
use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;

use crate::clock::Stopwatch;

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
    complaint: Mutex<Option<String>>,
}

impl Listener {
    fn complaint(&self) -> MutexGuard<'_, Option<String>> {
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
        // "All brokers are down" says nothing about why.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.complaint() = Some(reason.to_owned());
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.client.token().inspect_err(|error| *self.complaint() = Some(error.to_string()))
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

    /// What brokers and topics there are, or why nobody answers.
    pub(super) fn metadata(&self) -> Result<Metadata, String> {
        let began = Stopwatch::start();
        loop {
            // Tokens are fetched and errors are told while it is polled; it has no partition, so no message comes.
            let _nothing = self.consumer.poll(STEP);
            let error = match self.consumer.fetch_metadata(None, TRY) {
                Ok(metadata) => return Ok(metadata),
                Err(error) => error,
            };
            let is_sure = self.consumer.context().complaint().as_deref().is_some_and(is_final);
            if is_sure || began.seconds() > FIRST_ANSWER_SECS {
                let _nothing = self.consumer.poll(STEP);
                let complaint = self.consumer.context().complaint().clone();
                return Err(complaint.unwrap_or_else(|| error.to_string()));
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

/// What to do about a complaint of the client library.
pub(super) fn advice(complaint: &str) -> &'static str {
    /// Words of the complaint, and what to do; the first that fits.
    const ADVICE: &[(&[&str], &str)] = &[
        (
            &["certificate has expired", "certificate expired"],
            "renew the broker's certificate, or correct this machine's clock",
        ),
        (
            &["hostname mismatch", "IP address mismatch", "does not match"],
            "name the broker as its certificate does, in kafka.brokers and advertised.listeners",
        ),
        (
            &[
                "unable to get local issuer",
                "self-signed",
                "self signed",
                "certificate verify failed",
                "unknown ca",
            ],
            "set kafka.tls.ca to the authority that signed the broker's certificate",
        ),
        (
            &["certificate required", "bad certificate", "handshake failure"],
            "the broker wants a certificate of the client: set kafka.tls.cert and kafka.tls.key",
        ),
        (
            &["SSL handshake failed", "wrong version number"],
            "the listener may not speak TLS: compare kafka.tls with the broker's listener",
        ),
        (&["uthentication", "SASL"], "correct kafka.sasl: mechanism, user, and password_file or token_file"),
        (
            &["Failed to resolve", "Name or service not known"],
            "correct the host name in kafka.brokers, or the DNS",
        ),
        (&["Connection refused"], "start the broker, or correct host and port in kafka.brokers"),
        (
            &["isconnected", "closed by peer", "ApiVersion"],
            "the listener may want TLS or SASL: compare kafka.tls and kafka.sasl with it",
        ),
        (
            &["timed out", "Timed out"],
            "check the way there: firewalls, security groups, advertised.listeners",
        ),
    ];
    let fits = |parts: &[&str]| parts.iter().any(|part| complaint.contains(part));
    let found = ADVICE.iter().find(|(parts, _)| fits(parts));
    found.map_or("check kafka.brokers, kafka.tls and kafka.sasl", |(_, advice)| advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: what the client library says of each common mistake. Guarantees: the advice names the key to correct.
    #[test]
    fn complaints_have_advice() {
        for (complaint, key) in [
            (
                "ssl://127.0.0.1:1: SSL handshake failed: error:0A000086: certificate verify failed: broker certificate could not be verified",
                "kafka.tls.ca",
            ),
            ("SSL handshake failed: tlsv13 alert certificate required", "kafka.tls.cert"),
            ("sasl_ssl://b:1: SASL authentication error: Authentication failed", "kafka.sasl"),
            ("b:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused", "start the broker"),
            ("b:1: Failed to resolve 'b:1': Name or service not known", "host name"),
            ("b:1: Disconnected while requesting ApiVersion", "TLS or SASL"),
            ("something else", "kafka.brokers"),
        ] {
            assert!(advice(complaint).contains(key), "{complaint}: {}", advice(complaint));
        }
    }
}
