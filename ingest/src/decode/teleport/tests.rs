//! Tests of the Teleport decoder, on made-up events.

use offbound_schemas::EventTime;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{Action, AddrQuality, Decision, IdKind, Outcome, Phase};
use serde_json::{Value, json};

use super::super::trial;
use super::*;

fn decode(event: &Value) -> EventRows {
    let (verdicts, rows) = trial::run(&FORMAT, &[&event.to_string()]);
    assert_eq!(verdicts, [Verdict::Decoded], "{event}");
    rows
}

fn event(name: &str, code: &str, more: Value) -> Value {
    let mut event = json!({"event": name, "code": code, "uid": "u1", "time": "2026-03-01T10:00:00Z", "cluster_name": "tele.example"});
    for (key, value) in more.as_object().expect("more fields are an object") {
        event[key] = value.clone();
    }
    event
}

fn one(name: &str, code: &str, more: Value) -> IdentityAssertion {
    decode(&event(name, code, more)).identity_assertions.remove(0)
}

/// Scenario: the sample, a bot that joins from a pod. Guarantees: bot instance, pod, address and vouching issuer are read.
#[test]
fn a_bot_joins() {
    trial::check_sample(&FORMAT);
    let (_, rows) = trial::run(&FORMAT, &[FORMAT.sample]);
    let row = &rows.identity_assertions[0];
    assert_eq!((row.phase, row.decision), (Phase::Attest, Decision::Allow));
    assert_eq!(row.credential_id.as_deref(), Some("9c0f6a52-1f0e-4a3d-8d25-7c1c7a5f0b11"));
    assert_eq!(
        (row.subject.as_deref(), row.presenter.as_deref()),
        (Some("bot-deployer"), Some("system:serviceaccount:shop:web"))
    );
    assert_eq!((row.bound_pod.as_deref(), row.bound_namespace.as_deref()), (Some("web-7"), Some("shop")));
    assert_eq!(row.issuer.as_deref(), Some("https://kubernetes.default.svc.cluster.local"));
    assert_eq!(
        (row.src_addr.as_deref(), row.src_port, row.addr_quality),
        (Some("10.1.0.7"), Some(41000), AddrQuality::Direct)
    );
}

/// Scenario: joins from a pipeline (bare claims), from an EC2 instance by role, and one that is refused. Guarantees: the
/// pipeline's subject, the instance, the refusal.
#[test]
fn joins_of_other_platforms() {
    let row = one(
        "bot.join",
        "TJ001I",
        json!({"success": true, "bot_name": "ci", "method": "github",
        "attributes": {"iss": "https://token.actions.githubusercontent.com", "sub": "repo:example/shop:ref:refs/heads/main", "jti": "j1"}}),
    );
    assert_eq!(row.presenter.as_deref(), Some("repo:example/shop:ref:refs/heads/main"));
    assert_eq!((row.subject.as_deref(), row.parent_id.as_deref()), (Some("ci"), Some("JTI=j1")));
    let row = one(
        "instance.join",
        "TJ002I",
        json!({"success": true, "host_id": "h-1", "node_name": "n1", "method": "iam",
        "attributes": {"account": "111122223333", "arn": "arn:aws:sts::111122223333:assumed-role/node/i-0aaaaaaaaaaaaaaa1"}}),
    );
    assert_eq!(
        (row.bound_instance.as_deref(), row.account.as_deref()),
        (Some("i-0aaaaaaaaaaaaaaa1"), Some("111122223333"))
    );
    assert_eq!((row.subject.as_deref(), row.bound_host.as_deref()), (Some("h-1"), Some("n1")));
    let row = one(
        "bot.join",
        "TJ001E",
        json!({"success": false, "error": "token expired", "addr_remote": "10.1.0.9:5"}),
    );
    assert_eq!(
        (row.decision, row.reason.as_deref(), row.src_addr.as_deref()),
        (Decision::Deny, Some("token expired"), Some("10.1.0.9"))
    );
}

