//! Who reads, of several members: one is active, the others stand by.
//!
//! In: the one partition of the topic `<group>.lead`. Out: whether it is ours. Owns: a consumer that reads nothing; its
//! group lets exactly one member have the partition, and gives it to another when that one has gone.
//! Law: whoever loses the partition stops reading before it concludes anything more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use offbound_ingest::kafka::{Client, Connection};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::exit::{Failure, say};
use crate::interrupt::Interrupt;

/// How long a member may be silent before another takes over, in milliseconds.
const SESSION_TIMEOUT_MS: &str = "10000";
/// How often the group is served.
const POLL: Duration = Duration::from_millis(200);
/// Longest wait for the topic to be made.
const TOPIC_TIME: Duration = Duration::from_secs(20);

/// What the group says.
struct Vote {
    ours: Arc<AtomicBool>,
    client: Client,
}

impl ClientContext for Vote {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.client.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.client.generate_oauth_token(config)
    }
}

impl ConsumerContext for Vote {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) if partitions.count() > 0 => {
                self.ours.store(true, Ordering::SeqCst)
            }
            Rebalance::Assign(_) => {}
            Rebalance::Revoke(_) | Rebalance::Error(_) => self.ours.store(false, Ordering::SeqCst),
        }
    }
}

/// A member that may become the active one.
pub(crate) struct Lead {
    ours: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Lead {
    /// Joins the group of those who may read.
    pub(crate) fn join(connection: &Connection, group: &str) -> Result<Self, Failure> {
        let topic = format!("{group}.lead");
        make_topic(connection, &topic)?;
        let ours = Arc::new(AtomicBool::new(false));
        let mut config = connection.client_config().map_err(|error| Failure::usage(error.to_string()))?;
        config
            .set("group.id", &topic)
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "latest")
            // Whoever has the partition keeps it when others join.
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", SESSION_TIMEOUT_MS);
        let vote = Vote { ours: Arc::clone(&ours), client: connection.client() };
        let told =
            |error: KafkaError| Failure::could_not(format!("cannot stand by in group {topic}: {error}"));
        let consumer: BaseConsumer<Vote> = config.create_with_context(vote).map_err(told)?;
        consumer.subscribe(&[&topic]).map_err(told)?;
        let ended = Arc::new(AtomicBool::new(false));
        let (over, lost) = (Arc::clone(&ended), Arc::clone(&ours));
        let serve = move || {
            while !over.load(Ordering::Relaxed) {
                if let Some(Err(error)) = consumer.poll(POLL) {
                    tracing::debug!(%error, "the group of standby members");
                }
            }
            consumer.unsubscribe();
            lost.store(false, Ordering::SeqCst);
        };
        let named = thread::Builder::new().name("offbound-lead".to_owned());
        let thread = named
            .spawn(serve)
            .map_err(|error| Failure::could_not(format!("cannot start a thread: {error}")))?;
        Ok(Self { ours, ended, thread: Some(thread) })
    }

    /// Whether this member is the active one.
    pub(crate) fn is_ours(&self) -> bool {
        self.ours.load(Ordering::SeqCst)
    }

    /// Waits until this member is the active one; false when it was stopped before.
    pub(crate) fn wait(&self, interrupt: &Interrupt) -> bool {
        while !self.is_ours() {
            if interrupt.asked() {
                return false;
            }
            thread::sleep(POLL);
        }
        true
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            say("warning", "the thread that stood by ended early");
        }
    }
}

/// Makes the topic where it is not there.
fn make_topic(connection: &Connection, name: &str) -> Result<(), Failure> {
    let refused = |error: &dyn std::fmt::Display| {
        Failure::could_not(format!(
            "cannot make topic {name} for standby members: {error}; make it with one partition, or leave --standby out"
        ))
    };
    let config = connection.client_config().map_err(|error| Failure::usage(error.to_string()))?;
    let admin: AdminClient<DefaultClientContext> = config.create().map_err(|error| refused(&error))?;
    let topic = NewTopic::new(name, 1, TopicReplication::Fixed(-1));
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| refused(&error))?;
    let options = AdminOptions::new().operation_timeout(Some(TOPIC_TIME)).request_timeout(Some(TOPIC_TIME));
    let made = runtime.block_on(admin.create_topics([&topic], &options)).map_err(|error| refused(&error))?;
    match made.into_iter().next() {
        Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => Err(refused(&code)),
        _ => Ok(()),
    }
}
