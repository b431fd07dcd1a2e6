//! What a stream needs goes away for a while: the topics of results, the brokers, room on the disk.
//!
//! Long forms in docs/reliability.md: `OFFBOUND_OUTAGE_SECS` sets for how long.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use offbound_testbed::{Broker, BrokerOptions, Message};

use super::feed::PARTITIONS;
use super::load::Load;
use super::operator::{get, metric};
use super::running::MEMORY_KIB;
use super::{
    Running, durable, eventually, eventually_within, group_of, patient, setting, stream_from, to_end, told,
};
use crate::scratch;

/// Lines of logs that come before, during and after an outage.
const LINES: u64 = 3_000;
/// Longest time that anything takes once the outage is over: the producer's own patience with a message is a minute, and a
/// group waits for 45 s whether a member comes back that it has lost; a busy machine takes several times as long.
const RECOVERY: Duration = Duration::from_secs(400);
/// Topics of the scene.
const TOPIC: &str = "outage-logs";
const FINDINGS: &str = "outage-findings";
const INCIDENTS: &str = "outage-incidents";

fn outage() -> Duration {
    Duration::from_secs(setting("OFFBOUND_OUTAGE_SECS", 10))
}

/// A stream beside a broker of its own.
struct Scene {
    broker: Broker,
    load: Load,
    folder: PathBuf,
}

impl Scene {
    fn new(folder: &Path) -> Self {
        let broker = Broker::start(BrokerOptions::default()).expect("a broker: install Java 17 and Maven");
        broker.create_topic(TOPIC, PARTITIONS, &[]).expect("a new topic");
        broker.create_topics(&[(FINDINGS, 1), (INCIDENTS, 1)], &[]).expect("new topics");
        Self { broker, load: Load::of(LINES), folder: folder.to_owned() }
    }

    fn command(&self, listen: &str) -> Command {
        let environment = self.load.environment();
        let options = ["--env", &environment, "--listen", listen, "--findings-topic", FINDINGS];
        let mut command = patient(stream_from(&self.broker, &self.folder, TOPIC, &options));
        command.env("OFFBOUND_STREAM_INCIDENTS_TOPIC", INCIDENTS);
        command
    }

    fn start(&self) -> (Running, String) {
        let running = Running::start(self.command("127.0.0.1:0"));
        let address = running.address();
        (running, address)
    }

    fn produce(&self, messages: &[Message<'_>]) {
        self.broker.produce(TOPIC, messages).expect("the broker takes records");
    }

    fn is_durable(&self) -> bool {
        durable::is_everything(&self.broker, TOPIC, &self.folder)
    }

    /// No topic of results takes anything (no message is small enough), or both do again.
    fn results_are_taken(&self, taken: bool) {
        let limit: &[(&str, &str)] = if taken { &[] } else { &[("max.message.bytes", "1")] };
        for topic in [FINDINGS, INCIDENTS] {
            self.broker.configure_topic(topic, limit).expect("it can be set");
        }
    }

    /// Ends the stream, lets it read to the end, and compares everything.
    fn finish(&self, running: Running) {
        println!("{}", running.said().join("\n"));
        let (_, highest) = running.memory_kib();
        println!("highest resident memory: {} MiB", highest / 1024);
        assert!(highest <= MEMORY_KIB, "{highest} KiB");
        assert_eq!(running.stop().code(), Some(0));
        durable::check_told(&self.broker, &group_of(TOPIC), TOPIC, &self.folder);
        to_end(self.command("off"));
        self.load.check("after the outage", &self.folder);
        told::check(&self.broker, FINDINGS, &self.folder);
    }
}

/// A third of the messages at a time.
fn thirds<'s, 'm>(messages: &'s [Message<'m>]) -> [&'s [Message<'m>]; 3] {
    let (before, rest) = messages.split_at(messages.len() / 3);
    let (during, after) = rest.split_at(rest.len() / 2);
    [before, during, after]
}

