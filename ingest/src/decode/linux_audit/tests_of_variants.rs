//! The ways in which audit records reach a log: tests.
//!
//! In: invented lines. Owns: ausearch, the journal, kernel logs, newer kinds of records, losses, events without end.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HostControl, Outcome};
use offbound_schemas::{EventRows, EventTime};
use proptest::prelude::*;

use super::FORMAT;
use crate::decode::trial::{run, run_each, run_in, sniff, sniff_in};
use crate::decode::{Envelope, Verdict};
use crate::formats::Formats;
use crate::unfold::{Leaf, Unfold};

fn record(kind: &str, stamp: &str, body: &str) -> String {
    format!("type={kind} msg=audit({stamp}): {body}")
}

fn lone(line: &str) -> HostEvent {
    let (verdicts, mut rows) = run(&FORMAT, &[line]);
    assert_eq!((verdicts.as_slice(), rows.len()), ([Verdict::Decoded].as_slice(), 1), "{line}");
    rows.host_events.remove(0)
}

/// The rows without what tells where their records stood.
fn comparable(rows: EventRows) -> Vec<HostEvent> {
    let bare = |row: HostEvent| HostEvent { location: String::new(), ..row };
    let mut rows: Vec<HostEvent> = rows.host_events.into_iter().map(bare).collect();
    rows.sort_by_key(|row| row.event_id);
    rows
}

/// Two hosts' events, whose stamps are the same, within the time that an event is held.
fn two_hosts() -> Vec<String> {
    let event = |host: &str, serial: u32, pid: u32| {
        let stamp = format!("1927858000.{:03}:{serial}", 100 + serial * 300);
        vec![
            format!(
                "node={host} {}",
                record(
                    "SYSCALL",
                    &stamp,
                    &format!(
                        "arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid={pid} uid=0 comm=\"sh\" exe=\"/bin/{host}\" key=\"k\"\u{1d}UID=\"root\""
                    )
                )
            ),
            format!("node={host} {}", record("EXECVE", &stamp, "argc=2 a0=\"sh\" a1_len=4 a1[0]=6162")),
            format!("node={host} {}", record("EXECVE", &stamp, "a1[1]=6364")),
            format!("node={host} {}", record("CWD", &stamp, "cwd=\"/srv\"")),
            format!("node={host} {}", record("PATH", &stamp, "item=0 name=\"sh\" nametype=NORMAL")),
            format!(
                "node={host} {}",
                record(
                    "AVC",
                    &stamp,
                    &format!(
                        "apparmor=\"ALLOWED\" operation=\"exec\" profile=\"p\" name=\"/srv/sh\" pid={pid} denied_mask=\"x\""
                    )
                )
            ),
        ]
    };
    (1..4)
        .flat_map(|serial| [event("a", serial, 10 + serial), event("b", serial, 20 + serial)])
        .flatten()
        .collect()
}

proptest! {
    /// Scenario: the records of two hosts in any order, each twice. Guarantees: the same rows; each repeat is counted by name.
    #[test]
    fn any_order_with_repeats(order in Just([two_hosts(), two_hosts()].concat()).prop_shuffle()) {
        let whole = two_hosts();
        let sorted: Vec<&str> = whole.iter().map(String::as_str).collect();
        let shuffled: Vec<&str> = order.iter().map(String::as_str).collect();
        let (verdicts, rows) = run(&FORMAT, &shuffled);
        let repeats = verdicts.iter().filter(|verdict| **verdict == Verdict::Skipped("duplicate-record")).count();
        prop_assert_eq!(repeats, whole.len());
        prop_assert_eq!(comparable(rows), comparable(run(&FORMAT, &sorted).1));
    }
}

/// Scenario: what `ausearch` prints: blocks, headings, records in reverse. Guarantees: the rows of the raw log.
#[test]
fn ausearch_output() {
    let raw: Vec<String> = two_hosts();
    let mut printed = vec!["# ausearch -k k".to_owned()];
    for block in raw.chunks(6) {
        printed.extend(["----".to_owned(), "time->Mon Feb  3 04:06:40 2031".to_owned()]);
        printed.extend(block.iter().rev().cloned());
    }
    let lines =
        |lines: &[String]| comparable(run(&FORMAT, &lines.iter().map(String::as_str).collect::<Vec<_>>()).1);
    assert_eq!(lines(&printed), lines(&raw));
}

