//! `offbound doctor`: what is well, what is not, and that no secret is shown.

use std::fs;
use std::path::Path;

use offbound_testbed::{Broker, Listener, Message, PASSWORD, USER, shared};
use serde_json::Value;

use crate::{out, root, run, said, scratch};

fn broker() -> &'static Broker {
    shared().expect("a broker: Java 17 and Maven are needed, `./test` installs them")
}

/// Runs it with a configuration; gives the exit code and the checks.
#[allow(clippy::panic, reason = "a test that cannot read the answer cannot go on")]
fn doctor(folder: &Path, configuration: &str) -> (Option<i32>, Vec<Value>) {
    fs::write(folder.join("offbound.toml"), configuration).expect("writable");
    let output = run(folder, &["doctor", "--format", "json"]);
    let printed = format!("{}{}", out(&output), said(&output));
    assert!(!printed.contains(PASSWORD) && !printed.contains("a-wrong-one"), "a secret is shown: {printed}");
    let checks = serde_json::from_str(&out(&output)).unwrap_or_else(|error| panic!("{error}: {printed}"));
    (output.status.code(), checks)
}

/// State of a check, and what it tells.
#[allow(clippy::panic, reason = "a test without its check cannot go on")]
fn state<'v>(checks: &'v [Value], part: &str, what: &str) -> (&'v str, String) {
    let starts = |check: &&Value| check["what"].as_str().is_some_and(|name| name.starts_with(what));
    let found = checks.iter().filter(|check| check["part"] == part).find(starts);
    let found = found.unwrap_or_else(|| panic!("no check {part} {what} in {checks:#?}"));
    (found["state"].as_str().expect("a state"), format!("{} {}", found["found"], found["advice"]))
}

/// Scenario: nothing is configured. Guarantees: exit code 0, and what is not configured is no failure; the table says the
/// same.
#[test]
fn nothing_is_configured() {
    let folder = scratch();
    let (code, checks) = doctor(folder.path(), "");
    assert_eq!(code, Some(0), "{checks:#?}");
    for (part, what) in [("configuration", "environment"), ("store", "folder"), ("kafka", "brokers")] {
        assert_eq!(state(&checks, part, what).0, "not configured");
    }
    assert_eq!(state(&checks, "configuration", "rules").0, "ok");
    let table = out(&run(folder.path(), &["doctor"]));
    assert!(table.starts_with("PART") && table.contains("not configured"), "{table}");
}

/// Scenario: everything is configured and there, over TLS with a user. Guarantees: exit code 0; topics, group and clock
/// are looked at; nothing was made.
#[test]
fn all_is_well() {
    let folder = scratch();
    let broker = broker();
    for name in ["doctor-logs", "doctor-findings"] {
        broker.create_topic(name, 2, &[("cleanup.policy", "compact")]).expect("a new topic");
    }
    let record = |partition, payload| Message { key: Some(b"k"), ..Message::to(partition, payload) };
    broker.produce("doctor-logs", &[record(0, b"{}"), record(1, b"{}"), record(1, b"{}")]).expect("stored");
    fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).expect("writable");
    let authority = broker.certificates().expect("its own").authority.certificate.display().to_string();
    let address = broker.address(Listener::SaslTls).expect("it listens");
    let (code, checks) = doctor(
        folder.path(),
        &format!(
            "[store]\ndir = \"store\"\n[kafka]\nbrokers = [\"{address}\"]\n[kafka.tls]\nca = \"{authority}\"\n\
             [kafka.sasl]\nmechanism = \"SCRAM-SHA-512\"\nuser = \"{USER}\"\npassword_file = \"password\"\n\
             [[topic]]\npattern = \"^doctor-log.*\"\n[stream]\nfindings_topic = \"doctor-findings\"\n"
        ),
    );
    assert_eq!(code, Some(0), "{checks:#?}");
    for (part, what, hint) in [
        ("kafka", "connection", "SCRAM-SHA-512"),
        ("kafka", "broker", "answers"),
        ("topics", "^doctor-log.*", "fits 1 topics"),
        ("topics", "doctor-logs", "2 partitions, 3 records; can be read"),
        ("topics", "doctor-findings", "compact"),
        ("group", "lag", "read nothing"),
        ("clock", "skew", "old"),
    ] {
        let (state, told) = state(&checks, part, what);
        assert!(state == "ok" && told.contains(hint), "{part} {what}: {state} {told}");
    }
    assert!(!folder.path().join("store").exists());
}

/// Scenario: each thing that goes wrong with brokers, topics and files. Guarantees: exit code 2, the cause, and the key to
/// correct; other checks go on.
#[test]
fn what_is_wrong_is_named() {
    let broker = broker();
    let certificates = broker.certificates().expect("its own");
    let authority = certificates.authority.certificate.display().to_string();
    let stranger = certificates.stranger.certificate.display().to_string();
    let at = |listener| broker.address(listener).expect("it listens");
    let tls = |listener, ca: &str| {
        format!("[kafka]\nbrokers = [\"{}\"]\n[kafka.tls]\nca = \"{ca}\"\n", at(listener))
    };
    let user =
        "[kafka.sasl]\nmechanism = \"SCRAM-SHA-256\"\nuser = \"offbound\"\npassword_file = \"password\"\n";
    let plain = format!("[kafka]\nbrokers = [\"{}\"]\n", broker.bootstrap());
    for (configuration, part, what, hint) in [
        ("[kafka]\nbrokers = [\"127.0.0.1:1\"]\n".to_owned(), "kafka", "broker", "nothing listens"),
        (tls(Listener::Tls, &stranger), "kafka", "broker", "not trusted"),
        (tls(Listener::WrongHost, &authority), "kafka", "broker", "another host name"),
        (tls(Listener::Expired, &authority), "kafka", "broker", "expired; renew"),
        (tls(Listener::SaslTls, &authority) + user, "kafka", "broker", "credentials"),
        ("[kafka]\nbrokers = [\"kafka.example.org:9092\"]\n".to_owned(), "kafka", "broker", "plaintext"),
        (format!("{plain}[[topic]]\nname = \"doctor-none\"\n"), "topics", "doctor-none", "create it"),
        ("[store]\ndirectory = \"x\"\n".to_owned(), "configuration", "file", "offbound.toml:2"),
        ("[input]\nenv = \"none.toml\"\n".to_owned(), "configuration", "environment", "none.toml"),
        ("[store]\ndir = \".\"\n".to_owned(), "store", "folder", "not a store"),
    ] {
        let folder = scratch();
        fs::write(folder.path().join("password"), "a-wrong-one").expect("writable");
        let (code, checks) = doctor(folder.path(), &configuration);
        let (state, told) = state(&checks, part, what);
        assert!(state == "failed" && told.contains(hint), "{configuration}{state}: {told}");
        assert_eq!(code, Some(2), "{configuration}");
        assert!(checks.iter().any(|check| check["part"] == "configuration" && check["what"] == "rules"));
    }
}

/// Scenario: the example configuration that is shipped with the unit. Guarantees: its keys are known.
#[test]
fn the_example_configuration_is_sound() {
    let folder = scratch();
    let example = fs::read_to_string(root().join("deploy/offbound.toml")).expect("it is part of the project");
    let (code, checks) = doctor(folder.path(), &example);
    assert_eq!(state(&checks, "configuration", "file").0, "ok");
    // What it names is not there; that is told, and nothing else is wrong.
    assert_eq!(code, Some(2));
    let (state, told) = state(&checks, "kafka", "connection");
    assert!(state == "failed" && told.contains("/etc/offbound/kafka-password"), "{told}");
}
