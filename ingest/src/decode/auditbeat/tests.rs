use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, Attribution, ControlMode, HostControl, Outcome};
use serde_json::{Value, json};

use super::FORMAT;
use crate::decode::Verdict;
use crate::decode::trial::{check_sample, run, sniff};

/// Scenario: the sample. Guarantees: it is recognised and decoded.
#[test]
fn sample_decodes() {
    check_sample(&FORMAT);
}

fn lone(json: &Value) -> HostEvent {
    let text = json.to_string();
    let (verdicts, mut rows) = run(&FORMAT, &[&text]);
    assert_eq!((verdicts.as_slice(), rows.len()), ([Verdict::Decoded].as_slice(), 1), "{text}");
    rows.host_events.remove(0)
}

fn document(kind: &str, result: &str, data: Value) -> Value {
    json!({"@timestamp": "2031-02-03T04:06:40.123Z", "host": {"name": "n7"}, "event": {"module": "auditd"},
        "auditd": {"sequence": 9, "session": "3", "result": result, "message_type": kind, "data": data},
        "process": {"pid": 41, "parent": {"pid": 40}, "name": "a", "executable": "/bin/a", "working_directory": "/srv"},
        "user": {"id": "7", "effective": {"id": "0"}, "audit": {"id": "unset"}}})
}

/// Scenario: labels as the collector cuts them (go-libaudit 2.5, `parseSELinuxContext`), with and without categories, and
/// AppArmor's, which has no colon. Guarantees: the whole label again.
#[test]
fn labels_are_whole() {
    for (parts, expected) in [
        (
            json!({"user": "u", "role": "r", "domain": "t", "level": "s0", "category": "c4,c808"}),
            Some("u:r:t:s0:c4,c808"),
        ),
        (
            json!({"user": "u", "role": "r", "domain": "t", "level": "s0-s0", "category": "c0.c1023"}),
            Some("u:r:t:s0-s0:c0.c1023"),
        ),
        (json!({"user": "u", "role": "r", "domain": "t"}), Some("u:r:t")),
        (json!({"user": "docker-default"}), Some("docker-default")),
        (json!({}), None),
    ] {
        let mut json = document("syscall", "success", json!({"arch": "x86_64", "syscall": "getpid"}));
        json["user"]["selinux"] = parts;
        assert_eq!(lone(&json).label.as_deref(), expected);
    }
}

/// Scenario: calls and statements as the collector puts them together. Guarantees: act, outcome, control and mode are those
/// of the kernel's records.
#[test]
fn events() {
    use {Action as A, ControlMode as M, HostControl as C, Outcome as O};
    let call = |name: &str, result: &str, more: Value| {
        let mut data = json!({"arch": "x86_64", "syscall": name});
        for (key, value) in more.as_object().into_iter().flatten() {
            data[key] = value.clone();
        }
        document("syscall", result, data)
    };
    let avc = json!({"arch": "x86_64", "syscall": "openat", "exit": "EACCES", "seresult": "denied", "seperms": "read,open", "scontext": "u:r:t:s0:c1,c2", "tcontext": "u:r:o", "tclass": "file", "permissive": "0"});
    let armor = json!({"apparmor": "ALLOWED", "operation": "open", "profile": "p", "name": "/etc/shadow", "denied_mask": "r"});
    let cases = [
        (call("execve", "success", json!({"exit": "0"})), A::Exec, O::Allowed, C::None, M::Unknown),
        (
            call("openat", "fail", json!({"exit": "EACCES", "a2": "0"})),
            A::FileRead,
            O::Failed,
            C::Unknown,
            M::Unknown,
        ),
        (call("execve", "fail", json!({"exit": "-2"})), A::Exec, O::Failed, C::None, M::Unknown),
        (
            call(
                "connect",
                "fail",
                json!({"exit": "EINPROGRESS", "socket": {"family": "ipv4", "addr": "169.254.169.254", "port": "80"}}),
            ),
            A::ImdsAccess,
            O::Attempted,
            C::None,
            M::Unknown,
        ),
        (document("avc", "fail", avc), A::FileRead, O::Denied, C::SeLinux, M::Enforcing),
        (document("avc", "success", armor), A::CredRead, O::WouldDeny, C::AppArmor, M::Complain),
        (
            document(
                "seccomp",
                "",
                json!({"arch": "x86_64", "syscall": "mount", "code": "0x7ffc0000", "sig": "0"}),
            ),
            A::NsChange,
            O::WouldDeny,
            C::Seccomp,
            M::Monitor,
        ),
        (
            document("user_login", "fail", json!({"op": "login", "acct": "eve"})),
            A::Other,
            O::Failed,
            C::None,
            M::Unknown,
        ),
    ];
    for (json, action, outcome, control, mode) in cases {
        let row = lone(&json);
        assert_eq!(
            (row.action, row.outcome, row.control, row.mode),
            (action, outcome, control, mode),
            "{json}"
        );
        assert_eq!((row.pid, row.uid, row.auid, row.host.as_deref()), (Some(41), Some(7), None, Some("n7")));
        assert_eq!(row.native_id.as_deref(), Some("1927858000.123:9"), "{json}");
    }
}