/// Scenario: refusals of the smaller controls, in words and numbers. Guarantees: outcome, control, mode; a number that two
/// kernels gave away is told by its fields.
#[test]
fn smaller_controls() {
    use {Action as A, ControlMode as M, HostControl as C, Outcome as O};
    let line = |kind: &str, body: &str| record(kind, "1927858000.123:9", body);
    let ipe = |enforcing: u8| {
        line(
            "IPE_ACCESS",
            &format!(
                "ipe_op=EXECUTE ipe_hook=BPRM_CHECK enforcing={enforcing} pid=41 comm=\"sh\" path=\"/x\" dev=\"a\" ino=1 rule=\"DEFAULT action=DENY\""
            ),
        )
    };
    let cases = [
        (
            line("LANDLOCK_ACCESS", "domain=195ba459b blockers=fs.write_file path=\"/x\" dev=\"a\" ino=1"),
            A::FileWrite,
            O::Denied,
            C::Unknown,
            M::Enforcing,
        ),
        (
            line("UNKNOWN[1423]", "domain=1 blockers=ptrace opid=1 ocomm=\"x\""),
            A::Ptrace,
            O::Denied,
            C::Unknown,
            M::Enforcing,
        ),
        (ipe(1), A::Exec, O::Denied, C::Unknown, M::Enforcing),
        (ipe(0), A::Exec, O::WouldDeny, C::Unknown, M::Permissive),
        (line("UNKNOWN[1420]", "subj_apparmor=unconfined"), A::Other, O::Unknown, C::None, M::Unknown),
        (
            line("ANOM_LINK", "op=linkat ppid=1 pid=41 uid=7 comm=\"ln\" exe=\"/bin/ln\" res=0"),
            A::FileWrite,
            O::Denied,
            C::Dac,
            M::Enforcing,
        ),
        (line("ANOM_ABEND", "pid=41 comm=\"a\" sig=31 res=1"), A::Exit, O::Killed, C::Seccomp, M::Enforcing),
        (
            line("MAC_STATUS", "enforcing=0 old_enforcing=1 auid=0 ses=1 res=1"),
            A::PolicyChange,
            O::Allowed,
            C::None,
            M::Unknown,
        ),
        (line("FANOTIFY", "resp=1 fan_type=0 fan_info=0"), A::Other, O::Allowed, C::Fapolicyd, M::Unknown),
    ];
    for (line, action, outcome, control, mode) in cases {
        let row = lone(&line);
        assert_eq!(
            (row.action, row.outcome, row.control, row.mode),
            (action, outcome, control, mode),
            "{line}"
        );
    }
}

/// Scenario: switches and booleans of SELinux. Guarantees: `policy` says what was set, and to what.
#[test]
fn switches_are_named() {
    for (kind, body, policy) in [
        ("MAC_STATUS", "enforcing=0 old_enforcing=1 res=1", "enforcing=0"),
        ("MAC_CONFIG_CHANGE", "bool=secure_mode val=0 old_val=1 auid=0 ses=1", "secure_mode=0"),
    ] {
        assert_eq!(lone(&record(kind, "1927858000.123:9", body)).policy.as_deref(), Some(policy));
    }
}

/// Scenario: IMA finds a file to be none that may run, beside an execution that fails and one that goes through (kernels
/// with `ima_appraise=enforce` and `=log`), and alone; a file that could not be measured. Guarantees: refused, would have been,
/// unknown; no decision.
#[test]
fn appraisals_by_the_call_beside_them() {
    let said = record(
        "INTEGRITY_DATA",
        "1927858000.123:9",
        "pid=41 op=appraise_data cause=missing-hash name=\"/x\" res=0",
    );
    for (result, outcome, mode) in [
        ("success=no exit=-13", Outcome::Denied, ControlMode::Enforcing),
        ("success=yes exit=0", Outcome::WouldDeny, ControlMode::Monitor),
    ] {
        let call =
            record("SYSCALL", "1927858000.123:9", &format!("arch=c000003e syscall=59 {result} pid=41"));
        let (_, rows) = run(&FORMAT, &[&call, &said]);
        let row = &rows.host_events[0];
        assert_eq!(
            (
                rows.len(),
                row.action,
                row.outcome,
                row.mode,
                row.policy.as_deref(),
                row.target_path.as_deref()
            ),
            (1, Action::Exec, outcome, mode, Some("ima missing-hash"), Some("/x"))
        );
    }
    let alone = lone(&said);
    assert_eq!((alone.outcome, alone.control), (Outcome::Unknown, HostControl::Unknown));
    let unmeasured =
        record("INTEGRITY_DATA", "1927858000.123:9", "pid=41 op=collect_data cause=failed name=\"/x\" res=0");
    assert_eq!(lone(&unmeasured).control, HostControl::None);
}

