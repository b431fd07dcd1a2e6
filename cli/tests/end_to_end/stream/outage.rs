//! What a stream needs goes away for a while: brokers, the topic of results, room on the disk.
//!
//! Long forms in docs/reliability.md: `OFFBOUND_OUTAGE_SECS` sets for how long.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use offbound_store::Store;
use offbound_testbed::{Broker, BrokerOptions, Message};

use super::feed::PARTITIONS;
use super::operator::{get, metric};
use super::{
    Running, assert_same, comparable, conclusions, eventually, eventually_within, feed, replayed, setting,
    stream_from, stream_to_end_from, told,
};
use crate::scratch;

/// Lines of logs that come before, during and after an outage.
const LINES: u64 = 6_000;
/// Memory that a stream may take where nothing is configured, in KiB.
const MEMORY_KIB: u64 = 512 << 10;
/// Longest time that anything takes once the outage is over: the producer's own patience with a message is a minute.
const RECOVERY: Duration = Duration::from_secs(150);

fn outage() -> Duration {
    Duration::from_secs(setting("OFFBOUND_OUTAGE_SECS", 10))
}

/// A stream under load beside a broker of its own.
struct Scene {
    broker: Broker,
    topic: &'static str,
    results: &'static str,
    logs: tempfile::TempDir,
    records: Vec<feed::Record>,
}

impl Scene {
    fn new() -> Self {
        let broker = Broker::start(BrokerOptions::default()).expect("a broker: install Java 17 and Maven");
        let (topic, results, logs) = ("outage-logs", "outage-findings", feed::generated(LINES));
        broker.create_topic(topic, PARTITIONS, &[]).expect("a new topic");
        broker.create_topic(results, 1, &[]).expect("a new topic");
        let records = feed::records_of(logs.path());
        Self { broker, topic, results, logs, records }
    }

    fn environment(&self) -> String {
        self.logs.path().join("environment.toml").display().to_string()
    }

    fn start(&self, folder: &Path) -> (Running, String) {
        let environment = self.environment();
        let options =
            ["--env", environment.as_str(), "--findings-topic", self.results, "--listen", "127.0.0.1:0"];
        let mut command = stream_from(&self.broker, folder, self.topic, &options);
        command.env("OFFBOUND_STREAM_IDLE", "1s");
        let running = Running::start(command);
        let address = running.address();
        (running, address)
    }

    fn produce(&self, messages: &[Message<'_>]) {
        self.broker.produce(self.topic, messages).expect("the broker takes records");
    }

    /// Everything in the topic is durable in the store.
    fn is_durable(&self, folder: &Path) -> bool {
        let store = Store::open(&folder.join("store"));
        let Ok(offsets) = store.and_then(|store| store.offsets()) else { return false };
        let next = |partition| offsets.iter().find(|at| at.partition == partition).map_or(0, |at| at.next);
        (0..PARTITIONS).all(|partition| {
            next(partition) >= self.broker.offsets(self.topic, partition).expect("the topic is there").1
        })
    }

    /// Ends the stream, lets it read to the end, and compares everything.
    fn finish(&self, running: Running, folder: &Path) {
        let (_, highest) = running.memory_kib();
        println!("highest resident memory: {} MiB", highest / 1024);
        assert!(highest <= MEMORY_KIB, "{highest} KiB");
        assert_eq!(running.stop().code(), Some(0));
        let environment = self.environment();
        let options = ["--env", environment.as_str(), "--findings-topic", self.results];
        stream_to_end_from(&self.broker, folder, self.topic, &options);
        let replayed = replayed(self.logs.path());
        let (found, expected) = (conclusions(folder), conclusions(replayed.path()));
        assert_same("after the outage", &comparable(&found), &comparable(&expected));
        let read = |summary: Option<offbound_schemas::record::Summary>| summary.map(|summary| summary.read);
        assert_eq!(read(found.summary), read(expected.summary), "each record is counted once");
        told::check(&self.broker, self.results, folder);
    }
}

/// A third of the messages at a time.
fn thirds<'s, 'm>(messages: &'s [Message<'m>]) -> [&'s [Message<'m>]; 3] {
    let (before, rest) = messages.split_at(messages.len() / 3);
    let (during, after) = rest.split_at(rest.len() / 2);
    [before, during, after]
}

