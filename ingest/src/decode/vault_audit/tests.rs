//! Tests of the Vault decoder, on made-up entries.

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::{AddrQuality, Decision, IdKind, Phase};
use serde_json::json;

use super::super::trial;
use super::*;
use crate::redact::{FingerprintKey, Redactor};

fn entry(kind: &str, changes: Value) -> Value {
    let mut entry = json!({
        "time": if kind == "request" { "2026-03-01T10:00:00Z" } else { "2026-03-01T10:00:01Z" }, "type": kind,
        "auth": {"client_token": "hmac-sha256:aa", "accessor": "hmac-sha256:bb", "display_name": "web", "token_type": "service"},
        "request": {"id": "r-1", "operation": "read", "path": "secret/data/x", "client_token": "hmac-sha256:aa",
            "client_token_accessor": "hmac-sha256:bb", "remote_address": "10.1.0.7"}
    });
    merge(&mut entry, changes);
    entry
}

fn merge(into: &mut Value, changes: Value) {
    match changes {
        Value::Object(fields) if into.is_object() => {
            for (key, value) in fields {
                merge(&mut into[key], value);
            }
        }
        other => *into = other,
    }
}

fn decode(entries: &[Value]) -> Vec<IdentityAssertion> {
    let lines: Vec<String> = entries.iter().map(Value::to_string).collect();
    let (verdicts, rows) = trial::run(&FORMAT, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Decoded), "{verdicts:?}");
    rows.identity_assertions
}

fn answered(changes: Value) -> IdentityAssertion {
    decode(&[entry("response", changes)]).remove(0)
}

fn moment(text: &str) -> Option<EventTime> {
    EventTime::parse(text).ok()
}

/// Scenario: the sample. Guarantees: recognised; token, subject, address and action are read.
#[test]
fn the_sample() {
    trial::check_sample(&FORMAT);
    let (_, rows) = trial::run(&FORMAT, &[FORMAT.sample]);
    let row = &rows.identity_assertions[0];
    assert_eq!(
        (row.subject.as_deref(), row.bound_namespace.as_deref()),
        (Some("system:serviceaccount:shop:web"), Some("shop"))
    );
    assert!(row.credential_id.as_deref().is_some_and(|id| id.starts_with("hmac-sha256:2e")));
    assert!(row.credential_alias.as_deref().is_some_and(|id| id.starts_with("hmac-sha256:1d")));
    assert_eq!((row.src_addr.as_deref(), row.src_port), (Some("10.1.0.7"), Some(43612)));
    assert_eq!(row.action.as_deref(), Some("read secret/data/payments/card-key"));
    assert_eq!((row.decision, row.reason.as_deref()), (Decision::Allow, Some("policy payments")));
}

/// Scenario: pairs in and out of order, without ids, a request without answer, an answer without request. Guarantees: one
/// row a call, asked when the request came; what was never answered has no decision.
#[test]
fn pairs() {
    let rows = decode(&[entry("request", json!({})), entry("response", json!({}))]);
    let [row] = rows.as_slice() else { unreachable!("one row: {rows:?}") };
    assert_eq!(
        (Some(row.event_time), row.end_time),
        (moment("2026-03-01T10:00:00Z"), moment("2026-03-01T10:00:01Z"))
    );
    assert_eq!(
        (row.decision, row.raw.lines().count(), row.location.as_str()),
        (Decision::Allow, 2, "test:1")
    );
    let other = json!({"request": {"id": "r-2"}});
    let mixed = [
        entry("request", json!({})),
        entry("request", other.clone()),
        entry("response", json!({})),
        entry("response", other),
    ];
    assert_eq!(decode(&mixed).len(), 2);
    let nameless = json!({"request": {"id": null}});
    assert_eq!(decode(&[entry("request", nameless.clone()), entry("response", nameless)]).len(), 1);
    let alone = decode(&[entry("request", json!({}))]);
    assert_eq!((alone.len(), alone[0].decision, alone[0].end_time), (1, Decision::None, None));
}

