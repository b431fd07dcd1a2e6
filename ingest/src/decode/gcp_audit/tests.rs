//! Tests of the Google Cloud audit decoder, on made-up entries.

use offbound_schemas::vocabulary::IdKind;
use serde_json::json;

use super::super::trial;
use super::*;

fn entry(payload: Value) -> Value {
    let mut entry: Value = serde_json::from_str(FORMAT.sample).expect("the sample is JSON");
    for (key, value) in payload.as_object().expect("changes are an object") {
        entry["protoPayload"][key] = value.clone();
    }
    entry
}

fn decode(entry: &Value) -> Vec<IdentityAssertion> {
    let (verdicts, rows) = trial::run(&FORMAT, &[&entry.to_string()]);
    assert_eq!(verdicts, [Verdict::Decoded], "{entry}");
    rows.identity_assertions
}

fn first(payload: Value) -> IdentityAssertion {
    decode(&entry(payload)).remove(0)
}

/// Scenario: the sample, a pipeline that gets a token of a service account. Guarantees: the pipeline is the subject of
/// the call, its pool the issuer; the token is the account's, and has no id.
#[test]
fn a_pipeline_gets_a_token() {
    trial::check_sample(&FORMAT);
    let rows = decode(&entry(json!({})));
    let [call, token] = rows.as_slice() else { unreachable!("two rows, not {}", rows.len()) };
    assert_eq!(call.subject.as_deref(), Some("repo:example/shop:ref:refs/heads/main"));
    assert_eq!(
        call.issuer.as_deref(),
        Some("//iam.googleapis.com/projects/1000001/locations/global/workloadIdentityPools/ci")
    );
    assert_eq!((call.src_addr.as_deref(), call.presenter.as_deref()), (Some("198.51.100.9"), None));
    assert_eq!(
        (token.phase, token.subject.as_deref()),
        (Phase::Exchange, Some("deploy@shop-prod.iam.gserviceaccount.com"))
    );
    assert_eq!((token.presenter.as_deref(), token.credential_id.as_deref()), (call.subject.as_deref(), None));
    assert_eq!((token.src_addr.as_deref(), token.credential_kind.as_deref()), (None, Some("gcp-token")));
    assert_ne!(call.event_id, token.event_id);
}

/// Scenario: principals of every spelling. Guarantees: Kubernetes service accounts are named as Kubernetes does.
#[test]
fn principals() {
    let subject = |auth: Value| {
        let row = first(json!({"authenticationInfo": auth}));
        (row.subject, row.bound_namespace)
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        subject(json!({"principalEmail": "ann@example.com", "principalSubject": "user:ann@example.com"})),
        (text("ann@example.com"), None)
    );
    assert_eq!(
        subject(json!({"principalSubject": "serviceAccount:a@p.iam.gserviceaccount.com"})).0,
        text("a@p.iam.gserviceaccount.com")
    );
    let web = (text("system:serviceaccount:shop:web"), text("shop"));
    assert_eq!(subject(json!({"principalSubject": "serviceAccount:p.svc.id.goog[shop/web]"})), web);
    assert_eq!(
        subject(
            json!({"principalSubject": "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p.svc.id.goog/subject/ns/shop/sa/web"})
        ),
        web
    );
    assert_eq!(subject(json!({})), (None, None));
    let row = first(
        json!({"authenticationInfo": {"principalEmail": "b@p", "serviceAccountDelegationInfo": [{}, {"firstPartyPrincipal": {"principalEmail": "a@p"}}]}}),
    );
    assert_eq!((row.subject.as_deref(), row.presenter.as_deref()), (Some("b@p"), Some("a@p")));
}

/// Scenario: what stands where an address should. Guarantees: only addresses are addresses; Google's own calls are a service's.
#[test]
fn sources() {
    let source = |ip: &str| {
        let row = first(json!({"requestMetadata": {"callerIP": ip}}));
        (row.addr_quality, row.src_addr)
    };
    assert_eq!(source("private"), (AddrQuality::Service, None));
    assert_eq!(source("gce-internal-ip"), (AddrQuality::None, None));
    assert_eq!(source("2001:DB8::1"), (AddrQuality::Direct, Some("2001:db8::1".to_owned())));
}

/// Scenario: statuses and grants. Guarantees: refused, failed and allowed calls are told apart; nothing is minted by a
/// call that was refused.
#[test]
fn decisions() {
    let decided = |payload: Value| {
        let rows = decode(&entry(payload));
        (rows[0].decision, rows.len())
    };
    assert_eq!(decided(json!({"status": {"code": 7, "message": "no"}})), (Decision::Deny, 1));
    assert_eq!(decided(json!({"status": {"code": 16}})), (Decision::Deny, 1));
    assert_eq!(decided(json!({"status": {"code": 5}})), (Decision::Error, 1));
    assert_eq!(
        decided(json!({"status": {}, "authorizationInfo": [{"permission": "p", "granted": false}]})),
        (Decision::Deny, 1)
    );
    assert_eq!(
        decided(json!({"status": {"message": "OK"}, "authorizationInfo": [{"permission": "p"}]})),
        (Decision::Allow, 2)
    );
}

