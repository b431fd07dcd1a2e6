//! What is durable in a store, beside what brokers hold and know.
//!
//! In: a store's folder, a topic. Owns: the promise to Kafka: it is told no offset that is not durable.

use std::path::Path;

use offbound_store::{PartitionOffset, Store};
use offbound_testbed::Broker;

use super::feed::PARTITIONS;

/// The offsets that a store has of a topic; none while there is no store.
fn offsets(folder: &Path, topic: &str) -> Vec<PartitionOffset> {
    let store = Store::open(&folder.join("store"));
    let mut offsets = store.and_then(|store| store.offsets()).unwrap_or_default();
    offsets.retain(|at| at.topic == topic);
    offsets
}

/// How many commits a store has; none while there is no store.
pub(super) fn commits(folder: &Path) -> u64 {
    let store = Store::open(&folder.join("store"));
    store.and_then(|store| store.version()).unwrap_or_default()
}

/// Whether everything in the topic is durable.
pub(super) fn is_everything(broker: &Broker, topic: &str, folder: &Path) -> bool {
    let offsets = offsets(folder, topic);
    let next = |partition| offsets.iter().find(|at| at.partition == partition).map_or(0, |at| at.next);
    // A partition has no leader for a moment after its broker came back: it is not known to be taken in.
    let end = |partition| broker.offsets(topic, partition).map_or(i64::MAX, |(_, end)| end);
    (0..PARTITIONS).all(|partition| next(partition) >= end(partition))
}

/// What Kafka was told of a group's progress is not ahead of what the store holds.
pub(super) fn check_told(broker: &Broker, group: &str, topic: &str, folder: &Path) {
    let told = broker.committed(group, topic, PARTITIONS).expect("the group's offsets");
    let durable = offsets(folder, topic);
    for (partition, next) in told {
        let kept = durable.iter().find(|at| at.partition == partition).map(|at| at.next);
        assert!(kept >= Some(next), "partition {partition}: Kafka was told {next}, the store has {kept:?}");
    }
}
