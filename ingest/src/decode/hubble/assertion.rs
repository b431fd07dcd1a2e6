//! A flow that policy judged, as an assertion.
//!
//! In: a flow and its verdict. Out: who asked for what, by the agent's own lookup, and what was decided.
//! Owns: the columns. The identity is derived from labels: no credential was shown, so none is named.
//! Law: where policy is in force on both ends, both nodes tell of one request (Cilium 1.18 `pkg/hubble/parser/seven`: the
//! direction is the proxy's own). What left the caller's node is the caller's side of it; what the called end decided is
//! for that end's record to say.

use offbound_schemas::EventTime;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, Outcome, Phase, SENDER_VIEW};
use serde_json::Value;

use super::endpoint::Endpoint;
use super::verdict::Judged;
use crate::decode::{Record, field};

pub(super) fn row(
    record: &Record<'_>,
    flow: &Value,
    judged: &Judged,
    (source, destination): (&Endpoint<'_>, &Endpoint<'_>),
    time: EventTime,
) -> IdentityAssertion {
    let mut row = record.assertion(time);
    row.phase = Phase::Present;
    row.request_id = field::string_at(flow, &["uuid"]);
    let is_sent = field::str_at(flow, &["traffic_direction"]) == Some("EGRESS");
    (row.decision, row.enforcement) = match judged.decision {
        Decision::Allow if is_sent => (Decision::None, Enforcement::Unknown),
        decision if judged.outcome == Outcome::WouldDeny => (decision, Enforcement::DryRun),
        decision => (decision, Enforcement::Enforced),
    };
    let parts = [judged.reason.clone(), judged.policies.as_ref().map(|names| format!("policy {names}"))];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    row.reason = (!parts.is_empty()).then(|| parts.join("; "));
    row.subject = source.workload();
    row.bound_namespace = source.namespace.filter(|_| row.subject.is_some()).map(str::to_owned);
    row.observed_workload = source.pod_name();
    row.src_addr = source.address.clone();
    row.src_port = source.port;
    row.addr_quality = if row.src_addr.is_some() { AddrQuality::Direct } else { AddrQuality::None };
    row.dst = destination.name();
    row.dst_identity = destination.workload();
    row.dst_addr = destination.address.clone();
    row.dst_port = destination.port;
    row.status = field::u16_at(flow, &["l7", "http", "code"]).filter(|code| *code > 0);
    row.action = Some(action(flow));
    row.platform = Some("mesh".to_owned());
    row.cluster = source.cluster.map(str::to_owned);
    row.trust_flags = vec!["label-identity".to_owned()];
    row.trust_flags.extend(is_sent.then(|| SENDER_VIEW.to_owned()));
    row.unmapped = super::unmapped(flow, judged);
    row
}

/// `METHOD path` of a request that a proxy saw; otherwise `connect`.
fn action(flow: &Value) -> String {
    let Some(method) = field::str_at(flow, &["l7", "http", "method"]) else { return "connect".to_owned() };
    let url = field::str_at(flow, &["l7", "http", "url"]).unwrap_or_default();
    let bare = url.split(['?', '#']).next().unwrap_or(url);
    let path = bare
        .split_once("://")
        .map_or(bare, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
    format!("{method} {path}")
}
