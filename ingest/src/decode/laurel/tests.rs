use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, Attribution, HostControl, Outcome};
use serde_json::{Value, json};

use super::FORMAT;
use crate::decode::linux_audit;
use crate::decode::trial::{check_sample, run, sniff};
use crate::decode::{Format, Verdict};

/// Scenario: the sample. Guarantees: it is recognised and decoded.
#[test]
fn sample_decodes() {
    check_sample(&FORMAT);
}

const CONTAINER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// The rows of a stream without what tells the two forms apart: ids, place, text, and fields that no column holds.
fn meaning(format: &Format, lines: &[&str]) -> Vec<HostEvent> {
    let (verdicts, rows) = run(format, lines);
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Decoded), "{verdicts:?}");
    let bare = |row: HostEvent| HostEvent {
        event_id: HostEvent::default().event_id,
        source: String::new(),
        location: String::new(),
        raw: String::new(),
        unmapped: None,
        ..row
    };
    rows.host_events.into_iter().map(bare).collect()
}

fn lone(json: &Value) -> HostEvent {
    let text = json.to_string();
    let mut rows = meaning(&FORMAT, &[&text]);
    assert_eq!(rows.len(), 1, "{text}");
    rows.remove(0)
}

/// Scenario: one event as auditd writes it and as LAUREL does: an execution with arguments that need escapes, a refused
/// connection with SELinux's word, a message bus, a trace, a login. Guarantees: the same meaning in every column.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases, one check")]
fn same_meaning_as_the_raw_text() {
    let who = r#"ppid=40 pid=41 auid=4294967295 uid=7 euid=0 ses=3 comm="a" exe="/bin/a" key="k""#;
    let whose = json!({"ppid": 40, "pid": 41, "auid": 4294967295_u32, "uid": 7, "euid": 0, "ses": 3, "comm": "a", "exe": "/bin/a", "key": "k"});
    let call = |more: Value| {
        let mut call = whose.clone();
        for (key, value) in more.as_object().into_iter().flatten() {
            call[key] = value.clone();
        }
        call
    };
    let stamp = "msg=audit(1927858000.123:9)";
    let cases: Vec<(Vec<String>, Value)> = vec![
        (
            vec![
                format!(
                    "node=n7 type=SYSCALL {stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=55 a1=0 {who}"
                ),
                format!("node=n7 type=EXECVE {stamp}: argc=3 a0=\"sh\" a1=2D632025 a2=61FF0A"),
                format!("node=n7 type=CWD {stamp}: cwd=\"/srv\""),
                format!("node=n7 type=PATH {stamp}: item=1 name=\"/lib/x\" nametype=NORMAL"),
                format!("node=n7 type=PATH {stamp}: item=0 name=\"bin/a\" nametype=NORMAL mode=0100755"),
                format!("node=n7 type=PROCTITLE {stamp}: proctitle=7368002D63"),
            ],
            json!({"ID": "1927858000.123:9", "NODE": "n7",
                "SYSCALL": call(json!({"arch": "0xc000003e", "syscall": 59, "success": "yes", "exit": 0, "ARGV": ["0x55", "0x0"], "SYSCALL": "execve", "UID": "eve"})),
                "EXECVE": {"argc": 3, "ARGV": ["sh", "-c %25", "a%ff%0a"]},
                "CWD": {"cwd": "/srv"},
                "PATH": [{"item": 0, "name": "bin/a", "nametype": "NORMAL", "mode": "0o100755"}, {"item": 1, "name": "/lib/x", "nametype": "NORMAL"}],
                "PROCTITLE": {"ARGV": ["sh", "-c"]}}),
        ),
        (
            vec![
                format!("type=SYSCALL {stamp}: arch=c000003e syscall=42 success=no exit=-13 {who}"),
                format!("type=SOCKADDR {stamp}: saddr=02000050A9FEA9FE0000000000000000"),
                format!(
                    "type=AVC {stamp}: avc:  denied  {{ name_connect }} for  pid=41 comm=\"a\" dest=80 scontext=u:r:t:s0:c1,c2 tcontext=u:r:o tclass=tcp_socket permissive=0"
                ),
            ],
            json!({"ID": "1927858000.123:9",
                "SYSCALL": call(json!({"arch": "0xc000003e", "syscall": "42", "success": "no", "exit": "-13"})),
                "SOCKADDR": [{"saddr": "%02%00%00P%a9%fe%a9%fe%00%00%00%00%00%00%00%00"}],
                "AVC": [{"denied": ["name_connect"], "pid": 41, "comm": "a", "dest": 80, "scontext": "u:r:t:s0:c1,c2", "tcontext": "u:r:o", "tclass": "tcp_socket", "permissive": 0}]}),
        ),
        (
            vec![
                format!(
                    "type=SYSCALL {stamp}: arch=c000003e syscall=101 success=yes exit=0 a0=10 a1=63 {who}"
                ),
                format!("type=OBJ_PID {stamp}: opid=99 ocomm=\"sshd\""),
            ],
            json!({"ID": "1927858000.123:9",
                "SYSCALL": call(json!({"arch": "0xc000003e", "syscall": 101, "success": "yes", "exit": 0, "ARGV": ["0x10", "0x63"]})),
                "OBJ_PID": [{"opid": 99, "ocomm": "sshd"}]}),
        ),
        (
            vec![format!(
                "type=SECCOMP {stamp}: auid=4294967295 uid=7 pid=41 comm=\"a\" exe=\"/bin/a\" sig=31 arch=c000003e syscall=165 code=0x80000000"
            )],
            json!({"ID": "1927858000.123:9", "SECCOMP": [{"auid": 4294967295_u32, "uid": 7, "pid": 41, "comm": "a", "exe": "/bin/a", "sig": 31, "arch": "0xc000003e", "syscall": 165, "code": "0x80000000"}]}),
        ),
        (
            vec![format!(
                "type=AVC {stamp}: apparmor=\"DENIED\" operation=\"open\" profile=\"p//q\" name=2F6120 pid=41 comm=\"a\" denied_mask=\"r\""
            )],
            json!({"ID": "1927858000.123:9", "AVC": [{"apparmor": "DENIED", "operation": "open", "profile": "p//q", "name": "/a ", "pid": 41, "comm": "a", "denied_mask": "r"}]}),
        ),
        (
            vec![format!(
                "type=USER_LOGIN {stamp}: pid=41 uid=0 auid=7 ses=3 msg='op=login acct=\"eve\" exe=\"/bin/sshd\" addr=10.1.0.7 terminal=ssh res=failed'"
            )],
            json!({"ID": "1927858000.123:9", "USER_LOGIN": {"pid": 41, "uid": 0, "auid": 7, "ses": 3, "op": "login", "acct": "eve", "exe": "/bin/sshd", "addr": "10.1.0.7", "terminal": "ssh", "res": "failed"}}),
        ),
    ];
    for (lines, json) in cases {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(meaning(&FORMAT, &[&json.to_string()]), meaning(&linux_audit::FORMAT, &lines), "{json}");
    }
}

