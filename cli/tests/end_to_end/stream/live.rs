//! A stream that runs: provisional and confirmed findings, the window for operators, signals.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{ChildStderr, Stdio};

use offbound_schemas::vocabulary::FindingState;
use offbound_testbed::Message;

use super::{Running, broker, conclusions, conclusions_so_far, eventually, feed, stream};
use crate::scratch;

/// What an operator's window says.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).expect("somebody listens");
    write!(connection, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("a request");
    let mut text = String::new();
    connection.read_to_string(&mut text).expect("an answer in UTF-8");
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    (status, body)
}

/// The address that a stream says it listens on; the rest of what it says is read away.
fn address(stderr: ChildStderr) -> String {
    let mut lines = BufReader::new(stderr).lines();
    let told = lines.find_map(|line| {
        let line = line.ok()?;
        Some(line.split_once("http://")?.1.trim_end_matches('/').to_owned())
    });
    std::thread::spawn(move || lines.for_each(drop));
    told.expect("the address is said")
}

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
    command.env("OFFBOUND_STREAM_IDLE", "1s").stdout(Stdio::null());
    let mut running = Running::start(command);
    let address = address(running.0.stderr.take().expect("a pipe"));
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

    running.signal("TERM");
    let status = running.0.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
    let after = conclusions(folder.path());
    assert_eq!(after.findings.len(), before);
    assert_eq!(after.summary.expect("a summary").dead_lettered.values().sum::<u64>(), 1);
}
