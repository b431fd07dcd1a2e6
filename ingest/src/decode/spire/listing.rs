//! What SPIRE's command line prints: registration entries and attested agents, as JSON or as text.
//!
//! In: objects of `entry show -output json` and `agent list -output json`, whole or one by one, or printed text.
//! Out: rows of `placements`, of kind `entry` and `agent`.
//! Owns: the printed text's blocks, and the host that an agent's id or selectors name.
//! Law: the moment of a statement is the envelope's, else the entry's creation, else the agent's expiry (until
//! which the server holds the agent for valid); with none of them the record is refused.

use offbound_schemas::table::Placement;
use offbound_schemas::vocabulary::PlacementKind;
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::serial::hex_of_decimal;
use crate::decode::address;
use crate::decode::field::{array_at, at, epoch_time, has, i64_at, str_at, string_at, time_text, unmapped};
use crate::decode::{Held, Inside, MAX_RAW_BYTES, Record, Verdict, cut};

/// Most lines of one printed block: an entry has a line for each selector and DNS name.
const MAX_BLOCK_LINES: usize = 256;

/// Whether a JSON value is something that the command line prints.
pub(super) fn is_listing(json: &Value) -> bool {
    has(json, &["entries"]) && array_at(json, &["entries"]).iter().all(is_entry)
        || has(json, &["agents"]) && array_at(json, &["agents"]).iter().all(is_agent)
        || has(json, &["expired_agents"])
        || is_entry(json)
        || is_agent(json)
}

fn is_entry(json: &Value) -> bool {
    has(json, &["spiffe_id"]) && has(json, &["parent_id"]) && has(json, &["selectors"])
}

fn is_agent(json: &Value) -> bool {
    has(json, &["id", "trust_domain"])
        && (has(json, &["attestation_type"]) || json.get("x509svid_serial_number").is_some())
}

/// Decodes one JSON value.
pub(super) fn decode(record: &Record<'_>, json: &Value, rows: &mut EventRows) -> Verdict {
    let items: Vec<&Value> =
        match (is_entry(json) || is_agent(json), has(json, &["entries"]), has(json, &["agents"])) {
            (true, _, _) => vec![json],
            (_, true, _) => array_at(json, &["entries"]).iter().collect(),
            (_, _, true) => array_at(json, &["agents"]).iter().collect(),
            _ => return Verdict::Skipped("spire-count"),
        };
    if items.is_empty() {
        return Verdict::Skipped("empty-list");
    }
    let mut placements = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let Some(mut row) = placement(record, item) else {
            return Verdict::reject("no-time", "neither created_at, an expiry nor the envelope gives a time");
        };
        row.event_id = record.row_id(u32::try_from(index).unwrap_or(u32::MAX));
        placements.push(row);
    }
    rows.placements.append(&mut placements);
    Verdict::Decoded
}

fn placement(record: &Record<'_>, item: &Value) -> Option<Placement> {
    if is_entry(item) { entry(record, item) } else { agent(record, item) }
}

fn spiffe_id(value: &Value, key: &str) -> Option<String> {
    str_at(value, &[key]).map(str::to_owned).or_else(|| {
        let domain = str_at(value, &[key, "trust_domain"])?;
        Some(format!("spiffe://{domain}{}", str_at(value, &[key, "path"]).unwrap_or_default()))
    })
}

fn selectors(value: &Value) -> Vec<String> {
    let one = |selector: &Value| {
        Some(format!("{}:{}", str_at(selector, &["type"])?, str_at(selector, &["value"])?))
    };
    array_at(value, &["selectors"]).iter().filter_map(one).collect()
}

/// Seconds since 1970, where 0 means never or not set.
fn seconds(value: &Value, key: &str) -> Option<EventTime> {
    i64_at(value, &[key])
        .filter(|seconds| *seconds > 0)
        .and_then(|seconds| epoch_time(&seconds.to_string()))
        .or_else(|| str_at(value, &[key]).filter(|text| text.contains('-')).and_then(time_text))
}