/// Scenario: parent, container and service under the names of every version. Guarantees: the columns, and keys that are
/// those of the audit decoder.
#[test]
fn additions() {
    let event = |call: Value, top: Value| {
        let mut event = json!({"ID": "1927858000.123:9", "NODE": "n7", "SYSCALL": {"arch": "0xc000003e", "syscall": 39, "success": "yes", "pid": 41, "ppid": 40}});
        for (place, more) in [("/SYSCALL", call), ("", top)] {
            let object = event.pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
            object.extend(more.as_object().cloned().unwrap_or_default());
        }
        lone(&event)
    };
    let parent = json!({"EVENT_ID": "1927857000.001:5", "comm": "sh", "exe": "/bin/sh", "ppid": 1});
    for row in [
        event(json!({"PPID": parent, "PID": {"EVENT_ID": "1927857000.002:6"}}), json!({})),
        event(
            json!({"PID": {"EVENT_ID": "1927857000.002:6"}}),
            json!({"PARENT_INFO": {"ID": "1927857000.001:5", "exe": "/bin/sh"}}),
        ),
    ] {
        assert_eq!(row.parent_exe.as_deref(), Some("/bin/sh"));
        assert_eq!(row.parent_key.as_deref(), Some("n7:40:1927857000.001:5"));
        assert_eq!(row.process_key.as_deref(), Some("n7:41:1927857000.002:6"));
    }
    for row in [
        event(json!({}), json!({"CONTAINER_INFO": {"ID": CONTAINER}})),
        event(json!({"CONTAINER_INFO": {"ID": CONTAINER}}), json!({})),
        event(
            json!({"PID": {"CONTAINER_ID": CONTAINER}, "SYSTEMD_SERVICE": ["containerd.service"]}),
            json!({}),
        ),
    ] {
        assert_eq!(
            (row.container_id.as_deref(), row.unit, row.attribution),
            (Some(CONTAINER), None, Attribution::None)
        );
    }
    let row = event(json!({"SYSTEMD_SERVICE": ["user@7.service", "bus.service"]}), json!({}));
    assert_eq!((row.unit.as_deref(), row.attribution), (Some("bus.service"), Attribution::Unit));
}

