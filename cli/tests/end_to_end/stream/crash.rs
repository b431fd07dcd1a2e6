//! Law STREAM-4: kill at any point, then go on: nothing lost, nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offbound_schemas::record::Finding;
use offbound_schemas::vocabulary::FindingState;

use super::{Running, assert_same, broker, comparable, conclusions, feed, stream, stream_to_end};
use crate::{run, said, scratch};

/// Rounds of killing; the long form is in docs/reliability.md.
fn rounds() -> u64 {
    std::env::var("OFFBOUND_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(4)
}

/// Scenario: `kill -9` again and again while a topic is read, at moments that a seed chose; then it may finish.
/// Guarantees: the findings and incidents of an undisturbed replay; every record counted once; and in the topic of
/// findings, the last word on every id is the store's.
#[test]
fn killed_and_started_again() {
    let sample = "identity-stops-it";
    let replayed = scratch();
    let logs = feed::folder(sample).display().to_string();
    let output = run(replayed.path(), &["replay", &logs, "--store", "store", "--quiet"]);
    assert!(output.status.success(), "{}", said(&output));
    let (topic, results) = ("crash-logs", "crash-findings");
    broker().create_topic(results, 1, &[]).expect("a new topic");
    feed::fill(broker(), topic, &feed::records(sample), 23);
    let streamed = scratch();
    let environment = feed::environment(sample);
    let options = ["--env", environment.as_str(), "--findings-topic", results];
    for round in 0..rounds() {
        let running = Running::start(stream(streamed.path(), topic, &options));
        std::thread::sleep(Duration::from_millis(400 + 337 * (round % 7)));
        running.signal("KILL");
    }
    stream_to_end(streamed.path(), topic, &options);
    let (expected, found) = (conclusions(replayed.path()), conclusions(streamed.path()));
    assert_same("after every kill", &comparable(&found), &comparable(&expected));
    let summary = found.summary.as_ref().expect("a stream sums up");
    assert_eq!(summary.read, expected.summary.expect("a replay sums up").read, "each record is counted once");
    let mut told: BTreeMap<String, Finding> = BTreeMap::new();
    for record in broker().read(results).expect("the topic is there") {
        let payload = record.payload.expect("no tombstones");
        let finding: Finding = serde_json::from_slice(&payload).expect("a finding");
        assert_eq!(record.key.as_deref(), Some(finding.id.to_string().as_bytes()));
        told.insert(finding.id.to_string(), finding);
    }
    let standing: BTreeSet<String> = found
        .findings
        .iter()
        .filter(|it| it.state == FindingState::Confirmed)
        .map(|it| it.id.to_string())
        .collect();
    let last: BTreeSet<String> = told
        .values()
        .filter(|finding| finding.state == FindingState::Confirmed)
        .map(|finding| finding.id.to_string())
        .collect();
    assert_eq!(last, standing, "whoever reads the topic knows what the store knows");
}
