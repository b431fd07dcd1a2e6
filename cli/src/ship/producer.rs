//! Messages to a topic, each once and in order, however often the connection breaks.
//!
//! In: messages with tickets. Out: reports. Owns: the idempotent producer, what is said of brokers that are away.
//! Leaves to `ingest` how brokers are reached. Law: a report says that every in-sync replica has the message, or that
//! none will ever have it.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offbound_ingest::kafka::{Client, Connection, explain_complaint};
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};

use super::sink::{Report, Sink, Ticket};
use crate::clock;
use crate::exit::{Failure, say};

/// Longest wait for an answer about the topic.
const ANSWER: Duration = Duration::from_secs(10);
/// Pause before a message is offered to the producer again that had no room for it.
const ROOM_PAUSE: Duration = Duration::from_millis(10);
/// Settings of the producer, besides the connection.
const SETTINGS: &[(&str, &str)] = &[
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // Nothing is given up because brokers are away.
    ("message.timeout.ms", "0"),
    ("linger.ms", "5"),
    ("compression.type", "zstd"),
    // As Kafka's own clients choose partitions, so that records of other shippers meet those of this one.
    ("partitioner", "murmur2_random"),
    // The shipper's own bound is lower: what waits here is counted there.
    ("queue.buffering.max.kbytes", "131072"),
    ("queue.buffering.max.messages", "1000000"),
    // Whether a message is too large is the broker's to say.
    ("message.max.bytes", "4194304"),
];

#[derive(Debug, Default)]
struct State {
    reports: Vec<Report>,
    /// Why nothing more can be sent.
    failure: Option<String>,
    /// What a broker or the connection last complained of: code and reason.
    complaint: Option<(Option<RDKafkaErrorCode>, String)>,
    are_brokers_away: bool,
}

/// What the client's own threads tell.
struct Context {
    client: Client,
    state: Mutex<State>,
}

impl Context {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        Client::log_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let mut state = self.state();
        if code != Some(RDKafkaErrorCode::AllBrokersDown) {
            state.complaint = Some((code, reason.to_owned()));
            return;
        }
        if !std::mem::replace(&mut state.are_brokers_away, true) {
            let why = state.complaint.as_ref().map_or_else(|| reason.to_owned(), explained);
            say("warning", &format!("no broker can be reached: {why}; records wait until one can"));
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.client.token()
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let mut state = self.state();
        let refusal = match result {
            Ok(_) => None,
            Err((error, _)) if is_about_this_message(error) => Some(error.to_string()),
            Err((error, _)) => {
                state.failure.get_or_insert_with(|| error.to_string());
                return;
            }
        };
        state.reports.push(Report { ticket: *ticket, refusal });
        if std::mem::take(&mut state.are_brokers_away) {
            say("note", "a broker can be reached again");
        }
    }
}

/// A complaint with its cause and what to do, where that is known.
fn explained((code, reason): &(Option<RDKafkaErrorCode>, String)) -> String {
    explain_complaint(*code, reason, clock::now()).unwrap_or_else(|| reason.clone())
}

/// Whether the next message may fare better.
fn is_about_this_message(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{InvalidRecord, MessageSizeTooLarge};
    matches!(error.rdkafka_error_code(), Some(MessageSizeTooLarge | InvalidRecord))
}

/// The producer of one topic.
pub(crate) struct Producer {
    producer: ThreadedProducer<Context>,
    topic: String,
}

impl Producer {
    /// A producer; no broker is asked yet.
    pub(crate) fn new(connection: &Connection, topic: &str) -> Result<Self, Failure> {
        let wrong = |error: String| {
            Failure::usage(format!("{error}; correct kafka.* in the configuration, or --brokers"))
        };
        let mut config = connection.client_config().map_err(|error| wrong(error.to_string()))?;
        for (key, value) in SETTINGS {
            config.set(*key, *value);
        }
        let context = Context { client: connection.client(), state: Mutex::default() };
        let producer = config.create_with_context(context).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { producer, topic: topic.to_owned() })
    }

    /// Asks for the topic: whether it is there and may be seen; none when no broker answers.
    pub(crate) fn ask(&self) -> Result<Option<()>, Failure> {
        let topic = &self.topic;
        let Ok(metadata) = self.producer.client().fetch_metadata(Some(topic), ANSWER) else {
            return Ok(None);
        };
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        match found.and_then(|found| found.error()).map(RDKafkaErrorCode::from) {
            None if found.is_some_and(|found| !found.partitions().is_empty()) => Ok(Some(())),
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Err(Failure::could_not(format!(
                "topic {topic}: this user may not write to it; grant WRITE and DESCRIBE on the topic"
            ))),
            None | Some(_) => Err(Failure::could_not(format!(
                "topic {topic} does not exist; create it, e.g. `kafka-topics.sh --create --topic {topic} --partitions 12 …`"
            ))),
        }
    }

    /// What the connection last complained of.
    pub(crate) fn complaint(&self) -> String {
        let complaint = self.producer.context().state().complaint.clone();
        complaint.as_ref().map_or_else(|| "no answer".to_owned(), explained)
    }
}

impl Sink for Producer {
    fn send(&mut self, ticket: Ticket, key: Option<&str>, payload: &[u8]) -> Result<(), Failure> {
        let mut record = BaseRecord::with_opaque_to(&self.topic, Box::new(ticket)).payload(payload);
        record.key = key;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    record = again;
                    std::thread::sleep(ROOM_PAUSE);
                }
                Err((error, _)) if is_about_this_message(&error) => {
                    let refusal = Some(error.to_string());
                    self.producer.context().state().reports.push(Report { ticket, refusal });
                    return Ok(());
                }
                Err((error, _)) => {
                    return Err(Failure::could_not(format!("cannot send to topic {}: {error}", self.topic)));
                }
            }
        }
    }

    fn reports(&mut self) -> Result<Vec<Report>, Failure> {
        let mut state = self.producer.context().state();
        let reports = std::mem::take(&mut state.reports);
        match &state.failure {
            // What was taken before counts; the failure is told when that is settled.
            Some(error) if reports.is_empty() => Err(Failure::could_not(format!(
                "topic {} takes no more records: {error}; positions are kept, start again when that is mended",
                self.topic
            ))),
            _ => Ok(reports),
        }
    }
}
