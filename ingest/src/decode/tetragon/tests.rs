use offbound_schemas::vocabulary::{Action, ControlMode, HostControl, Outcome};

use super::FORMAT;
use crate::decode::Verdict;
use crate::decode::trial::{check_sample, run};

/// Scenario: a process whose credentials are exported, and one of which only `uid` is. Guarantees: that field is the
/// effective user; the real one is unknown without the credentials.
#[test]
fn users() {
    let of = |fields: &str| {
        let line = format!(
            r#"{{"process_exec":{{"process":{{"exec_id":"k1","pid":40,"binary":"/bin/a"{fields}}}}},"node_name":"n1","time":"2031-02-03T04:05:06Z"}}"#
        );
        let row = run(&FORMAT, &[&line]).1.host_events.remove(0);
        (row.uid, row.euid)
    };
    assert_eq!(of(r#","uid":0"#), (None, Some(0)));
    assert_eq!(of(r#","uid":0,"process_credentials":{"uid":1000,"euid":0}"#), (Some(1000), Some(0)));
    assert_eq!(of(""), (None, None));
}

/// Scenario: the sample. Guarantees: it is recognised and decoded.
#[test]
fn sample_decodes() {
    check_sample(&FORMAT);
}

fn event(kind: &str, fields: &str) -> String {
    format!(
        r#"{{"{kind}":{{"process":{{"exec_id":"k1","pid":40,"uid":0,"binary":"/bin/a","arguments":"-x","auid":4294967295,"docker":"ABCDEF0123","ns":{{"mnt":{{"inum":1}},"net":{{"inum":2,"is_host":true}},"user":{{"inum":3,"is_host":true}}}},"parent_exec_id":"k0","start_time":"2031-02-03T04:05:05Z"}},"parent":{{"exec_id":"k0","pid":39,"binary":"/bin/sh"}}{fields}}},"node_name":"c1/n1","time":"2031-02-03T04:05:06.000000007Z"}}"#
    )
}

/// Scenario: hooks of every family, with and without enforcement. Guarantees: act, outcome, control and mode.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases, one check")]
fn hooks() {
    use {Action as A, ControlMode as M, HostControl as C, Outcome as O};
    let cases = [
        (
            "process_kprobe",
            r#","function_name":"security_file_permission","args":[{"file_arg":{"path":"/etc/shadow"}},{"int_arg":4}],"return":{"int_arg":0},"action":"KPROBE_ACTION_POST""#,
            A::CredRead,
            O::Allowed,
            C::None,
            M::Unknown,
        ),
        (
            "process_kprobe",
            r#","function_name":"security_file_permission","args":[{"file_arg":{"path":"/etc/shadow"}},{"int_arg":2}],"return":{"int_arg":0}"#,
            A::FileWrite,
            O::Allowed,
            C::None,
            M::Unknown,
        ),
        (
            "process_kprobe",
            r#","function_name":"__x64_sys_setns","args":[{"int_arg":3},{"int_arg":0}],"action":"KPROBE_ACTION_POST""#,
            A::NsChange,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
        (
            "process_kprobe",
            r#","function_name":"cap_capable","args":[{"capability_arg":{"value":21,"name":"SYS_ADMIN"}}],"return":{"int_arg":-1}"#,
            A::CapUse,
            O::Denied,
            C::Capability,
            M::Unknown,
        ),
        (
            "process_lsm",
            r#","function_name":"file_open","args":[{"file_arg":{"path":"/x"}}],"action":"KPROBE_ACTION_OVERRIDE""#,
            A::FileRead,
            O::Unknown,
            C::Tetragon,
            M::Unknown,
        ),
        (
            "process_kprobe",
            r#","function_name":"tcp_connect","args":[{"sock_arg":{"saddr":"10.1.0.7","sport":4000,"daddr":"169.254.169.254","dport":80,"protocol":"IPPROTO_TCP"}}],"action":"KPROBE_ACTION_SIGKILL""#,
            A::ImdsAccess,
            O::Unknown,
            C::Tetragon,
            M::Unknown,
        ),
        (
            "process_kprobe",
            r#","function_name":"tcp_connect","args":[{"sock_arg":{"daddr":"10.9.9.9","dport":80}}],"action":"KPROBE_ACTION_SIGKILL","policy_mode":"TP_MODE_MONITOR""#,
            A::NetConnect,
            O::WouldDeny,
            C::Tetragon,
            M::Monitor,
        ),
        (
            "process_kprobe",
            r#","function_name":"tcp_connect","args":[{"sock_arg":{"daddr":"10.9.9.9","dport":80}}],"action":"KPROBE_ACTION_SIGKILL","policy_mode":"TP_MODE_ENFORCE""#,
            A::NetConnect,
            O::Killed,
            C::Tetragon,
            M::Enforcing,
        ),
        (
            "process_kprobe",
            r#","function_name":"__x64_sys_write","action":"KPROBE_ACTION_NOTIFYENFORCER","return":{"int_arg":-1}"#,
            A::FileWrite,
            O::Denied,
            C::Tetragon,
            M::Enforcing,
        ),
        (
            "process_kprobe",
            r#","function_name":"__x64_sys_write","action":"KPROBE_ACTION_SIGKILL","return":{"int_arg":3}"#,
            A::FileWrite,
            O::Unknown,
            C::Tetragon,
            M::Unknown,
        ),
        (
            "process_kprobe",
            r#","function_name":"sys_x","action":"KPROBE_ACTION_POST","return_action":"KPROBE_ACTION_OVERRIDE","return":{"int_arg":-1}"#,
            A::Other,
            O::Denied,
            C::Tetragon,
            M::Enforcing,
        ),
        (
            "process_kprobe",
            r#","function_name":"tcp_connect","args":[{"sock_arg":{"daddr":"10.9.9.9","dport":80}}],"action":"KPROBE_ACTION_SIGNAL""#,
            A::NetConnect,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
        (
            "process_kprobe",
            r#","function_name":"__x64_sys_write","action":"KPROBE_ACTION_NOTIFYENFORCER""#,
            A::FileWrite,
            O::Unknown,
            C::Tetragon,
            M::Unknown,
        ),
        (
            "process_uprobe",
            r#","symbol":"readline","path":"/bin/bash""#,
            A::Other,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
        ("process_usdt", r#","provider":"p","name":"n""#, A::Other, O::Attempted, C::None, M::Unknown),
        ("process_loader", r#","path":"/lib/x.so""#, A::Other, O::Unknown, C::None, M::Unknown),
        (
            "process_close",
            r#","destination_ip":"10.9.9.9","destination_port":80,"protocol":"TCP""#,
            A::Other,
            O::Allowed,
            C::None,
            M::Unknown,
        ),
        ("process_throttle", r#","type":"THROTTLE_STOP""#, A::Other, O::Unknown, C::None, M::Unknown),
        ("process_throttle", r#","type":"THROTTLE_START""#, A::TelemetryGap, O::Unknown, C::None, M::Unknown),
        ("process_exit", "", A::Exit, O::Allowed, C::None, M::Unknown),
        (
            "process_kprobe",
            r#","function_name":"__x64_sys_linkat","args":[{"int_arg":-100},{"string_arg":"/etc/passwd"}],"return":{"int_arg":0},"action":"KPROBE_ACTION_OVERRIDE""#,
            A::FileWrite,
            O::WouldDeny,
            C::Tetragon,
            M::Monitor,
        ),
        (
            "process_kprobe",
            r#","function_name":"__x64_sys_linkat","args":[{"int_arg":-100},{"string_arg":"/etc/passwd"}],"return":{"int_arg":-1},"action":"KPROBE_ACTION_OVERRIDE""#,
            A::FileWrite,
            O::Denied,
            C::Tetragon,
            M::Enforcing,
        ),
        (
            "process_kprobe",
            r#","function_name":"security_socket_connect","args":[{"sockaddr_arg":{"family":"AF_UNIX","addr":"/run/spire/sockets/agent.sock"}}]"#,
            A::CredRead,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
        (
            "process_kprobe",
            r#","function_name":"__x64_sys_openat","args":[{"int_arg":5},{"string_arg":"/etc/shadow"},{"int_arg":0}]"#,
            A::CredRead,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
        (
            "process_tracepoint",
            r#","subsys":"syscalls","event":"sys_enter_openat","args":[{"int_arg":-100},{"string_arg":"/etc/shadow"},{"int_arg":577}]"#,
            A::FileWrite,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
        (
            "process_kprobe",
            r#","function_name":"__x64_sys_bpf","args":[{"bpf_cmd_arg":"BPF_PROG_LOAD"},{"bpf_attr_arg":{"ProgType":"BPF_PROG_TYPE_KPROBE"}}]"#,
            A::ModuleLoad,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
        (
            "process_tracepoint",
            r#","subsys":"raw_syscalls","event":"sys_enter","args":[{"syscall_id":{"id":308,"abi":"x64"}}],"action":"KPROBE_ACTION_NOTIFYENFORCER""#,
            A::NsChange,
            O::Unknown,
            C::Tetragon,
            M::Unknown,
        ),
        (
            "process_tracepoint",
            r#","subsys":"raw_syscalls","event":"sys_enter","args":[{"size_arg":"308"}]"#,
            A::Other,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
        (
            "process_tracepoint",
            r#","subsys":"module","event":"module_load","args":[{"string_arg":"x"}]"#,
            A::ModuleLoad,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
        (
            "process_kprobe",
            r#","function_name":"__sys_setresuid","args":[{"int_arg":0},{"int_arg":0},{"int_arg":0}]"#,
            A::PrivChange,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
        (
            "process_lsm",
            r#","function_name":"path_unlink","args":[{"path_arg":{"path":"/var/log/x"}}],"action":"KPROBE_ACTION_POST""#,
            A::FileWrite,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
    ];
    for (kind, fields, action, outcome, control, mode) in cases {
        let (verdicts, rows) = run(&FORMAT, &[&event(kind, fields)]);
        assert_eq!(verdicts, [Verdict::Decoded], "{fields}");
        let row = &rows.host_events[0];
        assert_eq!(
            (row.action, row.outcome, row.control, row.mode),
            (action, outcome, control, mode),
            "{kind} {fields}"
        );
    }
}

/// Scenario: calls that name files as text. Guarantees: the file acted on is known, also of what credentials are in; data
/// that is written is no file.
#[test]
fn files_named_as_text() {
    for (function, arguments, target, is_credential) in [
        ("__x64_sys_openat", r#"{"int_arg":-100},{"string_arg":"/etc/shadow"}"#, Some("/etc/shadow"), true),
        ("__x64_sys_unlinkat", r#"{"int_arg":-100},{"string_arg":"/var/log/x"}"#, Some("/var/log/x"), false),
        ("__x64_sys_mount", r#"{"string_arg":"/dev/sda1"},{"string_arg":"/mnt"}"#, Some("/mnt"), false),
        ("__x64_sys_execve", r#"{"string_arg":"/tmp/x"}"#, Some("/tmp/x"), false),
        ("__x64_sys_write", r#"{"int_arg":3},{"string_arg":"/etc/shadow"}"#, None, false),
        ("__x64_sys_finit_module", r#"{"int_arg":3},{"string_arg":"debug=1"}"#, None, false),
    ] {
        let line = event("process_kprobe", &format!(r#","function_name":"{function}","args":[{arguments}]"#));
        let (_, rows) = run(&FORMAT, &[&line]);
        let row = &rows.host_events[0];
        assert_eq!(
            (row.target_path.as_deref(), row.target_is_credential),
            (target, is_credential),
            "{function}"
        );
        assert_eq!(row.syscall.as_deref(), function.strip_prefix("__x64_sys_"));
    }
}

/// Scenario: events of a control group held back and let through again, of another one and of none. Guarantees: the gap
/// reaches from one to the other; an end whose beginning was not seen is no gap.
#[test]
fn throttling_is_one_gap() {
    let throttle = |kind: &str, cgroup: &str, second: u32| {
        format!(
            r#"{{"process_throttle":{{"type":"THROTTLE_{kind}","cgroup":"{cgroup}"}},"node_name":"n1","time":"2031-02-03T04:05:{second:02}Z"}}"#
        )
    };
    let lines = [
        throttle("START", "a.scope", 1),
        throttle("STOP", "b.scope", 2),
        throttle("STOP", "a.scope", 9),
        throttle("STOP", "a.scope", 10),
    ];
    let (_, rows) = run(&FORMAT, &lines.each_ref().map(String::as_str));
    let gaps: Vec<_> = rows
        .host_events
        .iter()
        .map(|row| (row.action, row.gap_from.map(|from| row.event_time.0 - from.0)))
        .collect();
    assert_eq!(
        gaps,
        [
            (Action::TelemetryGap, None),
            (Action::Other, None),
            (Action::TelemetryGap, Some(8_000_000_000)),
            (Action::Other, None)
        ]
    );
}

/// Scenario: nested, flattened, without a time, without an event. Guarantees: process fields agree, or the refusal says why.
#[test]
fn shapes() {
    let nested = event("process_exec", "");
    let payload = nested
        .split_once(r#""process_exec":"#)
        .and_then(|(_, rest)| rest.split_once(r#","node_name""#))
        .expect("made above")
        .0;
    let flat = format!(
        r#"{{"time":"2031-02-03T04:05:06.000000007Z","node_name":"n1","type":"process_exec","payload":{payload}}}"#
    );
    let timeless = format!(r#"{{"process_exec":{payload},"node_name":"n1"}}"#);
    let (verdicts, rows) = run(&FORMAT, &[&nested, &flat, &timeless, r#"{"node_name":"n1"}"#]);
    assert!(matches!(&verdicts[3], Verdict::Rejected(reject) if reject.reason == "missing-field"));
    for row in &rows.host_events {
        assert_eq!(
            (row.host.as_deref(), row.process_key.as_deref(), row.parent_key.as_deref()),
            (Some("n1"), Some("k1"), Some("k0"))
        );
        assert_eq!(
            (row.container_id.as_deref(), row.in_host_ns, row.auid),
            (Some("abcdef0123"), Some(true), None)
        );
        assert_eq!(row.cmd_line.as_deref(), Some("/bin/a -x"));
    }
    assert_eq!(rows.host_events[2].event_time.to_string(), "2031-02-03T04:05:05.000000000Z");
}

/// Scenario: events without a time, and without a node. Guarantees: only of an execution is the process's start its time;
/// the node is read from the execution's id.
#[test]
fn what_is_missing() {
    let hook = r#"{"process_kprobe":{"process":{"exec_id":"bjk6MTIzOjQw","pid":40,"start_time":"2031-02-03T04:05:05Z"},"function_name":"x"}}"#;
    let exec = r#"{"process_exec":{"process":{"exec_id":"bjk6MTIzOjQw","pid":40,"start_time":"2031-02-03T04:05:05Z"}}}"#;
    let lost = r#"{"rate_limit_info":{"number_of_dropped_process_events":"17"},"node_name":"n1","time":"2031-02-03T04:05:06Z"}"#;
    let (verdicts, rows) = run(&FORMAT, &[hook, exec, lost]);
    assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
    assert_eq!(verdicts[1..], [Verdict::Decoded, Verdict::Decoded]);
    assert_eq!(rows.host_events[0].host.as_deref(), Some("n9"));
    assert_eq!((rows.host_events[1].action, rows.host_events[1].lost), (Action::TelemetryGap, Some(17)));
}

/// Scenario: events of pods, with and without uid. Guarantees: a pod is placed once, on its node, by its uid alone.
#[test]
fn pods_are_placed() {
    let of = |uid: &str| {
        let id = "ab".repeat(32);
        event("process_exec", "").replace(
            r#""docker":"ABCDEF0123""#,
            &format!(r#""pod":{{"namespace":"shop","name":"web-7",{uid}"container":{{"id":"containerd://{id}","start_time":"2031-02-03T04:00:00Z","pid":3}}}}"#),
        )
    };
    let (with, without) = (of(r#""uid":"u-1","#), of(""));
    let (_, rows) = run(&FORMAT, &[&without, &with, &with]);
    assert_eq!(rows.host_events.len(), 3);
    let [place] = rows.placements.as_slice() else { unreachable!("{rows:?}") };
    assert_eq!(
        (place.host.as_deref(), place.pod_uid.as_deref(), place.pod.as_deref()),
        (Some("n1"), Some("u-1"), Some("web-7"))
    );
    assert_eq!(
        (place.container_ids.len(), place.start.map(|start| start.to_string())),
        (1, Some("2031-02-03T04:00:00.000000000Z".to_owned()))
    );
    assert_eq!(rows.host_events[1].pid, Some(40), "the container's own pid is not the host's");
}