/// Scenario: errors, policies' results. Guarantees: refusals are refusals, other errors are errors.
#[test]
fn decisions() {
    let decided = |changes: Value| answered(changes).decision;
    assert_eq!(decided(json!({"error": "1 error occurred:\n\t* permission denied\n\n"})), Decision::Deny);
    assert_eq!(answered(json!({"error": "a\n\t* b\n"})).reason.as_deref(), Some("a * b"));
    assert_eq!(decided(json!({"error": "bad token"})), Decision::Deny);
    assert_eq!(decided(json!({"error": "unsupported path"})), Decision::Error);
    assert_eq!(decided(json!({"error": "invalid credentials"})), Decision::Deny);
    let hashed =
        json!({"auth": null, "response": {"mount_type": "approle", "data": {"error": "hmac-sha256:1d1d"}}});
    assert_eq!(decided(hashed), Decision::Error, "a backend's own error is in its data, hashed");
    let raw = json!({"response": {"mount_type": "kubernetes", "data": {"error": "service account name not authorized"}}});
    assert_eq!(decided(raw), Decision::Deny);
    let field = json!({"response": {"mount_type": "kv", "data": {"error": "hmac-sha256:1d1d", "code": 3}}});
    assert_eq!(decided(field), Decision::Allow, "a secret may have a field of that name");
    assert_eq!(decided(json!({"auth": {"policy_results": {"allowed": false}}})), Decision::Deny);
    let refused = decode(&[entry("request", json!({"error": "permission denied"}))]);
    assert_eq!(refused[0].decision, Decision::Deny);
}

/// Scenario: addresses with port, behind a proxy, hashed headers, none. Guarantees: an address out of the header is a
/// claim, and hashes are no addresses.
#[test]
fn peers() {
    let peer = |changes: Value| {
        let row = answered(json!({"request": changes}));
        (row.src_addr.unwrap_or_default(), row.src_port, row.addr_quality, row.addr_chain.join(" "))
    };
    let expect =
        |address: &str, port, quality, chain: &str| (address.to_owned(), port, quality, chain.to_owned());
    assert_eq!(
        peer(json!({"remote_address": "10.1.0.7:4000"})),
        expect("10.1.0.7", Some(4000), AddrQuality::Direct, "")
    );
    let proxied =
        json!({"remote_address": "10.1.250.1", "headers": {"x-forwarded-for": ["10.1.0.7, 10.1.0.8"]}});
    assert_eq!(peer(proxied), expect("10.1.250.1", None, AddrQuality::Direct, "10.1.0.7 10.1.0.8"));
    let trusted = json!({"remote_address": "10.1.0.7", "headers": {"X-Forwarded-For": ["10.1.0.7"]}});
    assert_eq!(peer(trusted), expect("10.1.0.7", None, AddrQuality::Asserted, "10.1.0.7"));
    let hashed = json!({"headers": {"x-forwarded-for": ["hmac-sha256:cc"]}});
    assert_eq!(peer(hashed), expect("10.1.0.7", None, AddrQuality::Direct, ""));
    assert_eq!(peer(json!({"remote_address": null})), expect("", None, AddrQuality::None, ""));
}

