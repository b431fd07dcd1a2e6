//! Tetragon's JSON export: processes, kernel hooks, connections, and what enforcement did.
//!
//! In: one event a line (early builds to 1.6, and Isovalent Enterprise), nested under its type or flattened to `type` and
//! `payload`. Out: rows of `host_events`, and placements where an event names the pod's uid.
//! Owns: what each event type and hook means. Leaves to [`hook`]: functions and their arguments.
//! Dropped: nothing; events about the sensor itself (throttling, lost rates, loaded libraries) are `telemetry_gap` or `other`.
//! Law: `pid` is the host's; a pod is only named when the event names it; the start of a process is the time of its
//! execution and of nothing else.

mod fast;
mod hook;

use std::collections::BTreeMap;

use base64::Engine as _;
use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, Attribution, HookClass, Outcome};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::act;
use super::address;
use super::field::{
    at, bool_at, has, object_at, str_at, string_at, time_at, u16_at, u32_at, u64_at, unmapped,
};
use super::seen_pod::SeenPods;
use super::tree::Tree;
use super::{Decode, Format, Identity, Record, Verdict};

pub(crate) use fast::FAST;

/// Tetragon.
pub(crate) const FORMAT: Format = Format {
    id: "tetragon",
    title: "Tetragon JSON export",
    fills: &["host_events", "placements"],
    sample: r#"{"process_exec":{"process":{"exec_id":"bjE6MTIzOjQxMjE=","pid":4121,"uid":0,"cwd":"/","binary":"/bin/cat","arguments":"/etc/hosts","start_time":"2026-03-01T10:00:00Z","auid":4294967295,"parent_exec_id":"bjE6MTAwOjQxMDA="}},"node_name":"n1","time":"2026-03-01T10:00:00Z"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Tetragon::default()),
};

/// Control groups whose events are held back at once, that are remembered; a node has some hundred. Beyond the bound all
/// are forgotten, and the end of what was held back is then not known.
const MAX_THROTTLED: usize = 4_096;

#[derive(Default)]
struct Tetragon {
    pods: SeenPods,
    /// Since when events of a control group, by its node and name, are held back.
    throttled: BTreeMap<[String; 2], EventTime>,
}

/// Every event type, as the export names it.
const TYPES: &[&str] = &[
    "process_exec",
    "process_exit",
    "process_kprobe",
    "process_tracepoint",
    "process_lsm",
    "process_uprobe",
    "process_usdt",
    "process_loader",
    "process_throttle",
    "rate_limit_info",
    "process_connect",
    "process_close",
    "process_listen",
    "process_accept",
];

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    match event_of(json) {
        Some((_, payload)) if has(payload, &["process"]) && has(json, &["node_name"]) => 96,
        Some((_, payload)) if has(payload, &["process", "exec_id"]) => 90,
        Some(("process_throttle" | "rate_limit_info", _)) => 85,
        _ => 0,
    }
}

/// The event's type and its fields, nested or flattened.
fn event_of(json: &Value) -> Option<(&'static str, &Value)> {
    if let Some(kind) = str_at(json, &["type"])
        && let Some(known) = TYPES.iter().find(|known| **known == kind)
    {
        return at(json, &["payload"]).map(|payload| (*known, payload));
    }
    TYPES.iter().find_map(|kind| at(json, &[kind]).map(|payload| (*kind, payload)))
}

impl Decode for Tetragon {
    fn is_stateless(&self) -> bool {
        self.throttled.is_empty()
    }

    fn looks_back(&self) -> bool {
        // What is held back ends in a later event.
        true
    }

    fn seen_pods(&mut self) -> Option<&mut SeenPods> {
        Some(&mut self.pods)
    }

    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-json", "the line is no JSON object");
        };
        let Some((kind, payload)) = event_of(json) else {
            return Verdict::reject(
                "missing-field",
                format!("no event type is there; expected one of {}", TYPES.join(", ")),
            );
        };
        let started = || time_at(payload, &["process", "start_time"]).filter(|_| kind == "process_exec");
        let Some(time) = time_at(json, &["time"]).or_else(started).or(record.envelope.time) else {
            return Verdict::reject(
                "no-time",
                "time is missing, and neither an execution nor an envelope gives one",
            );
        };
        let mut row = base(record, json, payload, time);
        describe(kind, payload, &mut row);
        if kind == "process_throttle" {
            self.throttle(payload, &mut row);
        }
        row.unmapped = rest(json, kind, payload);
        let container_start = time_at(payload, &["process", "pod", "container", "start_time"]);
        rows.placements.extend(self.pods.state(record, &row, container_start));
        rows.host_events.push(row);
        Verdict::Decoded
    }
}

