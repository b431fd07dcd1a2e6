//! What a sensor that also stops things is believed: Tetragon's kills and overridden results, end to end.
//!
//! In: an export in which a shell under a server reads its pod's token, with what the policy did about it, and an audit log of
//! somebody else. Out: the verdict on the host layer. Owns: which words of an event prove that something was stopped.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::schema::check_ndjson;
use crate::{out, run, said, scratch};

const ENVIRONMENT: &str = r#"version = 1
[realm.prod]
cidrs = ["10.1.0.0/16"]
environment = "prod"
[[egress]]
realm = "prod"
from = ["10.1.0.0/16"]
seen_as = []
[[workload]]
id = "system:serviceaccount:shop:web"
baseline = ["lsm", "credential-confidentiality"]
credential_readers = ["/usr/bin/java"]
"#;

const TOKEN: &str = "/run/secrets/kubernetes.io/serviceaccount/token";

/// A moment of the day, by hours and minutes.
fn clock(minutes: u32, secs: u32) -> String {
    format!("2026-03-02T{:02}:{:02}:{secs:02}.000000000Z", minutes / 60, minutes % 60)
}

/// A process of the pod; its id is that of no real process.
fn process(pid: u32, binary: &str, start: &str) -> Value {
    json!({
        "exec_id": format!("bjE6{pid}"), "pid": pid, "uid": 1000, "cwd": "/", "binary": binary, "start_time": start,
        "auid": 4_294_967_295_u32, "tid": pid, "flags": "execve clone",
        "pod": {
            "namespace": "shop", "name": "web-7", "uid": "38cbf9ed-8b73-41e4-a594-34fe2a84dbb7",
            "container": {
                "id": "containerd://f9afbdfaa9037493e447d05335e06451bc9c4d31cb4dead0dc65b6ffb7027306", "name": "web", "pid": 1,
            },
            "workload": "web", "workload_kind": "Deployment",
        },
    })
}

fn event(kind: &str, of: Value, (minutes, secs): (u32, u32)) -> String {
    json!({ kind: of, "node_name": "n1", "time": clock(minutes, secs) }).to_string()
}

/// An hour of the node, in the middle of which a server's shell starts `cat`, which reads the token.
fn tetragon(policy: &Value) -> String {
    let (server, shell) =
        (process(7, "/usr/bin/java", &clock(480, 0)), process(8, "/bin/sh", &clock(600, 0)));
    let cat = process(9, "/bin/cat", &clock(600, 1));
    let exec = |child: &Value, parent: &Value| json!({ "process": child, "parent": parent });
    let mut lines: Vec<String> = (560..640)
        .step_by(5)
        .map(|at| {
            event("process_exec", exec(&process(1000 + at, "/bin/probe", &clock(at, 0)), &server), (at, 0))
        })
        .collect();
    lines.push(event("process_exec", exec(&shell, &server), (600, 0)));
    lines.push(event("process_exec", exec(&cat, &shell), (600, 1)));
    let mut read = json!({
        "process": cat, "parent": shell, "function_name": "security_file_permission", "policy_name": "tokens",
        "args": [{ "file_arg": { "path": TOKEN } }, { "int_arg": 4 }],
    });
    for (key, value) in policy.as_object().expect("a policy is an object") {
        read[key] = value.clone();
    }
    lines.push(event("process_kprobe", read, (600, 2)));
    lines.join("\n") + "\n"
}

/// An hour in which another workload asks the API server for what it always asks for.
fn audit() -> String {
    let line = |at: u32| {
        let time = clock(at, 30);
        let told = json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "stage": "ResponseComplete",
            "auditID": format!("6d4e2408-0977-4d51-808d-{at:012}"), "requestURI": "/api/v1/namespaces/shop/configmaps/catalog",
            "verb": "get", "user": { "username": "system:serviceaccount:shop:catalog" }, "sourceIPs": ["10.1.0.21"],
            "objectRef": { "resource": "configmaps", "namespace": "shop", "name": "catalog", "apiVersion": "v1" },
            "responseStatus": { "code": 200 }, "requestReceivedTimestamp": time, "stageTimestamp": time,
            "annotations": { "authorization.k8s.io/decision": "allow" },
        });
        told.to_string() + "\n"
    };
    (560..640).map(line).collect()
}

/// The only incident of such a day.
fn incident(folder: &Path, policy: &Value) -> Value {
    fs::write(folder.join("tetragon.ndjson"), tetragon(policy)).expect("writable");
    fs::write(folder.join("k8s-audit.log"), audit()).expect("writable");
    fs::write(folder.join("environment.toml"), ENVIRONMENT).expect("writable");
    let output = run(folder, &["replay", "--quiet", ".", "--format", "ndjson"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let records = check_ndjson(&out(&output));
    let mut incidents = records.into_iter().filter(|record| record["type"] == "incident");
    let found = incidents.next().expect("there is an incident");
    assert!(incidents.next().is_none(), "there is no other");
    found
}

/// Scenario: a policy kills the reader, or overrides the result of the hook: in force, set to watch, and where the event does
/// not say which; or it only reports. Guarantees: the host layer held where it is known that the act was stopped, did not where
/// it is known to have gone through, and nobody claims either where the event names no more than what the policy would do.
#[test]
fn kills_count_where_they_happened() {
    let done = |action: &str, more: Value| {
        let mut policy = json!({ "action": format!("KPROBE_ACTION_{action}") });
        for (key, value) in more.as_object().expect("more is an object") {
            policy[key] = value.clone();
        }
        policy
    };
    let returned = |code: i64| json!({ "return": { "int_arg": code } });
    let mode = |mode: &str| json!({ "policy_mode": format!("TP_MODE_{mode}") });
    let (held, watched) = (("held", "contained_by_host", true), ("not_enforced", "not_contained", false));
    let unknown = ("blind", "unknown", false);
    for (policy, (verdict, outcome, is_proven)) in [
        (done("SIGKILL", mode("ENFORCE")), held),
        (done("OVERRIDE", returned(-1)), held),
        (done("OVERRIDE", mode("ENFORCE")), held),
        (done("SIGKILL", mode("MONITOR")), watched),
        (done("OVERRIDE", returned(0)), watched),
        (done("OVERRIDE", mode("MONITOR")), watched),
        (done("SIGKILL", json!({})), unknown),
        (done("SIGKILL", returned(0)), unknown),
        (done("OVERRIDE", json!({})), unknown),
        (done("POST", returned(0)), ("bypassed", "not_contained", false)),
    ] {
        let folder = scratch();
        let incident = incident(folder.path(), &policy);
        let reason = incident["reason"].as_str().unwrap_or_default();
        assert_eq!(incident["host_layer"]["verdict"], verdict, "{policy}: {reason}");
        assert_eq!(incident["outcome"], outcome, "{policy}: {reason}");
        assert_eq!(incident["strength"] == "proven", is_proven, "{policy}: {reason}");
        assert_eq!(reason.contains("tetragon (enforcing)"), is_proven, "{policy}: {reason}");
        assert_eq!(incident["contained_at"].is_string(), is_proven, "{policy}: {reason}");
        assert!(!reason.contains(".ndjson"), "{policy}: {reason}");
    }
}
