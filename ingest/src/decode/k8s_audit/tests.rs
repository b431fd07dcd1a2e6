//! Tests of the Kubernetes audit decoder, on made-up records.

use offbound_schemas::table::Placement;
use serde_json::json;

use super::super::{Envelope, trial};
use super::*;
use crate::redact::{FingerprintKey, Redactor};

fn base() -> Value {
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": "a-1",
        "stage": "ResponseComplete", "requestURI": "/api/v1/x?limit=5", "verb": "list",
        "user": {"username": "system:serviceaccount:shop:web", "uid": "sa-uid"},
        "sourceIPs": ["10.1.0.7"], "objectRef": {"resource": "secrets", "namespace": "shop"},
        "responseStatus": {"code": 200}, "requestReceivedTimestamp": "2026-03-01T10:00:00Z",
        "stageTimestamp": "2026-03-01T10:00:05Z", "annotations": {"authorization.k8s.io/decision": "allow"}
    })
}

fn with(changes: Value) -> Value {
    let mut event = base();
    for (key, value) in changes.as_object().expect("changes are an object") {
        event[key] = value.clone();
    }
    event
}

fn decode(event: &Value) -> EventRows {
    let (verdicts, rows) = trial::run(&FORMAT, &[&event.to_string()]);
    assert_eq!(verdicts, [Verdict::Decoded], "{event}");
    rows
}

fn first(event: &Value) -> IdentityAssertion {
    decode(event).identity_assertions.remove(0)
}

fn moment(text: &str) -> Option<EventTime> {
    EventTime::parse(text).ok()
}

fn placement(changes: Value) -> Option<Placement> {
    decode(&with(changes)).placements.pop()
}

/// Scenario: the sample. Guarantees: it is recognised for sure, and binds its token to pod and node.
#[test]
fn the_sample() {
    trial::check_sample(&FORMAT);
    let event: Value = serde_json::from_str(FORMAT.sample).expect("the sample is JSON");
    let row = first(&event);
    assert_eq!(row.credential_id.as_deref(), Some("JTI=2b7d7c1e-84f3-4b0e-9c1d-3a5f6e7d8c90"));
    assert_eq!((row.bound_pod.as_deref(), row.bound_host.as_deref()), (Some("web-7"), Some("n1")));
    assert_eq!((row.action.as_deref(), row.resource.as_deref()), (Some("list secrets"), Some("shop/")));
}

/// Scenario: a client that forwards addresses and chooses the audit id. Guarantees: the last address is the peer's,
/// the others are claims in order, and both are marked.
#[test]
fn the_last_address_is_the_peer() {
    let row = first(&with(json!({"sourceIPs": ["10.1.0.7", "nonsense", "::ffff:10.9.0.4"]})));
    assert_eq!((row.src_addr.as_deref(), row.addr_quality), (Some("10.9.0.4"), AddrQuality::Direct));
    assert_eq!(row.addr_chain, ["10.1.0.7", "nonsense"]);
    assert_eq!(row.trust_flags, ["client-chosen-id", "forwarded-address", "no-binding"]);
    let row = first(&with(json!({"sourceIPs": ["10.1.0.7", "010.1.0.9"]})));
    assert_eq!((row.src_addr, row.addr_quality), (None, AddrQuality::None));
}

/// Scenario: the stages of one request. Guarantees: it counts once, also when it ended in a panic.
#[test]
fn a_request_counts_once() {
    for (stage, expected) in [
        ("RequestReceived", Verdict::Skipped("request-received")),
        ("ResponseStarted", Verdict::Skipped("response-started")),
        ("ResponseComplete", Verdict::Decoded),
        ("Panic", Verdict::Decoded),
    ] {
        let event = with(json!({"stage": stage})).to_string();
        assert_eq!(trial::run(&FORMAT, &[&event]).0, [expected], "{stage}");
    }
}

