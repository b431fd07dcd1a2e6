//! Cilium Hubble: flows between pods as the node's agent saw them, and which of them policy refused.
//!
//! In: exporter and `hubble observe -o jsonpb` records (`flow`, `node_name`, `time`; fields of Cilium 1.13 to 1.19),
//! also bare flows of older clients; any field may be masked away.
//! Out: a host event a new connection or refusal (control `network_policy` where policy refused); an assertion where
//! policy refused or a proxy judged a request; lost events as `telemetry_gap`; placements of the node's own endpoints.
//! Owns: which drop is a refusal (`verdict`), which end is this node's own (`endpoint`).
//! Dropped: answers, packets inside connections, what a proxy will show again, agent and debug events; each by name.
//! Law: the node is the sensor: it is the host of the flow's ends only where the agent says so.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{
    Action, Attribution, ControlMode, Decision, HookClass, HostControl, Outcome,
};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use self::endpoint::{Endpoint, Known};
use self::verdict::Judged;
use super::{Decode, Format, Identity, Record, Reject, Verdict, address, credential_path, field};

mod assertion;
mod endpoint;
#[cfg(test)]
mod tests;
mod verdict;

pub(crate) const FORMAT: Format = Format {
    id: "hubble",
    title: "Cilium Hubble flows (exporter or `hubble observe -o jsonpb`)",
    fills: &["host_events", "identity_assertions", "placements"],
    sample: r#"{"flow":{"time":"2026-03-01T10:00:00.779111730Z","uuid":"2f1c7d1e-0b7e-4c7a-9c1d-7a5f6e7d8c90","verdict":"DROPPED","drop_reason":133,"IP":{"source":"10.1.0.7","destination":"10.1.0.9","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":38160,"destination_port":8443,"flags":{"SYN":true}}},"source":{"ID":407,"identity":60176,"cluster_name":"prod","namespace":"shop","labels":["k8s:app=web","k8s:io.cilium.k8s.policy.serviceaccount=web"],"pod_name":"web-7","workloads":[{"name":"web","kind":"Deployment"}]},"destination":{"identity":10337,"namespace":"shop","labels":["k8s:app=payments"],"pod_name":"payments-3"},"Type":"L3_L4","node_name":"prod/n1","traffic_direction":"EGRESS","drop_reason_desc":"POLICY_DENIED","is_reply":false,"Summary":"TCP Flags: SYN"},"node_name":"prod/n1","time":"2026-03-01T10:00:00.779111730Z"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Hubble::default()),
};

/// What else than flows the exporter writes, and the names under which it is left out.
const OTHERS: [(&str, &str); 3] =
    [("agent_event", "agent-event"), ("debug_event", "debug-event"), ("node_status", "node-status")];

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    let is_loss =
        field::has(json, &["lost_events", "num_events_lost"]) || field::has(json, &["lost_events", "source"]);
    if is_loss || flow_of(json).is_some() {
        return 95;
    }
    let other = OTHERS.iter().any(|(key, _)| json.get(key).is_some_and(Value::is_object));
    if other && field::has(json, &["time"]) { 75 } else { 0 }
}

/// The flow of a record; a field mask leaves at least one of these.
fn flow_of(json: &Value) -> Option<&Value> {
    let flow = field::at(json, &["flow"]).unwrap_or(json);
    let has = |key: &str| flow.get(key).is_some();
    let told = has("verdict") && (has("IP") || has("source") || has("node_name") || has("traffic_direction"));
    (flow.is_object() && (told || (has("IP") && has("l4") && has("source")))).then_some(flow)
}

#[derive(Default)]
struct Hubble {
    known: Known,
}

impl Decode for Hubble {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-a-flow", "expected a JSON object");
        };
        if let Some((_, name)) = OTHERS.iter().find(|(key, _)| json.get(key).is_some()) {
            return Verdict::Skipped(name);
        }
        let read = match field::at(json, &["lost_events"]) {
            Some(lost) => loss(record, json, lost, rows),
            None => self.flow(record, json, rows),
        };
        read.unwrap_or_else(Verdict::Rejected)
    }
}

fn time_of(record: &Record<'_>, json: &Value, flow: &Value) -> Result<EventTime, Reject> {
    let own = field::time_at(flow, &["time"]).or_else(|| field::time_at(json, &["time"]));
    own.or(record.envelope.time).ok_or_else(|| field::no_time("flow.time", field::at(flow, &["time"])))
}

/// `CLUSTER/NODE`, or a node's name alone.
fn node_of<'v>(json: &'v Value, flow: &'v Value) -> Option<(Option<&'v str>, &'v str)> {
    let name = field::str_at(flow, &["node_name"]).or_else(|| field::str_at(json, &["node_name"]))?;
    Some(match name.rsplit_once('/') {
        Some((cluster, node)) if !node.is_empty() => (Some(cluster).filter(|name| !name.is_empty()), node),
        _ => (None, name),
    })
}