/// Scenario: lines of the journal as it prints them and hands them to syslog daemons, without stamps. Guarantees: each record
/// that says something is recognised and read; parts of an unknown event are skipped by name.
#[test]
fn journal_prints_no_stamps() {
    let envelope = Envelope {
        time: Some(EventTime(1_927_858_000_000_000_000)),
        program: Some("audit".to_owned()),
        ..Envelope::default()
    };
    for (line, verdict) in [
        (
            "SECCOMP auid=7 uid=7 pid=41 comm=\"a\" exe=\"/a\" sig=31 arch=c000003e syscall=101 code=0x80000000",
            None,
        ),
        ("SERVICE_STOP pid=1 uid=0 msg='unit=auditd comm=\"systemd\" res=success'", None),
        ("CONFIG_CHANGE auid=7 ses=3 op=remove_rule key=\"k\" list=4 res=1", None),
        ("BPF prog-id=3 op=LOAD", None),
        ("<audit-1131> pid=1 uid=0 msg='unit=auditd comm=\"systemd\" res=success'", None),
        ("SYSCALL arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=41 comm=\"a\" exe=\"/a\"", None),
        ("PATH item=0 name=\"/x\" nametype=NORMAL", Some(Verdict::Skipped("operand-without-event"))),
        ("PROCTITLE proctitle=\"a\"", Some(Verdict::Skipped("operand-without-event"))),
    ] {
        assert!(sniff_in(&FORMAT, line, &envelope) > 50, "{line}");
        let (verdicts, rows) = run_in(&FORMAT, &[line], &envelope);
        let rows_expected = usize::from(verdict.is_none());
        assert_eq!(
            (&verdicts[0], rows.len()),
            (&verdict.unwrap_or(Verdict::Decoded), rows_expected),
            "{line}"
        );
    }
}

/// Scenario: operations of io_uring, which no system call records. Guarantees: the act by the call that it stands for.
#[test]
fn io_uring() {
    let event = |operation: u32, beside: &str| {
        let ring = record(
            "URINGOP",
            "1927858000.123:9",
            &format!("uring_op={operation} success=yes exit=0 items=1 ppid=1 pid=41 uid=0"),
        );
        let beside = record(beside.split(' ').next().unwrap_or_default(), "1927858000.123:9", beside);
        let (_, mut rows) = run(&FORMAT, &[&ring, &beside]);
        rows.host_events.remove(0)
    };
    let cases = [
        (event(18, "PATH item=0 name=\"/etc/shadow\" nametype=NORMAL"), Action::CredRead, Some("openat")),
        (event(18, "PATH item=0 name=\"/x\" nametype=CREATE"), Action::FileWrite, Some("openat")),
        (event(18, "PATH item=0 name=\"/x\" nametype=NORMAL"), Action::Other, Some("openat")),
        (event(16, "SOCKADDR saddr=02000050A9FEA9FE0000000000000000"), Action::ImdsAccess, Some("connect")),
        (event(36, "PATH item=0 name=\"/x\" nametype=DELETE"), Action::FileWrite, Some("unlinkat")),
        (event(0, "CWD cwd=\"/\""), Action::Other, None),
    ];
    for (row, action, call) in cases {
        assert_eq!(
            (row.action, row.syscall.as_deref(), row.outcome),
            (action, call, Outcome::Allowed),
            "{row:?}"
        );
    }
}