/// Scenario: the topics of results take nothing for a while, then the brokers are away for as long; records come before,
/// between and after. Guarantees: reading goes on while results wait in the outbox; the operator is told what is wrong,
/// and that it is over; it goes on by itself; memory stays within its bound, nothing is lost and nothing doubled.
#[test]
fn results_and_brokers_are_away() {
    let folder = scratch();
    let scene = Scene::new(folder.path());
    let messages = scene.load.in_any_order(47);
    let [before, during, after] = thirds(&messages);
    scene.produce(before);
    let (running, address) = scene.start();
    eventually_within(RECOVERY, "what came before", || scene.is_durable());

    scene.results_are_taken(false);
    scene.produce(during);
    eventually_within(RECOVERY, "reading goes on", || scene.is_durable());
    let waiting = || metric(&address, "offbound_outbox_records").unwrap_or_default();
    eventually_within(RECOVERY, "results that wait", || waiting() > 0.0);
    std::thread::sleep(outage());
    let (status, why) = get(&address, "/readyz");
    assert!(status == 503 && why.contains("takes no results"), "{status} {why}");
    assert!(waiting() > 0.0 && get(&address, "/healthz").0 == 200);
    scene.results_are_taken(true);
    eventually_within(RECOVERY, "the outbox is empty", || waiting() == 0.0);
    eventually_within(RECOVERY, "ready again", || get(&address, "/readyz").0 == 200);
    let told = |words: &str| running.said().iter().filter(|line| line.contains(words)).count();
    let (refused, again) = (told("takes no results"), told("takes results again"));
    assert!(refused == again && (1..=2).contains(&refused), "once for each topic: {:?}", running.said());

    scene.broker.kill().expect("our own broker");
    eventually("the operator is told", || get(&address, "/readyz").0 == 503);
    std::thread::sleep(outage());
    assert_eq!(get(&address, "/healthz").0, 200, "waiting is no death");
    scene.broker.restart().expect("it starts again");
    scene.produce(after);
    eventually_within(RECOVERY, "everything is taken in", || scene.is_durable());
    eventually_within(RECOVERY, "ready again", || get(&address, "/readyz").0 == 200 && waiting() == 0.0);
    assert!(running.has_said("Kafka is reached again"), "{:?}", running.said());
    scene.finish(running);
}

/// Environment variable with a folder on a small disk of its own, for those who may not make one.
const SMALL_DISK: &str = "OFFBOUND_SMALL_DISK";
/// What to do for one.
const ADVICE: &str = "no disk of 128 MiB in memory can be made here (`unshare --map-root-user --mount`): allow user \
                      namespaces, or set OFFBOUND_SMALL_DISK to a folder on a small file system of its own";

/// Takes up the room that is left on a disk; gives the file that does.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("ballast");
    let mut ballast = File::create(&path).expect("a new file");
    let full = loop {
        if let Err(error) = ballast.write_all(&[1; 4096]) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
    path
}

/// Scenario: the disk with the store is full for a while, on a real file system, while records come. Guarantees: the
/// operator is told, nothing that is not durable is told to Kafka, memory stays within its bound; with room again it goes
/// on by itself, and nothing is lost or doubled. (The test runs itself again beside a disk of its own, which goes with it.)
#[test]
#[cfg(target_os = "linux")]
fn the_disk_is_full() {
    let Some(disk) = std::env::var_os(SMALL_DISK) else {
        return on_a_small_disk("stream::outage::the_disk_is_full");
    };
    let disk = tempfile::tempdir_in(disk).expect("a folder on the small disk");
    let scene = Scene::new(disk.path());
    let messages = scene.load.in_any_order(53);
    let [before, during, after] = thirds(&messages);
    scene.produce(before);
    let (running, address) = scene.start();
    eventually_within(RECOVERY, "what came before", || scene.is_durable());

    let ballast = fill(disk.path());
    scene.produce(during);
    eventually("the operator is told", || get(&address, "/readyz").0 == 503);
    std::thread::sleep(outage());
    let (status, why) = get(&address, "/readyz");
    assert!(status == 503 && why.contains("until there is room"), "{why}");
    assert_eq!(get(&address, "/healthz").0, 200, "waiting is no death");
    assert!(!scene.is_durable() && metric(&address, "offbound_commit_retries_total") > Some(0.0));
    durable::check_told(&scene.broker, &group_of(TOPIC), TOPIC, disk.path());
    scene.produce(after);
    std::fs::remove_file(ballast).expect("it was made");
    eventually_within(RECOVERY, "everything is taken in", || scene.is_durable());
    eventually("ready again", || get(&address, "/readyz").0 == 200);
    assert!(running.has_said("the store has room again"), "{:?}", running.said());
    scene.finish(running);
}

/// Runs one of these tests again, in a mount namespace of its own with a disk of 128 MiB.
fn on_a_small_disk(test: &str) {
    let disk = scratch();
    let mount = "mount -t tmpfs -o size=128m tmpfs \"$OFFBOUND_SMALL_DISK\" && echo mounted && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", mount, "sh"]);
    command.arg(std::env::current_exe().expect("this test")).args(["--exact", test, "--nocapture"]);
    let output = command.env(SMALL_DISK, disk.path()).output().expect(ADVICE);
    let said = crate::out(&output);
    assert!(said.starts_with("mounted\n"), "{ADVICE}: {}", crate::said(&output));
    println!("{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{}", crate::said(&output));
}
