//! Tests of the OPA decoder, on made-up decisions.

use offbound_schemas::vocabulary::{AddrQuality, IdKind};
use serde_json::json;

use super::super::trial;
use super::*;
use crate::redact::{FingerprintKey, Redactor};

fn decode(json: &Value) -> Vec<IdentityAssertion> {
    let (verdicts, rows) = trial::run(&FORMAT, &[&json.to_string()]);
    assert_eq!(verdicts, [Verdict::Decoded], "{json}");
    rows.identity_assertions
}

fn sample() -> Value {
    serde_json::from_str(FORMAT.sample).expect("the sample is JSON")
}

fn plain(changes: Value) -> IdentityAssertion {
    let mut json = json!({"decision_id": "d-1", "path": "http/authz/allow", "input": {"user": "bob"}, "result": true,
        "requested_by": "[::1]:59943", "timestamp": "2026-03-01T10:00:00Z"});
    for (key, value) in changes.as_object().expect("changes are an object") {
        json[key] = value.clone();
    }
    assert!(trial::sniff(&FORMAT, &json.to_string()) >= 90);
    decode(&json).remove(0)
}

/// Scenario: a decision for Envoy. Guarantees: caller, called, request and decision; the log's own id.
#[test]
fn the_sample() {
    trial::check_sample(&FORMAT);
    let rows = decode(&sample());
    let [row] = rows.as_slice() else { unreachable!("one row: {rows:?}") };
    assert_eq!(
        (row.phase, row.decision, row.enforcement),
        (Phase::Present, Decision::Allow, Enforcement::Unknown)
    );
    assert_eq!(row.subject.as_deref(), Some("spiffe://prod.example/ns/shop/sa/web"));
    assert_eq!(row.dst_identity.as_deref(), Some("spiffe://prod.example/ns/shop/sa/payments"));
    assert_eq!(
        (row.src_addr.as_deref(), row.src_port, row.addr_quality),
        (Some("10.1.0.7"), Some(43612), AddrQuality::Direct)
    );
    assert_eq!(
        (row.action.as_deref(), row.dst.as_deref()),
        (Some("GET /v1/charges"), Some("payments.shop.svc:8443"))
    );
    assert_eq!(
        (row.reason.as_deref(), row.bound_namespace.as_deref()),
        (Some("policy envoy/authz/allow"), Some("shop"))
    );
}

/// Scenario: results of every shape. Guarantees: truth values and objects that say so decide; an error is one; what is
/// undefined refuses at a gate only; everything else decides nothing, and is kept.
#[test]
fn results() {
    let decided = |result: Value| plain(json!({"result": result})).decision;
    assert_eq!(decided(json!(true)), Decision::Allow);
    assert_eq!(decided(json!("false")), Decision::Deny);
    assert_eq!(decided(json!({"allowed": true, "headers": {}})), Decision::Allow);
    assert_eq!(decided(json!({"allow": false, "http_status": 403})), Decision::Deny);
    assert_eq!(decided(json!([{"x": 3}])), Decision::None);
    assert_eq!(decided(json!({"x": 3})), Decision::None);
    assert_eq!(decided(Value::Null), Decision::None);
    assert_eq!(
        plain(json!({"error": {"code": "internal_error", "message": "boom"}})).decision,
        Decision::Error
    );
    let mut undefined = sample();
    undefined["result"] = Value::Null;
    let row = decode(&undefined).remove(0);
    assert_eq!(
        (row.decision, row.reason.as_deref()),
        (Decision::Deny, Some("policy envoy/authz/allow; undefined"))
    );
    assert!(plain(json!({"result": [{"x": 3}]})).unmapped.is_some_and(|kept| kept.contains("\"result\"")));
}

/// Scenario: a service asks with its own input. Guarantees: the asker is no caller, its input gives no column.
#[test]
fn plain_inputs() {
    let row = plain(json!({}));
    assert_eq!((row.phase, row.subject, row.src_addr), (Phase::Verify, None, None));
    assert_eq!((row.dst.as_deref(), row.request_id.as_deref()), (Some("http/authz/allow"), Some("d-1")));
    assert!(row.unmapped.is_some_and(|kept| kept.contains("59943") && kept.contains("bob")));
    let query = plain(json!({"path": null, "query": "data.authz.allow"}));
    assert_eq!(query.action.as_deref(), Some("query data.authz.allow"));
}