fn entry(record: &Record<'_>, item: &Value) -> Option<Placement> {
    let created = seconds(item, "created_at");
    let mut row = record.placement(record.envelope.time.or(created)?);
    row.kind = PlacementKind::Entry;
    row.workload = spiffe_id(item, "spiffe_id");
    row.parent = spiffe_id(item, "parent_id");
    row.selectors = selectors(item);
    row.native_id = string_at(item, &["id"]);
    row.start = created;
    row.expires = seconds(item, "expires_at");
    kubernetes_of(&mut row);
    row.unmapped = unmapped(
        [
            "x509_svid_ttl",
            "jwt_svid_ttl",
            "federates_with",
            "hint",
            "admin",
            "downstream",
            "dns_names",
            "revision_number",
            "store_svid",
        ]
        .map(|key| (key, at(item, &[key]))),
    );
    Some(row)
}

fn agent(record: &Record<'_>, item: &Value) -> Option<Placement> {
    let expires = seconds(item, "x509svid_expires_at");
    let mut row = record.placement(record.envelope.time.or(expires)?);
    row.kind = PlacementKind::Agent;
    row.workload = spiffe_id(item, "id");
    row.selectors = selectors(item);
    row.native_id = serial_id(str_at(item, &["x509svid_serial_number"]).unwrap_or_default());
    row.expires = expires;
    place_agent(&mut row);
    row.unmapped = unmapped(
        ["attestation_type", "banned", "can_reattest", "agent_version"].map(|key| (key, at(item, &[key]))),
    );
    Some(row)
}

fn serial_id(decimal: &str) -> Option<String> {
    hex_of_decimal(decimal).map(|hex| format!("X509SERIAL={hex}"))
}

/// Pod parts that Kubernetes selectors of an entry fix.
fn kubernetes_of(row: &mut Placement) {
    row.namespace = selected(row, "k8s:ns:");
    row.service_account = selected(row, "k8s:sa:");
    row.pod = selected(row, "k8s:pod-name:");
    row.pod_uid = selected(row, "k8s:pod-uid:");
    row.host = selected(row, "k8s:node-name:");
}

fn selected(row: &Placement, prefix: &str) -> Option<String> {
    row.selectors.iter().find_map(|selector| selector.strip_prefix(prefix)).map(str::to_owned)
}

/// The host that an agent's selectors, or else its id, name.
fn place_agent(row: &mut Placement) {
    row.host = selected(row, "k8s_psat:agent_node_name:");
    row.host_uid = selected(row, "k8s_psat:agent_node_uid:");
    row.addresses =
        selected(row, "k8s_psat:agent_node_ip:").as_deref().and_then(address::normal).into_iter().collect();
    row.namespace = selected(row, "k8s_psat:agent_ns:");
    row.service_account = selected(row, "k8s_psat:agent_sa:");
    row.pod = selected(row, "k8s_psat:agent_pod_name:");
    row.pod_uid = selected(row, "k8s_psat:agent_pod_uid:");
    let id = row.workload.clone().unwrap_or_default();
    let Some((_, path)) = id.split_once("/spire/agent/") else { return };
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["k8s_psat", _cluster, node_uid] => {
            row.host_uid = row.host_uid.take().or_else(|| Some((*node_uid).to_owned()))
        }
        ["aws_iid", _, _, instance] | ["gcp_iit", _, instance] => row.host_uid = Some((*instance).to_owned()),
        ["http_challenge", host] => row.host = Some((*host).to_owned()),
        _ => {}
    }
}

/// Whether a line of text is printed by `agent list` or `entry show`.
pub(super) fn is_printed(text: &str) -> bool {
    const LABELS: &[&str] = &[
        "SPIFFE ID",
        "Entry ID",
        "Parent ID",
        "Attestation type",
        "Expiration time",
        "Serial number",
        "Can re-attest",
        "X509-SVID TTL",
        "JWT-SVID TTL",
        "Revision",
        "Selector",
        "DNS name",
        "FederatesWith",
        "Downstream",
        "StoreSvid",
    ];
    heading(text) || label(text).is_some_and(|(name, _)| LABELS.contains(&name))
}

