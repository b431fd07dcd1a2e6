use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HostControl, Outcome};

use super::FORMAT;
use crate::decode::Verdict;
use crate::decode::trial::{check_sample, run};

/// Scenario: the sample. Guarantees: it is recognised and decoded; the policy names its enforcer.
#[test]
fn sample_decodes() {
    check_sample(&FORMAT);
    let (_, rows) = run(&FORMAT, &[FORMAT.sample]);
    let row = &rows.host_events[0];
    assert_eq!(row.policy.as_deref(), Some("no-package-tools (BPFLSM)"));
    assert_eq!((row.attack.as_slice(), row.pid), (&["T1072".to_owned()][..], Some(4121)));
    assert_eq!(row.event_time.to_string(), "2026-03-01T10:00:00.500000000Z", "the finer of two times");
}

/// Scenario: an alert as the daemon writes it to its own log. Guarantees: the row is the one that the relay's alert gives.
#[test]
fn the_daemons_own_log() {
    let line = r#"{"timestamp":1772359200,"updatedTime":"2026-03-01T10:00:00.500000Z","clusterName":"prod","hostName":"n1","namespaceName":"shop","owner":{"ref":"Deployment","name":"web","namespace":"shop"},"podName":"web-7","containerID":"c0ffee","hostPPid":4100,"hostPid":4121,"ppid":1,"pid":7,"uid":33,"parentProcessName":"/bin/bash","processName":"/usr/bin/apt","enforcer":"BPFLSM","policyName":"no-package-tools","severity":"5","atags":["T1072"],"type":"MatchedPolicy","source":"/bin/bash","operation":"Process","resource":"/usr/bin/apt update","cwd":"/","data":"syscall=SYS_EXECVE","action":"Block","result":"Permission denied"}"#;
    assert_eq!(crate::decode::trial::sniff(&FORMAT, line), 94);
    let row = run(&FORMAT, &[line]).1.host_events.remove(0);
    assert_eq!((row.outcome, row.control), (Outcome::Denied, HostControl::KubeArmor));
    assert_eq!((row.pid, row.parent_pid, row.uid), (Some(4121), Some(4100), Some(33)));
    assert_eq!(
        (row.host.as_deref(), row.pod.as_deref(), row.workload.as_deref()),
        (Some("n1"), Some("web-7"), Some("web"))
    );
    assert_eq!((row.action, row.attack.as_slice()), (Action::Exec, &["T1072".to_owned()][..]));
}

fn one(fields: &str) -> HostEvent {
    let line = format!(
        r#"{{"Timestamp":1927944306,"HostName":"n9","HostPID":4003.0,"PID":3,"Type":"MatchedPolicy","ProcessName":"/bin/x",{fields}}}"#
    );
    let (verdicts, mut rows) = run(&FORMAT, &[&line]);
    assert_eq!(verdicts, [Verdict::Decoded], "{line}");
    rows.host_events.remove(0)
}

/// Scenario: every combination of enforcer, action and result. Guarantees: only an enforcer's own policy is credited;
/// what was let through although a policy forbids it would have been denied.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases, one check")]
fn decisions() {
    use {ControlMode as M, HostControl as C, Outcome as O};
    let own = "own";
    let posture = "DefaultPosture";
    for (policy, enforcer, action, result, data, expected) in [
        (
            own,
            "AppArmor",
            "Block",
            "Permission denied",
            "syscall=SYS_OPENAT",
            (O::Denied, C::KubeArmor, M::Enforcing),
        ),
        (
            own,
            "BPFLSM",
            "Block",
            "Operation not permitted",
            "lsm=FILE_OPEN",
            (O::Denied, C::KubeArmor, M::Enforcing),
        ),
        (
            posture,
            "BPFLSM",
            "Block",
            "Permission denied",
            "lsm=FILE_OPEN",
            (O::Denied, C::KubeArmor, M::Enforcing),
        ),
        (
            posture,
            "AppArmor",
            "Block",
            "Permission denied",
            "syscall=SYS_OPENAT",
            (O::Denied, C::Unknown, M::Unknown),
        ),
        (
            own,
            "eBPF Monitor",
            "Block",
            "Passed",
            "syscall=SYS_OPENAT",
            (O::WouldDeny, C::KubeArmor, M::Monitor),
        ),
        (
            own,
            "eBPF Monitor",
            "Block",
            "Permission denied",
            "syscall=SYS_OPENAT",
            (O::Failed, C::Unknown, M::Unknown),
        ),
        (own, "eBPF Monitor", "Audit", "Passed", "syscall=SYS_OPENAT", (O::Allowed, C::None, M::Unknown)),
        (
            own,
            "eBPF Monitor",
            "Audit (Block)",
            "Passed",
            "syscall=SYS_OPENAT",
            (O::WouldDeny, C::KubeArmor, M::Monitor),
        ),
        (
            posture,
            "eBPF Monitor",
            "Audit",
            "Passed",
            "syscall=SYS_OPENAT",
            (O::WouldDeny, C::KubeArmor, M::Monitor),
        ),
        (own, "AppArmor", "Allow", "Passed", "syscall=SYS_OPENAT", (O::Allowed, C::None, M::Unknown)),
        (
            own,
            "AppArmor",
            "Block",
            "No such file or directory",
            "syscall=SYS_OPENAT",
            (O::Failed, C::None, M::Unknown),
        ),
    ] {
        let row = one(&format!(
            r#""Operation":"File","Resource":"/etc/hosts","PolicyName":"{policy}","Enforcer":"{enforcer}","Action":"{action}","Result":"{result}","Data":"{data}""#
        ));
        assert_eq!((row.outcome, row.control, row.mode), expected, "{policy} {enforcer} {action} {result}");
        assert_eq!(row.pid, Some(4003), "a float is a pid, and the container's pid is none");
    }
    let host = one(
        r#""Operation":"Syscall","PolicyName":"DefaultPosture","Enforcer":"BPFLSM","Action":"Block","Result":"Operation not permitted","Data":"syscall=SYS_SETUID userid=0""#,
    );
    assert_eq!((host.action, host.outcome, host.control), (Action::PrivChange, O::Failed, C::Unknown));
}

