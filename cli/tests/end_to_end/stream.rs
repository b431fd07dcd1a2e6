//! `offbound stream` against a real Apache Kafka.
//!
//! In: samples, as records in topics. Owns: how a sample becomes records, and the comparison of a stream with a replay.
//! Where there is neither Java with Maven nor `OFFBOUND_KAFKA`, these tests fail and say what to install.

mod clocks;
mod crash;
mod durable;
mod feed;
mod live;
mod load;
mod operator;
#[cfg(target_os = "linux")]
mod order;
mod outage;
mod overload;
mod poison;
mod recall;
mod replay;
mod running;
mod standby;
mod told;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use offbound_schemas::EventId;
use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::table::{host_events, identity_assertions};
use offbound_schemas::vocabulary::FindingState;
use offbound_store::{Columns, Conclusions, SCAN_ROWS, Store, StoreError};
use offbound_testbed::Broker;

use running::Running;

use crate::{offbound, run, said};

/// Longest time that anything here may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);

fn broker() -> &'static Broker {
    offbound_testbed::shared().expect("a broker: install Java 17 and Maven, or set OFFBOUND_KAFKA=host:port")
}

/// A number from the environment, such as the rounds of a long form.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The consumer group of a stream on `topic`.
fn group_of(topic: &str) -> String {
    format!("group-of-{topic}")
}

/// `stream` on `topic` into the folder `store`, with more options.
fn stream(folder: &Path, topic: &str, more: &[&str]) -> Command {
    stream_from(broker(), folder, topic, more)
}

/// The same from another broker.
fn stream_from(broker: &Broker, folder: &Path, topic: &str, more: &[&str]) -> Command {
    let group = group_of(topic);
    let brokers = broker.bootstrap();
    let mut args = vec!["stream", "--brokers", brokers, "--topic", topic, "--store", "store"];
    args.extend_from_slice(more);
    if !more.contains(&"--group") {
        args.extend(["--group", &group]);
    }
    if !more.contains(&"--listen") {
        args.extend(["--listen", "off"]);
    }
    offbound(folder, &args)
}

/// The same command for logs that come in any order. They speak of a month, which is when their oldest pods were made:
/// nothing is late by more than it may be, so what is found is a function of the records alone (law STREAM-2). Findings
/// stay provisional until the end is known.
fn patient(mut command: Command) -> Command {
    command.env("OFFBOUND_STREAM_LATENESS", "1000h").env("OFFBOUND_STREAM_IDLE", "1h");
    command
}

/// The same command for logs that come as their events happen (`feed::in_time`): what is older than ten times the delay
/// is sealed, and only what is younger waits in memory.
fn punctual(mut command: Command) -> Command {
    let lateness = format!("{}s", 10 * feed::LATE.as_secs());
    command.env("OFFBOUND_STREAM_LATENESS", lateness).env("OFFBOUND_STREAM_IDLE", "1h");
    command
}

/// Runs `stream` until the end of the topic.
fn stream_to_end(folder: &Path, topic: &str, more: &[&str]) {
    to_end(stream(folder, topic, more));
}

/// Runs a stream until the end of its topics.
fn to_end(mut command: Command) {
    let output = command.args(["--until-end", "--quiet"]).output().expect("the binary was built");
    assert!(output.status.success(), "{}", said(&output));
}

/// Replays the logs of a folder into its store, for comparison.
fn replayed(logs: &Path) -> tempfile::TempDir {
    let folder = crate::scratch();
    let output = run(folder.path(), &["replay", &logs.display().to_string(), "--store", "store", "--quiet"]);
    assert!(output.status.success(), "{}", said(&output));
    folder
}

/// Waits until `is_true`.
fn eventually(what: &str, is_true: impl FnMut() -> bool) {
    eventually_within(PATIENCE, what, is_true);
}

/// The same, for at most so long.
pub(super) fn eventually_within(longest: Duration, what: &str, mut is_true: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_true() {
        assert!(began.elapsed() < longest, "{what} did not come true in {longest:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn conclusions(folder: &Path) -> Conclusions {
    conclusions_so_far(folder).expect("a sound store")
}

/// What stands in the store, if it has been laid out yet.
fn conclusions_so_far(folder: &Path) -> Option<Conclusions> {
    Store::open(&folder.join("store")).ok()?.conclusions().ok()
}

/// Every host event and assertion of a store, with its table and time. Placements are left out: a sensor's word on a pod
/// is kept when its stream says it first, and a topic has other streams than a folder.
fn events(folder: &Path) -> BTreeMap<EventId, String> {
    let store = Store::open(&folder.join("store")).expect("a store");
    let mut events = BTreeMap::new();
    let all = store.scan_in_order(&Columns::without_text(), SCAN_ROWS, |batch| -> Result<(), StoreError> {
        let hosts = host_events::View::new(&batch.host_events).expect("the table's shape");
        let uses = identity_assertions::View::new(&batch.identity_assertions).expect("the table's shape");
        events.extend(
            (0..hosts.len()).map(|row| (hosts.event_id(row), format!("host {}", hosts.event_time(row)))),
        );
        events
            .extend((0..uses.len()).map(|row| (uses.event_id(row), format!("use {}", uses.event_time(row)))));
        Ok(())
    });
    all.expect("a sound store");
    events
}

/// Two stores hold the same events.
fn assert_same_events(what: &str, replayed: &Path, streamed: &Path) {
    let (of_files, of_topic) = (events(replayed), events(streamed));
    let only = |some: &BTreeMap<_, String>, other: &BTreeMap<_, String>| -> Vec<String> {
        let only = some.iter().filter(|(id, _)| !other.contains_key(*id));
        only.map(|(id, what)| format!("{id} {what}")).collect()
    };
    assert_eq!(
        (only(&of_files, &of_topic), only(&of_topic, &of_files)),
        (Vec::new(), Vec::new()),
        "events of files only, and of the topic only: {what}"
    );
}

/// Compares records; where they differ, shows the lines that do.
fn assert_same<T: serde::Serialize>(what: &str, found: &T, expected: &T) {
    let lines = |value: &T| -> Vec<String> {
        let text = serde_json::to_string_pretty(value).expect("records are JSON");
        text.lines().map(str::to_owned).collect()
    };
    let (found, expected) = (lines(found), lines(expected));
    let different = found.iter().zip(&expected).filter(|(found, expected)| found != expected);
    let shown: Vec<String> =
        different.take(20).map(|(found, expected)| format!("{found} <> {expected}")).collect();
    assert!(
        shown.is_empty() && found.len() == expected.len(),
        "{what}: {} and {} lines\n{}",
        found.len(),
        expected.len(),
        shown.join("\n")
    );
}

/// Findings and incidents without what may differ between a stream and a replay: where a record lay, how often a finding
/// was published, and what was told as an incident of its own before it was known to be part of another.
fn comparable(conclusions: &Conclusions) -> (Vec<Finding>, Vec<Incident>) {
    let standing = conclusions.findings.iter().filter(|finding| finding.state != FindingState::Withdrawn);
    let mut findings: Vec<Finding> = standing.cloned().collect();
    for finding in &mut findings {
        finding.revision = 0;
        finding.evidence.iter_mut().for_each(|evidence| evidence.location.clear());
        finding.evidence.sort();
    }
    findings.sort_by_key(|finding| (finding.first_time, finding.id));
    let mut incidents = conclusions.incidents.clone();
    incidents.iter_mut().for_each(|incident| incident.merged_from.clear());
    incidents.sort_by_key(|incident| (incident.onset, incident.id));
    (findings, incidents)
}