/// Scenario: service, batch and Nomad tokens; a token hash without accessor. Guarantees: a lease is no end, a batch
/// token's end is; the node is bound, the allocation is kept, nothing becomes a pod.
#[test]
fn tokens() {
    let lived = |kind: &str| {
        answered(
            json!({"auth": {"token_type": kind, "token_ttl": 60, "token_issue_time": "2026-03-01T09:00:00+00:00"}}),
        )
    };
    let end = moment("2026-03-01T09:01:00Z");
    let service = lived("service");
    assert_eq!(
        (service.iat, service.exp, service.reported_expiry),
        (moment("2026-03-01T09:00:00Z"), None, end)
    );
    assert_eq!(lived("batch").exp, end);
    assert_eq!(answered(json!({"auth": {"token_ttl": -1}})).reported_expiry, None);
    let nomad = answered(
        json!({"auth": {"metadata": {"AllocationID": "alloc-1", "NodeID": "node-1", "Task": "web"}}}),
    );
    assert_eq!((nomad.bound_host_uid.as_deref(), nomad.bound_pod_uid), (Some("node-1"), None));
    assert!(nomad.unmapped.is_some_and(|kept| kept.contains("alloc-1")));
    let bare = answered(
        json!({"auth": {"accessor": null, "client_token": null}, "request": {"client_token_accessor": null}}),
    );
    assert_eq!(
        (bare.credential_id.as_deref(), bare.id_kind, bare.credential_alias),
        (Some("hmac-sha256:aa"), IdKind::Accessor, None)
    );
    let none = json!({"auth": null, "request": {"client_token": null, "client_token_accessor": null}});
    assert_eq!(answered(none).id_kind, IdKind::None);
}

/// Scenario: logins by Kubernetes token and by certificate, a child token, a renewal, revocations. Guarantees: the second
/// row names the token that was handed out or ended, and what it was made from; the call itself stays a row.
#[test]
fn issued_and_ended() {
    let login = json!({"auth": null, "request": {"operation": "update", "path": "auth/k8s/login", "client_token": null, "client_token_accessor": null,
        "client_certificate_serial_number": "255"}, "response": {"auth": {"client_token": "hmac-sha256:cc", "accessor": "hmac-sha256:dd",
        "token_type": "service", "token_ttl": 60, "metadata": {"service_account_name": "web", "service_account_namespace": "shop"}}}});
    let rows = decode(&[entry("response", login)]);
    let [call, issue] = rows.as_slice() else { unreachable!("two rows: {rows:?}") };
    assert_ne!(call.event_id, issue.event_id);
    assert_eq!((call.phase, issue.phase), (Phase::Present, Phase::Issue));
    assert_eq!(
        (issue.credential_id.as_deref(), issue.credential_alias.as_deref()),
        (Some("hmac-sha256:dd"), Some("hmac-sha256:cc"))
    );
    assert_eq!(
        (issue.subject.as_deref(), issue.parent_id.as_deref()),
        (Some("system:serviceaccount:shop:web"), Some("X509SERIAL=ff"))
    );
    assert_eq!(
        (issue.iat, issue.reported_expiry),
        (moment("2026-03-01T10:00:01Z"), moment("2026-03-01T10:01:01Z"))
    );
    let second = |path: &str, changes: Value| {
        let mut changes = changes;
        changes["request"]["path"] = json!(path);
        decode(&[entry("response", changes)]).pop().expect("a row")
    };
    let given = json!({"response": {"auth": {"accessor": "hmac-sha256:dd", "client_token": "hmac-sha256:cc", "token_ttl": 60, "display_name": "web"}}});
    let child = second("auth/token/create", given.clone());
    assert_eq!((child.phase, child.parent_id.as_deref()), (Phase::Issue, Some("hmac-sha256:bb")));
    let renewed = second("auth/token/renew-self", given);
    assert_eq!((renewed.phase, renewed.reported_expiry), (Phase::Renew, moment("2026-03-01T10:01:01Z")));
    let own = second("auth/token/revoke-self", json!({"request": {}}));
    assert_eq!((own.phase, own.credential_id.as_deref()), (Phase::Revoke, Some("hmac-sha256:bb")));
    let other =
        second("auth/token/revoke-accessor", json!({"request": {"data": {"accessor": "hmac-sha256:ee"}}}));
    assert_eq!((other.phase, other.credential_id.as_deref()), (Phase::Revoke, Some("hmac-sha256:ee")));
    let refused = second("auth/token/revoke-self", json!({"error": "permission denied", "request": {}}));
    assert_eq!(refused.phase, Phase::Present);
}

