//! Linkerd: access log of the inbound proxy, off by default, on standard error.
//!
//! In: its JSON form (`client.addr`, `client.id`, …; numbers as text) and its Apache form, with the client's identity
//! in the user column and the client's port behind its address (Linkerd 2.12 and later).
//! Out: one assertion a request. Owns: the reading of Linkerd's identity names `SA.NS.serviceaccount.identity.…`.
//! Facts: `linkerd/http/access-log/src/lib.rs` of linkerd2-proxy: the address is the connection's, the identity its certificate's,
//! host and user agent are the client's word.
//! Law: `-` means that the client is not in the mesh: then nobody's identity was checked. The log holds neither a
//! certificate's id nor a policy's decision: only the answer's code is known.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, Phase};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::address::Address;
use super::subject::{ServiceAccount, trust_domain};
use super::{Decode, Format, Identity, Record, Reject, Verdict, field};

pub(crate) const FORMAT: Format = Format {
    id: "linkerd",
    title: "Linkerd proxy access log (JSON and Apache form)",
    fills: &["identity_assertions"],
    sample: r#"{"client.addr":"10.1.0.7:43612","client.id":"web.shop.serviceaccount.identity.linkerd.prod.example","host":"payments.shop:8443","method":"GET","processing_ns":"39826","request_bytes":"","response_bytes":"512","status":200,"timestamp":"2026-03-01T10:00:00.321746212Z","total_ns":"14441135","trace_id":"","uri":"http://payments.shop:8443/v1/charges?limit=5","user_agent":"shop-web/4.2","version":"HTTP/2.0"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Linkerd),
};

/// One request, of either form.
#[derive(Debug, Default)]
struct Request<'t> {
    client: &'t str,
    identity: Option<&'t str>,
    time: Option<EventTime>,
    method: Option<&'t str>,
    uri: Option<&'t str>,
    host: Option<&'t str>,
    user_agent: Option<&'t str>,
    status: Option<u16>,
    total_nanos: Option<i64>,
}

fn sniff(record: &Record<'_>) -> u8 {
    match record.json {
        Some(json) => of_json(json).map_or(0, |_| 95),
        None => of_line(record.text).map_or(0, |request| if request.identity.is_some() { 90 } else { 82 }),
    }
}

struct Linkerd;

impl Decode for Linkerd {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let request = record.json.map_or_else(|| of_line(record.text), of_json);
        let Some(request) = request else {
            return Verdict::reject(
                "not-an-access-log",
                "expected client.addr and client.id, or the Apache form",
            );
        };
        match read(record, &request) {
            Ok(mut row) => {
                row.unmapped = record.json.and_then(unmapped);
                rows.identity_assertions.push(row);
                Verdict::Decoded
            }
            Err(reject) => Verdict::Rejected(reject),
        }
    }
}

fn of_json(json: &Value) -> Option<Request<'_>> {
    let text = |key: &str| field::str_at(json, &[key]).filter(|text| *text != "-");
    Some(Request {
        client: field::str_at(json, &["client.addr"])?,
        identity: field::at(json, &["client.id"]).map(|_| text("client.id"))?,
        time: field::time_at(json, &["timestamp"]),
        method: text("method"),
        uri: text("uri"),
        host: text("host"),
        user_agent: text("user_agent"),
        status: field::u16_at(json, &["status"]),
        total_nanos: field::i64_at(json, &["total_ns"]).filter(|nanos| *nanos >= 0),
    })
}

/// `ADDR:PORT IDENTITY - [TIME] "METHOD URI VERSION" STATUS`; a web server's own log has neither the port nor this time.
fn of_line(text: &str) -> Option<Request<'_>> {
    let (client, rest) = text.trim().split_once(' ')?;
    Address::parse(client)?.port?;
    let (identity, rest) = rest.split_once(' ')?;
    let (_user, rest) = rest.split_once(" [")?;
    let (time, rest) = rest.split_once("] \"")?;
    let (request, rest) = rest.rsplit_once("\" ")?;
    let (method, rest_of_request) = request.split_once(' ')?;
    let (uri, _version) = rest_of_request.rsplit_once(" HTTP/")?;
    let status = rest.split_whitespace().next()?.parse().ok()?;
    Some(Request {
        client,
        identity: Some(identity).filter(|identity| *identity != "-"),
        time: Some(EventTime::parse(time).ok()?),
        method: Some(method),
        uri: Some(uri),
        status: Some(status),
        ..Request::default()
    })
}