impl Tetragon {
    /// Events of a control group are held back from one event of this type to the next: that is one gap, and all that is
    /// known of its end is known at the end.
    fn throttle(&mut self, payload: &Value, row: &mut HostEvent) {
        let cgroup = str_at(payload, &["cgroup"]).unwrap_or_default();
        let key = [row.host.as_deref().unwrap_or_default(), cgroup].map(str::to_owned);
        if row.action == Action::TelemetryGap {
            if self.throttled.len() >= MAX_THROTTLED {
                self.throttled.clear();
            }
            self.throttled.entry(key).or_insert(row.event_time);
        } else if let Some(since) = self.throttled.remove(&key) {
            row.action = Action::TelemetryGap;
            row.rule = str_at(payload, &["type"]).map(str::to_owned);
            row.gap_from = Some(since.min(row.event_time));
        }
    }
}

/// What every event says about its process.
fn base(record: &Record<'_>, json: &Value, payload: &Value, time: EventTime) -> HostEvent {
    let mut row = record.host_event(time);
    let nothing = Value::Null;
    let process = at(payload, &["process"]).unwrap_or(&nothing);
    let parent = at(payload, &["parent"]).unwrap_or(&nothing);
    if let Some(node) = str_at(json, &["node_name"]) {
        row.host = Some(node.rsplit_once('/').map_or(node, |(_, node)| node).to_owned());
    }
    row.process_key = string_at(process, &["exec_id"]);
    row.native_id = row.process_key.clone();
    row.host = row.host.take().or_else(|| node_of(row.process_key.as_deref()?));
    row.parent_key = string_at(process, &["parent_exec_id"]).or_else(|| string_at(parent, &["exec_id"]));
    row.pid = u32_at(process, &["pid"]);
    row.parent_pid = u32_at(parent, &["pid"]);
    row.process_start = time_at(process, &["start_time"]);
    row.exe = string_at(process, &["binary"]);
    row.parent_exe = string_at(parent, &["binary"]);
    row.cmd_line = command_line(process);
    row.cwd = string_at(process, &["cwd"]);
    // The process's own field is the effective one (`tetragon.proto`, since 1.0).
    row.uid = u32_at(process, &["process_credentials", "uid"]);
    row.euid = u32_at(process, &["process_credentials", "euid"]).or_else(|| u32_at(process, &["uid"]));
    row.auid = u32_at(process, &["auid"]).filter(|auid| *auid != u32::MAX);
    workload(process, &mut row);
    row.in_host_ns = in_host_namespace(process, row.container_id.is_some());
    row
}

/// The node that an execution id names: it is base64 of `NODE:NANOSECONDS-SINCE-BOOT:PID`.
fn node_of(exec_id: &str) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(exec_id).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut parts = text.rsplitn(3, ':');
    let is_number = |part: Option<&str>| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let numbered = is_number(parts.next()) && is_number(parts.next());
    let node = parts.next().filter(|node| numbered && !node.is_empty())?;
    Some(node.rsplit_once('/').map_or(node, |(_, node)| node).to_owned())
}

fn command_line(process: &Value) -> Option<String> {
    let binary = str_at(process, &["binary"])?;
    Some(match str_at(process, &["arguments"]) {
        Some(arguments) => format!("{binary} {arguments}"),
        None => binary.to_owned(),
    })
}

fn workload(process: &Value, row: &mut HostEvent) {
    let full =
        str_at(process, &["pod", "container", "id"]).map(|id| id.rsplit_once("://").map_or(id, |(_, id)| id));
    row.container_id = full.or_else(|| str_at(process, &["docker"])).map(str::to_ascii_lowercase);
    row.image = string_at(process, &["pod", "container", "image", "name"]);
    row.pod = string_at(process, &["pod", "name"]);
    row.namespace = string_at(process, &["pod", "namespace"]);
    row.pod_uid = string_at(process, &["pod", "uid"]);
    row.workload = string_at(process, &["pod", "workload"]);
    row.attribution = if row.pod.is_some() { Attribution::Direct } else { Attribution::None };
}

