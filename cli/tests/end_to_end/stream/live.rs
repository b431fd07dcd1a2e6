//! A stream that runs: provisional and confirmed findings, the window for operators, signals.

use std::fs;

use offbound_schemas::vocabulary::FindingState;
use offbound_testbed::Message;

use super::operator::get;
use super::{Running, broker, conclusions, conclusions_so_far, eventually, feed, stream};
use crate::scratch;

/// Scenario: a stream runs while the records of an incident come; it is asked, told to read its files again (broken,
/// then sound), and stopped. Guarantees: findings stand in the store without an end of the topic; health and metrics
/// answer; a broken environment changes nothing and is told; SIGTERM ends with 0 and leaves everything in the store.
#[test]
fn live_until_it_is_stopped() {
    let sample = "stolen-pod-token";
    let folder = scratch();
    let environment = folder.path().join("environment.toml");
    fs::copy(feed::environment(sample), &environment).expect("a copy");
    let topic = "live-logs";
    feed::fill(broker(), topic, &feed::records(sample), 3);
    let path = environment.display().to_string();
    let mut command = stream(folder.path(), topic, &["--env", &path, "--listen", "127.0.0.1:0"]);
    command.env("OFFBOUND_STREAM_IDLE", "1s");
    let running = Running::start(command);
    let address = running.address();
    let standing = || {
        let so_far = conclusions_so_far(folder.path());
        so_far.is_some_and(|it| it.findings.iter().any(|it| it.state == FindingState::Confirmed))
    };
    eventually("a confirmed finding in the store", standing);
    eventually("readiness", || get(&address, "/readyz").0 == 200);
    assert_eq!(get(&address, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(&address, "/secret").0, 404);
    let metrics = get(&address, "/metrics").1;
    assert!(metrics.contains("offbound_consumed_records_total{topic=\"live-logs\""), "{metrics}");
    assert!(metrics.contains("offbound_findings_total{rule=\"CT-101\""), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"));

    let before = conclusions(folder.path()).findings.len();
    fs::write(&environment, "no such = thing").expect("writable");
    running.signal("HUP");
    broker().produce(topic, &[Message::to(0, b"not a log record at all {{{")]).expect("taken");
    eventually("a dead letter", || {
        get(&address, "/metrics").1.contains("offbound_dead_lettered_records_total{")
    });
    assert_eq!(conclusions(folder.path()).findings.len(), before);

    assert_eq!(running.stop().code(), Some(0));
    let after = conclusions(folder.path());
    assert_eq!(after.findings.len(), before);
    assert_eq!(after.summary.expect("a summary").dead_lettered.values().sum::<u64>(), 1);
}
