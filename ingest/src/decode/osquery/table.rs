//! Tables of osquery: which one a row is of, and what its columns mean.
//!
//! In: a row (all values are text, or numbers with the `numerics` flag) and the query's name. Out: columns of a host event.
//! Owns: recognising tables by their columns, since a query may be called anything; the name decides where they do not.
//! Law: a row of a table of state says that something is there, not that it has just begun.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HookClass, Outcome};
use serde_json::Value;

use crate::decode::act::{self, Operands};
use crate::decode::address;
use crate::decode::field::{epoch_time, has, i64_at, list_at, str_at, string_at, u16_at, u32_at};
use crate::decode::technique::techniques;

/// Fills in what a row says. `is_event`: the row has a time of its own.
pub(super) fn describe(name: &str, columns: &Value, change: &str, is_event: bool, row: &mut HostEvent) {
    let is = |keys: &[&str]| keys.iter().all(|key| has(columns, &[key]));
    actor(columns, row);
    match () {
        () if is_event && is(&["remote_address", "local_address"]) => socket(columns, row),
        () if is(&["target_path", "action"]) => changed(columns, row),
        () if is_event && is(&["operation", "path"]) => operation(columns, row),
        () if is_event && is(&["path", "pid"]) && (is(&["cmdline"]) || is(&["parent"])) => {
            executed(columns, row)
        }
        () if is(&["port", "pid"]) && is(&["address"]) && !is_event => listening(columns, change, row),
        () if is(&["pid", "path", "parent"]) || is(&["pid", "path", "start_time"]) => {
            running(columns, change, row)
        }
        () if name.ends_with("kernel_modules") && change != "removed" => {
            act::target(string_at(columns, &["name"]), row);
            row.outcome = Outcome::Allowed;
        }
        () => {}
    }
}

fn actor(columns: &Value, row: &mut HostEvent) {
    row.pid = u32_at(columns, &["pid"]).filter(|pid| *pid != 0);
    row.parent_pid =
        u32_at(columns, &["parent"]).or_else(|| u32_at(columns, &["ppid"])).filter(|pid| *pid != 0);
    row.uid = u32_at(columns, &["uid"]);
    row.euid = u32_at(columns, &["euid"]);
    row.auid = u32_at(columns, &["auid"]).filter(|auid| *auid != u32::MAX);
    row.session_id = u32_at(columns, &["sid"]);
    row.cwd = string_at(columns, &["cwd"]).map(|path| path.trim_matches('"').to_owned());
    row.container_id = string_at(columns, &["container_id"]).map(|id| id.to_lowercase());
    row.attack = techniques(str_at(columns, &["mitre"]));
}

/// `process_events`, `bpf_process_events`, `es_process_events`.
fn executed(columns: &Value, row: &mut HostEvent) {
    let call = string_at(columns, &["syscall"]).or_else(|| string_at(columns, &["event_type"]));
    row.hook_class = if has(columns, &["probe_error"]) { HookClass::Kprobe } else { HookClass::Audit };
    row.exe = string_at(columns, &["path"]);
    row.cmd_line = string_at(columns, &["cmdline"]).map(|line| line.trim_matches('"').to_owned());
    row.args = str_at(columns, &["json_cmdline"])
        .and_then(|text| serde_json::from_str::<Value>(text).ok())
        .map(|list| list_at(&list, &[]))
        .unwrap_or_default();
    // Forks are in the table too: their program is the parent's.
    let is_exec = call.as_deref().is_none_or(|call| call.starts_with("exec"));
    row.action = if is_exec { Action::Exec } else { Action::Other };
    row.syscall = call;
    match i64_at(columns, &["exit_code"]) {
        Some(code) => act::returned(code, row),
        None => row.outcome = Outcome::Allowed,
    }
}

