//! The thread that reads: one turn after the other, until it is to stop.
//!
//! In: messages of our partitions, and what the group, the brokers and the taker want. Out: notices. Owns: the consumer,
//! the readers of our partitions, the order of a turn. Law: the group is served in every turn, also when there is no
//! room for messages; those then stay with librdkafka, which stops fetching.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use offbound_schemas::table::DeadLetter;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::kafka::begin::resume;
use crate::kafka::certificate;
use crate::kafka::context::{ClientError, Context};
use crate::kafka::gathering::Gathering;
use crate::kafka::membership::Membership;
use crate::kafka::notice::{Delivery, Gap, Notice, Stretch};
use crate::kafka::options::{Offsets, SourceOptions};
use crate::kafka::source::{Key, Shared};
use crate::kafka::trouble::{About, Told, Troubles, explain, of_certificate, unnamed_certificate};
use crate::kafka::turn::{Owned, Topic};

/// Events of the group and errors that are served in one turn.
const TURN_EVENTS: usize = 64;
/// A turn with fewer messages than this was too soon: one message after the other would cost a turn each …
const SMALL_TURN: usize = 128;
/// … so that the next one waits for so long, well within the time that a delivery may gather.
const PAUSE: Duration = Duration::from_micros(500);
/// Longest sleep: what has no signal of its own is looked at as often.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// Longest wait for the watermarks of one partition.
pub(super) const WATERMARK_TIME: Duration = Duration::from_secs(5);
/// How often brokers in trouble are asked whether they are well again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Longest wait for their answer, during which nothing else is done.
const ASK_TIME: Duration = Duration::from_millis(500);

pub(super) struct Worker {
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    pub(super) options: SourceOptions,
    pub(super) offsets: Box<dyn Offsets>,
    pub(super) shared: Arc<Shared>,
    pub(super) partitions: BTreeMap<Key, Owned>,
    pub(super) topics: BTreeMap<Arc<str>, Topic>,
    pub(super) membership: Membership,
    pub(super) troubles: Troubles,
    /// Rows of all partitions that are not delivered yet.
    rows: Gathering,
    /// Where reading goes on, when there was no room for more.
    pub(super) goes_on_at: Option<Key>,
    /// Rows that an earlier life has delivered: nobody's.
    nobodys: Gathering,
    asked_brokers: Instant,
    /// Brokers that were asked for their certificate since all was well.
    asked_certificates: BTreeSet<String>,
    is_over: bool,
}

