//! Tests of the access log decoder, on made-up records.

use offbound_schemas::vocabulary::{AddrQuality, Decision, IdKind};
use serde_json::{Value, json};

use super::super::trial;
use super::*;

const FINGERPRINT: &str =
    "3B:1C:5D:7F:9A:0B:2C:4D:6E:8F:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55";

fn decode(event: &Value) -> Vec<IdentityAssertion> {
    decode_text(&event.to_string())
}

fn decode_text(text: &str) -> Vec<IdentityAssertion> {
    assert!(trial::sniff(&FORMAT, text) >= 70, "not recognised: {text}");
    let (verdicts, rows) = trial::run(&FORMAT, &[text]);
    assert_eq!(verdicts, [Verdict::Decoded], "{text}");
    rows.identity_assertions
}

fn with(changes: Value) -> Value {
    let mut event = json!({"start_time": "2026-03-01T10:00:00Z", "method": "GET", "path": "/a?b=c", "protocol": "HTTP/2",
        "response_code": 200, "response_flags": "-", "response_code_details": "via_upstream", "authority": "payments:8443",
        "downstream_remote_address": "10.1.0.7:43612", "upstream_host": "10.1.9.9:8443", "upstream_cluster": "inbound|8443||"});
    for (key, value) in changes.as_object().expect("changes are an object") {
        event[key] = value.clone();
    }
    event
}

fn first(changes: Value) -> IdentityAssertion {
    decode(&with(changes)).remove(0)
}

/// Scenario: the sample. Guarantees: certificate, lifetime, address, destination and action are read.
#[test]
fn the_sample() {
    trial::check_sample(&FORMAT);
    let row = decode_text(FORMAT.sample).remove(0);
    assert_eq!(row.subject.as_deref(), Some("spiffe://prod.example/ns/shop/sa/web"));
    assert_eq!(row.credential_id.as_deref().map(str::len), Some("X509SHA256=".len() + 64));
    assert_eq!(row.credential_kind.as_deref(), Some("x509-svid"));
    assert_eq!(
        (row.action.as_deref(), row.dst.as_deref()),
        (Some("GET /v1/charges"), Some("payments.shop.svc:8443"))
    );
    assert_eq!((row.dst_addr.as_deref(), row.dst_port), (Some("10.1.9.9"), Some(8443)));
    assert!(row.nbf < row.exp && row.nbf.is_some());
    assert_eq!(row.enforcement, Enforcement::Enforced);
}