/// Scenario: arguments, paths and names of users in the layouts of several versions. Guarantees: the same columns; a
/// list of arguments that is too short is none.
#[test]
fn layouts() {
    let mut new = document("syscall", "success", json!({"arch": "x86_64", "syscall": "execve", "argc": "2"}));
    new["process"]["args"] = json!(["cat", "x y"]);
    new["auditd"]["paths"] = json!([{"item": "0", "name": "bin/cat", "nametype": "NORMAL"}]);
    new["tags"] = json!(["exec", "root"]);
    let row = lone(&new);
    assert_eq!(
        (row.args.as_slice(), row.target_path.as_deref()),
        (["cat".to_owned(), "x y".to_owned()].as_slice(), Some("/srv/bin/cat"))
    );
    assert_eq!((row.rule.as_deref(), row.cwd.as_deref()), (Some("exec,root"), Some("/srv")));
    new["auditd"]["data"]["argc"] = json!("3");
    assert!(lone(&new).args.is_empty());
    let old = json!({"@timestamp": "2031-02-03T04:06:40.123Z", "beat": {"hostname": "n7"}, "event": {"module": "auditd", "type": "syscall"},
        "auditd": {"sequence": 9, "session": "unset", "result": "success", "data": {"arch": "x86_64", "syscall": "accept", "socket": {"family": "unix", "path": "/run/x"}}},
        "process": {"exe": "/bin/a", "name": "a", "pid": "41", "ppid": "40"}, "user": {"auid": "unset", "uid": "7", "euid": "0"}});
    let row = lone(&old);
    assert_eq!((row.exe.as_deref(), row.pid, row.parent_pid), (Some("/bin/a"), Some(41), Some(40)));
    assert_eq!(
        (row.uid, row.euid, row.session_id, row.host.as_deref()),
        (Some(7), Some(0), None, Some("n7"))
    );
}

/// Scenario: a document that keeps the raw records, and one that names container and pod. Guarantees: the raw records are
/// believed; a pod without its container is the collector's own.
#[test]
fn originals_and_containers() {
    let mut json = document("syscall", "success", json!({"arch": "x86_64", "syscall": "execve"}));
    json["event"]["original"] = json!([
        "type=SYSCALL msg=audit(1927858000.123:9): arch=c000003e syscall=39 success=yes exit=0 pid=77",
        "type=CWD msg=audit(1927858000.123:9): cwd=\"/x\""
    ]);
    let row = lone(&json);
    assert_eq!((row.pid, row.syscall.as_deref(), row.cwd.as_deref()), (Some(77), Some("getpid"), Some("/x")));
    let mut json = document("syscall", "success", json!({"arch": "x86_64", "syscall": "execve"}));
    json["kubernetes"] = json!({"namespace": "shop", "pod": {"name": "web-0", "uid": "u"}});
    let row = lone(&json);
    assert_eq!((row.pod, row.attribution), (None, Attribution::None));
    json["container"] = json!({"id": "001122334455", "image": {"name": "web:1"}});
    let row = lone(&json);
    assert_eq!(
        (row.pod.as_deref(), row.namespace.as_deref(), row.attribution),
        (Some("web-0"), Some("shop"), Attribution::Direct)
    );
    assert_eq!((row.container_id.as_deref(), row.image.as_deref()), (Some("001122334455"), Some("web:1")));
}

/// Scenario: documents of other modules, and without time. Guarantees: not recognised; refused with the reason.
#[test]
fn others() {
    assert_eq!(
        sniff(
            &FORMAT,
            r#"{"@timestamp":"2031-02-03T04:06:40Z","event":{"module":"file_integrity"},"file":{}}"#
        ),
        0
    );
    let (verdicts, _) = run(&FORMAT, &[r#"{"auditd":{"sequence":9,"data":{}}}"#]);
    assert!(
        matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "missing-field"),
        "{verdicts:?}"
    );
}
