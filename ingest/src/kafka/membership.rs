//! Which partitions are ours: what the group gives, and how it gets them back.
//!
//! In: rebalances of the group, releases by the taker. Out: [`Notice::Assigned`], [`Notice::Revoking`],
//! [`Notice::Fenced`]. Owns: the numbers of assignments and revocations. Laws: a partition begins where the store says;
//! a partition that is to be given back gives no delivery any more, and is kept from others until what it gave is
//! committed, or the time for that is over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::decode::Identity;
use crate::kafka::begin::{Begin, Known, begin};
use crate::kafka::context::Rebalance;
use crate::kafka::notice::{Assigned, Gap, Notice, Revoked};
use crate::kafka::options::{TopicRule, rule_of};
use crate::kafka::reader::Reader;
use crate::kafka::silence::Silence;
use crate::kafka::source::Key;
use crate::kafka::trouble::About;
use crate::kafka::turn::Owned;
use crate::kafka::worker::{WATERMARK_TIME, Worker};
use crate::run::message::Partition;

/// Pause before brokers that could not say where a partition begins are asked again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// What goes on with the group.
#[derive(Debug, Default)]
pub(super) struct Membership {
    /// The last number that was given.
    epoch: u64,
    assignment: Option<Assignment>,
    revocation: Option<Revocation>,
}

/// Partitions that are ours as soon as it is known where they begin.
#[derive(Debug)]
struct Assignment {
    asked: Vec<Key>,
    known: BTreeMap<Key, Begin>,
    not_before: Instant,
}

/// Partitions that are given back as soon as they are drained.
#[derive(Debug)]
struct Revocation {
    epoch: u64,
    partitions: Vec<Revoked>,
    all: Vec<Key>,
    deadline: Instant,
}

impl Membership {
    fn next_epoch(&mut self) -> u64 {
        self.epoch += 1;
        self.epoch
    }

    /// Whether a partition that is being drained may still be committed.
    pub(super) fn may_commit(&self, key: &Key) -> bool {
        self.revocation.as_ref().is_some_and(|revocation| revocation.all.contains(key))
    }
}

impl Worker {
    /// Does what the group wants, one thing after the other.
    pub(super) fn serve_membership(&mut self) {
        self.go_on_assigning();
        self.go_on_revoking();
        while self.membership.assignment.is_none() && self.membership.revocation.is_none() {
            let rebalance = self.consumer.context().next_rebalance();
            let keys = |names: Vec<(String, i32)>| {
                names.into_iter().map(|(topic, partition)| (Arc::from(topic), partition)).collect()
            };
            match rebalance {
                None => return,
                Some(Rebalance::Assign(names)) => self.assign(keys(names)),
                Some(Rebalance::Revoke(names)) => self.revoke(keys(names)),
            }
        }
    }

    fn assign(&mut self, asked: Vec<Key>) {
        let known = BTreeMap::new();
        self.membership.assignment = Some(Assignment { asked, known, not_before: Instant::now() });
        self.go_on_assigning();
    }

    /// Asks where partitions begin, and takes them when that is known of all.
    fn go_on_assigning(&mut self) {
        let Some(mut assignment) =
            self.membership.assignment.take_if(|assignment| assignment.not_before <= Instant::now())
        else {
            return;
        };
        let missing: Vec<Key> = assignment.asked.clone();
        for key in missing.into_iter().filter(|key| !assignment.known.contains_key(key)).collect::<Vec<_>>() {
            match self.begin(&key, &assignment.asked) {
                Some(begin) => {
                    assignment.known.insert(key, begin);
                }
                None => {
                    assignment.not_before = Instant::now() + ASK_AGAIN;
                    self.membership.assignment = Some(assignment);
                    return;
                }
            }
        }
        self.take_over(assignment.known);
    }

    /// Where a partition begins; none while the brokers cannot say.
    fn begin(&self, (topic, partition): &Key, asked: &[Key]) -> Option<Begin> {
        let stored = self.offsets.stored(topic, *partition);
        let (low, high) = match self.consumer.fetch_watermarks(topic, *partition, WATERMARK_TIME) {
            Ok(watermarks) => watermarks,
            Err(error) if is_gone(error.rdkafka_error_code()) => {
                let from = stored.unwrap_or_default();
                (from, from)
            }
            Err(error) => {
                tracing::debug!(target: "kafka", %error, topic = %topic, partition, "no watermarks yet");
                return None;
            }
        };
        let ours = self.partitions.keys().chain(asked).filter(|(other, _)| other == topic).count().max(1);
        let warm_up = if self.needs_warm_up(topic) { self.options.warm_up_records / ours as u64 } else { 0 };
        let known = Known { stored, low, high };
        Some(begin(known, self.options.start, i64::try_from(warm_up).unwrap_or(i64::MAX)))
    }

    /// Whether what comes before matters to the records of a topic: not where their format is known to be one whose
    /// records each say everything.
    fn needs_warm_up(&self, topic: &str) -> bool {
        let format = rule_of(&self.options.topics, topic).and_then(|rule| rule.format.as_deref());
        let formats = &self.options.ingest.formats;
        let format = format.and_then(|id| formats.iter().find(|format| format.id() == id));
        !format.is_some_and(|format| format.identity() == Identity::Bytes && !format.decoder().looks_back())
    }

