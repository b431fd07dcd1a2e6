use offbound_schemas::vocabulary::{Action, HostControl, Outcome};

use super::FORMAT;
use crate::decode::Verdict;
use crate::decode::trial::{check_sample, run, sniff};

/// Scenario: the sample. Guarantees: it is recognised and decoded, and its time is the act's, not the log's.
#[test]
fn sample_decodes() {
    check_sample(&FORMAT);
    let (_, rows) = run(&FORMAT, &[FORMAT.sample]);
    let row = &rows.host_events[0];
    assert_eq!(row.event_time.to_string(), "2026-03-01T10:00:00.000000000Z");
    assert_eq!((row.action, row.pid, row.parent_pid), (Action::Exec, Some(4121), Some(4100)));
}

/// Scenario: one row in every framing. Guarantees: each gives the same act, with an identity of its own.
#[test]
fn framings() {
    let columns = r#"{"path":"/bin/x","cmdline":"x","pid":"9","parent":"8","time":"1927944306"}"#;
    let rows_of = |line: &str| {
        assert!(sniff(&FORMAT, line) >= 80, "{line}");
        let (verdicts, rows) = run(&FORMAT, &[line]);
        assert_eq!(verdicts, [Verdict::Decoded], "{line}");
        rows.host_events
    };
    let head = r#""name":"q","hostIdentifier":"n9","unixTime":"1927944399""#;
    for (line, count) in [
        (format!(r#"{{{head},"columns":{columns},"action":"added"}}"#), 1),
        (format!(r#"{{{head},"snapshot":[{columns},{columns}],"action":"snapshot"}}"#), 2),
        (format!(r#"{{{head},"diffResults":{{"added":[{columns}],"removed":""}}}}"#), 1),
        (
            format!(
                r#"{{"_meta":{{{head}}},"path":"/bin/x","cmdline":"x","pid":"9","parent":"8","time":"1927944306"}}"#
            ),
            1,
        ),
        (format!(r#"{{"_meta":{{{head}}},"columns":{columns}}}"#), 1),
        (
            format!(
                r#"{{"osquery":{{"result":{{"name":"q","host_identifier":"n9","unix_time":"1927944399","columns":{columns}}}}}}}"#
            ),
            1,
        ),
    ] {
        let rows = rows_of(&line);
        assert_eq!(rows.len(), count, "{line}");
        for row in &rows {
            assert_eq!(
                (row.action, row.pid, row.host.as_deref()),
                (Action::Exec, Some(9), Some("n9")),
                "{line}"
            );
            assert_eq!(row.event_time.to_string(), "2031-02-04T04:05:06.000000000Z");
            assert!(!row.raw.contains("hostIdentifier"), "each row keeps its own text");
        }
        assert!(rows.windows(2).all(|pair| pair[0].event_id != pair[1].event_id));
    }
}

/// Scenario: rows of the relevant tables. Guarantees: acts of event tables; a state is not taken for an act that has
/// just been done.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases, one check")]
fn tables() {
    use {Action as A, Outcome as O};
    for (columns, change, action, outcome) in [
        (
            r#""path":"/bin/x","cmdline":"x","pid":"9","syscall":"execve","exit_code":"-13","probe_error":"0","time":"1927944306""#,
            "added",
            A::Exec,
            O::Failed,
        ),
        (
            r#""path":"/bin/x","cmdline":"x","pid":"9","syscall":"fork","time":"1927944306""#,
            "added",
            A::Other,
            O::Allowed,
        ),
        (
            r#""action":"connect","remote_address":"169.254.169.254","remote_port":"80","local_address":"10.1.0.7","local_port":"0","status":"succeeded","pid":"9","path":"/bin/x","time":"1927944306""#,
            "added",
            A::ImdsAccess,
            O::Allowed,
        ),
        (
            r#""action":"connect","remote_address":"10.1.0.9","remote_port":"80","local_address":"","local_port":"0","status":"in_progress","pid":"9","path":"/bin/x","time":"1927944306""#,
            "added",
            A::NetConnect,
            O::Attempted,
        ),
        (
            r#""action":"bind","remote_address":"","remote_port":"0","local_address":"0.0.0.0","local_port":"80","status":"failed","pid":"9","path":"/bin/x","time":"1927944306""#,
            "added",
            A::NetListen,
            O::Failed,
        ),
        (
            r#""target_path":"/etc/shadow","action":"UPDATED","category":"etc","time":"1927944306""#,
            "added",
            A::FileWrite,
            O::Allowed,
        ),
        (
            r#""target_path":"/etc/shadow","action":"OPENED","category":"etc","time":"1927944306""#,
            "added",
            A::CredRead,
            O::Allowed,
        ),
        (
            r#""operation":"unlink","path":"/etc/hosts","executable":"/bin/rm","pid":"9","time":"1927944306""#,
            "added",
            A::FileWrite,
            O::Allowed,
        ),
        (
            r#""pid":"9","port":"8080","protocol":"6","family":"2","address":"0.0.0.0""#,
            "snapshot",
            A::NetListen,
            O::Allowed,
        ),
        (
            r#""pid":"9","name":"x","path":"/bin/x","parent":"8","start_time":"1927944000""#,
            "snapshot",
            A::Other,
            O::Unknown,
        ),
        (
            r#""pid":"9","name":"x","path":"/bin/x","parent":"8","start_time":"1927944000""#,
            "removed",
            A::Exit,
            O::Allowed,
        ),
        (r#""anything":"else""#, "added", A::Other, O::Unknown),
    ] {
        let line = format!(
            r#"{{"name":"q","hostIdentifier":"n9","unixTime":1927944399,"columns":{{{columns}}},"action":"{change}"}}"#
        );
        let (verdicts, rows) = run(&FORMAT, &[&line]);
        assert_eq!(verdicts, [Verdict::Decoded], "{columns}");
        let row = &rows.host_events[0];
        assert_eq!((row.action, row.outcome), (action, outcome), "{columns}");
        assert!(matches!(row.control, HostControl::None | HostControl::Unknown));
        assert_eq!(row.rule, None, "a query is no alert");
    }
}

/// Scenario: results without rows, without any time, and a status line. Guarantees: named skips and a refusal.
#[test]
fn others() {
    let lines = [
        r#"{"name":"q","hostIdentifier":"n9","unixTime":1,"diffResults":{"added":[],"removed":[]}}"#,
        r#"{"name":"q","hostIdentifier":"n9","diffResults":"","severity":0}"#,
        r#"{"name":"q","hostIdentifier":"n9","columns":{"pid":"9"}}"#,
        r#"{"name":"q","hostIdentifier":"n9","calendarTime":"Tue Feb  4 04:05:06 2031 UTC","columns":{"pid":"9"}}"#,
    ];
    let (verdicts, rows) = run(&FORMAT, &lines);
    assert_eq!(verdicts[..2], [Verdict::Skipped("no-rows"), Verdict::Skipped("osquery-status")]);
    assert!(matches!(&verdicts[2], Verdict::Rejected(reject) if reject.reason == "no-time"));
    assert_eq!(verdicts[3], Verdict::Decoded);
    assert_eq!(rows.host_events[0].event_time.to_string(), "2031-02-04T04:05:06.000000000Z");
}
