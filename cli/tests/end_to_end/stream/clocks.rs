//! Stamps and partitions that tell nothing true of the time: the watermark neither runs away nor stands still.

use std::time::{Duration, SystemTime};

use offbound_schemas::EventTime;
use offbound_store::Store;
use offbound_testbed::Message;

use super::operator::metric;
use super::{Running, broker, eventually, stream};
use crate::scratch;

/// How often a record is sent.
const EVERY: Duration = Duration::from_millis(50);
/// Records that are sent, in turn to the partitions that speak.
const RECORDS: usize = 80;
/// Nanoseconds in a second.
const SECOND_NANOS: i64 = 1_000_000_000;

#[allow(clippy::disallowed_methods, reason = "records of now are what this test is about")]
fn now() -> EventTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
    EventTime(i64::try_from(since.as_nanos()).expect("it is earlier than 2262"))
}

/// A record of Kubernetes audit of that moment.
fn record(number: usize, at: &str) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"00000000-0000-4000-8000-{number:012}","stage":"ResponseComplete","requestURI":"/api/v1/pods/{number}","verb":"get","user":{{"username":"u{number}"}},"sourceIPs":["10.0.0.1"],"requestReceivedTimestamp":"{at}","stageTimestamp":"{at}"}}"#
    )
}

/// Scenario: three partitions: one tells of the year 2099 and then of now, one of now, one nothing at all. Guarantees: no
/// event of now is late, whatever was claimed before it; what is told is sealed although a partition is silent; and the
/// watermark is never ahead of the clock.
#[test]
fn a_stamp_of_2099_and_a_silent_partition() {
    let (topic, folder) = ("clock-logs", scratch());
    broker().create_topic(topic, 3, &[]).expect("a new topic");
    let future = record(0, "2099-01-01T00:00:00.000000Z");
    broker().produce(topic, &[Message::to(0, future.as_bytes())]).expect("the broker takes it");
    let mut command = stream(folder.path(), topic, &["--listen", "127.0.0.1:0"]);
    for (name, value) in [("IDLE", "1s"), ("LATENESS", "1s"), ("COMMIT_INTERVAL", "200ms")] {
        command.env(format!("OFFBOUND_STREAM_{name}"), value);
    }
    let running = Running::start(command);
    let address = running.address();
    let consumed = || metric(&address, "offbound_consumed_records_total").unwrap_or_default();
    eventually("the record of 2099", || consumed() >= 1.0);
    let watermark = || {
        let store = Store::open(&folder.path().join("store"));
        store.and_then(|store| store.watermark()).ok().flatten()
    };
    let first = now();
    for number in 1..=RECORDS {
        let sent = record(number, &now().to_string());
        let partition = i32::from(number % 2 == 0);
        broker().produce(topic, &[Message::to(partition, sent.as_bytes())]).expect("the broker takes it");
        let reached = watermark();
        assert!(reached.is_none_or(|reached| reached <= now()), "{reached:?} is ahead of the clock");
        std::thread::sleep(EVERY);
    }
    eventually("every record", || consumed() >= RECORDS as f64 + 1.0);
    let last = now();
    eventually("sealed beyond the first, beside a silent partition", || watermark() > Some(first));
    eventually("sealed to the end", || watermark().is_some_and(|at| last.nanos_since(at) < 3 * SECOND_NANOS));
    assert_eq!(metric(&address, "offbound_late_events"), Some(0.0));
    assert_eq!(running.stop().code(), Some(0));
}
