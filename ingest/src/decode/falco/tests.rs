use offbound_schemas::vocabulary::{Action, HostControl, Outcome};
use offbound_schemas::{EventRows, EventTime};

use super::FORMAT;
use crate::decode::Decode;
use crate::decode::trial::{check_sample, run, run_in};
use crate::decode::{Envelope, Verdict};

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
    assert!(matches!(&verdicts[6], Verdict::Rejected(reject) if reject.reason == "no-time"));
    assert_eq!(
        (rows.host_events.len(), rows.host_events[0].action, rows.host_events[0].lost),
        (1, Action::TelemetryGap, Some(42))
    );
}

/// Scenario: text lines, with and without a date. Guarantees: fields are read as from JSON, also where values hold spaces;
/// a time of day is no time, unless an envelope gives one.
#[test]
fn text_lines() {
    let new = "2031-02-03T04:05:06.700000000+0000: Warning Sensitive file opened for reading | file=/etc/shadow user=root user_uid=0 user_loginuid=-1 process=cat proc_exepath=/bin/cat command=cat my file container_id=host k8s_pod_name=<NA>";
    let old = "04:05:06.700000000: Notice A shell was spawned (user=root user_loginuid=-1 k8s.ns=shop k8s.pod=web-7 container=0123456789ab command=sh -c id)";
    for line in [new, old] {
        assert!(crate::decode::trial::sniff(&FORMAT, line) >= 80, "{line}");
    }
    let (verdicts, rows) = run(&FORMAT, &[new, old]);
    assert_eq!(verdicts[0], Verdict::Decoded);
    assert!(matches!(&verdicts[1], Verdict::Rejected(reject) if reject.reason == "no-time"));
    let row = &rows.host_events[0];
    assert_eq!((row.action, row.target_path.as_deref()), (Action::CredRead, Some("/etc/shadow")));
    assert_eq!(
        (row.cmd_line.as_deref(), row.container_id.as_deref(), row.pod.as_deref()),
        (Some("cat my file"), None, None)
    );
    assert_eq!((row.rule.as_deref(), row.auid), (Some("Sensitive file opened for reading"), None));
    assert_eq!(row.event_time.to_string(), "2031-02-03T04:05:06.700000000Z");
    let envelope = Envelope { time: EventTime::parse("2031-02-03T04:05:07Z").ok(), ..Envelope::default() };
    let (_, rows) = run_in(&FORMAT, &[old], &envelope);
    let row = &rows.host_events[0];
    assert_eq!(
        (row.pod.as_deref(), row.namespace.as_deref(), row.cmd_line.as_deref()),
        (Some("web-7"), Some("shop"), Some("sh -c id"))
    );
}

