//! Law STREAM-5: what comes out of a stream is what a replay of the same records gives.

use std::collections::BTreeMap;

use super::{assert_same, broker, comparable, conclusions, events, feed, stream_to_end};
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
        let (of_files, of_topic) = (events(replayed.path()), events(streamed.path()));
        let only = |some: &BTreeMap<_, String>, other: &BTreeMap<_, String>| -> Vec<String> {
            some.iter()
                .filter(|(id, _)| !other.contains_key(*id))
                .map(|(id, what)| format!("{id} {what}"))
                .collect()
        };
        assert_eq!(
            (only(&of_files, &of_topic), only(&of_topic, &of_files)),
            (Vec::new(), Vec::new()),
            "events of files only, and of the topic only: {sample}, seed {seed}"
        );
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
