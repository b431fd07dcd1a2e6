//! Envoy and Istio access logs: which certificate or token was presented to a proxy, and what the proxy decided.
//!
//! In: JSON with keys that the operator chose (`keys`), or Istio's and Envoy's default text (`text`).
//! Out: one assertion a request or connection; a second one where a token was presented beside a certificate.
//! Owns: who the peer is (`identity`), which address is the peer's own (`peer`), what was decided (`judge`), and which
//! entries the caller's own sidecar wrote.
//! Law: port 0 betrays an address that came from a header; such an address is somebody's word. A caller's sidecar neither
//! checks who calls nor decides who is let in.

use std::borrow::Cow;

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{Decision, Enforcement, Phase, SENDER_VIEW};
use offbound_schemas::{EventId, EventRows};

use super::address::Address;
use super::{Decode, Format, Identity, Record, Reject, Verdict, field};
pub(crate) use fast::FAST;
use keys::AccessLog;

mod fast;
mod identity;
mod judge;
mod keys;
mod peer;
#[cfg(test)]
mod tests;
mod text;
pub(super) mod xfcc;

pub(crate) const FORMAT: Format = Format {
    id: "envoy",
    title: "Envoy and Istio access logs (JSON with operator names, or default text)",
    fills: &["identity_assertions"],
    sample: r#"{"start_time":"2026-03-01T10:00:00.000Z","method":"GET","path":"/v1/charges?limit=5","protocol":"HTTP/2","response_code":200,"response_flags":"-","response_code_details":"via_upstream","authority":"payments.shop.svc:8443","downstream_remote_address":"10.1.0.7:43612","downstream_direct_remote_address":"10.1.0.7:43612","downstream_peer_uri_san":"spiffe://prod.example/ns/shop/sa/web","downstream_peer_fingerprint_256":"3b1c5d7f9a0b2c4d6e8f00112233445566778899aabbccddeeff001122334455","downstream_peer_serial":"1f2e3d4c5b6a","downstream_peer_cert_v_start":"2026-03-01T09:30:00.000Z","downstream_peer_cert_v_end":"2026-03-01T10:30:00.000Z","upstream_cluster":"inbound|8443||","upstream_host":"10.1.9.9:8443","request_id":"0c9e2d34-7d0f-4d55-8a0c-5b1f6a7c8d90","user_agent":"shop-web/4.2","x_forwarded_for":null}"#,
    identity: Identity::BytesAndOccurrence,
    sniff,
    decoder: || Box::new(Envoy),
};

fn sniff(record: &Record<'_>) -> u8 {
    match record.json {
        Some(json) => AccessLog::of_json(json).map_or(0, |log| match log.telling_keys() {
            0 | 1 => 0,
            2 => 70,
            3 => 85,
            _ => 95,
        }),
        None if text::parse(record.text).is_some() => 95,
        None => 0,
    }
}

struct Envoy;

impl Decode for Envoy {
    fn is_stateless(&self) -> bool {
        true
    }

    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let log = match record.json {
            Some(json) => AccessLog::of_json(json),
            None => text::parse(record.text),
        };
        let Some(log) = log else {
            return Verdict::reject(
                "not-an-access-log",
                "expected JSON, or the default text of Envoy or Istio",
            );
        };
        read(record, &log, rows).map_or_else(Verdict::Rejected, |()| Verdict::Decoded)
    }
}

fn read(record: &Record<'_>, log: &AccessLog, rows: &mut EventRows) -> Result<(), Reject> {
    let started = ["start_time", "timestamp", "@timestamp", "time"].iter().find_map(|key| log.time(key));
    let event_time = started
        .or(record.envelope.time)
        .ok_or_else(|| field::no_time("start_time", log.value("start_time")))?;
    let mut row = record.assertion(event_time);
    row.phase = Phase::Present;
    row.end_time = log.duration_ms().map(|millis| event_time.plus_nanos(millis.saturating_mul(1_000_000)));
    row.request_id = log.text("request_id").or_else(|| log.text("x_request_id"));
    row.user_agent = log.text("user_agent");
    row.status = log.number("response_code").filter(|code| *code > 0);
    row.platform = Some("mesh".to_owned());
    row.recorder_host = row.recorder_host.take().or_else(|| log.text("hostname"));
    row.action = action(log);
    fill_destination(&mut row, log);
    peer::fill(&mut row, log);
    identity::fill_certificate(&mut row, log);
    let token = identity::token(&row, log);
    let known = row.subject.is_some() || row.credential_id.is_some() || token.is_some();
    let is_sent = !known && is_sent(&row, log);
    let ending = ending(log);
    row.decision = ending.decision();
    let mut reason = String::new();
    ending.write_reason(&mut reason);
    row.reason = (!reason.is_empty()).then_some(reason);
    if is_sent && row.decision == Decision::Allow {
        // It went out, and an answer came; what that decided is for the other side's log to say (gRPC refuses with 200).
        row.decision = Decision::None;
    }
    row.enforcement = match known || ending.is_by_policy() {
        true => Enforcement::Enforced,
        false if is_sent => Enforcement::Unknown,
        false => Enforcement::None,
    };
    row.trust_flags.extend(is_sent.then(|| SENDER_VIEW.to_owned()));
    row.trust_flags.extend(log.ambiguous.then(|| "ambiguous-quotes".to_owned()));
    row.unmapped = unmapped(log);
    push(record.row_id(1), row, token, rows);
    Ok(())
}

