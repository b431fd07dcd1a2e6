//! `offbound ship` into a real broker: samples, kills, stops.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use offbound_testbed::{Broker, Stored, shared, wait_until};
use serde_json::Value;

use crate::{offbound, out, root, run, said, scratch};

/// Longest wait for something that a busy machine does late.
const PATIENCE: Duration = Duration::from_secs(60);

fn broker() -> &'static Broker {
    shared().expect("a broker: Java 17 and Maven are needed, `./test` installs them")
}

fn topic(name: &str) -> Vec<Stored> {
    broker().read(name).expect("the topic can be read")
}

fn text(bytes: &Option<Vec<u8>>) -> String {
    String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()
}

fn ship(folder: &Path, name: &str, paths: &[&str], more: &[&str]) -> Command {
    let mut args = vec!["ship", "--topic", name, "--brokers", broker().bootstrap()];
    args.extend(["--positions", "positions.json"].iter().chain(paths).chain(more));
    offbound(folder, &args)
}

fn ship_all(folder: &Path, name: &str, paths: &[&str], more: &[&str]) -> Output {
    let output = ship(folder, name, paths, more).output().expect("the binary was built");
    assert!(output.status.success(), "{}", said(&output));
    output
}

/// Records that were read and decoded, and the ids of findings.
fn answer(folder: &Path, path: &str, environment: &str) -> (Value, Value, BTreeSet<String>) {
    let output = run(folder, &["replay", path, "--env", environment, "--format", "ndjson"]);
    let records: Vec<Value> =
        out(&output).lines().map(|line| serde_json::from_str(line).expect("a record a line")).collect();
    let of = |kind: &'static str| records.iter().filter(move |record| record["type"] == kind);
    let findings = of("finding").map(|finding| finding["id"].to_string()).collect();
    let summary = of("summary").next().expect("there is a summary");
    (summary["read"].clone(), summary["decoded"].clone(), findings)
}

/// Scenario: samples with lines, compressed files and pretty lists go into a topic with several partitions, twice.
/// Guarantees: every record is there once, with a key, records of one host in one partition; a replay of the topic's
/// records gives the answers of the sample.
#[test]
fn samples_are_in_the_topic_once() {
    for sample in ["stolen-pod-token", "stolen-session-key"] {
        let (folder, name) = (scratch(), format!("ship-{sample}"));
        broker().create_topic(&name, 6, &[]).expect("a new topic");
        let sample = root().join("samples").join(sample);
        let sample = sample.to_str().expect("UTF-8");
        ship_all(folder.path(), &name, &[sample], &[]);
        let stored = topic(&name);
        ship_all(folder.path(), &name, &[sample], &[]);
        assert_eq!(topic(&name).len(), stored.len(), "the second run sends nothing");

        let mut partitions: BTreeMap<String, BTreeSet<i32>> = BTreeMap::new();
        let mut all = String::new();
        for record in &stored {
            partitions.entry(text(&record.key)).or_default().insert(record.partition);
            all.push_str(&text(&record.payload));
            all.push('\n');
        }
        assert!(!partitions.contains_key(""), "every record has a key");
        assert!(
            partitions.len() > 5 && partitions.values().all(|partitions| partitions.len() == 1),
            "{partitions:?}"
        );
        fs::write(folder.path().join("all.log"), all).expect("writable");
        let environment = format!("{sample}/environment.toml");
        let expected = answer(folder.path(), sample, &environment);
        assert_eq!(answer(folder.path(), "all.log", &environment), expected, "{sample}");
        assert!(!expected.2.is_empty(), "{sample} has findings");
    }
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary was built")
}

fn records(name: &str) -> i64 {
    broker().offsets(name, 0).expect("the partition is there").1
}

