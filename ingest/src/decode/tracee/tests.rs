use offbound_schemas::vocabulary::{Action, HostControl, Outcome};

use super::FORMAT;
use crate::decode::trial::{check_sample, run, run_in};
use crate::decode::{Envelope, Verdict};

/// Scenario: the sample. Guarantees: it is recognised and decoded, and its pod is placed.
#[test]
fn sample_decodes() {
    check_sample(&FORMAT);
    let (_, rows) = run(&FORMAT, &[FORMAT.sample, FORMAT.sample]);
    assert_eq!((rows.host_events.len(), rows.placements.len()), (2, 1), "stated once");
    let place = &rows.placements[0];
    assert_eq!((place.host.as_deref(), place.pod.as_deref()), (Some("n1"), Some("web-7")));
    assert!(place.container_ids.is_empty(), "a cut id names no container for ever");
}

/// Scenario: what processes in containers, with and without a pod, and on the host are told as the name of their host, with
/// and without an envelope (`HostName` is `UtsName` of the task, 16 bytes: `pkg/ebpf/events_pipeline.go`, Tracee 0.9 to 0.23).
/// Guarantees: a container's own name is no node; a name that was cut is told in full where the envelope knows it.
#[test]
fn names_of_hosts() {
    let long = "pool-1-of-the-shop-a1b2c3";
    for (name, container, pod, envelope, expected) in [
        ("n9", "", "", None, Some("n9")),
        ("web-7", "c0ffee", "web-7", None, None),
        ("web-7", "c0ffee", "web-7", Some("n1"), Some("n1")),
        ("web-7d4f5c6b9-x2", "c0ffee", "web-7d4f5c6b9-x2abc", None, None),
        ("n1", "c0ffee", "agent-x2x9z", None, Some("n1")),
        ("c0ffee", "c0ffee", "", Some("n1"), Some("n1")),
        ("c0ffee", "c0ffee", "", None, None),
        ("pool-1-of-the-s", "", "", Some(long), Some(long)),
    ] {
        let line = flat("openat", 3, "")
            .replace(r#""hostName":"n9""#, &format!(r#""hostName":"{}""#, crate::decode::cut(name, 15)))
            .replace(
                r#""containerId":"","podName":"""#,
                &format!(r#""containerId":"{container}","podName":"{pod}""#),
            );
        let envelope = Envelope { host: envelope.map(Into::into), ..Envelope::default() };
        let (_, rows) = run_in(&FORMAT, &[&line], &envelope);
        assert_eq!(rows.host_events[0].host.as_deref(), expected, "{line}");
    }
}

/// Scenario: a question for a name and a request, with the packet's ends in an argument of their own (Tracee 0.11 and
/// later). Guarantees: the name and both ends are read, and no connection is made of them.
#[test]
fn packets() {
    let packet = arg(
        "metadata",
        r#"{"src_ip":"10.1.0.7","dst_ip":"10.2.0.10","src_port":4000,"dst_port":53,"protocol":17}"#,
    );
    for (event, argument, name) in [
        (
            "net_packet_dns_request",
            arg("dns_questions", r#"[{"query":"a.example","query_type":"A"}]"#),
            "a.example",
        ),
        (
            "net_packet_http_request",
            arg("http_request", r#"{"method":"GET","host":"b.example"}"#),
            "b.example",
        ),
    ] {
        let (_, rows) = run(&FORMAT, &[&flat(event, 0, &format!("{packet},{argument}"))]);
        let row = &rows.host_events[0];
        assert_eq!((row.action, row.dst_host.as_deref()), (Action::Other, Some(name)));
        assert_eq!((row.src_addr.as_deref(), row.src_port), (Some("10.1.0.7"), Some(4000)));
        assert_eq!((row.dst_addr.as_deref(), row.dst_port), (Some("10.2.0.10"), Some(53)));
    }
}

fn flat(event: &str, returned: i64, args: &str) -> String {
    format!(
        r#"{{"timestamp":1927944306000000001,"threadStartTime":620311624458929,"processId":3,"threadId":3,"hostProcessId":4003,"hostThreadId":4003,"hostParentProcessId":4001,"userId":5,"processName":"x","hostName":"n9","containerId":"","podName":"","eventName":"{event}","returnValue":{returned},"syscall":"{event}","args":[{args}]}}"#
    )
}

fn arg(name: &str, value: &str) -> String {
    format!(r#"{{"name":"{name}","type":"t","value":{value}}}"#)
}

/// Scenario: calls, hooks and network events of the flat generation. Guarantees: a call's result is its outcome, a
/// hook is only attempted, and no control is made up.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases, one check")]
fn flat_events() {
    use {Action as A, HostControl as C, Outcome as O};
    let path = |text: &str| arg("pathname", &format!("\"{text}\""));
    let cases = [
        (
            "openat",
            3,
            format!("{},{}", path("/etc/shadow"), arg("flags", "\"O_RDONLY\"")),
            A::CredRead,
            O::Allowed,
            C::None,
        ),
        (
            "openat",
            -13,
            format!("{},{}", path("/etc/shadow"), arg("flags", "0")),
            A::CredRead,
            O::Failed,
            C::Unknown,
        ),
        ("openat", -2, format!("{},{}", path("/x"), arg("flags", "577")), A::FileWrite, O::Failed, C::None),
        (
            "security_file_open",
            0,
            format!("{},{}", path("/x"), arg("flags", "\"O_WRONLY|O_LARGEFILE\"")),
            A::FileWrite,
            O::Attempted,
            C::None,
        ),
        ("vfs_read", 17, path(""), A::Other, O::Attempted, C::None),
        ("clone", 12, arg("flags", "\"CLONE_VM\""), A::Other, O::Allowed, C::None),
        (
            "ptrace",
            0,
            format!("{},{}", arg("request", "\"PTRACE_ATTACH\""), arg("pid", "77")),
            A::Ptrace,
            O::Allowed,
            C::None,
        ),
        (
            "connect",
            -115,
            arg("addr", r#"{"sa_family":"AF_INET","sin_addr":"169.254.169.254","sin_port":"80"}"#),
            A::ImdsAccess,
            O::Attempted,
            C::None,
        ),
        (
            "security_socket_connect",
            0,
            arg("remote_addr", r#"{"sa_family":"AF_UNIX","sun_path":"/run/spire/sockets/agent.sock"}"#),
            A::CredRead,
            O::Attempted,
            C::None,
        ),
        (
            "net_packet_tcp",
            0,
            format!("{},{}", arg("dst", "\"10.1.0.9\""), arg("dst_port", "443")),
            A::Other,
            O::Unknown,
            C::None,
        ),
        (
            "net_flow_tcp_begin",
            0,
            format!("{},{}", arg("dst", "\"10.1.0.9\""), arg("dst_port", "443")),
            A::NetConnect,
            O::Attempted,
            C::None,
        ),
        ("cap_capable", 0, arg("cap", "\"CAP_SYS_ADMIN\""), A::CapUse, O::Attempted, C::None),
        ("made_up", 0, String::new(), A::Other, O::Allowed, C::None),
    ];
    for (event, returned, args, action, outcome, control) in cases {
        let (verdicts, rows) = run(&FORMAT, &[&flat(event, returned, &args)]);
        assert_eq!(verdicts, [Verdict::Decoded], "{event}");
        let row = &rows.host_events[0];
        assert_eq!((row.action, row.outcome, row.control), (action, outcome, control), "{event} {args}");
        assert_eq!((row.pid, row.parent_pid), (Some(4003), Some(4001)), "only the host's pids");
        assert_eq!(row.process_start, None, "a start since boot is no time of day");
        assert_eq!(
            (row.rule.as_deref(), row.pod.as_deref(), row.container_id.as_deref()),
            (None, None, None)
        );
    }
}

/// Scenario: an execution with its arguments, and one that a loader began. Guarantees: arguments one by one.
#[test]
fn executions() {
    let args = format!("{},{}", arg("pathname", "\"/bin/ls\""), arg("argv", r#"["ls","-l"]"#));
    let (_, rows) = run(
        &FORMAT,
        &[&flat("sched_process_exec", 0, &args), &flat("execve", -13, &args), &flat("execve", 0, &args)],
    );
    let done = &rows.host_events[0];
    assert_eq!(rows.host_events[2].exe.as_deref(), Some("/bin/ls"), "it runs what it executed");
    assert_eq!(
        (done.action, done.outcome, done.exe.as_deref()),
        (Action::Exec, Outcome::Allowed, Some("/bin/ls"))
    );
    assert_eq!(done.args, ["ls", "-l"]);
    let refused = &rows.host_events[1];
    assert_eq!(
        (refused.outcome, refused.target_path.as_deref(), refused.exe.as_deref()),
        (Outcome::Failed, Some("/bin/ls"), None)
    );
}

/// Scenario: a detection of either generation. Guarantees: rule, severity and technique are named.
#[test]
fn detections() {
    let old = r#"{"timestamp":1927944306000000001,"hostProcessId":4003,"hostName":"n9","processName":"x","eventName":"new_exec","args":[],"metadata":{"Description":"d","Properties":{"Severity":3,"signatureName":"New executable","external_id":"T1036"}}}"#;
    let new = r#"{"timestamp":"2031-02-03T04:05:06Z","name":"fileless","workload":{"process":{"hostPid":9,"pid":4}},"threat":{"name":"Fileless","severity":"HIGH","mitre":{"technique":{"id":"T1620"}}},"data":[]}"#;
    let (verdicts, rows) = run(&FORMAT, &[old, new]);
    assert_eq!(verdicts, [Verdict::Decoded, Verdict::Decoded]);
    let said: Vec<_> = rows
        .host_events
        .iter()
        .map(|row| (row.rule.as_deref(), row.priority.as_deref(), row.attack.join(","), row.pid))
        .collect();
    assert_eq!(
        said,
        [
            (Some("New executable"), Some("high"), "T1036".to_owned(), Some(4003)),
            (Some("Fileless"), Some("high"), "T1620".to_owned(), Some(9)),
        ]
    );
}

/// Scenario: the nested generation with wrapped numbers. Guarantees: the pid inside the container is not taken for the
/// host's; of the first thread the host's number is the process's.
#[test]
fn nested_events() {
    let event = |process: &str| {
        format!(
            r#"{{"timestamp":{{"seconds":"1927944306","nanos":7}},"name":"openat","workload":{{"process":{process},"container":{{"id":"AB"}},"k8s":{{"pod":{{"name":"web","uid":"u-1"}},"namespace":{{"name":"shop"}}}}}},"data":[{{"name":"pathname","str":"/etc/shadow"}},{{"name":"flags","str":"O_RDONLY"}},{{"name":"returnValue","int32":-13}}]}}"#
        )
    };
    for (process, pid) in [
        (r#"{"host_pid":{"value":4003},"pid":{"value":3}}"#, Some(4003)),
        (r#"{"pid":{"value":3},"thread":{"tid":{"value":3},"host_tid":{"value":4003}}}"#, Some(4003)),
        (r#"{"pid":{"value":3},"thread":{"tid":5,"host_tid":4005}}"#, None),
        (r#"{"pid":{"value":3}}"#, None),
    ] {
        let (verdicts, rows) = run(&FORMAT, &[&event(process)]);
        assert_eq!(verdicts, [Verdict::Decoded], "{process}");
        let row = &rows.host_events[0];
        assert_eq!(row.pid, pid, "{process}");
        assert_eq!((row.action, row.outcome, row.errno), (Action::CredRead, Outcome::Failed, Some(13)));
        assert_eq!((row.container_id.as_deref(), row.namespace.as_deref()), (Some("ab"), Some("shop")));
        assert_eq!(row.event_time.to_string(), "2031-02-04T04:05:06.000000007Z");
    }
}

/// Scenario: an event whose clock counts from boot, alone and in an envelope with a time. Guarantees: refused, or read
/// at the envelope's time.
#[test]
fn clocks_from_boot() {
    let line =
        r#"{"timestamp":6114008072805,"hostProcessId":4,"processName":"x","eventName":"close","args":[]}"#;
    let (verdicts, _) = run(&FORMAT, &[line]);
    assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"), "{verdicts:?}");
    let time = offbound_schemas::EventTime::parse("2031-02-03T04:05:06Z").ok();
    let (_, rows) = run_in(&FORMAT, &[line], &Envelope { time, ..Envelope::default() });
    assert_eq!(rows.host_events.first().map(|row| row.event_time), time);
}
