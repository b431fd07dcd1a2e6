//! A finished connection.
//!
//! In: the fields of an access record. Out: the assertion's columns.
//! Owns: which side of the record is observed and which is the sender's word, and what an error decides.
//! On an inbound record the identity comes from the peer's certificate and the workload from a lookup by address, or,
//! where that fails, from a header that the client's proxy wrote; the record does not say which.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{
    AddrQuality, DISAGREES_WITH_LOOKUP, Decision, Enforcement, Phase, SENDER_VIEW,
};

use super::line::{Line, Message};
use crate::decode::address::Address;
use crate::decode::field;
use crate::decode::subject::{ServiceAccount, trust_domain};

/// What a refusal on grounds of identity or policy says.
const REFUSALS: [&str; 7] = [
    "policy rejection",
    "revoked",
    "unauthorized",
    "forbidden",
    "invalid peer certificate",
    "certificate expired",
    "peer sent no certificates",
];

/// What ended a connection that had been let in: a policy that came later, or the end of the proxy (ztunnel 1.29,
/// `src/proxy.rs`, `AuthorizationPolicyLateRejection` and `ClosedFromDrain`).
const ENDED_LATER: [&str; 2] =
    ["connection closed due to policy change", "connection closed due to connection drain"];

/// Fills a row whose time is that of the record.
pub(super) fn fill(mut row: IdentityAssertion, line: &Line) -> IdentityAssertion {
    let inbound = line.get("direction") != Some("outbound");
    let logged = row.event_time;
    if let Some(nanos) = line.get("duration").and_then(duration_nanos) {
        row.event_time = logged.plus_nanos(-nanos);
        row.end_time = Some(logged);
    }
    row.phase = Phase::Present;
    row.action = Some("connect".to_owned());
    row.platform = Some("mesh".to_owned());
    fill_peer(&mut row, line, inbound);
    fill_destination(&mut row, line);
    row.reason = line.get("error").map(str::to_owned);
    row.decision = decide(line, inbound);
    row.enforcement = match (inbound, row.decision) {
        (false, _) => Enforcement::Unknown,
        (true, Decision::Deny) => Enforcement::Enforced,
        (true, _) if row.subject.is_some() => Enforcement::Enforced,
        (true, _) => Enforcement::None,
    };
    row.trust_flags = remarks(&row, line, inbound);
    row.unmapped = unmapped(line);
    row
}

fn fill_peer(row: &mut IdentityAssertion, line: &Line, inbound: bool) {
    let peer = line.get("src.addr").and_then(Address::parse);
    row.src_addr = peer.map(|peer| peer.text());
    row.src_port = peer.and_then(|peer| peer.port);
    row.addr_quality = if peer.is_some() { AddrQuality::Direct } else { AddrQuality::None };
    row.subject = line.get("src.identity").map(str::to_owned);
    let subject = row.subject.as_deref().unwrap_or_default();
    row.credential_kind = (!subject.is_empty()).then(|| "x509-svid".to_owned());
    row.issuer = trust_domain(subject).map(str::to_owned);
    row.cluster = row.issuer.clone();
    row.bound_namespace = ServiceAccount::of_subject(subject).map(|account| account.namespace.to_owned());
    row.observed_workload =
        line.get("src.workload").filter(|_| inbound).map(|workload| named(line, "src.namespace", workload));
}

fn named(line: &Line, namespace: &str, workload: &str) -> String {
    line.get(namespace).map_or_else(|| workload.to_owned(), |namespace| format!("{namespace}/{workload}"))
}

fn fill_destination(row: &mut IdentityAssertion, line: &Line) {
    let workload = || line.get("dst.workload").map(|workload| named(line, "dst.namespace", workload));
    // Behind a tunnel the inner address is what was called; it may be a name.
    let inner = line.get("dst.hbone_addr");
    let end = inner.and_then(Address::parse).or_else(|| line.get("dst.addr").and_then(Address::parse));
    let inner_name = inner.filter(|inner| Address::parse(inner).is_none()).map(str::to_owned);
    row.dst = line.get("dst.service").map(str::to_owned).or(inner_name).or_else(workload);
    row.dst_identity = line.get("dst.identity").map(str::to_owned);
    row.dst_addr = end.map(|end| end.text());
    row.dst_port = end.and_then(|end| end.port);
}

/// The sender does not learn what the receiver decided, unless it was refused. A connection through which something came was
/// let in, however it ended: whoever calls can always break it off.
fn decide(line: &Line, inbound: bool) -> Decision {
    let let_in = if inbound { Decision::Allow } else { Decision::None };
    let Some(error) = line.get("error") else {
        return if line.message == Message::Failed { Decision::Error } else { let_in };
    };
    let error = error.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| error.contains(word));
    let carried =
        ["bytes_sent", "bytes_recv"].iter().any(|key| line.number(key).is_some_and(|bytes| bytes > 0));
    match () {
        () if has(&ENDED_LATER) => let_in,
        () if has(&REFUSALS) => Decision::Deny,
        () if inbound && carried => Decision::Allow,
        () => Decision::Error,
    }
}

fn remarks(row: &IdentityAssertion, line: &Line, inbound: bool) -> Vec<String> {
    let revoked = line.get("error").is_some_and(|error| error.to_lowercase().contains("revoked"));
    let disagrees = inbound
        && row.bound_namespace.is_some()
        && line
            .get("src.namespace")
            .is_some_and(|namespace| row.bound_namespace.as_deref() != Some(namespace));
    let remarks = [
        (!inbound, SENDER_VIEW),
        (row.observed_workload.is_some(), "lookup-or-claim"),
        (disagrees, DISAGREES_WITH_LOOKUP),
        (revoked, "revoked-certificate"),
    ];
    remarks.iter().filter(|(holds, _)| *holds).map(|(_, remark)| (*remark).to_owned()).collect()
}

fn unmapped(line: &Line) -> Option<String> {
    const KEPT: [&str; 9] = [
        "direction",
        "src.workload",
        "src.namespace",
        "dst.addr",
        "dst.hbone_addr",
        "dst.workload",
        "dst.namespace",
        "bytes_sent",
        "bytes_recv",
    ];
    let values: Vec<_> = KEPT.iter().map(|key| (*key, line.value(key))).collect();
    field::unmapped(values.iter().map(|(key, value)| (*key, value.as_ref())))
}

/// `13ms`, `1.5s`, `250us`.
fn duration_nanos(text: &str) -> Option<i64> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic() || c == 'µ')?;
    let (number, unit) = text.split_at(unit_at);
    let nanos_per = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    let nanos = number.parse::<f64>().ok().filter(|number| *number >= 0.0)? * nanos_per;
    #[expect(clippy::cast_possible_truncation, reason = "a cast from float saturates")]
    let nanos = nanos as i64;
    Some(nanos)
}