/// Scenario: attributes in the other two spellings; no principal but a forwarded certificate; nothing at all.
/// Guarantees: the same addresses; the forwarded name is marked; an empty principal is nobody.
#[test]
fn spellings_and_certificates() {
    for socket in [
        json!({"socket_address": {"address": "10.1.0.7", "port_value": 43612}}),
        json!({"Address": {"SocketAddress": {"address": "10.1.0.7", "PortSpecifier": {"PortValue": 43612}}}}),
    ] {
        let mut json = sample();
        json["input"]["attributes"]["source"]["address"] = socket;
        let row = decode(&json).remove(0);
        assert_eq!((row.src_addr.as_deref(), row.src_port), (Some("10.1.0.7"), Some(43612)));
    }
    let mut json = sample();
    let hash = "ab".repeat(32);
    json["input"]["attributes"]["source"]["principal"] = json!("");
    let headers = &mut json["input"]["attributes"]["request"]["http"]["headers"];
    headers["x-forwarded-client-cert"] =
        json!(format!("URI=spiffe://forged,By=spiffe://d/gw;Hash={hash};URI=spiffe://d/ns/shop/sa/web"));
    let row = decode(&json).remove(0);
    assert_eq!(
        (row.subject.as_deref(), row.credential_id),
        (Some("spiffe://d/ns/shop/sa/web"), Some(format!("X509SHA256={hash}")))
    );
    assert_eq!(row.trust_flags, ["forwarded-identity"]);
    let nobody = json!({"decision_id": "d", "path": "p", "result": true, "timestamp": "2026-03-01T10:00:00Z", "input": {"attributes": {}}});
    assert_eq!(decode(&nobody).remove(0).subject, None);
}

/// Scenario: the request carries a token, beside a certificate or alone. Guarantees: no signature is left; the token's
/// claims make a row of their own, presented by the certificate's holder.
#[test]
fn tokens() {
    use base64::Engine as _;
    let encode = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let jwt = format!(
        "{}.{}.c2lnbmF0dXJl",
        encode(json!({"alg": "RS256"})),
        encode(json!({"jti": "j-1", "sub": "system:serviceaccount:shop:batch"}))
    );
    let mut json = sample();
    json["input"]["attributes"]["request"]["http"]["headers"]["authorization"] =
        json!(format!("Bearer {jwt}"));
    let redacted = |json: &Value| {
        let text = Redactor::new(FingerprintKey::for_tests()).redact(&json.to_string()).text.into_owned();
        serde_json::from_str::<Value>(&text).expect("redaction keeps JSON")
    };
    let rows = decode(&redacted(&json));
    let [certificate, token] = rows.as_slice() else { unreachable!("two rows: {rows:?}") };
    assert_ne!(certificate.event_id, token.event_id);
    assert_eq!((token.credential_id.as_deref(), token.id_kind), (Some("JTI=j-1"), IdKind::Jti));
    assert_eq!(token.presenter, certificate.subject);
    assert!(!token.raw.contains("c2lnbmF0dXJl"));
    json["input"]["attributes"]["source"]["principal"] = Value::Null;
    let rows = decode(&redacted(&json));
    assert_eq!((rows.len(), rows[0].credential_kind.as_deref()), (1, Some("k8s-token")));
}

/// Scenario: what OPA logs about itself, logs of others in the same shape, a decision without time. Guarantees: left out
/// by name, not recognised, refused.
#[test]
fn other_lines() {
    for line in [
        r#"{"decision-id":"d","level":"debug","msg":"no content-type header supplied","time":"2026-03-01T10:00:00Z"}"#,
        r#"{"client_addr":"10.1.0.7:1","level":"info","msg":"Received request.","req_id":1,"req_method":"POST","req_path":"/v1/data","time":"2026-03-01T10:00:00Z"}"#,
        r#"{"level":"debug","msg":"Executing policy query.","input":[],"time":"2026-03-01T10:00:00Z"}"#,
        r#"{"level":"debug","msg":"Received response.","url":"https://api.example/repos/open-policy-agent/opa/releases/latest"}"#,
    ] {
        assert!(trial::sniff(&FORMAT, line) >= 40, "{line}");
        assert_eq!(trial::run(&FORMAT, &[line]).0, [Verdict::Skipped("operational")], "{line}");
    }
    for other in [
        r#"{"level":"info","msg":"Renewing X509-SVID","time":"2026-03-01T10:00:00Z"}"#,
        r#"{"decision_id":"d"}"#,
        "[]",
    ] {
        assert_eq!(trial::sniff(&FORMAT, other), 0, "{other}");
    }
    let timeless = r#"{"decision_id":"d","path":"p","result":true}"#;
    assert!(
        matches!(&trial::run(&FORMAT, &[timeless]).0[0], Verdict::Rejected(reject) if reject.reason == "no-time")
    );
}