/// Scenario: operators as keys with percent signs, arguments and capitals. Guarantees: the same row as with plain keys.
#[test]
fn keys_in_operator_form() {
    let row = decode(&json!({"%START_TIME(%s.%3f)%": "1772359200.000", "%REQ(:METHOD)%": "GET", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%": "/a",
        "%RESPONSE_CODE%": "200", "%DOWNSTREAM_PEER_URI_SAN%": "https://x,spiffe://d/ns/shop/sa/web", "%DOWNSTREAM_PEER_FINGERPRINT_256%": FINGERPRINT,
        "%DOWNSTREAM_PEER_SERIAL%": "00:AB:0C", "%DOWNSTREAM_PEER_CERT_V_END(%b %e)%": "Mar  1 11:00:00 2026 GMT",
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": "[fd00::7]:443", "%UPSTREAM_CLUSTER%": "outbound|9080|v1|reviews.shop.svc"})).remove(0);
    assert_eq!(row.subject.as_deref(), Some("spiffe://d/ns/shop/sa/web"));
    let hex = FINGERPRINT.replace(':', "").to_lowercase();
    assert_eq!((row.credential_id, row.id_kind), (Some(format!("X509SHA256={hex}")), IdKind::CertFp));
    assert_eq!(row.credential_alias.as_deref(), Some("X509SERIAL=ab0c"));
    assert_eq!((row.src_addr.as_deref(), row.src_port), (Some("fd00::7"), Some(443)));
    assert_eq!(row.dst.as_deref(), Some("reviews.shop.svc:9080"));
    assert_eq!(row.exp, offbound_schemas::EventTime::parse("2026-03-01T11:00:00Z").ok());
    assert_eq!(row.bound_namespace.as_deref(), Some("shop"));
}

/// Scenario: addresses with port 0, with a header, with both kinds of address. Guarantees: only an address out of a header
/// is somebody's word, and a client cannot make its own address look like one.
#[test]
fn peers() {
    let peer = |changes: Value| {
        let row = first(changes);
        (row.src_addr.unwrap_or_default(), row.addr_quality, row.addr_chain)
    };
    let expect = |address: &str, quality, chain: &[&str]| {
        (address.to_owned(), quality, chain.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(peer(json!({})), expect("10.1.0.7", AddrQuality::Direct, &[]));
    let from_header = json!({"downstream_remote_address": "203.0.113.9:0", "x_forwarded_for": "203.0.113.9"});
    assert_eq!(peer(from_header), expect("203.0.113.9", AddrQuality::Asserted, &["203.0.113.9"]));
    let forged = json!({"x_forwarded_for": "10.1.0.99, 10.1.0.7"});
    assert_eq!(peer(forged), expect("10.1.0.7", AddrQuality::Direct, &["10.1.0.99"]));
    let both = json!({"downstream_remote_address": "203.0.113.9:0", "downstream_direct_remote_address": "10.1.250.1:5000"});
    assert_eq!(peer(both), expect("10.1.250.1", AddrQuality::Direct, &["203.0.113.9"]));
    let bare = json!({"downstream_remote_address": "203.0.113.9", "x_forwarded_for": "203.0.113.9"});
    assert_eq!(peer(bare).1, AddrQuality::Asserted);
    assert_eq!(peer(json!({"downstream_remote_address": null})), expect("", AddrQuality::None, &[]));
}

/// Scenario: refusals and failures of every kind. Guarantees: a refused gRPC call with HTTP 200 is a refusal, a failed
/// authorizer and a broken connection are none.
#[test]
fn decisions() {
    let decided = |changes: Value| first(changes).decision;
    assert_eq!(decided(json!({})), Decision::Allow);
    assert_eq!(
        decided(
            json!({"response_code_details": "rbac_access_denied_matched_policy[none]", "response_code": 403})
        ),
        Decision::Deny
    );
    assert_eq!(
        decided(
            json!({"connection_termination_details": "rbac_access_denied_matched_policy[none]", "response_code": 0})
        ),
        Decision::Deny
    );
    assert_eq!(decided(json!({"response_flags": "UAEX"})), Decision::Deny);
    assert_eq!(decided(json!({"response_flags": "UAEX", "response_code": 503})), Decision::Error);
    for status in [json!(7), json!("16"), json!("PermissionDenied"), json!("PERMISSION_DENIED")] {
        assert_eq!(decided(json!({"grpc_status": status})), Decision::Deny, "{status}");
    }
    let failed =
        json!({"response_flags": "UAEX", "response_code": 403, "response_code_details": "ext_authz_error"});
    assert_eq!(decided(failed), Decision::Error);
    assert_eq!(decided(json!({"grpc_status": 0})), Decision::Allow);
    assert_eq!(decided(json!({"response_code": 401})), Decision::Deny);
    for flags in ["UH", "UF,URX", "NR", "DC", "DPE"] {
        assert_eq!(
            decided(json!({"response_flags": flags, "response_code": 503})),
            Decision::Error,
            "{flags}"
        );
    }
    for (flags, code, decision) in
        [("DC", 200, Decision::Allow), ("UC", 206, Decision::Allow), ("DC", 0, Decision::Error)]
    {
        let broken_off = json!({"response_flags": flags, "response_code": code});
        assert_eq!(decided(broken_off), decision, "{flags} {code}");
    }
    assert_eq!(first(json!({})).enforcement, Enforcement::None);
    assert_eq!(
        first(json!({"response_code_details": "rbac_access_denied_matched_policy[none]"})).enforcement,
        Enforcement::Enforced
    );
}

/// Scenario: what a listener logs of handshakes that failed: without a client's certificate, with one that is refused, by the
/// client's own alert; and an answered request on a connection that broke later. Guarantees: only a refused client is refused,
/// none of the failures is let in, and the reason is kept.
#[test]
fn failed_handshakes() {
    let ended = |reason: &str, code: u16| {
        let row = first(
            json!({"method": "-", "path": "-", "protocol": null, "authority": "-", "upstream_host": "-", "upstream_cluster": "-",
            "response_code": code, "response_code_details": "-", "downstream_transport_failure_reason": reason}),
        );
        (row.decision, row.enforcement, row.reason)
    };
    let failure =
        |name: &str| format!("TLS_error:|268435581:SSL routines:OPENSSL_internal:{name}:TLS_error_end");
    for name in ["CERTIFICATE_VERIFY_FAILED", "PEER_DID_NOT_RETURN_A_CERTIFICATE"] {
        let reason = failure(name);
        assert_eq!(
            ended(&reason, 0),
            (Decision::Deny, Enforcement::Enforced, Some(reason.clone())),
            "{name}"
        );
    }
    let alert = failure("SSLV3_ALERT_CERTIFICATE_UNKNOWN");
    assert_eq!(ended(&alert, 0), (Decision::Error, Enforcement::None, Some(alert.clone())));
    assert_eq!(ended(&alert, 200).0, Decision::Allow);
}

/// Scenario: the certificate comes through a header; a token stands beside it, or alone. Guarantees: the header's last
/// element counts and is marked; a token beside a certificate is a second row, presented by the certificate's holder.
#[test]
fn forwarded_and_tokens() {
    let hex = "ab".repeat(32);
    let header = format!(
        "URI=spiffe://forged,By=spiffe://d/gw;Hash={hex};Subject=\"CN=a,O=b\";URI=spiffe://d/ns/shop/sa/web"
    );
    let rows = decode(&with(
        json!({"x_forwarded_client_cert": header, "jwt_sub": "system:serviceaccount:shop:batch", "jwt_jti": "j-1",
        "jwt_iss": "https://issuer.example", "jwt_aud": "[\"a\", \"b\"]", "jwt_exp": 1772362800}),
    ));
    let [certificate, token] = rows.as_slice() else { unreachable!("two rows: {rows:?}") };
    assert_eq!(certificate.subject.as_deref(), Some("spiffe://d/ns/shop/sa/web"));
    assert_eq!(certificate.credential_id, Some(format!("X509SHA256={hex}")));
    assert_eq!(
        (certificate.dst_identity.as_deref(), certificate.trust_flags.as_slice()),
        (Some("spiffe://d/gw"), &["forwarded-identity".to_owned()][..])
    );
    assert_ne!(certificate.event_id, token.event_id);
    assert_eq!(
        (token.credential_id.as_deref(), token.credential_kind.as_deref()),
        (Some("JTI=j-1"), Some("k8s-token"))
    );
    assert_eq!(
        (token.presenter.as_deref(), token.audience.as_slice()),
        (certificate.subject.as_deref(), &["a".to_owned(), "b".to_owned()][..])
    );
    let alone = decode(&with(json!({"jwt_sub": "spiffe://d/x"})));
    assert_eq!((alone.len(), alone[0].credential_kind.as_deref()), (1, Some("jwt-svid")));
    assert_eq!(alone[0].enforcement, Enforcement::Enforced);
}

/// Scenario: a peer that is known by its own certificate, behind a header that names it, and one that names somebody else or
/// nobody, as a proxy that only forwards the header leaves it. Guarantees: the header's fingerprint and verifier count only
/// where the header is about the peer.
#[test]
fn a_header_about_somebody_else() {
    let hash = "cd".repeat(32);
    let shown = |uri: &str| {
        let header = format!("By=spiffe://d/ns/shop/sa/pay;Hash={hash};{uri}");
        let names = "https://vm.example,spiffe://d/ns/shop/sa/web";
        let row = first(json!({"x_forwarded_client_cert": header, "downstream_peer_uri_san": names}));
        assert_eq!(row.subject.as_deref(), Some("spiffe://d/ns/shop/sa/web"), "{uri}");
        assert!(row.trust_flags.is_empty(), "{uri}");
        (row.credential_id, row.dst_identity)
    };
    let own = (Some(format!("X509SHA256={hash}")), Some("spiffe://d/ns/shop/sa/pay".to_owned()));
    assert_eq!(shown("URI=spiffe://d/ns/shop/sa/web"), own);
    assert_eq!(shown("URI=https://vm.example"), own);
    assert_eq!(shown("URI=spiffe://d/ns/shop/sa/victim"), (None, None));
    assert_eq!(shown("Subject=\"CN=web\""), (None, None));
}

const ISTIO_TEXT: &str = r#"[2026-03-01T10:00:00.000Z] "GET /a?b=c HTTP/1.1" 403 - rbac_access_denied_matched_policy[none] - "-" 0 19 3 - "-" "UA" "r-1" "payments:8443" "-" inbound|8443|| - 10.1.9.9:8443 10.1.0.7:43612 outbound_.8443_._.payments.shop.svc default"#;

/// Scenario: default text of Istio and of Envoy; a user agent full of quotes; a line of something else. Guarantees: the same
/// columns as JSON; forged fields are left out and marked; other text is not recognised.
#[test]
fn default_text() {
    let row = decode_text(ISTIO_TEXT).remove(0);
    assert_eq!(
        (row.decision, row.status, row.action.as_deref()),
        (Decision::Deny, Some(403), Some("GET /a"))
    );
    assert_eq!(
        (row.src_addr.as_deref(), row.dst_addr.as_deref(), row.dst.as_deref()),
        (Some("10.1.0.7"), Some("10.1.9.9"), Some("payments:8443"))
    );
    assert_eq!(row.end_time, Some(row.event_time.plus_nanos(3_000_000)));
    let forged =
        ISTIO_TEXT.replace("\"UA\"", r#""x" "r-2" "trusted:1" "10.6.6.6:1" c - 10.6.6.6:1 10.6.6.6:2 s d""#);
    let row = decode_text(&forged).remove(0);
    assert_eq!((row.src_addr.as_deref(), row.decision), (Some("10.1.0.7"), Decision::Deny));
    assert_eq!((row.dst.as_deref(), row.user_agent.as_deref()), (Some("payments.shop.svc:8443"), None));
    assert_eq!(row.trust_flags, ["ambiguous-quotes"]);
    let plain = r#"[2026-03-01T10:00:00.000Z] "- - -" 0 UF 10 0 5 - "-" "-" "-" "-" "10.1.9.9:5432""#;
    let row = decode_text(plain).remove(0);
    assert_eq!(
        (row.action.as_deref(), row.decision, row.dst_port),
        (Some("connect"), Decision::Error, Some(5432))
    );
    for other in [
        "[info] started",
        "[2026-03-01T10:00:00Z] \"GET / HTTP/1.1\" 200 -",
        "",
        "[2026] \"",
        "[2026-03-01] \"a b c\" x",
    ] {
        assert_eq!(trial::sniff(&FORMAT, other), 0, "{other}");
    }
}

/// Scenario: entries of the caller's sidecar, of a gateway that leads into the mesh, of a sidecar that keeps the addresses
/// of callers; a call that the sidecar itself refused. Guarantees: what the caller's side writes is marked, decides nothing of
/// the called side and says nothing of what is enforced there; nothing else is marked.
#[test]
fn the_callers_own_sidecar() {
    let out = |changes: Value| {
        let mut call = json!({"upstream_cluster": "outbound|8443||payments.shop.svc.cluster.local",
            "upstream_local_address": "10.1.0.7:50112", "downstream_local_address": "10.96.0.4:8443",
            "downstream_remote_address": "10.1.0.7:43612", "request_id": "r-1", "duration": 3, "route_name": "default"});
        for (key, value) in changes.as_object().expect("changes are an object") {
            call[key] = value.clone();
        }
        let row = first(call);
        (row.decision, row.enforcement, row.trust_flags.contains(&SENDER_VIEW.to_owned()))
    };
    let unknown = |decision| (decision, Enforcement::Unknown, true);
    assert_eq!(out(json!({})), unknown(Decision::None));
    assert_eq!(out(json!({"response_code": 403})), unknown(Decision::Deny));
    assert_eq!(
        out(json!({"method": null, "path": null, "protocol": null, "response_code": 0})),
        unknown(Decision::None)
    );
    assert_eq!(out(json!({"upstream_cluster": "PassthroughCluster"})), unknown(Decision::None));
    assert_eq!(out(json!({"response_flags": "UF", "response_code": 503})), unknown(Decision::Error));
    let own = json!({"response_flags": "UAEX", "response_code": 403});
    assert_eq!(out(own), (Decision::Deny, Enforcement::Enforced, true));
    for other in [
        json!({"upstream_local_address": "10.1.250.1:50112"}),
        json!({"upstream_cluster": "inbound|8443||"}),
        json!({"upstream_local_address": null}),
    ] {
        assert_eq!(out(other.clone()), (Decision::Allow, Enforcement::None, false), "{other}");
    }
    let known = json!({"downstream_peer_uri_san": "spiffe://d/ns/shop/sa/web"});
    assert_eq!(out(known), (Decision::Allow, Enforcement::Enforced, false));
}

/// Scenario: a sidecar that reaches its workload by loopback, with and without an address of its own. Guarantees: what was
/// called is the address that others know.
#[test]
fn a_loopback_address_is_no_destination() {
    let called = |local: Value| {
        let row = first(json!({"upstream_host": "127.0.0.1:8443", "downstream_local_address": local}));
        (row.dst_addr.unwrap_or_default(), row.dst_port)
    };
    assert_eq!(called(json!("10.1.9.9:443")), ("10.1.9.9".to_owned(), Some(443)));
    assert_eq!(called(Value::Null), ("127.0.0.1".to_owned(), Some(8443)));
}

/// Scenario: TCP connections, in and out, to services, to anywhere, to nowhere. Guarantees: a connection is one without
/// being a request; only names of destinations are destinations, otherwise the address says where.
#[test]
fn connections() {
    let row = |cluster: &str, server: Value| {
        first(
            json!({"method": "-", "path": "-", "protocol": null, "response_code": 0, "authority": "-", "upstream_cluster": cluster,
            "requested_server_name": server, "upstream_host": "-", "downstream_local_address": "10.1.9.9:5432"}),
        )
    };
    let mutual = row("inbound|5432||", json!("outbound_.5432_._.db.shop.svc"));
    assert_eq!(
        (mutual.action.as_deref(), mutual.dst.as_deref(), mutual.status),
        (Some("connect"), Some("db.shop.svc:5432"), None)
    );
    assert_eq!(row("outbound|5432||db.shop.svc", Value::Null).dst.as_deref(), Some("db.shop.svc:5432"));
    for cluster in
        ["inbound|5432||", "PassthroughCluster", "BlackHoleCluster", "InboundPassthroughClusterIpv4"]
    {
        let row = row(cluster, Value::Null);
        assert_eq!(
            (row.dst.as_deref(), row.dst_addr.as_deref(), row.dst_port),
            (None, Some("10.1.9.9"), Some(5432)),
            "{cluster}"
        );
    }
}

/// Scenario: a chain of forwarded certificates with commas in quotes; a line without any time. Guarantees: the proxy's own
/// element counts, whole; the line is refused by its reason.
#[test]
fn chains_and_missing_times() {
    let hash = "cd".repeat(32);
    let chain = format!(
        "By=spiffe://d/x;Hash=00;URI=spiffe://d/edge,By=spiffe://d/gw;Hash={hash};Subject=\"CN=a, O=b, URI=spiffe://forged\";URI=spiffe://d/ns/shop/sa/web"
    );
    let row = first(json!({"x_forwarded_client_cert": chain}));
    assert_eq!(
        (row.subject.as_deref(), row.credential_id),
        (Some("spiffe://d/ns/shop/sa/web"), Some(format!("X509SHA256={hash}")))
    );
    let (verdicts, _) = trial::run(&FORMAT, &[&with(json!({"start_time": null})).to_string()]);
    assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
}
