//! The testbed's own promises, against the broker that it starts.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use offbound_testbed::{Broker, BrokerOptions, Listener, Message, PASSWORD, TestbedError, USER, wait_until};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

fn payloads(broker: &Broker, topic: &str) -> Vec<(i32, i64, Option<Vec<u8>>)> {
    let stored = broker.read(topic).expect("the topic can be read");
    stored.into_iter().map(|record| (record.partition, record.offset, record.payload)).collect()
}

fn record(partition: i32, offset: i64, payload: &[u8]) -> (i32, i64, Option<Vec<u8>>) {
    (partition, offset, Some(payload.to_vec()))
}

fn answers(broker: &Broker, listener: Listener, settings: &[(&str, &str)]) -> bool {
    let authority = &broker.certificates().expect("it is our own").authority.certificate;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.address(listener).expect("it was asked for"));
    config.set("security.protocol", "ssl").set("ssl.ca.location", authority.display().to_string());
    config.set("log_level", "0");
    settings.iter().for_each(|(key, value)| {
        config.set(*key, *value);
    });
    let client: BaseConsumer = config.create().expect("the settings are sound");
    client.fetch_metadata(None, Duration::from_secs(3)).is_ok()
}

/// Scenario: a broker is started, filled, cut, widened, killed and started again. Guarantees: what was stored is still
/// there, what was deleted is not; its processor time can be read; nothing of it is left behind.
#[test]
fn a_life() -> Result<(), TestbedError> {
    let broker = Broker::start(BrokerOptions::default())?;
    broker.create_topic("a", 2, &[("max.message.bytes", "1000")])?;
    broker.produce("a", &[Message::to(0, b"x"), Message::to(1, b"y"), Message::to(0, b"z")])?;
    let tombstone = Message { partition: Some(1), payload: None, ..Message::default() };
    broker.produce("a", &[Message { key: Some(b"k"), headers: &[("h", b"v")], ..tombstone }])?;
    let too_long = broker.produce("a", &[Message::to(0, &[b'x'; 2_000])]);
    assert!(too_long.is_err(), "a record above the topic's limit is not stored");
    assert_eq!(broker.offsets("a", 0)?, (0, 2));

    broker.kill()?;
    assert!(broker.cpu_seconds().is_none());
    broker.restart()?;
    let stored = [record(0, 0, b"x"), record(0, 1, b"z"), record(1, 0, b"y"), (1, 1, None)];
    assert_eq!(payloads(&broker, "a"), stored);
    assert_eq!(broker.read("a")?[3].headers, [("h".to_owned(), Some(b"v".to_vec()))]);

    broker.delete_records("a", 0, 1)?;
    broker.widen_topic("a", 3)?;
    broker.produce("a", &[Message::to(2, b"w")])?;
    let stored = [record(0, 1, b"z"), record(1, 0, b"y"), (1, 1, None), record(2, 0, b"w")];
    assert_eq!(payloads(&broker, "a"), stored);
    assert_eq!(broker.offsets("a", 0)?, (1, 2));
    if cfg!(target_os = "linux") {
        assert!(broker.cpu_seconds().is_some_and(|secs| secs > 0.0), "{:?}", broker.cpu_seconds());
    }
    broker.delete_topic("a")?;
    assert!(broker.offsets("a", 0).is_err(), "a deleted topic has no offsets");

    let client = broker.bootstrap().to_owned();
    drop(broker);
    assert!(
        Broker::existing_within(&client, Duration::from_millis(500)).is_err(),
        "it is gone with its handle"
    );
    Ok(())
}

/// Scenario: every kind of listener, with what a client must have for it. Guarantees: the sound ones let it in, the
/// unsound ones do not.
#[test]
fn listeners() -> Result<(), TestbedError> {
    let kinds =
        [Listener::Tls, Listener::MutualTls, Listener::SaslTls, Listener::WrongHost, Listener::Expired];
    let broker = Broker::start(BrokerOptions { listeners: kinds.to_vec(), ..BrokerOptions::default() })?;
    assert!(answers(&broker, Listener::Tls, &[]));
    let client = broker.certificates()?.client.clone();
    let text = |path: PathBuf| path.display().to_string();
    let (certificate, key) = (text(client.certificate), text(client.key));
    let pair = [("ssl.certificate.location", certificate.as_str()), ("ssl.key.location", key.as_str())];
    assert!(answers(&broker, Listener::MutualTls, &pair));
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let login = [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanism", mechanism),
            ("sasl.username", USER),
            ("sasl.password", PASSWORD),
        ];
        assert!(answers(&broker, Listener::SaslTls, &login), "{mechanism}");
    }
    for listener in [Listener::WrongHost, Listener::Expired] {
        assert!(
            answers(&broker, listener, &[("enable.ssl.certificate.verification", "false")]),
            "{listener:?}"
        );
        assert!(!answers(&broker, listener, &[]), "{listener:?}");
    }
    Ok(())
}

/// Scenario: a process that started a broker is killed. Guarantees: broker and folder go with it.
#[test]
#[cfg(target_os = "linux")]
fn nothing_outlives_a_killed_process() -> Result<(), TestbedError> {
    if let Ok(out) = std::env::var("OFFBOUND_TESTBED_CHILD") {
        let broker = Broker::start(BrokerOptions::default())?;
        let (id, data) = broker.process_id().zip(broker.folder()).expect("it is our own");
        std::fs::write(out, format!("{id} {}", data.display())).expect("a file");
        std::thread::sleep(Duration::from_secs(600));
        return Ok(());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("child");
    let this = std::env::current_exe().expect("this test has a file");
    let mut child = Command::new(this)
        .args(["--exact", "nothing_outlives_a_killed_process"])
        .env("OFFBOUND_TESTBED_CHILD", &out)
        .spawn()
        .expect("this test runs again");
    let said = || std::fs::read_to_string(&out).unwrap_or_default();
    assert!(wait_until(Duration::from_secs(90), || said().contains(' ')), "the child starts a broker");
    let said = said();
    let (id, data) = said.split_once(' ').expect("both are said");
    let is_there = || PathBuf::from(format!("/proc/{id}")).exists() || PathBuf::from(data).exists();
    assert!(is_there());
    child.kill().expect("it runs");
    child.wait().expect("it was started");
    assert!(wait_until(Duration::from_secs(20), || !is_there()), "{said} is left");
    Ok(())
}
