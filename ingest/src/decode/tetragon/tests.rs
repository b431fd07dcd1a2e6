use offbound_schemas::vocabulary::{Action, ControlMode, HostControl, Outcome};

use super::FORMAT;
use crate::decode::Verdict;
use crate::decode::trial::{check_sample, run};

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
            O::Denied,
            C::Tetragon,
            M::Enforcing,
        ),
        (
            "process_kprobe",
            r#","function_name":"tcp_connect","args":[{"sock_arg":{"saddr":"10.1.0.7","sport":4000,"daddr":"169.254.169.254","dport":80,"protocol":"IPPROTO_TCP"}}],"action":"KPROBE_ACTION_SIGKILL""#,
            A::ImdsAccess,
            O::Killed,
            C::Tetragon,
            M::Enforcing,
        ),
        (
            "process_kprobe",
            r#","function_name":"tcp_connect","args":[{"sock_arg":{"daddr":"10.9.9.9","dport":80}}],"action":"KPROBE_ACTION_SIGKILL","policy_mode":"TP_MODE_MONITOR""#,
            A::NetConnect,
            O::WouldDeny,
            C::Tetragon,
            M::Monitor,
        ),
        ("process_throttle", r#","type":"THROTTLE_START""#, A::TelemetryGap, O::Unknown, C::None, M::Unknown),
        ("process_exit", "", A::Exit, O::Allowed, C::None, M::Unknown),
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