fn loss(record: &Record<'_>, json: &Value, lost: &Value, rows: &mut EventRows) -> Result<Verdict, Reject> {
    let mut row = record.host_event(time_of(record, json, lost)?);
    row.host = node_of(json, lost).map(|(_, node)| node.to_owned()).or(row.host);
    row.action = Action::TelemetryGap;
    row.hook_class = HookClass::Kprobe;
    row.lost = field::u64_at(lost, &["num_events_lost"]);
    row.gap_from = field::time_at(lost, &["first"]);
    let source = field::str_at(lost, &["source"]).unwrap_or("UNKNOWN_LOST_EVENT_SOURCE");
    row.rule = Some(format!("flows lost: {source}"));
    rows.host_events.push(row);
    Ok(Verdict::Decoded)
}

impl Hubble {
    fn flow(&mut self, record: &Record<'_>, json: &Value, rows: &mut EventRows) -> Result<Verdict, Reject> {
        let flow = flow_of(json).ok_or_else(|| field::missing("flow.verdict"))?;
        let time = time_of(record, json, flow)?;
        let node = node_of(json, flow);
        let (source, destination) = (Endpoint::of(flow, "source"), Endpoint::of(flow, "destination"));
        for end in [&source, &destination] {
            rows.placements.extend(self.known.placement(record, end, node, time));
        }
        let judged = match verdict::judge(flow) {
            Ok(judged) => judged,
            Err(name) => return Ok(Verdict::Skipped(name)),
        };
        if judged.decision != Decision::None {
            let mut row = assertion::row(record, flow, &judged, (&source, &destination), time);
            row.event_id = record.row_id(1);
            row.cluster = row.cluster.or_else(|| node.and_then(|(cluster, _)| cluster).map(str::to_owned));
            row.recorder_host = node.map(|(_, node)| node.to_owned()).or(row.recorder_host);
            rows.identity_assertions.push(row);
        }
        rows.host_events.push(connection(record, flow, &judged, (&source, &destination), time));
        Ok(Verdict::Decoded)
    }
}

/// The host event of a flow. Its host stays open: an agent that only sees packets is no telemetry about what runs on a
/// host, and the pod that acted may be on another one.
fn connection(
    record: &Record<'_>,
    flow: &Value,
    judged: &Judged,
    (source, destination): (&Endpoint<'_>, &Endpoint<'_>),
    time: EventTime,
) -> HostEvent {
    let mut row = record.host_event(time);
    row.host = None;
    row.native_id = field::string_at(flow, &["uuid"]);
    row.hook_class = HookClass::Kprobe;
    (row.outcome, row.control, row.mode) = (judged.outcome, HostControl::None, ControlMode::Unknown);
    if judged.by_policy {
        row.control = HostControl::NetworkPolicy;
        row.mode =
            if judged.outcome == Outcome::WouldDeny { ControlMode::Monitor } else { ControlMode::Enforcing };
        row.policy = judged.policies.clone();
    }
    row.src_addr = source.address.clone();
    row.src_port = source.port;
    row.dst_addr = destination.address.clone();
    row.dst_port = destination.port;
    row.dst_host = destination.name();
    row.protocol = verdict::protocol(flow);
    row.namespace = source.namespace.map(str::to_owned);
    row.pod = source.pod.map(str::to_owned);
    row.service_account = source.service_account.map(str::to_owned);
    row.workload = source.workload();
    row.attribution = if row.pod.is_some() { Attribution::Direct } else { Attribution::None };
    let imds =
        row.dst_addr.as_deref().is_some_and(|to| credential_path::is_metadata_endpoint(to, row.dst_port));
    row.action = if imds { Action::ImdsAccess } else { Action::NetConnect };
    row.unmapped = unmapped(flow, judged);
    row
}

fn unmapped(flow: &Value, judged: &Judged) -> Option<String> {
    let reason = judged.reason.as_deref().map(Value::from);
    let at = |path: &[&str]| field::at(flow, path);
    field::unmapped([
        ("reason", reason.as_ref()),
        ("verdict", at(&["verdict"])),
        ("traffic_direction", at(&["traffic_direction"])),
        ("node_name", at(&["node_name"])),
        ("source_identity", at(&["source", "identity"])),
        ("destination_identity", at(&["destination", "identity"])),
        ("source_names", at(&["source_names"])),
        ("destination_names", at(&["destination_names"])),
        ("destination_pod", at(&["destination", "pod_name"])),
        ("destination_namespace", at(&["destination", "namespace"])),
        ("auth_type", at(&["auth_type"])),
        ("l7", at(&["l7"])),
        ("source_labels", at(&["source", "labels"])),
        ("destination_labels", at(&["destination", "labels"])),
    ])
}

/// The normal text of an address in a flow.
fn address_at(flow: &Value, path: &[&str]) -> Option<String> {
    field::str_at(flow, path).and_then(address::normal)
}