fn read(record: &Record<'_>, request: &Request<'_>) -> Result<IdentityAssertion, Reject> {
    let time = request.time.or(record.envelope.time);
    let time = time.ok_or_else(|| field::no_time("timestamp", None))?;
    let mut row = record.assertion(time);
    row.phase = Phase::Present;
    row.end_time = request.total_nanos.map(|nanos| time.plus_nanos(nanos));
    fill_peer(&mut row, request);
    row.decision = match request.status {
        Some(401 | 403) => Decision::Deny,
        Some(_) => Decision::Allow,
        None => Decision::None,
    };
    // A refusal shows that somebody checked; an answer shows no more than that the client was known.
    let known = row.subject.is_some() || row.decision == Decision::Deny;
    row.enforcement = if known { Enforcement::Unknown } else { Enforcement::None };
    row.status = request.status;
    row.user_agent = request.user_agent.map(str::to_owned);
    row.platform = Some("mesh".to_owned());
    let (authority, path) = split_uri(request.uri.unwrap_or_default());
    row.dst = request.host.or(authority).map(str::to_owned);
    row.action = request.method.map(|method| format!("{method} {path}"));
    Ok(row)
}

fn fill_peer(row: &mut IdentityAssertion, request: &Request<'_>) {
    let peer = Address::parse(request.client);
    row.src_addr = peer.map(|peer| peer.text());
    row.src_port = peer.and_then(|peer| peer.port);
    row.addr_quality = if peer.is_some() { AddrQuality::Direct } else { AddrQuality::None };
    let Some(identity) = request.identity else { return };
    row.subject = Some(identity.to_owned());
    // Workloads outside of clusters have SPIFFE IDs (Linkerd 2.15 on).
    let domain = trust_domain(identity);
    row.credential_kind = Some(if domain.is_some() { "x509-svid" } else { "x509" }.to_owned());
    (row.issuer, row.cluster) = (domain.map(str::to_owned), domain.map(str::to_owned));
    row.bound_namespace = ServiceAccount::of_subject(identity).map(|account| account.namespace.to_owned());
    if let Some((_, namespace, issuer)) = parts(identity) {
        row.bound_namespace = Some(namespace.to_owned());
        (row.issuer, row.cluster) = (Some(issuer.to_owned()), Some(issuer.to_owned()));
    }
}

/// Service account, namespace and trust domain of `SA.NS.serviceaccount.identity.CONTROLPLANE.DOMAIN`.
fn parts(identity: &str) -> Option<(&str, &str, &str)> {
    let (workload, rest) = identity.split_once(".serviceaccount.identity.")?;
    let (account, namespace) = workload.rsplit_once('.')?;
    let (_control_plane, domain) = rest.split_once('.')?;
    [account, namespace, domain].iter().all(|part| !part.is_empty()).then_some((account, namespace, domain))
}

/// Authority and path of a URI, without its query.
fn split_uri(uri: &str) -> (Option<&str>, &str) {
    let bare = uri.split(['?', '#']).next().unwrap_or(uri);
    let Some((_, rest)) = bare.split_once("://") else { return (None, bare) };
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    (Some(authority).filter(|authority| !authority.is_empty()), if path.is_empty() { "/" } else { path })
}