impl Worker {
    pub(super) fn new(
        consumer: BaseConsumer<Context>,
        options: SourceOptions,
        offsets: Box<dyn Offsets>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            consumer: Arc::new(consumer),
            options,
            offsets,
            shared,
            partitions: BTreeMap::new(),
            topics: BTreeMap::new(),
            membership: Membership::default(),
            troubles: Troubles::default(),
            rows: Gathering::default(),
            goes_on_at: None,
            nobodys: Gathering::default(),
            asked_brokers: Instant::now(),
            asked_certificates: BTreeSet::new(),
            is_over: false,
        }
    }

    /// Reads until it is to stop, then leaves the group.
    pub(super) fn work(mut self) {
        while !self.is_over && !self.shared.is_stopping.load(Ordering::Acquire) {
            self.serve_group();
            self.serve_membership();
            self.commit();
            let messages = self.read();
            self.deliver();
            self.tell_silence(Instant::now());
            match messages {
                0 => thread::park_timeout(self.sleep()),
                1..SMALL_TURN => thread::sleep(PAUSE),
                _ => {}
            }
        }
        self.commit();
        self.consumer.context().close();
        // The queues hold the consumer, which leaves the group when it is dropped.
        self.partitions.clear();
    }

    pub(super) fn push(&self, notice: Notice) {
        self.shared.hand_over.push(notice);
    }

    /// Serves librdkafka's own queue: rebalances, errors, logs, tokens.
    fn serve_group(&mut self) {
        for _turn in 0..TURN_EVENTS {
            match self.consumer.poll(Duration::ZERO) {
                None => break,
                Some(Err(error)) => self.report(&error, None),
                // Every partition has a queue of its own before it is fetched.
                Some(Ok(message)) => {
                    tracing::error!(
                        topic = message.topic(),
                        partition = message.partition(),
                        offset = message.offset(),
                        "a message outside all queues"
                    );
                }
            }
        }
        while let Some(error) = self.consumer.context().next_error() {
            if let Some(told) = self.explain(&error) {
                self.tell(told);
            }
        }
        self.ask_brokers();
    }

    /// Reports an error that came instead of a message.
    fn report(&mut self, error: &KafkaError, topic: Option<&str>) {
        if let KafkaError::MessageConsumptionFatal(code) = error {
            self.is_over = true;
            let text = format!("the Kafka client cannot go on; start again [{code}]");
            return self.push(Notice::Trouble { text, is_fatal: true });
        }
        // Errors with a reason come by the context; here only what a topic's own queue says.
        let Some(topic) = topic else { return };
        let reason = format!("{topic}: {error}");
        if let Some(told) = explain(&ClientError { code: error.rdkafka_error_code(), reason }) {
            self.tell(told);
        }
    }

    /// How an error is told; a broker whose certificate is not taken is asked for it, once.
    fn explain(&mut self, error: &ClientError) -> Option<Told> {
        let told = explain(error)?;
        let (Some(address), Some(now)) = (unnamed_certificate(error), self.options.connection.now) else {
            return Some(told);
        };
        if !self.asked_certificates.insert(address.to_owned()) {
            return None;
        }
        let host = address.rsplit_once(':').map_or(address, |(host, _port)| host);
        let fault = certificate::ask(address).map(|shown| shown.fault(host, now()));
        Some(fault.map_or(told, |fault| of_certificate(error, fault)))
    }

    pub(super) fn tell(&mut self, told: Told) {
        if let Some(text) = self.troubles.take(told) {
            self.push(Notice::Trouble { text, is_fatal: false });
        }
    }

    /// Something is well again.
    pub(super) fn well(&mut self, about: &About) {
        if *about == About::Brokers {
            self.asked_certificates.clear();
        }
        if self.troubles.over(about) {
            self.push(Notice::Recovered);
        }
    }

    /// Asks brokers in trouble whether they answer, where no message says so.
    fn ask_brokers(&mut self) {
        if !self.troubles.is_about_brokers() || self.asked_brokers.elapsed() < ASK_AGAIN {
            return;
        }
        let topics: Vec<&str> = self.options.topics.iter().map(|rule| rule.pattern.as_str()).collect();
        let named = topics.into_iter().find(|topic| !topic.starts_with('^'));
        if self.consumer.fetch_metadata(named, ASK_TIME).is_ok() {
            self.well(&About::Brokers);
        }
        self.asked_brokers = Instant::now();
    }

    /// Tells the group how far we are, where it is our business.
    pub(super) fn commit(&mut self) {
        let commits = self.shared.take_commits();
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), next) in commits {
            let is_ours = self.membership.may_commit(&(Arc::clone(&topic), partition))
                || self.partitions.contains_key(&(Arc::clone(&topic), partition));
            if is_ours
                && let Err(error) = offsets.add_partition_offset(&topic, partition, Offset::Offset(next))
            {
                tracing::debug!(target: "kafka", %error, "an offset that cannot be committed");
            }
        }
        if offsets.count() > 0
            && let Err(error) = self.consumer.commit(&offsets, rdkafka::consumer::CommitMode::Async)
        {
            tracing::debug!(target: "kafka", %error, "offsets are not committed to the group");
        }
    }

    /// Reads what is there, a turn of each partition; gives the number of messages.
    fn read(&mut self) -> usize {
        let mut messages = 0;
        let now = Instant::now();
        for key in self.in_turn(now) {
            if !self.shared.hand_over.has_room() {
                self.goes_on_at = Some(key);
                break;
            }
            messages += self.turn(&key, now);
        }
        if messages > 0 && self.troubles.is_about_brokers() {
            self.well(&About::Brokers);
        }
        messages
    }

    /// The turn of one partition; gives the number of messages.
    fn turn(&mut self, key: &Key, now: Instant) -> usize {
        let Some(owned) = self.partitions.get_mut(key) else { return 0 };
        let Some(topic) = self.topics.get_mut(&key.0) else { return 0 };
        let rows = if owned.is_warming { &mut self.nobodys } else { &mut self.rows };
        let turn = owned.turn(topic, rows, self.options.chunk_bytes, now);
        let gap = owned.known_gap();
        let is_back = turn.is_news && owned.silence.broken(now);
        if self.nobodys.full() > 0 {
            drop(self.nobodys.take());
        }
        if let Some(gap) = gap {
            self.push(Notice::Gap(gap));
        }
        if is_back {
            self.well(&About::Partition(key.clone()));
        }
        if let Some(error) = turn.ended_by {
            self.turn_ended(key, &error);
        }
        turn.messages
    }

    /// An error ended the turn of a partition.
    fn turn_ended(&mut self, key: &Key, error: &KafkaError) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) {
            return self.find_again(key);
        }
        let reason = format!("{}: {error}", key.0);
        if let Some(told) = explain(&ClientError { code: error.rdkafka_error_code(), reason }) {
            self.tell(told);
        }
    }

    /// The broker does not have the next record of a partition: says what is lost, and goes on behind it.
    fn find_again(&mut self, key: &Key) {
        let Some(owned) = self.partitions.get_mut(key) else { return };
        let (topic, partition) = key;
        let next = owned.reader.position();
        let watermarks = self.consumer.fetch_watermarks(topic, *partition, WATERMARK_TIME);
        let found = watermarks.map(|(low, high)| resume(next, low, high));
        let (to, gap) = match found {
            Ok(Some(begin)) => (begin.deliver_from, begin.gap),
            // It has it after all, or cannot say: the same place is tried again.
            Ok(None) | Err(_) => (next, None),
        };
        let news = owned.reader.deliver(true, &mut self.rows, Instant::now());
        let arrived = owned.reader.arrived();
        owned.reader.jump(to);
        if let Some((from, to, reason)) = gap {
            let topic = Arc::clone(topic);
            let gap =
                Gap { topic, partition: *partition, from, to, reason, from_time: arrived, to_time: None };
            owned.gap = Some(gap);
        }
        self.push_delivery(news.into_iter().collect());
        self.fetch_from(key, to);
    }

    /// Fetches a partition from another offset. librdkafka has given it up by now, and only takes it anew.
    fn fetch_from(&self, (topic, partition): &Key, offset: i64) {
        let mut here = TopicPartitionList::new();
        here.add_partition(topic, *partition);
        let mut there = TopicPartitionList::new();
        let done = self
            .consumer
            .incremental_unassign(&here)
            .and_then(|()| there.add_partition_offset(topic, *partition, Offset::Offset(offset)))
            .and_then(|()| self.consumer.incremental_assign(&there));
        if let Err(error) = done {
            tracing::warn!(target: "kafka", %error, topic = %topic, partition, "cannot go on at an offset");
        }
    }

    /// Hands over what is due, and everything else with it.
    fn deliver(&mut self) {
        let now = Instant::now();
        let is_waited_for = self.shared.hand_over.is_empty();
        let is_due = |owned: &Owned| {
            let reader = &owned.reader;
            let waited = reader.since().map(|since| now.saturating_duration_since(since));
            waited.is_some_and(|waited| waited >= self.options.chunk_wait && is_waited_for)
                || reader.is_due_to_settle(now)
                || reader.is_full(self.options.chunk_bytes)
        };
        if self.rows.full() > 0 || self.partitions.values().any(is_due) {
            self.deliver_all(now);
        }
        for ((topic, partition), owned) in &mut self.partitions {
            let reader = &mut owned.reader;
            if !owned.is_warming && reader.has_untold_end() {
                self.shared.hand_over.push(Notice::AtEnd {
                    epoch: reader.epoch(),
                    topic: Arc::clone(topic),
                    partition: *partition,
                    next: reader.position(),
                });
            }
        }
    }

    /// Hands over everything that is read.
    pub(super) fn deliver_all(&mut self, now: Instant) {
        let Self { partitions, rows, .. } = self;
        let read = partitions.values_mut().filter(|owned| !owned.is_warming);
        let news =
            read.filter_map(|owned| owned.reader.deliver(owned.reader.is_due_to_settle(now), rows, now));
        let news = news.collect();
        self.push_delivery(news);
    }

    fn push_delivery(&mut self, news: Vec<(Stretch, Vec<DeadLetter>)>) {
        if news.is_empty() {
            return;
        }
        let (full, rows) = self.rows.take();
        let before = |rows| Delivery { rows, letters: Vec::new(), bytes: 0, stretches: Vec::new() };
        full.into_iter().for_each(|rows| self.push(Notice::Delivery(Box::new(before(rows)))));
        let (stretches, letters): (Vec<Stretch>, Vec<Vec<DeadLetter>>) = news.into_iter().unzip();
        let (letters, bytes) =
            (letters.into_iter().flatten().collect(), stretches.iter().map(|stretch| stretch.bytes).sum());
        self.push(Notice::Delivery(Box::new(Delivery { rows, letters, bytes, stretches })));
    }

    /// How long nothing will be due.
    fn sleep(&self) -> Duration {
        let now = Instant::now();
        let is_waited_for = self.shared.hand_over.is_empty();
        let dues = self.partitions.values().filter_map(|owned| {
            let chunk = owned.reader.since().map(|since| since + self.options.chunk_wait);
            let chunk = chunk.filter(|_| is_waited_for);
            chunk.into_iter().chain(owned.reader.settles_at()).min()
        });
        let next = dues.min().map(|due| due.saturating_duration_since(now));
        // A due delivery that nobody waits for is looked at again when the queue has been emptied.
        next.map_or(LONGEST_SLEEP, |next| next.clamp(Duration::from_micros(200), LONGEST_SLEEP))
    }
}
