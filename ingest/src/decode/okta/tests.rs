//! Tests of the Okta decoder, on made-up events.

use serde_json::json;

use super::super::trial;
use super::*;

fn decode(event: &Value) -> Vec<IdentityAssertion> {
    let (verdicts, rows) = trial::run(&FORMAT, &[&event.to_string()]);
    assert_eq!(verdicts, [Verdict::Decoded], "{event}");
    rows.identity_assertions
}

fn event(kind: &str, more: Value) -> Vec<IdentityAssertion> {
    let mut event = json!({"uuid": "u", "published": "2026-03-01 10:00:00.123", "eventType": kind, "actor": {"id": "00u1", "alternateId": "ann@example.com", "type": "User"},
        "outcome": {"result": "SUCCESS"}, "authenticationContext": {"externalSessionId": "s-1"}});
    for (key, value) in more.as_object().expect("more fields are an object") {
        event[key] = value.clone();
    }
    decode(&event)
}

/// Scenario: the sample, an application that is granted a token. Guarantees: the grant and the token are two rows; the token
/// has its id and expiry, and no address.
#[test]
fn a_token_is_granted() {
    trial::check_sample(&FORMAT);
    let rows = decode(&serde_json::from_str(FORMAT.sample).expect("the sample is JSON"));
    let [asked, token] = rows.as_slice() else { unreachable!("two rows, not {}", rows.len()) };
    assert_eq!(
        (asked.subject.as_deref(), asked.credential_id.as_deref()),
        (Some("0oa1example0000000001"), None)
    );
    assert_eq!((asked.src_addr.as_deref(), asked.addr_quality), (Some("198.51.100.9"), AddrQuality::Direct));
    assert_eq!((token.phase, token.credential_id.as_deref()), (Phase::Issue, Some("AT.example-0001")));
    assert_eq!(token.exp, EventTime::parse("2026-03-01T11:00:00Z").ok());
    assert_eq!(
        (token.src_addr.as_deref(), token.credential_kind.as_deref()),
        (None, Some("okta-access_token"))
    );
}

/// Scenario: an API token is made and revoked; a session ends; a refresh token is used twice. Guarantees: phases, ids, the
/// session as parent; the reuse is a refusal although it says SUCCESS.
#[test]
fn tokens_come_and_go() {
    let target = json!([{"id": "00T1", "type": "Token", "alternateId": "unknown", "displayName": "ci"}]);
    let row = event("system.api_token.create", json!({"target": target})).remove(0);
    assert_eq!(
        (row.phase, row.credential_id.as_deref(), row.parent_id.as_deref()),
        (Phase::Issue, Some("00T1"), Some("s-1"))
    );
    let row = event("system.api_token.revoke", json!({"target": target})).remove(0);
    assert_eq!((row.phase, row.credential_id.as_deref()), (Phase::Revoke, Some("00T1")));
    let row = event("user.session.end", json!({})).remove(0);
    assert_eq!(
        (row.phase, row.credential_id.as_deref(), row.credential_kind.as_deref()),
        (Phase::Revoke, Some("s-1"), Some("okta-session"))
    );
    let row = event("user.session.clear", json!({})).remove(0);
    assert_eq!((row.phase, row.credential_id, row.parent_id.as_deref()), (Phase::Revoke, None, Some("s-1")));
    let row = event("app.oauth2.as.token.detect_reuse", json!({"displayMessage": "Token reuse"})).remove(0);
    assert_eq!(
        (row.decision, row.reason.as_deref(), row.credential_id),
        (Decision::Deny, Some("Token reuse"), None)
    );
}

/// Scenario: clients behind a proxy, flattened and lower-cased exports, outcomes of every kind, an actor that nobody knows.
/// Guarantees: the peer is the last hop and the others are claims; every spelling is read; what is undecided is not decided.
#[test]
fn shapes_and_outcomes() {
    let row = event("user.session.start", json!({"client": {"ipAddress": "203.0.113.10"}, "request": {"ipChain": [{"ip": "203.0.113.10"}, {"ip": "198.51.100.1"}]}})).remove(0);
    assert_eq!((row.src_addr.as_deref(), row.addr_quality), (Some("198.51.100.1"), AddrQuality::Direct));
    assert_eq!(
        (row.addr_chain.join(","), row.trust_flags.join(",")),
        ("203.0.113.10".to_owned(), "forwarded-address".to_owned())
    );
    for (result, decision) in [
        ("FAILURE", Decision::Deny),
        ("DENY", Decision::Deny),
        ("CHALLENGE", Decision::None),
        ("ALLOW", Decision::Allow),
    ] {
        assert_eq!(
            event("policy.evaluate_sign_on", json!({"outcome": {"result": result}}))[0].decision,
            decision,
            "{result}"
        );
    }
    let row = decode(&json!({"published": "2026-03-01T10:00:00Z", "eventtype": "app.oauth2.authorize.code", "actor": {"id": "unknown", "alternateId": "admin"},
        "authenticationcontext": {"externalSessionId": "s-2"}, "debugcontext": {}})).remove(0);
    assert_eq!(
        (row.subject.as_deref(), row.subject_uid, row.credential_id.as_deref()),
        (Some("admin"), None, Some("s-2"))
    );
    let flat = json!({"p_event_time": "2026-03-01 10:00:00", "actorId": "a", "eventType": "system.api_token.create", "sourceIP": "10.1.0.7", "result": "SUCCESS"});
    let row = decode(&flat).remove(0);
    assert_eq!((row.src_addr.as_deref(), row.subject.as_deref()), (Some("10.1.0.7"), Some("a")));
    assert!(trial::sniff(&FORMAT, &flat.to_string()) >= 20);
}

/// Scenario: other tools' events, and one without time. Guarantees: not recognised; refused by `no-time`.
#[test]
fn others() {
    for text in [
        r#"{"eventType":"AwsApiCall","published":"x","actor":{"id":"1"}}"#,
        r#"{"eventType":"user.created"}"#,
        r#"{"eventType":"user login","published":"1","actor":{"id":"1"}}"#,
    ] {
        assert_eq!(trial::sniff(&FORMAT, text), 0, "{text}");
    }
    let (verdicts, _) = trial::run(
        &FORMAT,
        &[r#"{"eventType":"user.session.start","published":"redacted","actor":{"id":"1"}}"#],
    );
    assert!(
        matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time" && reject.detail.contains("redacted"))
    );
}