/// Scenario: a certificate for a bot that another user impersonates. Guarantees: no invented id; parent, expiry and
/// presenter; "0001" is no time.
#[test]
fn a_certificate() {
    let row = one(
        "cert.create",
        "TC000I",
        json!({"cert_type": "user", "identity": {"user": "app", "impersonator": "bot-app",
        "expires": "2026-03-01T11:00:00Z", "prev_identity_expires": "0001-01-01T00:00:00Z", "client_ip": "10.1.0.7",
        "bot_instance_id": "b1", "kubernetes_cluster": "c1", "kubernetes_groups": ["app"]}}),
    );
    assert_eq!(
        (row.phase, row.subject.as_deref(), row.presenter.as_deref()),
        (Phase::Issue, Some("app"), Some("bot-app"))
    );
    assert_eq!((row.credential_id, row.id_kind, row.parent_id.as_deref()), (None, IdKind::None, Some("b1")));
    assert_eq!(row.exp, EventTime::parse("2026-03-01T11:00:00Z").ok());
    assert_eq!((row.dst.as_deref(), row.src_addr.as_deref()), (Some("c1"), Some("10.1.0.7")));
    assert!(row.unmapped.is_some_and(|text| text.contains("kubernetes_groups")));
    let row = one(
        "lock.created",
        "TLK00I",
        json!({"expires": "0001-01-01T00:00:00Z", "target": {"user": "bot-app"}, "updated_by": "admin"}),
    );
    assert_eq!(
        (row.phase, row.subject.as_deref(), row.presenter.as_deref()),
        (Phase::Revoke, Some("bot-app"), Some("admin"))
    );
    assert_eq!(row.resource.as_deref(), Some("user/bot-app"));
    let row = one(
        "lock.created",
        "TLK00I",
        json!({"lock": {"target": {"bot_instance_id": "b1"}}, "user": "system"}),
    );
    assert_eq!((row.credential_id.as_deref(), row.presenter.as_deref()), (Some("b1"), Some("system")));
    let row = one("cert.generation_mismatch", "TCB00W", json!({"user": "bot-app", "bot_instance_id": "b1"}));
    assert_eq!(
        (row.phase, row.decision, row.credential_id.as_deref()),
        (Phase::Present, Decision::Deny, Some("b1"))
    );
}

/// Scenario: workload identities. Guarantees: serials become lower hex without separators, tokens keep their id.
#[test]
fn svids() {
    let row = one(
        "spiffe.svid.issued",
        "TSPIFFE000I",
        json!({"user": "bot-app", "bot_instance_id": "b1", "svid_type": "x509",
        "spiffe_id": "spiffe://tele.example/web", "serial_number": "00:AB:01"}),
    );
    assert_eq!(
        (row.credential_id.as_deref(), row.subject.as_deref()),
        (Some("X509SERIAL=ab01"), Some("spiffe://tele.example/web"))
    );
    assert_eq!((row.presenter.as_deref(), row.parent_id.as_deref()), (Some("bot-app"), Some("b1")));
    let row = one(
        "spiffe.svid.issued",
        "TSPIFFE000I",
        json!({"svid_type": "jwt", "jti": "j", "audiences": ["a"], "spiffe_id": "spiffe://t/w"}),
    );
    assert_eq!((row.credential_id.as_deref(), row.audience), (Some("JTI=j"), vec!["a".to_owned()]));
    let row = one("spiffe.svid.issued", "TSPIFFE000I", json!({"svid_type": "x509", "serial_number": "zz"}));
    assert_eq!(row.credential_id, None);
}

