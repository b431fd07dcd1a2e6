//! Moments that clocks do not show: long ago, far ahead, and the 61st second of a minute.

use offbound_schemas::EventTime;

use crate::collector::read;
use crate::memory::bounded;

/// An event of the Kubernetes API at a time.
fn event(time: &str) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a-1","stage":"ResponseComplete","verb":"get","requestReceivedTimestamp":"{time}","user":{{"username":"alice"}},"objectRef":{{"resource":"pods"}}}}"#
    )
}

/// Scenario: stamps of 1970 and 2099, between events of the day. Guarantees: each keeps its own time, and changes
/// nothing for the others.
#[test]
fn far_stamps() {
    bounded("times::far_stamps", || {
        let times =
            ["2026-03-01T10:00:00Z", "1970-01-01T00:00:00Z", "2099-12-31T23:59:59Z", "2026-03-01T10:00:01Z"];
        let lines: Vec<String> = times.iter().map(|time| event(time)).collect();
        let (read, collector) = read("times.log", lines.join("\n").as_bytes());
        assert_eq!(read.count.decoded, 4, "{read:?}");
        let found: Vec<_> =
            collector.rows.identity_assertions.iter().map(|row| Some(row.event_time)).collect();
        let expected: Vec<_> = times.iter().map(|time| EventTime::parse(time).ok()).collect();
        assert_eq!(found, expected);
        assert_eq!((read.from, read.to), (expected[1], expected[2]), "the span says so");
    });
}

/// Scenario: stamps that no calendar has, or that are beyond what an event time can be.
/// Guarantees: a named reason, never a wrapped or a present time.
#[test]
fn impossible_stamps() {
    bounded("times::impossible_stamps", || {
        for time in [
            "2026-02-30T10:00:00Z",
            "2026-03-01T25:00:00Z",
            "9999-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "-1",
            "",
        ] {
            let (read, collector) = read("times.log", event(time).as_bytes());
            assert_eq!(
                (read.count.read, read.count.decoded),
                (1, 0),
                "{time}: {:?}",
                collector.rows.identity_assertions.first().map(|row| row.event_time)
            );
            let reasons: Vec<&String> = read.count.dead_lettered.keys().collect();
            assert!(
                reasons.iter().all(|reason| ["no-time", "bad-time"].contains(&reason.as_str())),
                "{time}: {reasons:?}"
            );
        }
    });
}

/// Scenario: a leap second. Guarantees: it is read as the end of its minute, or refused by name; it is never taken for
/// another minute.
#[test]
fn leap_second() {
    bounded("times::leap_second", || {
        let (read, collector) = read("times.log", event("2016-12-31T23:59:60Z").as_bytes());
        let time = collector.rows.identity_assertions.first().map(|row| row.event_time);
        let minute =
            EventTime::parse("2016-12-31T23:59:59Z").ok()..=EventTime::parse("2017-01-01T00:00:00Z").ok();
        let is_near = time.is_some() && minute.contains(&time);
        let is_refused =
            read.count.dead_lettered.keys().any(|reason| reason == "no-time" || reason == "bad-time");
        assert!(is_near || is_refused, "{read:?} {time:?}");
    });
}