/// Scenario: what LAUREL shortened, joined, translated and dropped. Guarantees: no arguments one by one unless all are
/// there; translated calls and addresses are read; nothing numeric is made of names.
#[test]
fn transformations() {
    let exec = |execve: Value, path: &str| {
        lone(
            &json!({"ID": "1927858000.123:9", "SYSCALL": {"ARCH": "x86_64", "SYSCALL": path, "success": "yes", "UID": "eve", "pid": 41}, "EXECVE": execve}),
        )
    };
    let row = exec(json!({"argc": 9, "ARGV_STR": "sh -c id"}), "execve");
    assert_eq!((row.action, row.args.len(), row.cmd_line.as_deref()), (Action::Exec, 0, Some("sh -c id")));
    assert_eq!((row.uid, row.syscall.as_deref()), (None, Some("execve")));
    let row = exec(json!({"argc": 3, "ARGV": ["sh", "<<< Skipped: args=1, bytes=9 >>>", "x"]}), "execve");
    assert!(row.args.is_empty() && row.cmd_line.is_some_and(|line| line.starts_with("sh <<< Skipped")));
    let row = exec(json!({"argc": 3, "ARGV": ["sh", "", "x"]}), "execve");
    assert_eq!(row.args, ["sh", "", "x"]);
    for saddr in [
        json!({"SADDR": "{ fam=inet laddr=10.1.0.7 lport=443 }"}),
        json!({"SADDR": {"fam": "inet", "addr": "10.1.0.7", "port": 443}}),
    ] {
        let row = lone(
            &json!({"ID": "1927858000.123:9", "SYSCALL": {"ARCH": "x86_64", "SYSCALL": "connect", "success": "yes", "pid": 41}, "SOCKADDR": [saddr]}),
        );
        assert_eq!(
            (row.action, row.dst_addr.as_deref(), row.dst_port),
            (Action::NetConnect, Some("10.1.0.7"), Some(443))
        );
    }
}

/// Scenario: an execution whose script, environment and labels LAUREL tells. Guarantees: they are kept.
#[test]
fn kept_unmapped() {
    let text = json!({"ID": "1927858000.123:9", "SYSCALL": {"syscall": 59, "arch": "0xc000003e", "pid": 41, "SCRIPT": "/srv/x.py", "LABELS": ["web"]},
        "EXECVE": {"argc": 1, "ARGV": ["x"], "ENV": {"LD_PRELOAD": "/tmp/x.so"}}});
    let (_, rows) = run(&FORMAT, &[&text.to_string()]);
    let kept = rows.host_events[0].unmapped.clone().unwrap_or_default();
    assert!(["/srv/x.py", "web", "LD_PRELOAD"].iter().all(|text| kept.contains(text)), "{kept}");
    assert!(rows.host_events[0].raw.starts_with('{'));
}

/// Scenario: an event twice, and objects that are no events. Guarantees: counted once; each is refused or left by name.
#[test]
fn repeated_and_malformed() {
    let event = json!({"ID": "1927858000.123:9", "CWD": {"cwd": "/"}}).to_string();
    let (verdicts, rows) = run(&FORMAT, &[&event, &event]);
    assert_eq!((verdicts[1].clone(), rows.len()), (Verdict::Skipped("duplicate-record"), 1));
    assert_eq!(rows.host_events[0].control, HostControl::None);
    assert_eq!(rows.host_events[0].outcome, Outcome::Unknown);
    for (text, reason) in [
        (json!({"ID": "x", "SYSCALL": {}}), "bad-audit-stamp"),
        (json!({"SYSCALL": {}}), "missing-field"),
        (json!({"ID": "1927858000.123:9", "CWD": 7}), "missing-type"),
    ] {
        let (verdicts, _) = run(&FORMAT, &[&text.to_string()]);
        assert!(
            matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == reason),
            "{text}: {verdicts:?}"
        );
    }
    assert_eq!(sniff(&FORMAT, r#"{"ID":"17","NAME":"x"}"#), 0);
}
