//! Members that stand by: one reads, and when it dies another goes on.

use std::path::Path;

use offbound_schemas::vocabulary::FindingState;
use offbound_store::Store;

use super::feed::PARTITIONS;
use super::operator::get;
use super::{
    Running, assert_same, broker, comparable, conclusions, conclusions_so_far, durable, eventually, feed,
    replayed, stream, told,
};
use crate::scratch;

/// A member with a store of its own.
struct Member {
    folder: tempfile::TempDir,
    running: Running,
    address: String,
}

impl Member {
    fn start(folder: tempfile::TempDir, topic: &str, environment: &str, results: &str) -> Self {
        let options =
            ["--standby", "--env", environment, "--findings-topic", results, "--listen", "127.0.0.1:0"];
        let mut command = stream(folder.path(), topic, &options);
        command.env("OFFBOUND_STREAM_IDLE", "1s");
        let running = Running::start(command);
        let address = running.address();
        Self { folder, running, address }
    }

    fn is_active(&self) -> bool {
        self.running.has_said("this member reads now")
    }

    fn stands_by(&self) -> bool {
        get(&self.address, "/readyz").1.contains("standing by") && !self.is_active()
    }

    /// Everything in the topic is taken in, and told to be durable.
    fn has_read(&self, topic: &str) -> bool {
        durable::is_everything(broker(), topic, self.folder.path())
    }
}

fn has_confirmed(folder: &Path) -> bool {
    let so_far = conclusions_so_far(folder);
    so_far.is_some_and(|it| it.findings.iter().any(|it| it.state == FindingState::Confirmed))
}

/// Scenario: three members with stores of their own; the active one is killed in the middle of the topic, the next one
/// is stopped later, and the first comes back. Guarantees: one reads at a time; whoever takes over reads what its own
/// store lacks and ends with the findings and incidents of a replay, under the same ids: a consumer that keeps the latest
/// word of an id sees each finding once.
#[test]
fn a_standby_takes_over() {
    let (sample, topic, results) = ("identity-stops-it", "standby-logs", "standby-findings");
    let (records, environment) = (feed::records(sample), feed::environment(sample));
    broker().create_topics(&[(topic, PARTITIONS)], &[]).expect("a new topic");
    broker().create_topic(results, 1, &[]).expect("a new topic");
    let messages = feed::interleaved(&records, 43);
    let (first_half, second_half) = messages.split_at(messages.len() / 2);
    broker().produce(topic, first_half).expect("the broker takes records");

    let first = Member::start(scratch(), topic, &environment, results);
    eventually("an active member", || first.is_active());
    let second = Member::start(scratch(), topic, &environment, results);
    let third = Member::start(scratch(), topic, &environment, results);
    eventually("two that stand by", || second.stands_by() && third.stands_by());
    eventually("the first half", || first.has_read(topic) && has_confirmed(first.folder.path()));
    assert!(
        Store::open(&second.folder.path().join("store"))
            .is_ok_and(|it| it.offsets().is_ok_and(|at| at.is_empty()))
    );
    let Member { folder: of_first, running, .. } = first;
    running.kill();

    eventually("another active member", || second.is_active() || third.is_active());
    let (active, other) = if second.is_active() { (second, third) } else { (third, second) };
    broker().produce(topic, second_half).expect("the broker takes records");
    eventually("everything, from the beginning", || active.has_read(topic));
    assert!(other.stands_by(), "one reads at a time: {:?}", other.running.said());

    let back = Member::start(of_first, topic, &environment, results);
    let Member { folder: of_active, running, .. } = active;
    assert_eq!(running.stop().code(), Some(0));
    assert_eq!(other.running.stop().code(), Some(0));
    eventually("the first again", || back.is_active() && back.has_read(topic));
    // Confirmation waits for the lateness; the end of everything is told by a run to the end of the topic.
    let Member { folder: of_first, running, .. } = back;
    assert_eq!(running.stop().code(), Some(0));
    let replayed = replayed(&feed::folder(sample));
    let expected = comparable(&conclusions(replayed.path()));
    for folder in [of_first.path(), of_active.path()] {
        let options = ["--env", environment.as_str(), "--findings-topic", results];
        super::stream_to_end(folder, topic, &options);
        assert_same("of each member", &comparable(&conclusions(folder)), &expected);
    }
    let told = told::findings(broker(), results);
    let ids: Vec<_> = told::last_words(&told).into_keys().collect();
    let mut standing: Vec<_> = expected.0.iter().map(|finding| finding.id).collect();
    standing.sort();
    let withdrawn = told::last_words(&told).into_values().filter(|it| it.state == FindingState::Withdrawn);
    let withdrawn: Vec<_> = withdrawn.map(|finding| finding.id).collect();
    assert_eq!(ids.into_iter().filter(|id| !withdrawn.contains(id)).collect::<Vec<_>>(), standing);
}