/// Whether a namespace that containers have of their own is the host's. User, time and cgroup namespaces are left
/// out: an ordinary container shares the host's, so they would say it of every container.
fn in_host_namespace(process: &Value, in_container: bool) -> Option<bool> {
    const OWN: &[&str] = &["mnt", "pid", "net", "uts", "ipc"];
    let namespaces = object_at(process, &["ns"]).filter(|_| in_container)?;
    Some(
        OWN.iter()
            .any(|name| namespaces.get(*name).is_some_and(|ns| bool_at(ns, &["is_host"]) == Some(true))),
    )
}

fn describe(kind: &str, payload: &Value, row: &mut HostEvent) {
    row.hook_class = HookClass::Kprobe;
    match kind {
        "process_exec" => {
            row.action = Action::Exec;
            row.outcome = Outcome::Allowed;
        }
        "process_exit" => {
            row.action = Action::Exit;
            row.outcome = Outcome::Allowed;
        }
        "process_connect" | "process_close" | "process_accept" => flow(kind, payload, row),
        "process_listen" => {
            row.action = Action::NetListen;
            row.outcome = Outcome::Allowed;
            // The address is the process's own.
            row.src_addr = str_at(payload, &["ip"]).and_then(address::normal);
            row.src_port = u16_at(payload, &["port"]);
            row.protocol = str_at(payload, &["protocol"]).map(str::to_lowercase);
        }
        "process_throttle" | "rate_limit_info" => gap(kind, payload, row),
        "process_loader" => {
            // A library that was mapped: nothing alerts, so no rule is named.
            row.target_path = string_at(payload, &["path"]);
        }
        _ => hook::describe(kind, &Tree::of(payload), row),
    }
}

fn flow(kind: &str, payload: &Value, row: &mut HostEvent) {
    row.outcome = Outcome::Allowed;
    row.src_addr = str_at(payload, &["source_ip"]).and_then(address::normal);
    row.src_port = u16_at(payload, &["source_port"]);
    row.dst_addr = str_at(payload, &["destination_ip"]).and_then(address::normal);
    row.dst_port = u16_at(payload, &["destination_port"]);
    row.dst_host = str_at(payload, &["destination_names", "0"]).map(str::to_owned);
    row.protocol = str_at(payload, &["protocol"]).map(str::to_lowercase);
    // A connection that was taken or closed is no act of its own, and no alert.
    if kind == "process_connect" {
        act::connected(row);
    }
}

fn gap(kind: &str, payload: &Value, row: &mut HostEvent) {
    let starts = str_at(payload, &["type"]).is_none_or(|kind| kind.ends_with("START"));
    row.action = if starts { Action::TelemetryGap } else { Action::Other };
    row.lost = u64_at(payload, &["number_of_dropped_process_events"]);
    row.rule = str_at(payload, &["type"]).or(Some(kind)).filter(|_| starts).map(str::to_owned);
    row.hook_class = HookClass::Userspace;
}

fn rest(json: &Value, kind: &str, payload: &Value) -> Option<String> {
    let kind = Value::from(kind);
    let process = at(payload, &["process"]);
    let of_process = |path: &[&str]| process.and_then(|process| at(process, path));
    unmapped([
        ("event", Some(&kind)),
        ("cluster_name", at(json, &["cluster_name"])),
        ("function_name", at(payload, &["function_name"])),
        ("action", at(payload, &["action"])),
        ("return", at(payload, &["return"])),
        ("args", at(payload, &["args"])),
        ("message", at(payload, &["message"])),
        ("tags", at(payload, &["tags"])),
        ("signal", at(payload, &["signal"])),
        ("status", at(payload, &["status"])),
        ("stats", at(payload, &["stats"])),
        ("cgroup", at(payload, &["cgroup"])),
        ("flags", of_process(&["flags"])),
        ("in_init_tree", of_process(&["in_init_tree"])),
        ("binary_properties", of_process(&["binary_properties"])),
        ("pod_labels", of_process(&["pod", "pod_labels"])),
        ("cap", of_process(&["cap"])),
        ("ns", of_process(&["ns"])),
    ])
}

#[cfg(test)]
mod tests;