fn unmapped(json: &Value) -> Option<String> {
    let kept = ["uri", "version", "request_bytes", "response_bytes", "processing_ns", "trace_id"];
    field::unmapped(kept.iter().map(|key| (*key, field::at(json, &[key]))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::trial;
    use super::*;

    fn one(line: &str) -> IdentityAssertion {
        let (verdicts, mut rows) = trial::run(&FORMAT, &[line]);
        assert_eq!(verdicts, [Verdict::Decoded], "{line}");
        rows.identity_assertions.remove(0)
    }

    fn with(changes: Value) -> IdentityAssertion {
        let mut json: Value = serde_json::from_str(FORMAT.sample).expect("the sample is JSON");
        for (key, value) in changes.as_object().expect("changes are an object") {
            json[key] = value.clone();
        }
        one(&json.to_string())
    }

    const LINE: &str = r#"10.1.0.7:43612 web.shop.serviceaccount.identity.linkerd.prod.example - [2026-03-01T10:00:00.321746212Z] "GET http://payments.shop:8443/v1/charges?limit=5 HTTP/2.0" 200"#;

    /// Scenario: one request in both forms. Guarantees: the same peer, identity, action and answer.
    #[test]
    fn both_forms() {
        trial::check_sample(&FORMAT);
        assert!(trial::sniff(&FORMAT, LINE) >= 80);
        for row in [one(FORMAT.sample), one(LINE)] {
            assert_eq!((row.src_addr.as_deref(), row.src_port), (Some("10.1.0.7"), Some(43612)));
            assert_eq!(row.subject.as_deref(), Some("web.shop.serviceaccount.identity.linkerd.prod.example"));
            assert_eq!(
                (row.bound_namespace.as_deref(), row.issuer.as_deref()),
                (Some("shop"), Some("prod.example"))
            );
            assert_eq!(
                (row.action.as_deref(), row.dst.as_deref()),
                (Some("GET /v1/charges"), Some("payments.shop:8443"))
            );
            assert_eq!((row.decision, row.enforcement), (Decision::Allow, Enforcement::Unknown));
        }
        let end = one(FORMAT.sample).end_time.expect("the JSON form says how long it took");
        assert_eq!(end.nanos_since(one(FORMAT.sample).event_time), 14_441_135);
    }

    /// Scenario: a client outside the mesh, a refusal, odd values. Guarantees: `-` is nobody, and nothing was checked for
    /// it; 403 is a refusal; what is absent stays absent.
    #[test]
    fn unmeshed_and_refused() {
        let row = with(json!({"client.id": "-", "user_agent": "-"}));
        assert_eq!((row.subject, row.enforcement, row.user_agent), (None, Enforcement::None, None));
        let unmeshed = LINE.replace("web.shop.serviceaccount.identity.linkerd.prod.example", "-");
        assert_eq!(one(&unmeshed).subject, None);
        assert_eq!(with(json!({"status": "403"})).decision, Decision::Deny);
        let row = with(
            json!({"client.addr": "unix", "status": null, "uri": "/ping", "total_ns": "-4", "client.id": "vm-1.example"}),
        );
        assert_eq!((row.src_addr, row.addr_quality, row.end_time), (None, AddrQuality::None, None));
        assert_eq!((row.decision, row.action.as_deref()), (Decision::None, Some("GET /ping")));
        assert_eq!((row.subject.as_deref(), row.bound_namespace), (Some("vm-1.example"), None));
        let external = with(json!({"client.id": "spiffe://prod.example/external/vm-1"}));
        assert_eq!(
            (external.credential_kind.as_deref(), external.issuer.as_deref()),
            (Some("x509-svid"), Some("prod.example"))
        );
    }

    /// Scenario: a web server's logs, a request without time. Guarantees: not recognised; refused with the reason.
    #[test]
    fn other_logs() {
        for other in [
            r#"10.1.0.7 - alice [01/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5"#,
            r#"10.1.0.7:1 - - [01/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5"#,
            r#"10.1.0.7:1 x - [2026-03-01T10:00:00Z] "GET /" 200"#,
            "10.1.0.7:1",
        ] {
            assert_eq!(trial::sniff(&FORMAT, other), 0, "{other}");
        }
        let (verdicts, _) = trial::run(&FORMAT, &[r#"{"client.addr":"10.1.0.7:1","client.id":"-"}"#]);
        assert!(matches!(&verdicts[0], Verdict::Rejected(reject) if reject.reason == "no-time"));
    }
}
