//! Law STREAM-4: kill at any point, then go on: nothing lost, nothing twice.
//!
//! Long forms, with an optimised binary, in docs/reliability.md: `OFFBOUND_ROUNDS` sets how often is killed.

use std::path::Path;
use std::time::Duration;

use offbound_store::Store;
use offbound_testbed::{Broker, BrokerOptions};

use super::feed::PARTITIONS;
use super::{
    Running, assert_same, broker, comparable, conclusions, eventually_within, feed, group_of, patient,
    replayed, setting, stream_from, to_end, told,
};
use crate::scratch;

/// Lines of logs that come in a round.
const LINES_PER_ROUND: u64 = 300;
/// Time in which they come, while the stream runs.
const ROUND: Duration = Duration::from_millis(1_000);
/// Time between two kills of the broker.
const BROKER_ROUND: Duration = Duration::from_secs(6);

/// A topic that fills while it is read, and what has to come of it.
struct Load {
    logs: tempfile::TempDir,
    expected: tempfile::TempDir,
    records: Vec<feed::Record>,
}

impl Load {
    fn of(lines: u64) -> Self {
        let logs = feed::generated(lines);
        let expected = replayed(logs.path());
        let records = feed::records_of(logs.path());
        Self { logs, expected, records }
    }

    fn environment(&self) -> String {
        self.logs.path().join("environment.toml").display().to_string()
    }

    /// Findings, incidents and counts are those of an undisturbed replay.
    fn check(&self, streamed: &Path) {
        let (expected, found) = (conclusions(self.expected.path()), conclusions(streamed));
        assert!(!expected.findings.is_empty() && !expected.incidents.is_empty());
        assert_same("after every kill", &comparable(&found), &comparable(&expected));
        let read = |summary: Option<offbound_schemas::record::Summary>| summary.map(|summary| summary.read);
        assert_eq!(read(found.summary), read(expected.summary), "each record is counted once");
    }
}

/// How many commits the store has; none while there is no store.
fn commits(streamed: &Path) -> u64 {
    let store = Store::open(&streamed.join("store"));
    store.and_then(|store| store.version()).unwrap_or_default()
}

/// What Kafka was told of a group's progress is not ahead of what the store holds.
fn check_offsets(broker: &Broker, topic: &str, streamed: &Path) {
    let told = broker.committed(&group_of(topic), topic, PARTITIONS).expect("the group's offsets");
    let Ok(store) = Store::open(&streamed.join("store")) else {
        return assert!(told.is_empty(), "there is no store, and Kafka was told {told:?}");
    };
    let durable = store.offsets().expect("a sound store");
    for (partition, next) in told {
        let kept = durable.iter().find(|at| at.topic == topic && at.partition == partition);
        let kept = kept.map(|at| at.next);
        assert!(kept >= Some(next), "partition {partition}: Kafka was told {next}, the store has {kept:?}");
    }
}