/// Scenario: resources of files, sockets and capabilities. Guarantees: target and action; a created socket reaches nobody.
#[test]
fn resources() {
    use Action as A;
    for (operation, resource, data, action) in [
        (
            "File",
            "/var/run/secrets/kubernetes.io/serviceaccount/token",
            "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY|O_CLOEXEC",
            A::CredRead,
        ),
        (
            "File",
            "/run/secrets/kubernetes.io/serviceaccount",
            "syscall=SYS_OPENAT flags=O_RDONLY|O_DIRECTORY",
            A::FileRead,
        ),
        ("File", "/etc/hosts", "syscall=SYS_UNLINKAT flags=", A::FileWrite),
        ("File", "/etc/hosts", "lsm=PATH_RENAME", A::FileWrite),
        (
            "Network",
            "sa_family=AF_INET sin_port=80 sin_addr=169.254.169.254",
            "syscall=SYS_CONNECT fd=3",
            A::ImdsAccess,
        ),
        (
            "Network",
            "sa_family=AF_INET sin_port=53 sin_addr=10.0.0.10",
            "syscall=SYS_CONNECT fd=3",
            A::NetConnect,
        ),
        (
            "Network",
            "remoteip=10.1.0.9 port=443 protocol=TCP",
            "kprobe=tcp_connect domain=AF_INET",
            A::NetConnect,
        ),
        ("Network", "remoteip=10.1.0.9 port=443 protocol=TCP", "kprobe=tcp_accept domain=AF_INET", A::Other),
        ("Network", "domain=AF_INET type=SOCK_DGRAM protocol=0", "syscall=SYS_SOCKET", A::Other),
        (
            "Network",
            "sa_family=AF_INET sin_port=8080 sin_addr=0.0.0.0",
            "syscall=SYS_BIND fd=3",
            A::NetListen,
        ),
        ("Process", "/bin/sh -c id", "syscall=SYS_EXECVE", A::Exec),
        (
            "NetworkFirewall",
            "EGRESS",
            "SourceIP=10.1.0.7 DestinationIP=10.1.0.9 DestinationPort=22 Protocol=TCP",
            A::NetConnect,
        ),
        (
            "NetworkFirewall",
            "INGRESS",
            "SourceIP=10.1.0.9 DestinationIP=10.1.0.7 DestinationPort=22 Protocol=TCP",
            A::Other,
        ),
        ("Capabilities", "CAP_NET_RAW", "lsm=CAPABLE", A::CapUse),
    ] {
        let row = one(&format!(
            r#""Operation":"{operation}","Resource":"{resource}","Data":"{data}","Source":"/bin/x -v","Result":"Passed""#
        ));
        assert_eq!(row.action, action, "{operation} {resource} {data}");
        assert_eq!(row.outcome, Outcome::Allowed);
    }
}

/// Scenario: an alert of documentation, which has no time. Guarantees: refused by name.
#[test]
fn timeless() {
    let (verdicts, _) = run(&FORMAT, &[r#"{"Type":"HostLog","Operation":"Process","Result":"Passed"}"#]);
    assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
}

/// Scenario: a call that a policy of calls watches, with the file that it acts on (KubeArmor 0.5 and later, `Operation`
/// `Syscall`). Guarantees: the file is the target.
#[test]
fn calls_have_targets() {
    let row = one(
        r#""Operation":"Syscall","Source":"/bin/x -v","Resource":"/etc/shadow","Data":"syscall=SYS_UNLINKAT","Result":"Passed""#,
    );
    assert_eq!((row.action, row.target_path.as_deref()), (Action::FileWrite, Some("/etc/shadow")));
    assert_eq!((row.target_is_credential, row.cmd_line.as_deref()), (true, Some("/bin/x -v")));
}