    fn take_over(&mut self, begins: BTreeMap<Key, Begin>) {
        let epoch = self.membership.next_epoch();
        let mut assignment = TopicPartitionList::new();
        let mut assigned = Vec::new();
        for ((topic, partition), begin) in begins {
            // Its queue is there before anything can come for it.
            let queue = self.consumer.split_partition_queue(&topic, partition);
            let from = Offset::Offset(begin.read_from);
            let added = assignment.add_partition_offset(&topic, partition, from);
            let (Some(mut queue), Ok(())) = (queue, added) else {
                tracing::error!(topic = %topic, partition, "a partition that cannot be read");
                continue;
            };
            let ready = Arc::new(AtomicBool::new(true));
            let (there, thread) = (Arc::clone(&ready), thread::current());
            queue.set_nonempty_callback(move || {
                there.store(true, Ordering::Release);
                thread.unpark();
            });
            let rule = rule_of(&self.options.topics, &topic);
            self.own((&topic, partition), rule.cloned(), begin, epoch, (queue, ready));
            let lateness = rule_of(&self.options.topics, &topic).and_then(|rule| rule.lateness);
            assigned.push(Assigned { topic, partition, begin: begin.deliver_from, lateness });
        }
        if let Err(error) = self.consumer.incremental_assign(&assignment) {
            tracing::warn!(target: "kafka", %error, "partitions cannot be taken");
        }
        let topics: Vec<String> = self.troubles.topics().map(str::to_owned).collect();
        for topic in
            topics.into_iter().filter(|topic| assigned.iter().any(|assigned| *assigned.topic == **topic))
        {
            self.well(&About::Topic(topic));
        }
        self.well(&About::Brokers);
        if !assigned.is_empty() {
            self.push(Notice::Assigned { epoch, partitions: assigned });
        }
    }

    fn own(
        &mut self,
        (topic, partition): (&Arc<str>, i32),
        rule: Option<TopicRule>,
        begin: Begin,
        epoch: u64,
        (queue, ready): (
            rdkafka::consumer::base_consumer::PartitionQueue<super::context::Context>,
            Arc<AtomicBool>,
        ),
    ) {
        let named = Partition {
            topic,
            partition,
            format: rule.as_ref().and_then(|rule| rule.format.as_deref()),
            instance: rule.as_ref().and_then(|rule| rule.instance.as_deref()),
        };
        let places = (begin.read_from, begin.deliver_from);
        let reader = Reader::new(&named, &self.options, epoch, places);
        let is_warming = reader.is_warming();
        let shared = self.topics.entry(Arc::clone(topic)).or_default();
        shared.warming += usize::from(is_warming);
        let gap = begin.gap.map(|(from, to, reason)| Gap {
            topic: Arc::clone(topic),
            partition,
            from,
            to,
            reason,
            from_time: None,
            to_time: None,
        });
        let owned = Owned {
            reader,
            queue,
            ready,
            is_warming,
            first: None,
            gap,
            silence: Silence::new(Instant::now()),
            put_off: None,
        };
        self.partitions.insert((Arc::clone(topic), partition), owned);
    }

    fn revoke(&mut self, keys: Vec<Key>) {
        let is_lost = self.consumer.assignment_lost();
        let now = Instant::now();
        let mut partitions = Vec::new();
        if !is_lost {
            self.deliver_all(now);
        }
        for key in &keys {
            let Some(mut owned) = self.partitions.remove(key) else { continue };
            let (topic, partition) = key.clone();
            if owned.is_warming
                && let Some(shared) = self.topics.get_mut(&topic)
            {
                shared.warming = shared.warming.saturating_sub(1);
            }
            if let Some(gap) = owned.gap.take() {
                self.push(Notice::Gap(gap));
            }
            partitions.push(Revoked { topic, partition, epoch: owned.reader.epoch() });
        }
        self.forget_topics();
        let epoch = self.membership.next_epoch();
        if !partitions.is_empty() {
            self.push(Notice::Revoking { epoch, partitions: partitions.clone(), is_lost });
        }
        let is_done = is_lost || partitions.is_empty();
        let revocation = Revocation { epoch, partitions, all: keys, deadline: now + self.options.drain_time };
        if is_done {
            self.give_back(&revocation.all);
        } else {
            self.membership.revocation = Some(revocation);
        }
    }

    /// Gives partitions back that are drained, or have to go.
    fn go_on_revoking(&mut self) {
        let Some(revocation) = self.membership.revocation.take() else { return };
        let is_released = self.shared.take_release(revocation.epoch);
        if !is_released && Instant::now() < revocation.deadline {
            self.membership.revocation = Some(revocation);
            return;
        }
        // What the taker told before it released them.
        self.membership.revocation = Some(revocation);
        self.commit();
        let Some(Revocation { epoch, partitions, all, deadline: _ }) = self.membership.revocation.take()
        else {
            return;
        };
        if !is_released {
            self.push(Notice::Fenced { epoch, partitions });
        }
        self.give_back(&all);
    }

    fn give_back(&self, keys: &[Key]) {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in keys {
            list.add_partition(topic, *partition);
        }
        if let Err(error) = self.consumer.incremental_unassign(&list) {
            tracing::warn!(target: "kafka", %error, "partitions cannot be given back");
        }
    }

    /// Forgets what partitions share of topics of which none is ours.
    fn forget_topics(&mut self) {
        let partitions = &self.partitions;
        self.topics.retain(|topic, _| partitions.keys().any(|(other, _)| other == topic));
    }
}

/// Whether an error says that there is no such partition.
fn is_gone(code: Option<RDKafkaErrorCode>) -> bool {
    matches!(
        code,
        Some(
            RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownTopicOrPartition
        )
    )
}
