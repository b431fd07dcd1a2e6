//! Law STREAM-4: kill at any point, then go on: nothing lost, nothing twice.
//!
//! Long forms, with an optimised binary, in docs/reliability.md: `OFFBOUND_ROUNDS` sets how often is killed.

use std::time::Duration;

use offbound_testbed::{Broker, BrokerOptions};

use super::feed::PARTITIONS;
use super::load::Load;
use super::{
    Running, broker, durable, eventually_within, feed, group_of, patient, setting, stream_from, to_end, told,
};
use crate::scratch;

/// Lines of logs that come in a round.
const LINES_PER_ROUND: u64 = 300;
/// Time in which they come, while the stream runs.
const ROUND: Duration = Duration::from_millis(1_000);
/// Time between two kills of the broker.
const BROKER_ROUND: Duration = Duration::from_secs(6);

/// The consumer group of a round. A group waits until it is sure that a killed member is gone; positions are the store's,
/// so that any group goes on at them. One round in twenty takes over in the group of the one before.
fn group_of_round(round: u64) -> String {
    format!("group-of-crash-{}", if round % 20 == 2 { round - 1 } else { round })
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
    let life = |round| {
        let group = group_of_round(round);
        let options = ["--env", &environment, "--findings-topic", results, "--group", &group];
        patient(stream_from(broker(), streamed.path(), topic, &options))
    };
    let messages = load.in_any_order(23);
    let slices = messages.chunks(messages.len().div_ceil(usize::try_from(rounds).expect("a few")));
    for (round, slice) in (0..rounds).zip(slices) {
        let before = durable::commits(streamed.path());
        let mut running = Running::start(life(round));
        std::thread::scope(|scope| {
            scope.spawn(|| feed::trickle(broker(), topic, slice, ROUND));
            if round % 3 == 0 {
                // Anywhere: while it starts, rebuilds, joins its group.
                std::thread::sleep(Duration::from_millis(150 + 337 * (round % 7)));
            } else {
                // Behind a commit of this life, in the middle of the next one.
                let is_committed = || durable::commits(streamed.path()) > before;
                eventually_within(Duration::from_secs(150), "a commit", is_committed);
                std::thread::sleep(Duration::from_millis(97 * (round % 13)));
            }
            assert!(!running.has_ended(), "round {round}: {:?}", running.said());
            running.kill();
        });
        durable::check_told(broker(), &group_of_round(round), topic, streamed.path());
    }
    let commits = durable::commits(streamed.path());
    to_end(life(rounds));
    durable::check_told(broker(), &group_of_round(rounds), topic, streamed.path());
    load.check("after every kill", streamed.path());
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
    let messages = load.in_any_order(29);
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
    let is_taken_in = || durable::is_everything(&broker, topic, streamed.path());
    eventually_within(Duration::from_secs(120), "everything is taken in", is_taken_in);
    assert!(running.has_said("Kafka is reached again"), "{:?}", running.said());
    assert_eq!(running.stop().code(), Some(0));
    durable::check_told(&broker, &group_of(topic), topic, streamed.path());
    to_end(patient(stream_from(&broker, streamed.path(), topic, &options)));
    load.check("after every kill of the broker", streamed.path());
    let words = told::check(&broker, results, streamed.path());
    println!(
        "{rounds} kills of the broker, {} records: nothing lost, nothing twice; {words} words told",
        load.records.len()
    );
}