/// Scenario: a decision in the journal, by the kernel's way and by the audit way. Guarantees: one row; the second is skipped
/// by name; the boot is known.
#[test]
fn journal_has_it_twice() {
    let body = "apparmor=\\\"DENIED\\\" operation=\\\"open\\\" profile=\\\"p\\\" name=\\\"/x\\\" pid=41 denied_mask=\\\"r\\\"";
    let common = "\"_HOSTNAME\":\"n7\",\"_BOOT_ID\":\"b1\",\"_SOURCE_REALTIME_TIMESTAMP\":\"1927858000123000\",\"__REALTIME_TIMESTAMP\":\"1927858000200000\"";
    let kernel = format!(
        "{{\"_TRANSPORT\":\"kernel\",\"SYSLOG_IDENTIFIER\":\"kernel\",{common},\"MESSAGE\":\"audit: type=1400 audit(1927858000.123:9): {body}\"}}"
    );
    let audit = format!(
        "{{\"_TRANSPORT\":\"audit\",\"_AUDIT_TYPE_NAME\":\"AVC\",\"_AUDIT_ID\":\"9\",{common},\"MESSAGE\":\"AVC {body}\"}}"
    );
    let hardware = format!(
        "{{\"_TRANSPORT\":\"kernel\",\"SYSLOG_IDENTIFIER\":\"kernel\",{common},\"MESSAGE\":\"usb 1-1: new device\"}}"
    );
    let mut records: Vec<(String, Envelope)> = Vec::new();
    let mut unfold = Unfold::new(Formats::default());
    for text in [&kernel, &audit, &hardware] {
        unfold.document(text, 1, &mut |leaf| {
            if let Leaf::Record { text, envelope, .. } = leaf {
                records.push((text.into_owned(), envelope));
            }
        });
    }
    let each: Vec<(&str, &Envelope)> = records.iter().map(|(text, around)| (text.as_str(), around)).collect();
    let (verdicts, rows) = run_each(&FORMAT, &each);
    assert_eq!(
        verdicts,
        [Verdict::Decoded, Verdict::Skipped("duplicate-record"), Verdict::Skipped("kernel-message")]
    );
    assert_eq!(rows.len(), 1);
    let row = &rows.host_events[0];
    assert_eq!(
        (row.outcome, row.boot_id.as_deref(), row.host.as_deref()),
        (Outcome::Denied, Some("b1"), Some("n7"))
    );
}

/// Scenario: one event each of more hosts than are remembered, of one without a name among them, and a second record of each.
/// Guarantees: each host has its row, and none has one of another.
#[test]
fn more_hosts_than_are_remembered() {
    const HOSTS: usize = 1_100;
    let body = "arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=7 comm=\"sh\" exe=\"/bin/sh\"";
    let names = (0..HOSTS).map(|number| if number == 7 { String::new() } else { format!("node=h{number} ") });
    let lines: Vec<String> = names
        .flat_map(|name| {
            let record = |kind, body| format!("{name}{}", record(kind, "1927858000.000:1", body));
            [record("SYSCALL", body), record("CWD", "cwd=\"/srv\"")]
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (verdicts, rows) = run(&FORMAT, &lines);
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Decoded));
    let hosts: std::collections::BTreeSet<_> = rows.host_events.iter().map(|row| row.host.clone()).collect();
    assert_eq!((rows.host_events.len(), hosts.len()), (HOSTS, HOSTS));
    assert!(rows.host_events.iter().all(|row| row.cwd.as_deref() == Some("/srv")));
}

/// Scenario: losses told by the kernel, by the journal, by the daemon that hands records on; another host's records between.
/// Guarantees: a gap each, which begins at the last record of that very host.
#[test]
fn losses_by_host() {
    let around = |host: &str| Envelope {
        host: Some(host.to_owned()),
        time: Some(EventTime(1_927_858_100_000_000_000)),
        ..Envelope::default()
    };
    let (one, other) = (around("n1"), around("n2"));
    let (first, second) =
        (record("CWD", "1927858000.000:1", "cwd=\"/\""), record("CWD", "1927858050.000:1", "cwd=\"/\""));
    let lines = [
        (first.as_str(), &one),
        (second.as_str(), &other),
        ("Missed 7 kernel messages", &one),
        ("auditd: queue to plugins is full - dropping event", &one),
        ("audit: backlog limit exceeded", &other),
    ];
    let (_, rows) = run_each(&FORMAT, &lines);
    let gaps: Vec<(Option<u64>, String)> = rows
        .host_events
        .iter()
        .filter(|row| row.action == Action::TelemetryGap)
        .map(|row| (row.lost, row.gap_from.map(|from| from.to_string()).unwrap_or_default()))
        .collect();
    let (at_first, at_second) = ("2031-02-03T04:06:40.000000000Z", "2031-02-03T04:07:30.000000000Z");
    assert_eq!(
        gaps,
        [(Some(7), at_first.to_owned()), (None, at_first.to_owned()), (None, at_second.to_owned())]
    );
    assert!(lines[2..].iter().all(|(line, _)| sniff(&FORMAT, line) >= 80));
    assert_eq!(sniff(&FORMAT, "queue of letters is full"), 0);
}