/// Scenario: `kill -9` again and again while records come, at moments that differ; then it may finish. Guarantees: the
/// findings and incidents of an undisturbed replay; every record counted once; after every kill the store opens, and Kafka
/// knows no offset that is not durable; whoever reads the topic of findings knows what the store knows.
#[test]
fn killed_and_started_again() {
    let rounds = setting("OFFBOUND_ROUNDS", 4);
    let load = Load::of(rounds * LINES_PER_ROUND);
    let (topic, results) = ("crash-logs", "crash-findings");
    broker().create_topics(&[(topic, PARTITIONS)], &[]).expect("a new topic");
    broker().create_topic(results, 1, &[]).expect("a new topic");
    let (streamed, environment) = (scratch(), load.environment());
    let options = ["--env", environment.as_str(), "--findings-topic", results];
    let messages = feed::interleaved(&load.records, 23);
    let slices = messages.chunks(messages.len().div_ceil(usize::try_from(rounds).expect("a few")));
    for (round, slice) in (0..rounds).zip(slices) {
        let before = commits(streamed.path());
        let mut running = Running::start(patient(stream_from(broker(), streamed.path(), topic, &options)));
        std::thread::scope(|scope| {
            scope.spawn(|| feed::trickle(broker(), topic, slice, ROUND));
            if round % 3 == 0 {
                // Anywhere: while it starts, rebuilds, joins its group.
                std::thread::sleep(Duration::from_millis(150 + 337 * (round % 7)));
            } else {
                // Behind a commit of this life, in the middle of the next one.
                // The group waits until it is sure that the killed member is gone.
                let is_committed = || commits(streamed.path()) > before;
                eventually_within(Duration::from_secs(150), "a commit", is_committed);
                std::thread::sleep(Duration::from_millis(97 * (round % 13)));
            }
            assert!(!running.has_ended(), "round {round}: {:?}", running.said());
            running.kill();
        });
        check_offsets(broker(), topic, streamed.path());
    }
    let commits = commits(streamed.path());
    to_end(patient(stream_from(broker(), streamed.path(), topic, &options)));
    check_offsets(broker(), topic, streamed.path());
    load.check(streamed.path());
    let words = told::check(broker(), results, streamed.path());
    println!(
        "{rounds} kills over {commits} commits of {} records: nothing lost, nothing twice; {words} words told",
        load.records.len()
    );
}

/// Scenario: the broker is killed and started again, again and again, while records come and results go. Guarantees: the
/// stream goes on by itself and says what was wrong; the findings and incidents of an undisturbed replay, every record
/// counted once, and in the topic what the store knows.
#[test]
fn the_broker_is_killed_and_started_again() {
    let rounds = setting("OFFBOUND_BROKER_ROUNDS", 2);
    let load = Load::of(rounds * LINES_PER_ROUND);
    let broker = Broker::start(BrokerOptions::default()).expect("a broker: install Java 17 and Maven");
    let (topic, results) = ("killed-logs", "killed-findings");
    broker.create_topic(topic, PARTITIONS, &[]).expect("a new topic");
    broker.create_topic(results, 1, &[]).expect("a new topic");
    let (streamed, environment) = (scratch(), load.environment());
    let options = ["--env", environment.as_str(), "--findings-topic", results];
    let messages = feed::interleaved(&load.records, 29);
    let during = BROKER_ROUND * u32::try_from(rounds).unwrap_or(u32::MAX);
    let mut running = Running::start(patient(stream_from(&broker, streamed.path(), topic, &options)));
    std::thread::scope(|scope| {
        scope.spawn(|| feed::trickle(&broker, topic, &messages, during));
        for round in 0..rounds {
            std::thread::sleep(BROKER_ROUND.mul_f64(0.5 + (round % 3) as f64 / 4.0));
            broker.kill().expect("our own broker");
            std::thread::sleep(Duration::from_millis(300 * (round % 5)));
            broker.restart().expect("it starts again");
            assert!(!running.has_ended(), "round {round}: {:?}", running.said());
        }
    });
    let all = |topic_end: &dyn Fn(i32) -> i64| {
        let store = Store::open(&streamed.path().join("store")).expect("a store");
        let offsets = store.offsets().expect("a sound store");
        let next = |partition| offsets.iter().find(|at| at.partition == partition).map_or(0, |at| at.next);
        (0..PARTITIONS).all(|partition| next(partition) >= topic_end(partition))
    };
    // A partition has no leader for a moment after the broker came back: it is not known to be taken in.
    let end = |partition| broker.offsets(topic, partition).map_or(i64::MAX, |(_, end)| end);
    eventually_within(Duration::from_secs(120), "everything is taken in", || all(&end));
    assert!(running.has_said("Kafka is reached again"), "{:?}", running.said());
    assert_eq!(running.stop().code(), Some(0));
    check_offsets(&broker, topic, streamed.path());
    to_end(patient(stream_from(&broker, streamed.path(), topic, &options)));
    load.check(streamed.path());
    let words = told::check(&broker, results, streamed.path());
    println!(
        "{rounds} kills of the broker, {} records: nothing lost, nothing twice; {words} words told",
        load.records.len()
    );
}
