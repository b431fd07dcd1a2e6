use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HostControl, Outcome};

use super::FORMAT;
use crate::decode::Verdict;
use crate::decode::trial::{check_sample, run, sniff};

/// Scenario: the sample. Guarantees: it is recognised and decoded.
#[test]
fn sample_decodes() {
    check_sample(&FORMAT);
}

const KEY: &str = "{AAAAAAAA-0001-0002-0003-000000000004}";

fn event(number: u32, data: &[(&str, &str)]) -> String {
    let data: Vec<String> =
        data.iter().map(|(name, text)| format!("<Data Name=\"{name}\">{text}</Data>")).collect();
    format!(
        "<Event><System><Provider Name=\"Linux-Sysmon\"/><EventID>{number}</EventID><TimeCreated SystemTime=\"2031-02-03T04:06:40.500Z\"/><EventRecordID>17</EventRecordID><Computer>n7</Computer></System><EventData><Data Name=\"RuleName\">-</Data><Data Name=\"UtcTime\">2031-02-03 04:06:40.123</Data>{}</EventData></Event>",
        data.concat()
    )
}

fn lone(text: &str) -> HostEvent {
    let (verdicts, mut rows) = run(&FORMAT, &[text]);
    assert_eq!((verdicts.as_slice(), rows.len()), ([Verdict::Decoded].as_slice(), 1), "{text}");
    rows.host_events.remove(0)
}

/// Scenario: processes without and with a terminal, whose number stands above the user's; none. Guarantees: the user is read.
#[test]
fn users_beside_terminals() {
    let user =
        |logon: &str| lone(&event(1, &[("ProcessGuid", KEY), ("ProcessId", "41"), ("LogonId", logon)])).uid;
    let terminal = (3_u64 << 32) + 1000;
    assert_eq!(user("1000"), Some(1000));
    assert_eq!(user(&terminal.to_string()), Some(1000));
    assert_eq!(user("4294967295"), None);
    assert_eq!(user("-"), None);
}

/// Scenario: each event that Linux has. Guarantees: act and target; Sysmon never counts as a control; times are UTC.
#[test]
fn events() {
    let who = [("ProcessGuid", KEY), ("ProcessId", "41"), ("Image", "/bin/a")];
    let with = |number: u32, more: &[(&str, &str)]| lone(&event(number, &[&who[..], more].concat()));
    let to = |ip: &str, initiated: &str| {
        with(
            3,
            &[
                ("Protocol", "TCP"),
                ("Initiated", initiated),
                ("DestinationIp", ip),
                ("DestinationPort", "80"),
            ],
        )
    };
    let cases = [
        (with(1, &[("CommandLine", "a b")]), Action::Exec, Some("/bin/a")),
        (to("10.1.0.7", "true"), Action::NetConnect, None),
        (to("169.254.169.254", "true"), Action::ImdsAccess, None),
        (to("10.1.0.7", "false"), Action::Other, None),
        (with(5, &[]), Action::Exit, None),
        (with(9, &[("Device", "/dev/sda")]), Action::FileRead, Some("/dev/sda")),
        (with(11, &[("TargetFilename", "/tmp/x")]), Action::FileWrite, Some("/tmp/x")),
        (with(23, &[("TargetFilename", "/tmp/x")]), Action::FileWrite, Some("/tmp/x")),
        (with(4, &[("State", "Stopped")]), Action::PolicyChange, None),
        (with(16, &[("Configuration", "/x")]), Action::PolicyChange, None),
        (with(255, &[("ID", "queue")]), Action::TelemetryGap, None),
        (with(77, &[]), Action::Other, None),
    ];
    for (row, action, target) in cases {
        assert_eq!((row.action, row.target_path.as_deref()), (action, target), "{row:?}");
        assert_eq!((row.control, row.host.as_deref(), row.pid), (HostControl::None, Some("n7"), Some(41)));
        assert_eq!(row.event_time.to_string(), "2031-02-03T04:06:40.123000000Z");
        assert_eq!(row.process_key.as_deref(), Some("aaaaaaaa-0001-0002-0003-000000000004"));
    }
}

/// Scenario: a process attached to another. Guarantees: source and target are not mixed up.
#[test]
fn access() {
    let row = lone(&event(
        10,
        &[
            ("SourceProcessGUID", KEY),
            ("SourceProcessId", "41"),
            ("SourceImage", "/bin/gdb"),
            ("TargetProcessId", "77"),
            ("TargetImage", "/bin/b"),
        ],
    ));
    assert_eq!((row.action, row.pid, row.target_pid), (Action::Ptrace, Some(41), Some(77)));
    assert_eq!((row.exe.as_deref(), row.target_exe.as_deref()), (Some("/bin/gdb"), Some("/bin/b")));
}

/// Scenario: unknown process, thread name as image, unset session, rule with a technique. Guarantees: unknown stays empty.
#[test]
fn unknowns() {
    let zeros = "{00000000-0000-0000-0000-000000000000}";
    let row = lone(&event(
        1,
        &[
            ("ProcessGuid", zeros),
            ("ProcessId", "41"),
            ("Image", "java"),
            ("User", "-"),
            ("LogonId", "7"),
            ("TerminalSessionId", "4294967295"),
            ("ParentProcessGuid", zeros),
            ("ParentImage", "-"),
        ],
    ));
    assert_eq!((row.process_key, row.parent_key, row.parent_exe), (None, None, None));
    assert_eq!((row.exe, row.comm.as_deref(), row.uid, row.session_id), (None, Some("java"), Some(7), None));
    assert_eq!(lone(&event(5, &[("Image", "&lt unknown process&gt ")])).comm, None);
    let text = event(5, &[]).replace(">-<", ">technique_id=T1059.004,technique_name=Shell<");
    assert_eq!(lone(&text).attack, ["T1059.004"]);
    let cut = event(1, &[("Image", "/bin/a"), ("CommandLine", "a b")]);
    let row = lone(cut.split_once(" b<").map_or("", |(before, _)| before));
    assert_eq!((row.exe.as_deref(), row.cmd_line, row.outcome), (Some("/bin/a"), None, Outcome::Allowed));
}

/// Scenario: events of other providers, without number, without time. Guarantees: not recognised; refused by name.
#[test]
fn others() {
    assert_eq!(sniff(&FORMAT, "<Event><System><Provider Name=\"Microsoft-Windows-Security-Auditing\"/>"), 0);
    let no_time = event(5, &[]).replace("UtcTime", "X").replace("SystemTime", "Y");
    for (text, reason) in [
        (event(5, &[]).replace("EventID", "X"), "missing-field"),
        (no_time, "missing-field"),
        ("<Event>".to_owned(), "bad-xml"),
    ] {
        let (verdicts, _) = run(&FORMAT, &[&text]);
        assert!(
            matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == reason),
            "{text}: {verdicts:?}"
        );
    }
}