/// Scenario: the daemon stops writing (audit 4.0, `auditd-event.c`), goes on, fails to hand records on, rotates its files.
/// Guarantees: what was not written is a gap, in syslog and in the log itself; the rest is skipped by name.
#[test]
fn daemons_that_stop_writing() {
    let around = Envelope {
        host: Some("n1".to_owned()),
        time: Some(EventTime(1_927_858_100_000_000_000)),
        program: Some("auditd".to_owned()),
        ..Envelope::default()
    };
    for (line, gaps, verdict) in [
        ("Audit daemon is suspending logging due to low disk space.", 1, Verdict::Decoded),
        ("dispatch err (pipe full) event lost", 1, Verdict::Decoded),
        ("Audit daemon rotating log files", 0, Verdict::Skipped("daemon-message")),
    ] {
        assert!(sniff_in(&FORMAT, line, &around) >= 30, "{line}");
        let (verdicts, rows) = run_in(&FORMAT, &[line], &around);
        assert_eq!((&verdicts[0], rows.len()), (&verdict, gaps), "{line}");
    }
    let lines = [
        record("CWD", "1927858000.000:1", "cwd=\"/\""),
        record("DAEMON_RESUME", "1927858090.000:77", "op=resume-logging auid=0 pid=3 res=success"),
    ];
    let (_, rows) = run(&FORMAT, &lines.each_ref().map(String::as_str));
    let gaps: Vec<_> = rows.host_events.iter().filter(|row| row.action == Action::TelemetryGap).collect();
    assert_eq!(gaps.len(), 1);
    assert_eq!(
        gaps[0].gap_from.map(|from| from.to_string()).as_deref(),
        Some("2031-02-03T04:06:40.000000000Z")
    );
}

/// Scenario: an event that never ends, and one whose records are endless. Guarantees: what is beyond the bound is skipped by
/// name, and the event gives its row at the end of the stream.
#[test]
fn events_without_end() {
    let lines: Vec<String> = (0..3_000)
        .map(|item| {
            record("PATH", "1927858000.123:9", &format!("item={item} name=\"/x{item}\" nametype=NORMAL"))
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (verdicts, rows) = run(&FORMAT, &lines);
    let skipped = verdicts.iter().filter(|verdict| **verdict == Verdict::Skipped("event-too-large")).count();
    assert_eq!((skipped, rows.len()), (3_000 - 1_024, 1));
}

/// Scenario: a host starts anew: its serials begin again, its processes are others. Guarantees: a process of before is not
/// taken for the parent of one of after; a serial that wraps is no new start.
#[test]
fn new_epochs() {
    let call = |seconds: u32, serial: u32, pid: u32| {
        record(
            "SYSCALL",
            &format!("{seconds}.000:{serial}"),
            &format!(
                "arch=c000003e syscall=59 success=yes exit=0 ppid=10 pid={pid} comm=\"a\" exe=\"/bin/a\""
            ),
        )
    };
    let parents = |lines: &[String]| -> Vec<bool> {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        run(&FORMAT, &lines).1.host_events.iter().map(|row| row.parent_key.is_some()).collect()
    };
    assert_eq!(
        parents(&[call(1_927_858_000, 900, 10), call(1_927_858_001, 901, 11), call(1_927_858_900, 3, 12)]),
        [false, true, false]
    );
    assert_eq!(parents(&[call(1_927_858_000, u32::MAX, 10), call(1_927_858_001, 2, 11)]), [false, true]);
}

/// Scenario: a profile is removed, another is loaded; a bus names its sender. Guarantees: tampering is a change of policy.
#[test]
fn tampering() {
    let envelope = Envelope { time: Some(EventTime(1_927_858_000_000_000_000)), ..Envelope::default() };
    let line = "apparmor=\"STATUS\" operation=\"profile_remove\" profile=\"unconfined\" name=\"web\" pid=41 comm=\"apparmor_parser\"";
    let (_, rows) = run_in(&FORMAT, &[line], &envelope);
    let row = &rows.host_events[0];
    assert_eq!(
        (row.action, row.policy.as_deref(), row.rule.as_deref()),
        (Action::PolicyChange, Some("web"), Some("profile_remove"))
    );
    // Without a verdict's word nothing was decided.
    let (_, rows) =
        run_in(&FORMAT, &["profile=\"p\" operation=\"setsockopt\" comm=\"a\" family=\"netlink\""], &envelope);
    assert_eq!(
        (rows.host_events[0].outcome, rows.host_events[0].control),
        (Outcome::Unknown, HostControl::None)
    );
}