/// Scenario: every pairing of authorizer and answer. Guarantees: refusals are refusals, also by admission after the
/// authorizer allowed; other failures leave an allowed request allowed and say the code.
#[test]
fn decisions() {
    let decided = |decision: Option<&str>, code: Option<u16>| {
        let annotations =
            decision.map_or(json!({}), |decision| json!({"authorization.k8s.io/decision": decision}));
        let row = first(&with(json!({"annotations": annotations, "responseStatus": {"code": code}})));
        (row.decision, row.enforcement, row.reason)
    };
    let enforced = Enforcement::Enforced;
    assert_eq!(decided(Some("allow"), Some(200)), (Decision::Allow, enforced, None));
    assert_eq!(decided(Some("forbid"), Some(403)), (Decision::Deny, enforced, Some("code 403".to_owned())));
    assert_eq!(decided(Some("allow"), Some(403)).0, Decision::Deny);
    assert_eq!(decided(Some("allow"), Some(404)), (Decision::Allow, enforced, Some("code 404".to_owned())));
    assert_eq!(decided(None, Some(401)).0, Decision::Deny);
    assert_eq!(decided(None, Some(500)).0, Decision::Error);
    assert_eq!(decided(None, Some(201)).0, Decision::Allow);
    assert_eq!(decided(None, None), (Decision::None, Enforcement::Unknown, None));
}

/// Scenario: credentials of every kind, with keys as shippers rewrite them. Guarantees: id, kind and binding are read.
#[test]
fn credentials() {
    let of = |username: &str, extra: Value| {
        let row = first(&with(json!({"user": {"username": username, "extra": extra}})));
        (
            row.credential_id.unwrap_or_default(),
            row.credential_kind.unwrap_or_default(),
            row.bound_host.unwrap_or_default(),
        )
    };
    let expect = |id: &str, kind: &str, host: &str| (id.to_owned(), kind.to_owned(), host.to_owned());
    let rewritten = json!({"authentication_kubernetes_io_slash_credential-id": ["JTI=j1"],
        "Authentication.Kubernetes.IO/Node-Name": "n1"});
    assert_eq!(of("system:serviceaccount:shop:web", rewritten), expect("JTI=j1", "k8s-token", "n1"));
    let certificate = json!({"authentication.kubernetes.io/credential-id": ["X509SHA256=ABcd"]});
    assert_eq!(of("system:node:n2", certificate), expect("X509SHA256=abcd", "x509", "n2"));
    let forged = json!({"example.com/credential-id": ["JTI=forged"]});
    assert_eq!(of("alice", forged), expect("", "", ""));
    let aws = json!({"accessKeyId": ["ASIAEXAMPLE00000000A"], "sessionName": ["i-0aaaaaaaaaaaaaaa1"]});
    assert_eq!(of("aws-user", aws), expect("ASIAEXAMPLE00000000A", "aws-session", ""));
}

/// Scenario: late use of a token, a legacy token, impersonation. Guarantees: all are marked, both names are kept.
#[test]
fn remarks() {
    let row = first(&with(json!({"impersonatedUser": {"username": "bob"}, "annotations": {
        "authentication.k8s.io/stale-token": "subject: x, seconds after warning threshold: 60"}})));
    assert!(row.trust_flags.contains(&"stale-token".to_owned()));
    assert_eq!(
        (row.subject.as_deref(), row.on_behalf_of.as_deref()),
        (Some("system:serviceaccount:shop:web"), Some("bob"))
    );
    let row = first(&with(
        json!({"annotations": {"authentication.k8s.io/legacy-token": "system:serviceaccount:shop:web"}}),
    ));
    assert_eq!(row.credential_kind.as_deref(), Some("k8s-legacy-token"));
}