fn heading(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase();
    lower.starts_with("found ") && (lower.contains("agent") || lower.contains("entr"))
}

fn label(text: &str) -> Option<(&str, &str)> {
    let (name, value) =
        text.split_once(": ").or_else(|| text.trim_end().strip_suffix(':').map(|name| (name, "")))?;
    Some((name.trim(), value.trim()))
}

/// Blocks of printed text being gathered.
#[derive(Default)]
pub(super) struct Printed {
    block: Option<Block>,
    inside: Inside,
}

struct Block {
    number: u64,
    row: Placement,
    time: Option<EventTime>,
    lines: Vec<String>,
    attestation: Option<Value>,
}

impl Printed {
    /// Takes one line.
    pub(super) fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let text = record.text;
        if text.trim().is_empty() {
            return Verdict::Skipped("blank");
        }
        if heading(text) {
            self.flush(rows);
            return Verdict::Skipped("heading");
        }
        let Some((name, value)) = label(text) else { return Verdict::Skipped("operational") };
        let starts_agent =
            name == "SPIFFE ID" && self.block.as_ref().is_none_or(|block| block.row.workload.is_some());
        if name == "Entry ID" && record.envelope.time.is_none() {
            self.flush(rows);
            return Verdict::reject(
                "no-time",
                "printed entries have no time of their own, and no envelope gives one",
            );
        }
        if name == "Entry ID" || starts_agent {
            self.flush(rows);
            let kind = if name == "Entry ID" { PlacementKind::Entry } else { PlacementKind::Agent };
            self.block = Some(Block::new(self.inside.begin(), record, kind));
        }
        let Some(block) = self.block.as_mut().filter(|block| block.lines.len() < MAX_BLOCK_LINES) else {
            return Verdict::Skipped("operational");
        };
        block.take(name, value, text);
        Verdict::Decoded
    }

    /// The block that is being gathered.
    pub(super) fn held(&self) -> Held {
        self.inside.held()
    }

    /// Gives out the block that is being gathered.
    pub(super) fn flush(&mut self, rows: &mut EventRows) {
        let Some(Block { number, mut row, time, lines, attestation }) = self.block.take() else { return };
        self.inside.end(number);
        row.raw = cut(&lines.join("\n"), MAX_RAW_BYTES).to_owned();
        // A listing that was cut before the expiry of its last agent does not say when that agent was there.
        let Some(event_time) = time.or(row.expires) else { return };
        row.event_time = event_time;
        row.unmapped = unmapped([("attestation_type", attestation.as_ref())]);
        match row.kind {
            PlacementKind::Entry => kubernetes_of(&mut row),
            _ => place_agent(&mut row),
        }
        rows.placements.push(row);
    }
}

impl Block {
    fn new(number: u64, record: &Record<'_>, kind: PlacementKind) -> Self {
        let mut row = record.placement(EventTime::default());
        row.kind = kind;
        Self { number, row, time: record.envelope.time, lines: Vec::new(), attestation: None }
    }

    fn take(&mut self, name: &str, value: &str, text: &str) {
        self.lines.push(text.to_owned());
        let said = Some(value.to_owned()).filter(|value| !value.is_empty());
        match name {
            "Entry ID" => self.row.native_id = said,
            "SPIFFE ID" => self.row.workload = said,
            "Parent ID" => self.row.parent = said,
            "Selector" => self.row.selectors.extend(said),
            "Serial number" => self.row.native_id = serial_id(value),
            "Expiration time" => self.row.expires = go_time(value),
            "Attestation type" => self.attestation = said.map(Value::from),
            _ => {}
        }
    }
}

/// A moment as Go prints it: `2026-03-01 10:00:00 +0000 UTC`.
fn go_time(text: &str) -> Option<EventTime> {
    let mut words = text.split_ascii_whitespace();
    let (date, clock, offset) = (words.next()?, words.next()?, words.next()?);
    let (hours, minutes) = offset.split_at_checked(3)?;
    EventTime::parse(&format!("{date}T{clock}{hours}:{minutes}")).ok()
}
