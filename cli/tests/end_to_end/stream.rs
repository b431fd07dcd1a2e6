//! `offbound stream` against a real Apache Kafka.
//!
//! In: samples, as records in topics. Owns: how a sample becomes records, and the comparison of a stream with a replay.
//! Where there is neither Java with Maven nor `OFFBOUND_KAFKA`, these tests fail and say what to install.

mod crash;
mod feed;
mod live;
mod replay;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use offbound_schemas::EventId;
use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::table::{host_events, identity_assertions};
use offbound_schemas::vocabulary::FindingState;
use offbound_store::{Columns, Conclusions, SCAN_ROWS, Store, StoreError};
use offbound_testbed::Broker;

use crate::offbound;

/// Longest time that anything here may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);

fn broker() -> &'static Broker {
    offbound_testbed::shared().expect("a broker: install Java 17 and Maven, or set OFFBOUND_KAFKA=host:port")
}

/// `stream` on `topic` into the folder `store`, with more options.
fn stream(folder: &Path, topic: &str, more: &[&str]) -> Command {
    let group = format!("group-of-{topic}");
    let brokers = broker().bootstrap();
    let common = ["stream", "--brokers", brokers, "--topic", topic, "--group", &group, "--store", "store"];
    let mut args: Vec<&str> = common.to_vec();
    args.extend_from_slice(more);
    if !more.contains(&"--listen") {
        args.extend(["--listen", "off"]);
    }
    offbound(folder, &args)
}

/// Runs `stream` until the end of the topic.
fn stream_to_end(folder: &Path, topic: &str, more: &[&str]) {
    let mut args = vec!["--until-end", "--quiet"];
    args.extend_from_slice(more);
    let output = stream(folder, topic, &args).output().expect("the binary was built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A process that ends with its handle.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        Self(child.expect("the binary was built"))
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.expect("there is a kill command").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Waits until `is_true`.
fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_true() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come true in {PATIENCE:?}");
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
    let all = store.scan_in_order(&Columns::for_folding(), SCAN_ROWS, |batch| -> Result<(), StoreError> {
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