/// Scenario: a key is used, made and deleted. Guarantees: one id for all three; "9999" is no end.
#[test]
fn keys() {
    let row = first(
        json!({"authenticationInfo": {"serviceAccountKeyName": "//iam.googleapis.com/projects/p/serviceAccounts/a@p/keys/0a1b"}}),
    );
    assert_eq!(
        (row.credential_id.as_deref(), row.id_kind, row.credential_kind.as_deref()),
        (Some("0a1b"), IdKind::AccessKey, Some("gcp-key"))
    );
    let made = decode(&entry(json!({"methodName": "google.iam.admin.v1.CreateServiceAccountKey", "response": {
        "name": "projects/p/serviceAccounts/a@p/keys/0a1b", "valid_after_time": {"seconds": 1772359200}, "valid_before_time": {"seconds": 253402300799_i64}}}))).remove(1);
    assert_eq!(
        (made.phase, made.credential_id.as_deref(), made.subject.as_deref()),
        (Phase::Issue, Some("0a1b"), Some("a@p"))
    );
    assert_eq!((made.exp, made.iat), (None, EventTime::parse("2026-03-01T10:00:00Z").ok()));
    let gone = decode(&entry(json!({"methodName": "google.iam.admin.v1.DeleteServiceAccountKey", "request": {"name": "projects/-/serviceAccounts/a@p/keys/0a1b"}}))).remove(1);
    assert_eq!((gone.phase, gone.credential_id.as_deref()), (Phase::Revoke, Some("0a1b")));
    let again = decode(&entry(json!({"methodName": "google.iam.admin.v1.EnableServiceAccountKey", "request": {"name": "projects/-/serviceAccounts/a@p/keys/0a1b"}}))).remove(1);
    assert_eq!((again.phase, again.credential_id.as_deref(), again.iat), (Phase::Renew, Some("0a1b"), None));
}

/// Scenario: a foreign token is exchanged. Guarantees: the mapped principal is who the new token stands for; the row of
/// the call names the foreign subject.
#[test]
fn a_federated_exchange() {
    let rows = decode(&entry(
        json!({"serviceName": "sts.googleapis.com", "methodName": "google.identity.sts.v1.SecurityTokenService.ExchangeToken",
        "resourceName": "projects/1/locations/global/workloadIdentityPools/ci/providers/github",
        "authenticationInfo": {"principalSubject": "repo:example/shop:ref:refs/heads/main"},
        "metadata": {"mappedPrincipal": "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/subject/repo:example/shop"},
        "request": {"audience": "//iam.googleapis.com/x", "grantType": "urn:ietf:params:oauth:grant-type:token-exchange"}}),
    ));
    assert_eq!(rows[0].subject.as_deref(), Some("repo:example/shop:ref:refs/heads/main"));
    assert_eq!(
        (rows[1].subject.as_deref(), rows[1].issuer.as_deref()),
        (Some("repo:example/shop"), Some("sts.googleapis.com"))
    );
    assert_eq!(rows[1].audience, ["//iam.googleapis.com/x"]);
    assert!(rows[1].unmapped.as_ref().is_some_and(|text| text.contains("providers/github")));
}

/// Scenario: entries of a long-running operation, first, last, between and both at once; none; hostile shapes of it.
/// Guarantees: parts of one operation share its id and say so; what tells all of it is no part.
#[test]
fn operations() {
    let part = |operation: Value| {
        let mut entry = entry(json!({"methodName": "v1.compute.instances.insert"}));
        entry["operation"] = operation;
        let row = decode(&entry).remove(0);
        assert_eq!(row.shared_id.is_some(), row.trust_flags.contains(&PART_OF_OPERATION.to_owned()));
        row.shared_id
    };
    let id = |more: Value| {
        let mut operation = json!({"id": "operation-1", "producer": "compute.googleapis.com"});
        if let Some((all, more)) = operation.as_object_mut().zip(more.as_object()) {
            all.extend(more.clone());
        }
        part(operation)
    };
    let shared = Some("compute.googleapis.com/operation-1".to_owned());
    for more in
        [json!({"first": true}), json!({"last": true}), json!({}), json!({"first": false, "last": true})]
    {
        assert_eq!(id(more), shared);
    }
    assert_eq!(id(json!({"first": true, "last": true})), None);
    for none in [
        json!(null),
        json!({}),
        json!({"id": ""}),
        json!({"id": 7, "first": "x"}),
        json!("x"),
        json!([{"id": "o"}]),
    ] {
        assert_eq!(part(none), None);
    }
}

/// Scenario: entries of other kinds, rewritten keys, entries without time. Guarantees: Kubernetes audit is left to its own
/// format; rewritten entries are read; no time, no row.
#[test]
fn others() {
    let mut kubernetes = entry(json!({"methodName": "io.k8s.core.v1.secrets.list"}));
    assert_eq!(trial::sniff(&FORMAT, &kubernetes.to_string()), 0);
    kubernetes = entry(json!({}));
    kubernetes["resource"]["type"] = json!("k8s_cluster");
    assert_eq!(trial::sniff(&FORMAT, &kubernetes.to_string()), 0);
    let rewritten = json!({"insertid": "i", "timestamp": "2026-03-01 10:00:00.1", "protoPayload": {"at_sign_type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "methodName": "m", "serviceName": "s", "requestMetadata": {"callerIP": "10.1.0.7"}}});
    assert!(trial::sniff(&FORMAT, &rewritten.to_string()) >= 90);
    assert_eq!(decode(&rewritten)[0].request_id.as_deref(), Some("i"));
    let (verdicts, _) = trial::run(&FORMAT, &[r#"{"protoPayload":{"methodName":"m","serviceName":"s"}}"#]);
    assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
}