/// Scenario: snapshots whose counter of drops is seen first, stands, grows and begins anew. Guarantees: only growth is a
/// gap, and it begins at the snapshot before: what was lost before the first may be lost since long ago.
#[test]
fn counters() {
    let snapshot = |minute: u32, drops: u64| {
        format!(
            r#"{{"rule":"Falco internal: metrics snapshot","priority":"Informational","output":"x","hostname":"n1","time":"2031-02-03T04:{minute:02}:00Z","output_fields":{{"scap.n_drops":{drops}}}}}"#
        )
    };
    let lost = |snapshots: &[(u32, u64)]| {
        let lines: Vec<String> = snapshots.iter().map(|(minute, drops)| snapshot(*minute, *drops)).collect();
        let borrowed: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (verdicts, rows) = run(&FORMAT, &borrowed);
        let is_known =
            |verdict: &Verdict| matches!(verdict, Verdict::Decoded | Verdict::Skipped("falco-metrics"));
        assert!(verdicts.iter().all(is_known), "{verdicts:?}");
        rows.host_events.iter().map(|row| (row.lost, row.gap_from.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(lost(&[(1, 5), (2, 5), (3, 9), (4, 2)]), [(Some(4), true), (Some(2), true)]);
    assert_eq!(lost(&[(1, 0), (2, 7)]), [(Some(7), true)], "nothing was lost before the first snapshot");
    assert_eq!(lost(&[(1, 9), (2, 0), (3, 12)]), [(Some(12), true)], "began anew between");
}

/// Scenario: snapshots of several sources of events in turn, as Falco writes one for each. Guarantees: what is lost behind
/// all of them counts once, and does not look like a counter that falls and grows.
#[test]
fn counters_of_several_sources() {
    let snapshot = |source: &str, minute: u32, fields: &str| {
        format!(
            r#"{{"rule":"Falco internal: metrics snapshot","priority":"Informational","output":"x","hostname":"n1","time":"2031-02-03T04:{minute:02}:00Z","output_fields":{{"evt.source":"{source}","falco.outputs_queue_num_drops":{minute}{fields}}}}}"#
        )
    };
    let lines: Vec<String> = (1..4)
        .flat_map(|minute| {
            [snapshot("syscall", minute, r#","scap.n_drops":5"#), snapshot("k8s_audit", minute, "")]
        })
        .collect();
    let borrowed: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (_, rows) = run(&FORMAT, &borrowed);
    assert_eq!(rows.host_events.iter().map(|row| row.lost).collect::<Vec<_>>(), [Some(1), Some(1)]);
}

/// Scenario: a snapshot was seen, and none. Guarantees: from then on what comes depends on what was, so that no stream is
/// read in parts as if nothing had been, nor from its middle without what came before.
#[test]
fn counters_are_state() {
    let snapshot = r#"{"rule":"Falco internal: metrics snapshot","priority":"Informational","output":"x","time":"2031-02-03T04:05:06Z","output_fields":{"scap.n_drops":5}}"#;
    let mut falco = super::Falco::default();
    assert!(falco.is_stateless() && falco.looks_back());
    let json = serde_json::from_str(snapshot).expect("JSON");
    let envelope = Envelope::default();
    let record = crate::decode::Record {
        text: snapshot,
        json: Some(&json),
        envelope: &envelope,
        source: "falco",
        location: "x:1",
        event_id: offbound_schemas::EventId::default(),
    };
    assert_eq!(falco.decode(&record, &mut EventRows::default()), Verdict::Skipped("falco-metrics"));
    assert!(!falco.is_stateless());
}

/// Scenario: alerts whose fields are switched off, as full text and as the message alone (Falco 0.40:
/// `json_include_output_fields_property`, `json_include_message_property`). Guarantees: the values are read from the text.
#[test]
fn fields_switched_off() {
    let printed = "Sensitive file opened for reading | file=/etc/shadow evt_type=openat user=root user_uid=0 process=cat command=cat /etc/shadow container_id=0123456789ab k8s_pod_name=web-7 k8s_ns_name=shop";
    for text in [
        format!(r#""output":"04:05:06.700000000: Warning {printed}""#),
        format!(r#""output":"04:05:06.700000000: Warning {printed}","output_fields":{{}}"#),
        format!(r#""message":"{printed}""#),
    ] {
        let line = format!(
            r#"{{{text},"priority":"Warning","rule":"R","source":"syscall","time":"2031-02-03T04:05:06.7Z"}}"#
        );
        assert!(crate::decode::trial::sniff(&FORMAT, &line) >= 80, "{line}");
        let (verdicts, rows) = run(&FORMAT, &[&line]);
        assert_eq!(verdicts, [Verdict::Decoded]);
        let row = &rows.host_events[0];
        assert_eq!((row.action, row.target_path.as_deref()), (Action::CredRead, Some("/etc/shadow")));
        assert_eq!(
            (row.cmd_line.as_deref(), row.container_id.as_deref(), row.pod.as_deref(), row.uid),
            (Some("cat /etc/shadow"), Some("0123456789ab"), Some("web-7"), Some(0))
        );
        assert_eq!(row.rule.as_deref(), Some("R"));
    }
}

/// Scenario: a loss that is told as text. Guarantees: the gap says how much, and is named as in JSON.
#[test]
fn losses_in_text() {
    let line = r#"2031-02-03T04:05:06.700000000+0000: Debug Falco internal: syscall event drop. 42 system calls dropped in last second. (ebpf_enabled="1" n_drops="42" n_drops_buffer_total="42" n_evts="2270")"#;
    let (verdicts, rows) = run(&FORMAT, &[line]);
    assert_eq!(verdicts, [Verdict::Decoded]);
    let row = &rows.host_events[0];
    assert_eq!((row.action, row.lost), (Action::TelemetryGap, Some(42)));
    assert_eq!(row.rule.as_deref(), Some("Falco internal: syscall event drop"));
}

/// Scenario: an alert without output fields, one with the metadata plugin's fields, ends printed one by one.
/// Guarantees: all are read; a pod with uid and node is placed once.
#[test]
fn optional_fields() {
    let bare =
        r#"{"rule":"R","priority":"Notice","output":"x","source":"syscall","time":"2031-02-03T04:05:06Z"}"#;
    let plugin = alert(
        r#""evt.type":"connect","fd.sip":"169.254.169.254","fd.sport":"80","fd.cip":"10.1.0.7","k8smeta.pod.uid":"u-1","k8smeta.pod.name":"web-7","k8smeta.node.name":"n1","proc.pid":9,"proc.pid.ts":1927944306000000001"#,
    );
    let (verdicts, rows) = run(&FORMAT, &[bare, &plugin, &plugin]);
    assert_eq!(verdicts, [Verdict::Decoded, Verdict::Decoded, Verdict::Decoded]);
    let row = &rows.host_events[1];
    assert_eq!((row.action, row.src_addr.as_deref()), (Action::ImdsAccess, Some("10.1.0.7")));
    assert_eq!(row.process_key.as_deref(), Some("n1:9:1927944306000000001"));
    assert_eq!(rows.placements.len(), 1);
    assert_eq!(rows.placements[0].pod_uid.as_deref(), Some("u-1"));
}

/// Scenario: names of sensors' own pods and containers, and of nodes. Guarantees: a pod is placed on no host that does not exist.
#[test]
fn names_of_sensors_are_no_nodes() {
    for (name, expected) in [
        ("falco-x2x9z", None),
        ("security-falco-x2x9z", None),
        ("8d5d68bba707", None),
        ("falcon-x2x9z", Some("falcon-x2x9z")),
        ("pool-1-x2x9z", Some("pool-1-x2x9z")),
    ] {
        let line = alert(r#""evt.type":"execve""#).replacen('{', &format!(r#"{{"hostname":"{name}","#), 1);
        let (_, rows) = run(&FORMAT, &[&line]);
        assert_eq!(rows.host_events[0].host.as_deref(), expected, "{name}");
    }
}