/// Scenario: sessions with rewritten keys and lower-cased code, refused certificates, what a session did, its end.
/// Guarantees: uses with peer and host; refusals; host events with results; telemetry left out by name.
#[test]
fn sessions() {
    let row = one(
        "session.start",
        "t2000i",
        json!({"addr_remote": "192.0.2.1:35194", "login": "root", "server_hostname": "n1", "user": "ann"}),
    );
    assert_eq!((row.phase, row.decision, row.dst.as_deref()), (Phase::Present, Decision::Allow, Some("n1")));
    let row = one("user.login", "T1000I", json!({"addr.remote": "[10.1.0.7", "user": "ann"}));
    assert!(
        row.src_addr.is_none() && row.unmapped.is_some_and(|text| text.contains("[10.1.0.7")),
        "kept as it stands"
    );
    let row = one("auth", "T3007W", json!({"success": false, "error": "ssh: not in the set", "user": "ann"}));
    assert_eq!(row.decision, Decision::Deny);
    let seen = |name: &str, more: Value| decode(&event(name, "T4000I", more)).host_events.remove(0);
    let row = seen(
        "session.command",
        json!({"path": "/bin/sh", "program": "sh", "argv": ["-c", "id"], "pid": 7, "ppid": 6, "return_code": -13, "server_id": "s1"}),
    );
    assert_eq!((row.action, row.outcome, row.errno), (Action::Exec, Outcome::Failed, Some(13)));
    assert_eq!((row.cmd_line.as_deref(), row.host.as_deref()), (Some("/bin/sh -c id"), Some("s1")));
    let row = seen("session.disk", json!({"path": "/home/a/.aws/credentials", "flags": 0, "return_code": 3}));
    assert_eq!((row.action, row.outcome), (Action::CredRead, Outcome::Allowed));
    let row = seen(
        "session.network",
        json!({"src_addr": "10.1.0.7", "dst_addr": "169.254.169.254", "dst_port": 80}),
    );
    assert_eq!((row.action, row.dst_port), (Action::ImdsAccess, Some(80)));
    let (verdicts, _) = trial::run(&FORMAT, &[&event("session.end", "T2004I", json!({})).to_string()]);
    assert_eq!(verdicts, [Verdict::Skipped("session-telemetry")]);
}

/// Scenario: calls of a cluster and of an application through Teleport, which have one code whatever was answered; a database
/// that is refused and one that cannot be reached; codes of later families, and of other programs. Guarantees: what was answered
/// decides; a refusal is one by its words; events of Teleport are known by their number within the session.
#[test]
fn answers_behind_teleport() {
    let called = |code: u16| {
        let row = one(
            "kube.request",
            "T3009I",
            json!({"ei": 0, "request_path": "/api/v1/secrets", "verb": "GET", "response_code": code, "kubernetes_cluster": "prod", "user": "ann"}),
        );
        (row.decision, row.status)
    };
    assert_eq!(called(200), (Decision::Allow, Some(200)));
    assert_eq!(called(403), (Decision::Deny, Some(403)));
    assert_eq!(called(404), (Decision::Allow, Some(404)));
    assert_eq!(one("app.session.request", "T2009I", json!({"status_code": 401})).decision, Decision::Deny);
    let started =
        |error: &str| one("db.session.start", "TDB00W", json!({"success": false, "error": error})).decision;
    assert_eq!(started("access to db denied. User does not have permissions."), Decision::Deny);
    assert_eq!(started("dial tcp 10.1.0.9:5432: connect: connection refused"), Decision::Error);
    let later = event("workload_identity.create", "WID001I", json!({"ei": 0})).to_string();
    assert_eq!(trial::sniff(&FORMAT, &later), 92);
    let other = event("order.created", "SHOP01I", json!({})).to_string();
    assert_eq!(trial::sniff(&FORMAT, &other), 0);
}

/// Scenario: events without time, with a broken one, and JSON of other tools. Guarantees: refused by `no-time`; not recognised.
#[test]
fn others() {
    for time in [Value::Null, json!("2026-03-01T10:00:000Z")] {
        let (verdicts, rows) =
            trial::run(&FORMAT, &[&event("auth", "T3007W", json!({"time": time})).to_string()]);
        assert!(
            matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"),
            "{verdicts:?}"
        );
        assert!(rows.is_empty());
    }
    for text in [
        r#"{"event":"login","code":"OK","uid":1,"time":"t"}"#,
        r#"{"event":"a b","code":"T1000I","uid":1,"time":"t"}"#,
        r#"{"code":"T1000I"}"#,
    ] {
        assert_eq!(trial::sniff(&FORMAT, text), 0, "{text}");
    }
}