/// How the request or connection ended.
fn ending(log: &AccessLog) -> judge::Ending<'static> {
    let text = |key: &str| log.text(key).map(Cow::Owned);
    judge::Ending {
        status: log.number("response_code").unwrap_or_default(),
        flags: text("response_flags").unwrap_or_default(),
        details: [text("response_code_details"), text("connection_termination_details")],
        transport: text("downstream_transport_failure_reason"),
        grpc: text("grpc_status"),
    }
}

/// Whether the caller's own sidecar wrote the entry: it calls from the very address that called it, where a gateway calls
/// from its own. (A sidecar that keeps the addresses of callers does so inbound, too.)
fn is_sent(row: &IdentityAssertion, log: &AccessLog) -> bool {
    let own = log.text("upstream_local_address").and_then(|text| Address::parse(&text));
    let is_outbound = log.text("upstream_cluster").is_some_and(|cluster| is_outbound(&cluster));
    is_outbound && own.is_some_and(|own| row.src_addr == Some(own.text()))
}

/// Whether Istio's cluster leads out of the workload.
fn is_outbound(cluster: &str) -> bool {
    cluster.starts_with("outbound|") || cluster == "PassthroughCluster"
}

/// A token beside a certificate is a second credential, presented by the holder of the first.
fn push(
    second_id: EventId,
    mut row: IdentityAssertion,
    token: Option<identity::Token>,
    rows: &mut EventRows,
) {
    let Some(token) = token else {
        rows.identity_assertions.push(row);
        return;
    };
    if row.subject.is_none() && row.credential_id.is_none() {
        token.fill(&mut row);
        rows.identity_assertions.push(row);
        return;
    }
    let mut second = IdentityAssertion { event_id: second_id, presenter: row.subject.clone(), ..row.clone() };
    identity::clear(&mut second);
    token.fill(&mut second);
    rows.identity_assertions.extend([row, second]);
}

/// `METHOD path` without the query; a connection without requests is `connect`.
fn action(log: &AccessLog) -> Option<String> {
    let Some(method) = log.text("method") else {
        let of_http = log.text("protocol").is_some_and(|protocol| protocol.starts_with("HTTP"));
        return (!of_http).then(|| "connect".to_owned());
    };
    let path = log.text("path").or_else(|| log.text("x_envoy_original_path"));
    let bare = path.as_deref().map(|path| path.split(['?', '#']).next().unwrap_or(path));
    Some(bare.map_or_else(|| method.clone(), |bare| format!("{method} {bare}")))
}

fn fill_destination(row: &mut IdentityAssertion, log: &AccessLog) {
    let named = log.text("authority").or_else(|| log.text("requested_server_name").map(plain_server_name));
    row.dst = named.or_else(|| log.text("upstream_cluster").and_then(plain_cluster));
    // A refused request reaches no upstream, and a sidecar may reach its workload by loopback; the address that was called
    // is then the proxy's own end.
    let ends = ["upstream_host", "upstream_remote_address", "downstream_local_address"];
    let ends: Vec<Address> = ends.iter().filter_map(|key| Address::parse(&log.text(key)?)).collect();
    if let Some(end) = ends.iter().find(|end| !end.ip.is_loopback()).or(ends.first()) {
        row.dst_addr = Some(end.text());
        row.dst_port = end.port;
    }
    row.dst_identity = log.text("upstream_peer_uri_san");
}

/// Istio's server names `outbound_.PORT_.SUBSET_.HOST` as `HOST:PORT`.
fn plain_server_name(name: String) -> String {
    let parts: Vec<&str> = name.splitn(4, "_.").collect();
    match parts.as_slice() {
        ["outbound", port, _, host] => format!("{host}:{port}"),
        _ => name,
    }
}

/// Istio's clusters `outbound|PORT|SUBSET|HOST` as `HOST:PORT`. `inbound|PORT||` is the proxy's own workload, and what
/// passes through to anywhere, or nowhere, is no name of a destination: then the address says more.
fn plain_cluster(name: String) -> Option<String> {
    let parts: Vec<&str> = name.split('|').collect();
    match parts.as_slice() {
        [_, port, _, host] if !host.is_empty() => Some(format!("{host}:{port}")),
        ["inbound", ..] | ["PassthroughCluster" | "InboundPassthroughCluster" | "BlackHoleCluster"] => None,
        ["InboundPassthroughClusterIpv4" | "InboundPassthroughClusterIpv6"] => None,
        _ => Some(name),
    }
}

fn unmapped(log: &AccessLog) -> Option<String> {
    const KEPT: [&str; 16] = [
        "response_flags",
        "response_code_details",
        "connection_termination_details",
        "grpc_status",
        "upstream_cluster",
        "requested_server_name",
        "downstream_local_address",
        "downstream_remote_address",
        "downstream_transport_failure_reason",
        "downstream_peer_subject",
        "downstream_peer_issuer",
        "x_forwarded_client_cert",
        "protocol",
        "route_name",
        "bytes_sent",
        "bytes_received",
    ];
    field::unmapped(KEPT.iter().map(|key| (*key, log.value(key))))
}