/// Scenario: wrappings of AKS and Elastic, and an event that a log service cut off. Guarantees: the same request is
/// read; what the cut took away is not made up.
#[test]
fn wrappings() {
    let aks = json!({"category": "kube-audit-admin", "resourceId": "/SUBSCRIPTIONS/S/MANAGEDCLUSTERS/SHOP",
        "properties": {"log": base().to_string()}});
    let row = first(&aks);
    assert_eq!((row.action.as_deref(), row.cluster.as_deref()), (Some("list secrets"), Some("shop")));
    let row = first(&json!({"kubernetes": {"audit": base()}, "@timestamp": "2026-03-01T10:00:00Z"}));
    assert_eq!(row.action.as_deref(), Some("list secrets"));
    let cut = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"ResponseComplete","verb":"create",
        "user":{"username":"alice"},"objectRef":{"resource":"pods","namespace":"shop","name":"web"},"responseStatus":{"code":201},
        "requestObject":{"metadata":{"name":"web","annotations":{"note":"a \"quoted, {text[Truncated..."#;
    let envelope = Envelope { time: moment("2026-03-01T10:00:00Z"), ..Envelope::default() };
    let (verdicts, rows) = trial::run_in(&FORMAT, &[cut], &envelope);
    assert_eq!(verdicts, [Verdict::Decoded]);
    assert!(trial::sniff(&FORMAT, cut) > 90);
    let row = &rows.identity_assertions[0];
    assert_eq!((row.subject.as_deref(), row.status), (Some("alice"), Some(201)));
    assert!(row.trust_flags.contains(&"truncated".to_owned()));
    assert!(
        matches!(trial::run(&FORMAT, &[cut]).0[0], Verdict::Rejected(_)),
        "without any time it cannot be placed"
    );
}

/// Scenario: an event of Google's managed clusters, refused, allowed, long-running, of a Google-internal caller.
/// Guarantees: the same columns as elsewhere; nothing is made up for what the entry leaves out.
#[test]
fn google_clusters() {
    let entry = json!({
        "insertId": "i-1", "timestamp": "2026-03-01T10:00:00Z", "operation": {"id": "op-1", "first": true, "last": true},
        "labels": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "RBAC"},
        "resource": {"type": "k8s_cluster", "labels": {"cluster_name": "prod", "project_id": "shop-1"}},
        "protoPayload": {"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": "k8s.io",
            "methodName": "io.k8s.core.v1.pods.exec.create", "resourceName": "core/v1/namespaces/shop/pods/web-7/exec",
            "authenticationInfo": {"principalEmail": "system:serviceaccount:shop:web"},
            "authorizationInfo": [{"granted": true, "permission": "io.k8s.core.v1.pods.exec.create"}],
            "requestMetadata": {"callerIp": "10.1.0.7", "callerSuppliedUserAgent": "kubectl/v1.31.0"}}
    });
    assert!(trial::sniff(&FORMAT, &entry.to_string()) > 98);
    let row = first(&entry);
    assert_eq!(
        (row.action.as_deref(), row.resource.as_deref()),
        (Some("create pods/exec"), Some("shop/web-7"))
    );
    assert_eq!(
        (row.subject.as_deref(), row.src_addr.as_deref()),
        (Some("system:serviceaccount:shop:web"), Some("10.1.0.7"))
    );
    assert_eq!(
        (row.cluster.as_deref(), row.account.as_deref(), row.request_id.as_deref()),
        (Some("prod"), Some("shop-1"), Some("op-1"))
    );
    assert_eq!((row.decision, row.reason.as_deref(), row.status), (Decision::Allow, Some("RBAC"), None));
    let changed = |changes: Value| {
        let mut entry = entry.clone();
        entry["labels"] = Value::Null;
        for (key, value) in changes.as_object().expect("changes are an object") {
            entry["protoPayload"][key] = value.clone();
        }
        entry
    };
    let refused = first(&changed(
        json!({"authorizationInfo": [{"permission": "x"}], "status": {"code": 7, "message": "no"}}),
    ));
    assert_eq!((refused.decision, refused.status), (Decision::Deny, Some(403)));
    let silent = first(&changed(
        json!({"authorizationInfo": null, "status": {}, "requestMetadata": {"callerIp": "gce-internal-ip"}}),
    ));
    assert_eq!(
        (silent.decision, silent.src_addr, silent.addr_quality),
        (Decision::Allow, None, AddrQuality::None)
    );
    assert_eq!(first(&changed(json!({"authorizationInfo": null}))).decision, Decision::None);
    let mut begun = entry.clone();
    begun["operation"]["last"] = Value::Null;
    assert_eq!(trial::run(&FORMAT, &[&begun.to_string()]).0, [Verdict::Skipped("response-started")]);
    let pod = changed(
        json!({"methodName": "io.k8s.core.v1.pods.create", "resourceName": "core/v1/namespaces/shop/pods/web-7",
        "response": {"@type": "core.k8s.io/v1.Pod", "metadata": {"name": "web-7", "namespace": "shop", "uid": "p-uid"}, "spec": {"nodeName": "n1"}}}),
    );
    assert_eq!(decode(&pod).placements.pop().and_then(|place| place.host).as_deref(), Some("n1"));
}

/// Scenario: a log store that keeps objects, or the whole event, as text; keys in lower case; stubs. Guarantees: the same
/// row as from the event itself.
#[test]
fn objects_as_text() {
    let own = first(&base());
    let mut event = base();
    for key in ["user", "objectRef", "sourceIPs", "annotations", "responseStatus"] {
        event[key] = Value::from(event[key].to_string());
    }
    let lower = base()
        .as_object()
        .expect("an object")
        .iter()
        .map(|(key, value)| (key.to_lowercase(), value.clone()))
        .collect();
    for variant in [event, json!({"__topic__": "audit", "content": base().to_string()}), Value::Object(lower)]
    {
        assert!(trial::sniff(&FORMAT, &variant.to_string()) >= 80, "{variant}");
        let row = first(&variant);
        assert_eq!(
            (row.subject, row.src_addr, row.action),
            (own.subject.clone(), own.src_addr.clone(), own.action.clone()),
            "{variant}"
        );
        assert_eq!(
            (row.decision, row.status, row.event_time),
            (own.decision, own.status, own.event_time),
            "{variant}"
        );
    }
    let envelope = Envelope {
        origin: Some("/SUBSCRIPTIONS/S/PROVIDERS/X/MANAGEDCLUSTERS/SHOP".to_owned()),
        ..Envelope::default()
    };
    let (_, rows) = trial::run_in(&FORMAT, &[&base().to_string()], &envelope);
    assert_eq!(rows.identity_assertions[0].cluster.as_deref(), Some("shop"));
}

/// Scenario: a certificate is approved, another denied; a secret is made that is a lasting token. Guarantees: a row that
/// says for whom; no id is made up; other secrets give none.
#[test]
fn certificates_and_lasting_tokens() {
    let approval = |condition: &str| {
        let rows = decode(&with(
            json!({"verb": "update", "objectRef": {"resource": "certificatesigningrequests", "subresource": "approval", "name": "csr-1"},
            "responseObject": {"spec": {"username": "bob", "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]},
                "status": {"conditions": [{"type": condition}]}}}),
        ));
        rows.identity_assertions[1].clone()
    };
    let issue = approval("Approved");
    assert_eq!(
        (issue.phase, issue.decision, issue.credential_id.as_deref()),
        (Phase::Issue, Decision::Allow, None)
    );
    assert_eq!(
        (issue.on_behalf_of.as_deref(), issue.presenter.as_deref()),
        (Some("bob"), Some("system:serviceaccount:shop:web"))
    );
    assert_eq!(approval("Denied").decision, Decision::Deny);
    let secret = |kind: &str| {
        decode(&with(
            json!({"verb": "create", "objectRef": {"resource": "secrets", "namespace": "shop", "name": "s"},
            "requestObject": {"type": kind, "metadata": {"annotations": {"kubernetes.io/service-account.name": "web"}}}}),
        ))
    };
    let lasting = secret("kubernetes.io/service-account-token");
    let issue = &lasting.identity_assertions[1];
    assert_eq!(
        (issue.credential_kind.as_deref(), issue.subject.as_deref()),
        (Some("k8s-legacy-token"), Some("system:serviceaccount:shop:web"))
    );
    assert_eq!(secret("Opaque").identity_assertions.len(), 1);
}

/// Made up: header and claims of a token that really lives a year, its wished lifetime in `warnafter`.
fn year_long_token() -> String {
    use base64::Engine as _;
    let encode = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "https://issuer.example", "sub": "system:serviceaccount:shop:web", "jti": "j-2",
        "aud": ["api"], "iat": 1772359200, "exp": 1803895200, "kubernetes.io": {"namespace": "shop", "warnafter": 1772362807,
        "node": {"name": "n1", "uid": "n1-uid"}, "pod": {"name": "web-7", "uid": "p-uid"},
        "serviceaccount": {"name": "web", "uid": "sa-uid"}}});
    format!("{}.{}.{}", encode(json!({"alg": "RS256"})), encode(claims), "c2lnbmF0dXJl")
}

/// Scenario: a kubelet gets a token whose reported expiry is shorter than its own. Guarantees: the token's own expiry
/// counts, the reported one is kept, the parent is the kubelet's certificate, and no signature is left.
#[test]
fn a_token_is_issued() {
    let event = with(json!({
        "verb": "create", "objectRef": {"resource": "serviceaccounts", "subresource": "token", "namespace": "shop", "name": "web"},
        "user": {"username": "system:node:n1", "extra": {"authentication.kubernetes.io/credential-id": ["X509SHA256=aa"]}},
        "requestObject": {"spec": {"expirationSeconds": 3607, "boundObjectRef": {"kind": "Pod", "name": "web-7", "uid": "p-uid"}}},
        "responseObject": {"status": {"token": year_long_token(), "expirationTimestamp": "2026-03-01T11:00:07Z"}},
        "responseStatus": {"code": 201}, "annotations": {"authentication.k8s.io/issued-credential-id": "JTI=j-2"}
    }));
    let text = Redactor::new(FingerprintKey::for_tests()).redact(&event.to_string()).text.into_owned();
    let (_, rows) = trial::run(&FORMAT, &[&text]);
    let [present, issue] = rows.identity_assertions.as_slice() else { unreachable!("two rows: {rows:?}") };
    assert_ne!(present.event_id, issue.event_id);
    assert_eq!(issue.phase, Phase::Issue);
    assert_eq!(issue.credential_id.as_deref(), Some("JTI=j-2"));
    assert_eq!(issue.parent_id.as_deref(), Some("X509SHA256=aa"));
    assert_eq!(
        (issue.subject.as_deref(), issue.presenter.as_deref()),
        (Some("system:serviceaccount:shop:web"), Some("system:node:n1"))
    );
    assert_eq!((issue.bound_pod_uid.as_deref(), issue.bound_host.as_deref()), (Some("p-uid"), Some("n1")));
    assert_eq!(issue.exp, moment("2027-03-01T10:00:00Z"));
    assert_eq!(
        (issue.reported_expiry, issue.warn_after),
        (moment("2026-03-01T11:00:07Z"), moment("2026-03-01T11:00:07Z"))
    );
    assert!(!issue.raw.contains("c2lnbmF0dXJl"));
}

/// Scenario: a token request at level Metadata, with the newer and the older annotation, and a refused one.
/// Guarantees: id and subject are known, lifetimes are not; a refusal names no credential.
#[test]
fn a_token_is_issued_at_metadata_level() {
    for prefix in ["authentication.kubernetes.io", "authentication.k8s.io"] {
        let rows = decode(&with(json!({"verb": "create", "responseStatus": {"code": 201}, "annotations":
            {format!("{prefix}/issued-credential-id"): "JTI=j-3"}, "user": {"username": "system:node:n1"},
            "objectRef": {"resource": "serviceaccounts", "subresource": "token", "namespace": "shop", "name": "web"}})));
        let issue = &rows.identity_assertions[1];
        assert_eq!((issue.credential_id.as_deref(), issue.exp), (Some("JTI=j-3"), None), "{prefix}");
        assert_eq!((issue.bound_host.as_deref(), issue.bound_pod.as_deref()), (Some("n1"), None));
    }
    let rows = decode(&with(
        json!({"verb": "create", "responseStatus": {"code": 403}, "user": {"username": "alice"},
        "objectRef": {"resource": "serviceaccounts", "subresource": "token", "namespace": "shop", "name": "web"}}),
    ));
    let issue = &rows.identity_assertions[1];
    assert_eq!(
        (issue.phase, issue.decision, issue.credential_id.as_deref()),
        (Phase::Issue, Decision::Deny, None)
    );
}

/// Scenario: token reviews with and without an answer, and a deleted service account. Guarantees: the reviewed user's
/// row has the reviewer as presenter and no address; without an answer there is none.
#[test]
fn reviews_and_revocations() {
    let review = |response: Value| {
        decode(&with(json!({"verb": "create", "objectRef": {"resource": "tokenreviews"},
        "user": {"username": "system:serviceaccount:edge:gateway"}, "responseObject": response})))
    };
    let rows = review(
        json!({"status": {"authenticated": true, "audiences": ["edge"], "user": {"username": "system:serviceaccount:shop:web",
        "extra": {"authentication.kubernetes.io/credential-id": ["JTI=j-4"], "authentication.kubernetes.io/pod-uid": ["p-uid"]}}}}),
    );
    let verified = &rows.identity_assertions[1];
    assert_eq!((verified.phase, verified.decision), (Phase::Verify, Decision::Allow));
    assert_eq!(verified.presenter.as_deref(), Some("system:serviceaccount:edge:gateway"));
    assert_eq!(
        (verified.credential_id.as_deref(), verified.bound_pod_uid.as_deref()),
        (Some("JTI=j-4"), Some("p-uid"))
    );
    assert_eq!((verified.src_addr.as_deref(), verified.addr_quality), (None, AddrQuality::None));
    let refused = review(json!({"status": {"error": "expired"}}));
    assert_eq!(refused.identity_assertions.len(), 1);
    assert_eq!(review(Value::Null).identity_assertions.len(), 1);
    let rows = decode(&with(
        json!({"verb": "delete", "objectRef": {"resource": "serviceaccounts", "namespace": "shop", "name": "web"}}),
    ));
    assert_eq!(rows.identity_assertions[1].phase, Phase::Revoke);
    assert_eq!(rows.identity_assertions[1].subject.as_deref(), Some("system:serviceaccount:shop:web"));
}

/// Scenario: a pod is created without a place, bound, gets an address, is deleted. Guarantees: rows exactly where a
/// place is told; the answer's complete object counts; a deletion ends it even with names alone.
#[test]
fn pods() {
    let pod = json!({"resource": "pods", "namespace": "shop", "name": "web-7"});
    assert_eq!(placement(json!({"verb": "create", "objectRef": pod})), None);
    let bound = placement(json!({"verb": "create", "objectRef": {"resource": "pods", "subresource": "binding", "namespace": "shop", "name": "web-7"},
        "requestObject": {"kind": "Binding", "metadata": {"uid": "p-uid"}, "target": {"kind": "Node", "name": "n1"}}})).expect("a place");
    assert_eq!(
        (bound.host.as_deref(), bound.pod_uid.as_deref(), bound.pod.as_deref()),
        (Some("n1"), Some("p-uid"), Some("web-7"))
    );
    let status = placement(json!({"verb": "patch", "objectRef": {"resource": "pods", "subresource": "status", "namespace": "shop", "name": "web-7"},
        "requestObject": {"metadata": {"uid": "p-uid"}, "status": {"podIPs": [{"ip": "10.1.0.7"}]}},
        "responseObject": {"kind": "Pod", "metadata": {"name": "web-7", "namespace": "shop", "uid": "p-uid"}, "spec": {"nodeName": "n1", "serviceAccountName": "web"},
            "status": {"podIP": "10.1.0.7", "startTime": "2026-03-01T09:59:58Z"}}})).expect("a place");
    assert_eq!(status.workload.as_deref(), Some("system:serviceaccount:shop:web"));
    assert_eq!(
        (status.addresses, status.start),
        (vec!["10.1.0.7".to_owned()], moment("2026-03-01T09:59:58Z"))
    );
    let deleted = placement(json!({"verb": "delete", "objectRef": pod, "responseObject": {"kind": "Status", "details": {"uid": "p-uid"}}})).expect("an end");
    assert_eq!((deleted.end, deleted.pod_uid.as_deref()), (moment("2026-03-01T10:00:05Z"), Some("p-uid")));
    assert_eq!(placement(json!({"verb": "delete", "objectRef": pod, "responseStatus": {"code": 404}})), None);
    assert_eq!(placement(json!({"verb": "get", "objectRef": pod})), None);
}

/// Scenario: deletions of a pod and of a node of which only the reference is recorded, or the answer too. Guarantees: only
/// where something says that it is over may nothing go on.
#[test]
fn deletions_that_are_the_last_word() {
    let goes_on = |kind: &str, user: &str, answer: Value| {
        let row = placement(
            json!({"verb": "delete", "objectRef": {"resource": kind, "namespace": "shop", "name": "web-7"},
            "user": {"username": user}, "responseObject": answer}),
        );
        row.expect("an end").may_go_on
    };
    let announced =
        json!({"kind": "Pod", "metadata": {"uid": "u", "deletionTimestamp": "2026-03-01T10:00:30Z"}});
    assert!(goes_on("pods", "ann", Value::Null), "its grace has only begun");
    assert!(!goes_on("pods", "ann", announced), "the end of its grace is known");
    assert!(!goes_on("pods", "ann", json!({"kind": "Status", "details": {"uid": "u"}})), "it had no grace");
    assert!(!goes_on("pods", "system:node:n1", Value::Null), "its kubelet has stopped it");
    assert!(goes_on("nodes", "ann", json!({"kind": "Status"})), "its kubelet may register it again");
}

/// Scenario: pods deleted, evicted and created, an account deleted, a token asked for, each as a dry run: by the query, or
/// by the options that are a deletion's body (`kubectl delete --dry-run=server` sends those). Guarantees: the request is
/// told as a dry run and changes nothing; a refusal is one; a token is given all the same (`TokenREST.Create` of Kubernetes
/// 1.34 stores nothing); other queries are none.
#[test]
fn dry_runs() {
    let pod = json!({"resource": "pods", "namespace": "shop", "name": "web-7"});
    let placed =
        json!({"kind": "Pod", "metadata": {"name": "web-7", "uid": "u"}, "spec": {"nodeName": "n1"}});
    let query = "/api/v1/namespaces/shop/pods/web-7?fieldManager=x&dryRun=All";
    let options = json!({"kind": "DeleteOptions", "dryRun": ["All"]});
    let cases = [
        json!({"verb": "delete", "objectRef": pod, "requestURI": query}),
        json!({"verb": "delete", "objectRef": pod, "requestObject": options, "responseObject": placed}),
        json!({"verb": "create", "objectRef": {"resource": "pods", "subresource": "eviction", "name": "web-7"},
            "requestObject": {"kind": "Eviction", "deleteOptions": options}}),
        json!({"verb": "create", "objectRef": pod, "requestURI": query, "responseObject": placed}),
        json!({"verb": "delete", "requestURI": query, "objectRef": {"resource": "serviceaccounts", "namespace": "shop", "name": "web"}}),
    ];
    for case in cases {
        let rows = decode(&with(case.clone()));
        let [only] = rows.identity_assertions.as_slice() else { unreachable!("{case}") };
        assert_eq!((only.decision, only.enforcement), (Decision::Allow, Enforcement::DryRun), "{case}");
        assert_eq!(rows.placements, [], "{case}");
        let refused = with(case.clone()).as_object().cloned().map(|mut event| {
            event.insert("annotations".to_owned(), json!({"authorization.k8s.io/decision": "forbid"}));
            first(&Value::Object(event))
        });
        assert_eq!(refused.map(|row| row.enforcement), Some(Enforcement::Enforced), "{case}");
    }
    let rows = decode(&with(json!({"verb": "create", "requestURI": "/x/token?dryRun=All",
        "objectRef": {"resource": "serviceaccounts", "subresource": "token", "namespace": "shop", "name": "web"}})));
    let enforcements: Vec<_> = rows.identity_assertions.iter().map(|row| row.enforcement).collect();
    assert_eq!(enforcements, [Enforcement::Enforced; 2]);
    let made_up =
        first(&with(json!({"verb": "patch", "objectRef": pod, "requestObject": {"dryRun": ["All"]}})));
    assert_eq!(made_up.enforcement, Enforcement::Enforced, "a patch is the client's own text");
    let done = json!({"verb": "delete", "objectRef": pod, "requestURI": "/x?dryRun=&x=dryRun=All",
        "requestObject": {"kind": "DeleteOptions", "dryRun": []}});
    assert!(placement(done).is_some());
}

/// Scenario: a pod gets thirty seconds of grace and is gone after twelve; its kubelet's deletion ends the grace, and answers
/// with the moment at which it began (`BeforeDelete`, Kubernetes 1.34, apiserver/pkg/registry/rest/delete.go).
/// Guarantees: the pod ends when it is gone, and not before; until then, at the announced moment.
#[test]
fn a_pod_lives_through_its_grace() {
    let ended = |stamp: &str, announced: &str, grace: u64| {
        let row = placement(
            json!({"verb": "delete", "objectRef": {"resource": "pods", "namespace": "shop", "name": "web-7"}, "stageTimestamp": stamp,
            "responseObject": {"kind": "Pod", "metadata": {"uid": "u", "deletionTimestamp": announced, "deletionGracePeriodSeconds": grace}, "spec": {"nodeName": "n1"}}}),
        );
        row.expect("an end").end
    };
    let announced = "2026-03-01T10:00:30Z";
    assert_eq!(ended("2026-03-01T10:00:00Z", announced, 30), moment(announced));
    let gone = "2026-03-01T10:00:12Z";
    assert_eq!(ended(gone, "2026-03-01T10:00:00Z", 0), moment(gone));
}

/// Scenario: a row of Azure's table `AKSAuditAdmin` (its columns as Azure Monitor's reference names them), with objects as
/// objects and as text; a row of `AzureDiagnostics`, whole and cut off where the column ends. Guarantees: time, end,
/// subject, binding, peer and cluster are read.
#[test]
fn tables_of_azure() {
    let event: Value = serde_json::from_str(FORMAT.sample).expect("the sample is JSON");
    let cluster = "/subscriptions/s/resourcegroups/g/providers/microsoft.containerservice/managedclusters/c1";
    let row = |text: bool| {
        let of = |key: &str| if text { Value::from(event[key].to_string()) } else { event[key].clone() };
        json!({"TimeGenerated": "2026-03-01T10:00:09Z", "Type": "AKSAuditAdmin", "AuditId": "a", "Level": "Metadata", "Stage": "ResponseComplete",
            "RequestUri": "/x", "Verb": "list", "User": of("user"), "SourceIps": of("sourceIPs"), "ObjectRef": of("objectRef"),
            "ResponseStatus": of("responseStatus"), "Annotations": of("annotations"), "UserAgent": "x", "PodName": "kube-apiserver-1",
            "RequestReceivedTime": "2026-03-01T10:00:00Z", "StageReceivedTime": "2026-03-01T10:00:00.5Z", "_ResourceId": cluster})
    };
    for row in [row(false), row(true)] {
        let read = first(&row);
        assert_eq!(
            (Some(read.event_time), read.end_time),
            (moment("2026-03-01T10:00:00Z"), moment("2026-03-01T10:00:00.5Z"))
        );
        assert_eq!(
            (read.bound_pod.as_deref(), read.src_addr.as_deref()),
            (Some("web-7"), Some("10.1.0.7")),
            "{row}"
        );
        assert_eq!((read.cluster.as_deref(), read.decision), (Some("c1"), Decision::Allow));
    }
    let diagnostics = |log: &str| json!({"TimeGenerated": "2026-03-01T10:00:09Z", "Category": "kube-audit", "log_s": log, "ResourceId": cluster, "Type": "AzureDiagnostics"});
    let whole = first(&diagnostics(FORMAT.sample));
    assert_eq!((whole.bound_pod.as_deref(), whole.cluster.as_deref()), (Some("web-7"), Some("c1")));
    let cut = first(&diagnostics(FORMAT.sample.split_once(r#","userAgent""#).expect("it has one").0));
    assert_eq!(
        (cut.bound_pod.as_deref(), Some(cut.event_time)),
        (Some("web-7"), moment("2026-03-01T10:00:09Z"))
    );
    assert!(cut.trust_flags.iter().any(|remark| remark == "truncated"));
}

/// Scenario: a node reports its addresses. Guarantees: a host placement.
#[test]
fn nodes() {
    let node = placement(
        json!({"verb": "patch", "objectRef": {"resource": "nodes", "subresource": "status", "name": "n1"},
        "requestObject": {"status": {"addresses": [{"type": "InternalIP", "address": "10.9.0.1"}]}}}),
    )
    .expect("a place");
    assert_eq!(
        (node.kind, node.host.as_deref()),
        (offbound_schemas::vocabulary::PlacementKind::Host, Some("n1"))
    );
    assert_eq!(node.addresses, ["10.9.0.1"]);
}