/// Scenario: the topic of findings takes nothing for a while (fewer replicas than it asks for), then the brokers are away
/// for as long; records come before, between and after. Guarantees: reading goes on while results wait in the outbox; the
/// operator is told what is wrong, and that it is over; it goes on by itself; memory stays within its bound, nothing is
/// lost and nothing doubled.
#[test]
fn results_and_brokers_are_away() {
    let (scene, folder) = (Scene::new(), scratch());
    let messages = feed::interleaved(&scene.records, 47);
    let [before, during, after] = thirds(&messages);
    scene.produce(before);
    let (running, address) = scene.start(folder.path());
    eventually("what came before", || scene.is_durable(folder.path()));

    scene.broker.configure_topic(scene.results, &[("min.insync.replicas", "2")]).expect("it can be set");
    scene.produce(during);
    eventually_within(RECOVERY, "reading goes on", || scene.is_durable(folder.path()));
    let waiting = || metric(&address, "offbound_outbox_records").unwrap_or_default();
    eventually_within(RECOVERY, "results that wait", || waiting() > 0.0);
    std::thread::sleep(outage());
    assert!(waiting() > 0.0 && get(&address, "/healthz").0 == 200);
    scene.broker.configure_topic(scene.results, &[("min.insync.replicas", "1")]).expect("it can be set");
    eventually_within(RECOVERY, "the outbox is empty", || waiting() == 0.0);

    scene.broker.kill().expect("our own broker");
    eventually("the operator is told", || get(&address, "/readyz").0 == 503);
    std::thread::sleep(outage());
    assert_eq!(get(&address, "/healthz").0, 200, "waiting is no death");
    scene.broker.restart().expect("it starts again");
    scene.produce(after);
    eventually_within(RECOVERY, "everything is taken in", || scene.is_durable(folder.path()));
    eventually_within(RECOVERY, "ready again", || get(&address, "/readyz").0 == 200 && waiting() == 0.0);
    assert!(running.has_said("Kafka is reached again"), "{:?}", running.said());
    println!("{}", running.said().join("\n"));
    scene.finish(running, folder.path());
}

/// A file system of so many MiB in memory, unmounted with its handle.
struct Small(tempfile::TempDir);

impl Small {
    fn mount(mib: u64) -> Self {
        let folder = scratch();
        let size = format!("size={mib}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        let mounted = mounted.expect("there is a mount command");
        assert!(mounted.status.success(), "this test mounts a file system: run it as root");
        Self(folder)
    }

    /// Takes up the room that is left.
    fn fill(&self) {
        let ballast = self.0.path().join("ballast");
        // It ends with an error where the room does.
        let filled = Command::new("dd")
            .args(["if=/dev/zero", "bs=64k"])
            .arg(format!("of={}", ballast.display()))
            .output();
        assert!(!filled.expect("there is dd").status.success(), "the disk is not full");
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.path().join("ballast")).expect("it was made");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a process that is being killed may still hold it.
        Command::new("umount").arg("-l").arg(self.0.path()).status().ok();
    }
}

/// Scenario: the disk with the store is full for a while, on a real file system, while records come. Guarantees: the
/// operator is told, nothing that is not durable is told to Kafka, memory stays within its bound; with room again it goes on
/// by itself, and nothing is lost or doubled.
#[test]
#[ignore = "mounts a file system: as root, with --ignored"]
fn the_disk_is_full() {
    let (scene, small) = (Scene::new(), Small::mount(128));
    let folder = small.0.path();
    let messages = feed::interleaved(&scene.records, 53);
    let [before, during, after] = thirds(&messages);
    scene.produce(before);
    let (running, address) = scene.start(folder);
    eventually("what came before", || scene.is_durable(folder));
    small.fill();
    scene.produce(during);
    eventually("the operator is told", || get(&address, "/readyz").0 == 503);
    std::thread::sleep(outage());
    let (status, why) = get(&address, "/readyz");
    assert!(status == 503 && why.contains("room"), "{why}");
    assert_eq!(get(&address, "/healthz").0, 200, "waiting is no death");
    assert!(!scene.is_durable(folder) && metric(&address, "offbound_commit_retries_total") > Some(0.0));
    scene.produce(after);
    small.make_room();
    eventually_within(RECOVERY, "everything is taken in", || scene.is_durable(folder));
    eventually("ready again", || get(&address, "/readyz").0 == 200);
    assert!(running.has_said("the store has room again"), "{:?}", running.said());
    println!("{}", running.said().join("\n"));
    scene.finish(running, folder);
}
