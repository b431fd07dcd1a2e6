use offbound_schemas::vocabulary::{Action, HostControl, Outcome};

use super::FORMAT;
use crate::decode::Verdict;
use crate::decode::trial::{check_sample, run};

/// Scenario: the sample. Guarantees: it is recognised and decoded.
#[test]
fn sample_decodes() {
    check_sample(&FORMAT);
}

fn alert(fields: &str) -> String {
    format!(
        r#"{{"output":"x","output_fields":{{{fields}}},"priority":"Notice","rule":"R","source":"syscall","tags":["T1059.004","shell"],"time":"2031-02-03T04:05:06.7Z"}}"#
    )
}

/// Scenario: alerts about different acts, with the operands that rules print. Guarantees: the row says what was
/// seen, and no control is credited.
#[test]
fn acts() {
    let cases = [
        (r#""evt.type":"execve","evt.res":"EACCES","proc.exepath":"/bin/a""#, Action::Exec, Outcome::Failed),
        (r#""evt.type":"openat","fd.name":"/etc/shadow""#, Action::CredRead, Outcome::Unknown),
        (
            r#""evt.type":"openat","fd.name":"/etc/../etc/shadow","evt.res":"SUCCESS""#,
            Action::CredRead,
            Outcome::Allowed,
        ),
        (
            r#""evt.type":"openat","fd.name":"/tmp/x","evt.arg.flags":"O_TRUNC|O_WRONLY""#,
            Action::FileWrite,
            Outcome::Unknown,
        ),
        (r#""evt.type":"openat","fd.name":"/proc/9/environ","proc.pid":4"#, Action::Ptrace, Outcome::Unknown),
        (
            r#""evt.type":"connect","fd.name":"10.1.0.7:4000->169.254.169.254:80","evt.res":"EINPROGRESS""#,
            Action::ImdsAccess,
            Outcome::Attempted,
        ),
        (
            r#""evt.type":"connect","fd.name":"[fd00::1]:4000->[fd00::2]:80""#,
            Action::NetConnect,
            Outcome::Unknown,
        ),
        (r#""evt.type":"setns""#, Action::NsChange, Outcome::Unknown),
        (r#""fd.name":null"#, Action::Other, Outcome::Unknown),
    ];
    for (fields, action, outcome) in cases {
        let (verdicts, rows) = run(&FORMAT, &[&alert(fields)]);
        assert_eq!(verdicts, [Verdict::Decoded], "{fields}");
        let row = &rows.host_events[0];
        assert_eq!((row.action, row.outcome, row.control), (action, outcome, HostControl::None), "{fields}");
        assert_eq!(row.attack, ["T1059.004"]);
    }
}

/// Scenario: what Falco says about itself, and alerts of other sources. Guarantees: losses are gaps, the rest is skipped by name.
#[test]
fn not_alerts() {
    let lines = [
        "Events detected: 3",
        "   NOTICE: 3",
        "Mon Feb  3 04:05:06 2031: Falco version: 1",
        r#"{"rule":"Falco internal: metrics snapshot","output_fields":{"falco.n_store_evts_drops":0}}"#,
        r#"{"rule":"Falco internal: syscall event drop","priority":"Debug","output":"x","time":"2031-02-03T04:05:06Z","output_fields":{"n_drops":"42"}}"#,
        r#"{"rule":"R","priority":"Notice","output":"x","source":"k8s_audit","time":"2031-02-03T04:05:06Z"}"#,
        r#"{"rule":"R","priority":"Notice","output":"x","source":"syscall"}"#,
    ];
    let (verdicts, rows) = run(&FORMAT, &lines);
    assert_eq!(
        verdicts[..4],
        [
            Verdict::Skipped("falco-statistics"),
            Verdict::Skipped("falco-statistics"),
            Verdict::Skipped("falco-log"),
            Verdict::Skipped("falco-metrics")
        ]
    );
    assert_eq!(verdicts[5], Verdict::Skipped("not-a-host-event"));
    assert!(matches!(&verdicts[6], Verdict::Rejected(reject) if reject.reason == "missing-field"));
    assert_eq!(
        (rows.host_events.len(), rows.host_events[0].action, rows.host_events[0].lost),
        (1, Action::TelemetryGap, Some(42))
    );
}
