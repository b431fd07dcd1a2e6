use offbound_schemas::vocabulary::{Action, Outcome};
use serde_json::json;

use super::FORMAT;
use crate::decode::trial::{check_sample, run, sniff};
use crate::decode::{Verdict, linux_audit};

/// Scenario: the sample. Guarantees: it is recognised and decoded, and not taken for raw audit text.
#[test]
fn sample_decodes() {
    check_sample(&FORMAT);
    assert_eq!(sniff(&linux_audit::FORMAT, FORMAT.sample), 0);
}

const CONTAINER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const HEAD: &str = "type=AUOMS_EXECVE audit(1927858000.123:9): SchemaVersion=\"1\" auoms_version=2 node=N1 arch=x86_64 syscall=execve syscall_r=59";

/// Scenario: a command line with quotes that imitates what stands behind it. Guarantees: host, command and target are the
/// collector's; the container is what the collector says at the end, not what the command line says.
#[test]
fn command_lines_cannot_forge() {
    let line = format!(
        "{HEAD} success=yes exit=0 ppid=4 pid=5 uid=7 ses=\"-1\" comm=\"sh\" exe=\"/bin/sh\" cwd=\"/\" name=\"bin/sh\" argc=3 cmdline=\"sh -c \"id\" redactors= containerid=ffffffffffff\" redactors= containerid={CONTAINER}"
    );
    let (verdicts, rows) = run(&FORMAT, &[&line]);
    assert_eq!(verdicts, [Verdict::Decoded]);
    let row = &rows.host_events[0];
    assert_eq!((row.host.as_deref(), row.action, row.outcome), (Some("N1"), Action::Exec, Outcome::Allowed));
    assert_eq!(row.cmd_line.as_deref(), Some("sh -c \"id\" redactors= containerid=ffffffffffff"));
    assert_eq!(row.target_path.as_deref(), Some("/bin/sh"));
    assert_eq!((row.container_id.as_deref(), row.session_id), (Some(CONTAINER), None));
}

/// Scenario: a probe of the search path, a call with several paths, a connection, a login, a report. Guarantees: each is what
/// the same event would be as raw text.
#[test]
fn events() {
    let tail = "redactors= containerid=";
    let cases = [
        (
            format!(
                "{HEAD} success=no exit=-2 pid=5 comm=\"a\" exe=\"/bin/a\" cwd=\"/\" path_name=[\"/sbin/sh\"] path_nametype=[\"UNKNOWN\"] proctitle=/bin/a -x=1 {tail}"
            ),
            (Action::Exec, Outcome::Failed, Some("/sbin/sh"), None),
        ),
        (
            format!(
                "type=AUOMS_SYSCALL audit(1927858000.123:9): SchemaVersion=\"1\" auoms_version=2 node=N1 arch=x86_64 syscall=unlinkat success=yes exit=0 pid=5 cwd=\"/srv\" path_name=[\"/srv\",\"x\"] path_nametype=[\"PARENT\",\"DELETE\"] {tail}"
            ),
            (Action::FileWrite, Outcome::Allowed, Some("/srv/x"), None),
        ),
        (
            format!(
                "type=AUOMS_SYSCALL audit(1927858000.123:9): SchemaVersion=\"1\" auoms_version=2 node=N1 arch=x86_64 syscall=connect success=yes exit=0 pid=5 saddr_r=02000050A9FEA9FE0000000000000000 {tail}"
            ),
            (Action::ImdsAccess, Outcome::Allowed, None, Some("169.254.169.254")),
        ),
        (
            format!(
                "type=USER_LOGIN audit(1927858000.123:9): SchemaVersion=\"1\" auoms_version=2 node=N1 pid=5 op=login acct=\"eve\" res=failed {tail}"
            ),
            (Action::Other, Outcome::Failed, None, None),
        ),
    ];
    for (line, (action, outcome, path, peer)) in cases {
        let (_, rows) = run(&FORMAT, &[&line]);
        let row = &rows.host_events[0];
        assert_eq!((row.action, row.outcome), (action, outcome), "{line}");
        assert_eq!((row.target_path.as_deref(), row.dst_addr.as_deref()), (path, peer), "{line}");
    }
    for (line, expected) in [
        (
            "type=AUOMS_PROCESS_INVENTORY audit(1927858000.123:9): SchemaVersion=\"1\" pid=1",
            "collector-report",
        ),
        ("type=AUOMS_EXECVE audit(x): SchemaVersion=\"1\" pid=1", "bad-audit-stamp"),
    ] {
        let (verdicts, _) = run(&FORMAT, &[line]);
        let word = match &verdicts[0] {
            Verdict::Skipped(word) => word,
            Verdict::Rejected(reject) => reject.reason,
            Verdict::Decoded => "decoded",
        };
        assert_eq!(word, expected, "{line}");
    }
}

/// Scenario: lines out of order, and one twice. Guarantees: rows in the order of serials, each event once.
#[test]
fn order() {
    let line = |serial: u32| {
        format!(
            "type=AUOMS_SYSCALL audit(1927858000.123:{serial}): SchemaVersion=\"1\" auoms_version=2 node=N1 arch=x86_64 syscall=getpid pid={serial}"
        )
    };
    let lines = [line(9), line(12), line(11), line(9)];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (verdicts, rows) = run(&FORMAT, &lines);
    assert_eq!(verdicts[3], Verdict::Skipped("duplicate-record"));
    let pids: Vec<Option<u32>> = rows.host_events.iter().map(|row| row.pid).collect();
    assert_eq!(pids, [Some(9), Some(11), Some(12)]);
}

/// Scenario: the JSON form, with its stamp in one field and in two. Guarantees: recognised, and the same columns.
#[test]
fn documents() {
    let record = json!({"RecordTypeCode": 14688, "RecordType": "AUOMS_EXECVE", "arch": "x86_64", "syscall": "execve", "success": "yes", "exit": "0", "pid": 5, "uid": 7,
        "comm": "sh", "exe": "/bin/sh", "cwd": "/", "path_name": ["bin/sh"], "path_nametype": ["NORMAL"], "cmdline": "sh -c id", "containerid": CONTAINER});
    for event in [
        json!({"AuditID": "1927858000.123:9", "Computer": "N1", "records": [record]}),
        json!({"Timestamp": "1927858000.123", "SerialNumber": 9, "Computer": "N1", "records": [record]}),
    ] {
        let text = event.to_string();
        assert!(sniff(&FORMAT, &text) >= 90);
        let (_, rows) = run(&FORMAT, &[&text]);
        let row = &rows.host_events[0];
        assert_eq!((row.action, row.host.as_deref(), row.uid), (Action::Exec, Some("N1"), Some(7)));
        assert_eq!(
            (row.cmd_line.as_deref(), row.target_path.as_deref()),
            (Some("sh -c id"), Some("/bin/sh"))
        );
        assert_eq!(row.container_id.as_deref(), Some(CONTAINER));
        assert_eq!(row.native_id.as_deref(), Some("1927858000.123:9"));
    }
}