/// Scenario: the shipper is killed again and again while it sends a large log, and then left alone. Guarantees: every line
/// is in the topic, in order but for what was sent again.
#[test]
fn kills_lose_nothing() {
    const LINES: usize = 120_000;
    let folder = scratch();
    broker().create_topic("ship-kills", 1, &[]).expect("a new topic");
    let line = |number: usize| format!("{{\"number\":{number},\"rest\":\"{}\"}}\n", "r".repeat(200));
    let log: String = (0..LINES).map(line).collect();
    fs::write(folder.path().join("a.log"), log).expect("writable");
    for kill in 0..4 {
        let before = records("ship-kills");
        let mut child =
            start(&mut ship(folder.path(), "ship-kills", &["a.log"], &["--follow", "--key", "host"]));
        let moved = wait_until(PATIENCE, || {
            records("ship-kills") > before + 5_000 || records("ship-kills") >= LINES as i64
        });
        child.kill().expect("it runs");
        child.wait().expect("it was killed");
        assert!(moved, "kill {kill}: nothing was sent");
    }
    ship_all(folder.path(), "ship-kills", &["a.log"], &["--key", "host"]);
    let stored = topic("ship-kills");
    let number = |record: &Stored| -> usize {
        let value: Value = serde_json::from_str(&text(&record.payload)).expect("a whole line");
        usize::try_from(value["number"].as_u64().expect("its number")).expect("small")
    };
    let numbers: Vec<usize> = stored.iter().map(number).collect();
    let distinct: BTreeSet<usize> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), LINES, "{} of {LINES} lines are there", distinct.len());
    let mut next = 0;
    for number in numbers {
        assert!(number <= next, "line {number} came before line {next}");
        next = next.max(number + 1);
    }
}

/// Scenario: a log is followed, a line is added, and SIGTERM comes. Guarantees: the line is sent soon, the stop is clean,
/// and the next run sends only what is new; secrets are gone where that was asked for.
#[test]
fn a_stop_is_clean() {
    let folder = scratch();
    broker().create_topic("ship-stop", 1, &[]).expect("a new topic");
    let path = folder.path().join("a.log");
    fs::write(&path, "one password=correct-horse-1\n").expect("writable");
    let child = start(&mut ship(folder.path(), "ship-stop", &["a.log"], &["--follow", "--redact"]));
    assert!(wait_until(PATIENCE, || records("ship-stop") == 1));
    let mut log = fs::OpenOptions::new().append(true).open(&path).expect("writable");
    log.write_all(b"two\nunfinished").expect("writable");
    assert!(wait_until(PATIENCE, || records("ship-stop") == 2));
    let stop = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill is there");
    assert!(stop.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    log.write_all(b" three\n").expect("writable");
    ship_all(folder.path(), "ship-stop", &["a.log"], &[]);
    let payloads: Vec<String> = topic("ship-stop").iter().map(|record| text(&record.payload)).collect();
    let [first, second, third] = payloads.as_slice() else { panic!("{payloads:?}") };
    assert!(first.starts_with("one password=") && !first.contains("correct-horse"), "{first}");
    assert_eq!([second.as_str(), third.as_str()], ["two", "unfinished three"]);
}

/// Scenario: standard input; a topic that is not there; no broker; a name that is none. Guarantees: the first is sent, the
/// others are one line each with the exit code of the contract.
#[test]
fn what_cannot_be_sent_is_told() {
    let folder = scratch();
    broker().create_topic("ship-stdin", 1, &[]).expect("a new topic");
    let mut command = ship(folder.path(), "ship-stdin", &["-"], &[]);
    let mut child =
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary was built");
    child.stdin.take().expect("it is piped").write_all(b"a\nb").expect("it reads");
    assert!(child.wait_with_output().expect("it ends").status.success());
    assert_eq!(
        topic("ship-stdin").iter().map(|record| text(&record.payload)).collect::<Vec<_>>(),
        ["a", "b"]
    );

    fs::write(folder.path().join("a.log"), "x\n").expect("writable");
    for (name, brokers, code, hint) in [
        ("no-such-topic", broker().bootstrap(), 2, "does not exist"),
        ("ship-stdin", "127.0.0.1:1", 2, "no Kafka broker answers"),
        ("ship-stdin", "kafka.example.org:9092", 3, "plaintext"),
        ("../x", broker().bootstrap(), 3, "no name of a topic"),
    ] {
        let args = ["ship", "a.log", "--topic", name, "--brokers", brokers, "--positions", "other.json"];
        let output = run(folder.path(), &args);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(hint), "{told}");
    }
}
