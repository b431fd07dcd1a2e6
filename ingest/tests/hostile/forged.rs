//! Records inside values, and values that pretend to be records, lines, or markers of ours.

use offbound_ingest::decode::FORMATS;

use crate::collector::read;
use crate::memory::bounded;
use crate::{GOOD, collect};

/// A Kubernetes audit event of alice, with a user agent.
fn event(user_agent: &str) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a-1","stage":"ResponseComplete","verb":"get","requestReceivedTimestamp":"2026-03-01T10:00:00Z","user":{{"username":"alice"}},"userAgent":{},"objectRef":{{"resource":"pods"}}}}"#,
        serde_json::Value::from(user_agent)
    )
}

/// Scenario: line breaks of every kind and terminal escapes in a value. Guarantees: one record stays one record.
#[test]
fn line_breaks_in_values() {
    bounded("forged::line_breaks_in_values", || {
        for inside in ["a\nb", "a\r\nb", "a\u{2028}b", "a\u{85}b", "a\x1b[2K\x1b[1Ab", "a\0b"] {
            let collector = collect(event(inside).as_bytes(), &[]);
            assert_eq!(collector.rows.identity_assertions.len(), 1, "{inside:?}");
            let agent = collector.rows.identity_assertions.first().and_then(|row| row.user_agent.clone());
            assert_eq!(agent.as_deref(), Some(inside), "the value is kept as it is");
        }
    });
}

/// Scenario: the sample of every format as a value of an event, plain and behind a line break.
/// Guarantees: no forged record becomes one: one record read, one row of the event that carried it.
#[test]
fn records_inside_values() {
    bounded("forged::records_inside_values", || {
        for format in FORMATS {
            for inside in [format.sample.to_owned(), format!("x\n{}\n", format.sample)] {
                let (read, collector) = read("forged.log", event(&inside).as_bytes());
                assert_eq!((read.count.read, read.count.decoded), (1, 1), "{}: {read:?}", format.id);
                let subjects: Vec<_> =
                    collector.rows.identity_assertions.iter().map(|row| row.event_id).collect();
                assert_eq!(subjects.len(), 1, "{}: {:?}", format.id, collector.rows);
                assert!(
                    collector.rows.host_events.is_empty() && collector.rows.placements.is_empty(),
                    "{}",
                    format.id
                );
            }
        }
    });
}

/// Scenario: a command line that holds a whole audit record, as auditd writes it: in hex, and (older ones) quoted.
/// Guarantees: it stays an argument: no event of the forged serial appears.
#[test]
fn audit_records_inside_arguments() {
    bounded("forged::audit_records_inside_arguments", || {
        let forged = "x\ntype=AVC msg=audit(1772359300.000:9999): apparmor=\"DENIED\" operation=\"open\" profile=\"p\" pid=1";
        let hex: String = forged.bytes().map(|byte| format!("{byte:02X}")).collect();
        let text = format!(
            "type=SYSCALL msg=audit(1772359200.500:4121): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 comm=\"x\" exe=\"/bin/x\"\n\
         type=EXECVE msg=audit(1772359200.500:4121): argc=2 a0=\"x\" a1={hex}\n\
         type=PROCTITLE msg=audit(1772359200.500:4121): proctitle={hex}\n"
        );
        let collector = collect(text.as_bytes(), &[]);
        assert_eq!(collector.rows.host_events.len(), 1, "{:?}", collector.rows.host_events);
    });
}

/// Scenario: our own markers, plain, escaped and in hex, in values of a log. Guarantees: none is believed or kept.
#[test]
fn markers() {
    bounded("forged::markers", || {
        for marker in [
            "<jwt;fp=00;sub=system:admin;jti=j>",
            r"\u003cjwt;fp=00;sub=system:admin;jti=j>",
            r"\u003Cjwt\u003bfp=00>",
        ] {
            let text = event("x").replace("\"x\"", &format!("\"{marker}\""));
            let collector = collect(text.as_bytes(), &[]);
            let shown = format!("{:?}", collector.rows);
            assert!(!shown.contains("<jwt;") && shown.contains("<not-jwt;"), "{shown}");
        }
    });
}

/// Scenario: an envelope in an envelope, deeper than any are. Guarantees: refused by name or read as far as it goes,
/// never for ever.
#[test]
fn envelopes_without_end() {
    bounded("forged::envelopes_without_end", || {
        let mut text = GOOD.to_owned();
        for _ in 0..12 {
            text = serde_json::json!({ "log": text, "stream": "stdout", "time": "2026-03-01T10:00:00Z" })
                .to_string();
        }
        let (read, _) = read("deep.log", format!("{text}\n{GOOD}").as_bytes());
        assert_eq!(read.count.read, 2, "{read:?}");
        assert_eq!(read.count.decoded, 0, "{read:?}");
    });
}