/// `socket_events`, `bpf_socket_events`.
fn socket(columns: &Value, row: &mut HostEvent) {
    let call = string_at(columns, &["action"]).or_else(|| string_at(columns, &["syscall"]));
    let address = |key: &str| str_at(columns, &[key]).and_then(address::normal);
    let port = |key: &str| u16_at(columns, &[key]).filter(|port| *port != 0);
    row.hook_class = if has(columns, &["probe_error"]) { HookClass::Kprobe } else { HookClass::Audit };
    row.exe = string_at(columns, &["path"]);
    (row.src_addr, row.src_port) = (address("local_address"), port("local_port"));
    (row.dst_addr, row.dst_port) = (address("remote_address"), port("remote_port"));
    row.protocol = protocol(columns);
    match call.as_deref() {
        Some("connect") => {
            if let Some(path) = string_at(columns, &["socket"]).filter(|path| path.starts_with('/')) {
                row.protocol = Some("unix".to_owned());
                act::target(Some(path), row);
            }
            act::connected(row);
        }
        Some("bind" | "listen") => row.action = Action::NetListen,
        _ => row.action = Action::Other,
    }
    row.syscall = call;
    row.outcome = match (str_at(columns, &["status"]), i64_at(columns, &["exit_code"])) {
        (Some("succeeded"), _) => Outcome::Allowed,
        (Some("failed"), _) => Outcome::Failed,
        (Some("in_progress"), _) => Outcome::Attempted,
        (_, Some(code)) => return act::returned(code, row),
        _ => match i64_at(columns, &["success"]) {
            Some(0) => Outcome::Failed,
            Some(_) => Outcome::Allowed,
            None => Outcome::Unknown,
        },
    };
}

fn protocol(columns: &Value) -> Option<String> {
    Some(match i64_at(columns, &["protocol"])? {
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        1 => "icmp".to_owned(),
        _ => return None,
    })
}

/// `file_events`: who did it is not known.
fn changed(columns: &Value, row: &mut HostEvent) {
    row.hook_class = HookClass::Userspace;
    row.outcome = Outcome::Allowed;
    let path = string_at(columns, &["target_path"]);
    match (str_at(columns, &["action"]), path) {
        (Some("OPENED" | "ACCESSED"), Some(path)) => act::file(Some((true, false)), path, row),
        (_, Some(path)) => act::file(Some((false, true)), path, row),
        (_, None) => {}
    }
}

/// `process_file_events`: the audit system's view of file calls.
fn operation(columns: &Value, row: &mut HostEvent) {
    row.hook_class = HookClass::Audit;
    row.exe = string_at(columns, &["executable"]);
    row.outcome = Outcome::Allowed;
    let call = string_at(columns, &["operation"]).unwrap_or_default();
    let path = string_at(columns, &["path"]);
    let direction = match call.as_str() {
        "open" | "openat" | "read" => None,
        _ => Some((false, true)),
    };
    act::by_call(&call, Operands { path, direction, ..Operands::default() }, row);
    row.syscall = Some(call).filter(|call| !call.is_empty());
}

/// `listening_ports`: seen open when the query ran.
fn listening(columns: &Value, change: &str, row: &mut HostEvent) {
    row.exe = string_at(columns, &["exe"]);
    row.src_addr = str_at(columns, &["address"]).and_then(address::normal);
    row.src_port = u16_at(columns, &["port"]).filter(|port| *port != 0);
    row.protocol = protocol(columns);
    if change != "removed" && (row.src_port.is_some() || row.src_addr.is_some()) {
        row.action = Action::NetListen;
        row.outcome = Outcome::Allowed;
    }
}

/// `processes`: seen running, or gone since.
fn running(columns: &Value, change: &str, row: &mut HostEvent) {
    row.exe = string_at(columns, &["path"]);
    row.comm = string_at(columns, &["name"]);
    row.cmd_line = string_at(columns, &["cmdline"]);
    let start = string_at(columns, &["start_time"]);
    row.process_start = start.and_then(|text| epoch_time(&text)).filter(|time| time.0 > 0);
    row.process_key = act::process_key(row.host.as_deref(), row.pid, row.process_start);
    if change == "removed" {
        (row.action, row.outcome) = (Action::Exit, Outcome::Allowed);
    }
}
