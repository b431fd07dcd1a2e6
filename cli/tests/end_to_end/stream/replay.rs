//! Law STREAM-5: what comes out of a stream is what a replay of the same records gives.
//!
//! Long form in docs/reliability.md: `OFFBOUND_EVENTS`.

use std::time::Instant;

use super::feed::PARTITIONS;
use super::load::Load;
use super::{
    assert_same, assert_same_events, broker, comparable, conclusions, feed, punctual, setting, stream,
    stream_to_end, to_end,
};
use crate::{run, said, scratch};

/// Scenario: every sample as records in twelve partitions, interleaved at random. Guarantees: the same findings and
/// incidents as the replay of its files, in every field but location and revision; every record accounted for.
#[test]
fn a_stream_gives_what_a_replay_gives() {
    for (sample, seed) in [
        ("stolen-pod-token", 7),
        ("identity-stops-it", 11),
        ("stolen-session-key", 13),
        ("busy-benign-day", 17),
    ] {
        let replayed = scratch();
        let logs = feed::folder(sample).display().to_string();
        let output = run(replayed.path(), &["replay", &logs, "--store", "store", "--quiet"]);
        assert!(output.status.success(), "{}", said(&output));
        let topic = format!("replay-{sample}");
        let records = feed::records(sample);
        feed::fill(broker(), &topic, &records, seed);
        let streamed = scratch();
        stream_to_end(streamed.path(), &topic, &["--env", &feed::environment(sample)]);
        let (expected, found) = (conclusions(replayed.path()), conclusions(streamed.path()));
        assert_same_events(sample, replayed.path(), streamed.path());
        let (of_files, of_topic) = (comparable(&expected), comparable(&found));
        assert_same(&format!("findings of {sample}, seed {seed}"), &of_topic.0, &of_files.0);
        assert_same(&format!("incidents of {sample}, seed {seed}"), &of_topic.1, &of_files.1);
        let summary = found.summary.expect("a stream sums up");
        let left: u64 = summary.skipped.values().chain(summary.dead_lettered.values()).sum();
        assert_eq!(summary.read, summary.decoded + left, "{sample}");
        let replayed = expected.summary.expect("a replay sums up");
        assert_eq!((summary.read, summary.decoded), (replayed.read, replayed.decoded), "{sample}");
        assert_eq!((summary.from, summary.to), (replayed.from, replayed.to), "{sample}");
    }
}

/// Scenario: the generator's stream of many events, in twelve partitions about as they happened, in any partition; read
/// while it is there already. Guarantees: the events, findings, incidents and counts of a replay of its files.
#[test]
fn a_long_stream_gives_what_a_replay_gives() {
    let load = Load::of(setting("OFFBOUND_EVENTS", 3_000));
    let (topic, streamed) = ("replay-long", scratch());
    broker().create_topic(topic, PARTITIONS, &[]).expect("a new topic");
    broker().produce(topic, &load.in_time(61)).expect("the broker takes records");
    let began = Instant::now();
    to_end(punctual(stream(streamed.path(), topic, &["--env", &load.environment()])));
    println!("{} records read in {:.1} s", load.records.len(), began.elapsed().as_secs_f64());
    load.check("the generator's stream", streamed.path());
}