/// Scenario: a secret id is handed out wrapped, as Vault 1.20 logs that (`AuditResponseWrapInfo`). Guarantees: the wrapping
/// token is issued by the caller's, named by its accessor, and ends with its time to live.
#[test]
fn wrapped_answers() {
    let wrapped = json!({"request": {"operation": "update", "path": "auth/approle/role/shop/secret-id", "wrap_ttl": 120},
        "response": {"wrap_info": {"ttl": 120, "token": "hmac-sha256:11", "accessor": "hmac-sha256:22", "wrapped_accessor": "hmac-sha256:33",
        "creation_time": "2026-03-01T10:00:00.5Z", "creation_path": "auth/approle/role/shop/secret-id"}}});
    let rows = decode(&[entry("response", wrapped)]);
    let [call, wrapping] = rows.as_slice() else { unreachable!("two rows: {rows:?}") };
    assert_ne!(call.event_id, wrapping.event_id);
    assert_eq!(
        (wrapping.phase, wrapping.credential_id.as_deref(), wrapping.credential_alias.as_deref()),
        (Phase::Issue, Some("hmac-sha256:22"), Some("hmac-sha256:11"))
    );
    assert_eq!(
        (wrapping.parent_id.as_deref(), wrapping.presenter.as_deref()),
        (Some("hmac-sha256:bb"), Some("web"))
    );
    assert_eq!(
        (wrapping.iat, wrapping.exp),
        (moment("2026-03-01T10:00:00.5Z"), moment("2026-03-01T10:02:00.5Z"))
    );
    assert!(wrapping.unmapped.as_deref().is_some_and(|kept| kept.contains("hmac-sha256:33")));
}

/// Scenario: a device that logs raw values; a login with a service account's token. Guarantees: no token is left, its
/// claims name the parent, and a fingerprint still names the caller's token.
#[test]
fn raw_devices() {
    use base64::Engine as _;
    let encode = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let jwt = format!(
        "{}.{}.c2lnbmF0dXJl",
        encode(json!({"alg": "RS256"})),
        encode(json!({"jti": "j-1", "sub": "system:serviceaccount:shop:web"}))
    );
    let token = "hvs.CAESIJ9a8b7c6d5e4f3a2b1c0d";
    let login = entry(
        "response",
        json!({"auth": {"client_token": token, "accessor": null}, "request": {"client_token": token,
        "client_token_accessor": null, "path": "auth/k8s/login", "data": {"jwt": jwt}},
        "response": {"auth": {"client_token": "hvs.AAESIJ9a8b7c6d5e4f3a2b1c0d", "accessor": "Zx81accessor"}}}),
    );
    let text = Redactor::new(FingerprintKey::for_tests()).redact(&login.to_string()).text.into_owned();
    let (verdicts, rows) = trial::run(&FORMAT, &[&text]);
    assert_eq!(verdicts, [Verdict::Decoded]);
    let [call, issue] = rows.identity_assertions.as_slice() else { unreachable!("two rows") };
    assert!(call.credential_id.as_deref().is_some_and(|id| id.contains("fp=") && !id.contains("CAES")));
    assert_eq!(issue.credential_id.as_deref(), Some("Zx81accessor"));
    assert!(!call.raw.contains("c2lnbmF0dXJl") && !issue.raw.contains("CAES"));
}

/// Scenario: KMIP entries, entries without time, other JSON with a type. Guarantees: read, refused, not recognised.
#[test]
fn the_rest() {
    let kmip = entry("kmip-response", json!({}));
    assert!(trial::sniff(&FORMAT, &kmip.to_string()) >= 80);
    assert_eq!(decode(&[kmip]).len(), 1);
    let timeless = r#"{"type":"response","request":{"path":"x"}}"#;
    assert!(
        matches!(&trial::run(&FORMAT, &[timeless]).0[0], Verdict::Rejected(reject) if reject.reason == "no-time")
    );
    for other in
        [timeless, r#"{"time":"2026-03-01T10:00:00Z","type":"request","url":"/"}"#, r#"{"type":"request"}"#]
    {
        assert_eq!(trial::sniff(&FORMAT, other), 0, "{other}");
    }
}
