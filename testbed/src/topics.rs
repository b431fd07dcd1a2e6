//! What tests do to topics: make, widen, cut at the front, delete.
//!
//! In: names and numbers. Out: done and visible to new clients when the call returns. Owns: waiting for that.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::broker::Broker;
use crate::error::TestbedError;
use crate::wait::wait_until;

/// Longest wait for one request.
const REQUEST_TIME: Duration = Duration::from_secs(20);

impl Broker {
    /// Makes a topic; `configs` are Kafka's own, such as `retention.ms`.
    pub fn create_topic(
        &self,
        name: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<(), TestbedError> {
        self.create_topics(&[(name, partitions)], configs)
    }

    /// Makes several topics in one request, which is much faster than one after the other.
    pub fn create_topics(
        &self,
        topics: &[(&str, i32)],
        configs: &[(&str, &str)],
    ) -> Result<(), TestbedError> {
        let names: Vec<&str> = topics.iter().map(|(name, _)| *name).collect();
        let action = format!("create topics {}", names.join(", "));
        let mut new = Vec::new();
        for (name, partitions) in topics {
            let topic = NewTopic::new(name, *partitions, TopicReplication::Fixed(1));
            new.push(configs.iter().fold(topic, |topic, (key, value)| topic.set(key, value)));
        }
        let admin = self.admin(&action)?;
        each_done(&action, block_on(admin.create_topics(&new, &options())))?;
        let wait = |(name, partitions): &(&str, i32)| {
            self.wait_for(&action, name, usize::try_from(*partitions).ok())
        };
        topics.iter().try_for_each(wait)
    }

    /// Gives a topic more partitions.
    pub fn widen_topic(&self, name: &str, partitions: usize) -> Result<(), TestbedError> {
        let action = format!("widen topic {name}");
        let wider = NewPartitions::new(name, partitions);
        let admin = self.admin(&action)?;
        each_done(&action, block_on(admin.create_partitions([&wider], &options())))?;
        self.wait_for(&action, name, Some(partitions))
    }

    /// Deletes a topic.
    pub fn delete_topic(&self, name: &str) -> Result<(), TestbedError> {
        let action = format!("delete topic {name}");
        let admin = self.admin(&action)?;
        each_done(&action, block_on(admin.delete_topics(&[name], &options())))?;
        self.wait_for(&action, name, None)
    }

    /// Deletes the records before an offset, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) -> Result<(), TestbedError> {
        let action = format!("delete records of {topic}/{partition} before {before}");
        let failed = |error| TestbedError::client(&action, error);
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, partition, Offset::Offset(before)).map_err(failed)?;
        let admin = self.admin(&action)?;
        let done = block_on(admin.delete_records(&offsets, &options())).map_err(failed)?;
        done.elements().iter().try_for_each(|element| element.error()).map_err(failed)
    }

    /// Sets configuration of a topic, in place of all that was set before.
    pub fn configure_topic(&self, name: &str, configs: &[(&str, &str)]) -> Result<(), TestbedError> {
        let action = format!("configure topic {name}");
        let altered = AlterConfig::new(ResourceSpecifier::Topic(name));
        let altered = configs.iter().fold(altered, |altered, (key, value)| altered.set(key, value));
        let admin = self.admin(&action)?;
        let done = block_on(admin.alter_configs([&altered], &options()));
        let done = done.map_err(|error| TestbedError::client(&action, error))?;
        done.into_iter().try_for_each(|result| match result {
            Ok(_resource) => Ok(()),
            Err((_resource, code)) => Err(TestbedError::client(&action, code)),
        })
    }

    /// The first offset that a partition has, and the one that its next record gets.
    pub fn offsets(&self, topic: &str, partition: i32) -> Result<(i64, i64), TestbedError> {
        let action = format!("offsets of {topic}/{partition}");
        let failed = |error| TestbedError::client(&action, error);
        let client: BaseConsumer = self.client_config().create().map_err(failed)?;
        client.fetch_watermarks(topic, partition, REQUEST_TIME).map_err(failed)
    }

    /// The offsets that a consumer group has committed for the partitions of a topic; those without one are left out.
    pub fn committed(
        &self,
        group: &str,
        topic: &str,
        partitions: i32,
    ) -> Result<BTreeMap<i32, i64>, TestbedError> {
        let action = format!("read what group {group} has committed");
        let failed = |error| TestbedError::client(&action, error);
        let client: BaseConsumer = self.client_config().set("group.id", group).create().map_err(failed)?;
        let mut asked = TopicPartitionList::new();
        for partition in 0..partitions {
            asked.add_partition(topic, partition);
        }
        let mut found = client.committed_offsets(asked.clone(), REQUEST_TIME);
        // A broker that was started a moment ago does not know its groups yet; what it says last is told.
        let _is_known = wait_until(REQUEST_TIME, || {
            let is_early = found.as_ref().is_err_and(is_early);
            if is_early {
                found = client.committed_offsets(asked.clone(), REQUEST_TIME);
            }
            !is_early
        });
        let found = found.map_err(failed)?;
        let elements = found.elements();
        let known = elements.iter().filter_map(|element| match element.offset() {
            Offset::Offset(next) => Some((element.partition(), next)),
            _none => None,
        });
        Ok(known.collect())
    }

    fn admin(&self, action: &str) -> Result<AdminClient<DefaultClientContext>, TestbedError> {
        self.client_config().create().map_err(|error| TestbedError::client(action, error))
    }

    /// Waits until new clients see a topic with so many partitions, or see none.
    fn wait_for(&self, action: &str, topic: &str, partitions: Option<usize>) -> Result<(), TestbedError> {
        let failed = |error| TestbedError::client(action, error);
        let client: BaseConsumer = self.client_config().create().map_err(failed)?;
        let is_there = wait_until(REQUEST_TIME, || {
            let metadata = client.fetch_metadata(Some(topic), REQUEST_TIME);
            metadata.is_ok_and(|metadata| {
                let found = metadata.topics().iter().find(|found| found.name() == topic);
                let partitions_now = found.filter(|found| found.error().is_none()).map(|found| {
                    let led = found.partitions().iter().filter(|partition| partition.leader() >= 0);
                    led.count()
                });
                partitions_now == partitions
            })
        });
        if is_there { Ok(()) } else { Err(TestbedError::client(action, "not visible in time")) }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(REQUEST_TIME)).operation_timeout(Some(REQUEST_TIME))
}

type TopicResult = Result<String, (String, RDKafkaErrorCode)>;

fn each_done(
    action: &str,
    results: Result<Vec<TopicResult>, rdkafka::error::KafkaError>,
) -> Result<(), TestbedError> {
    let results = results.map_err(|error| TestbedError::client(action, error))?;
    results.into_iter().try_for_each(|result| match result {
        Ok(_name) => Ok(()),
        Err((_name, code)) => Err(TestbedError::client(action, code)),
    })
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for an answer that librdkafka's own thread gives.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        thread::park();
    }
}

/// Whether no broker says yet that it keeps the offsets of a group.
fn is_early(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{CoordinatorLoadInProgress, CoordinatorNotAvailable, NotCoordinator};
    let code = error.rdkafka_error_code();
    [CoordinatorLoadInProgress, CoordinatorNotAvailable, NotCoordinator].map(Some).contains(&code)
}
