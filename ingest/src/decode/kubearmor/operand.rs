//! What KubeArmor's operation, resource and data say was done.
//!
//! In: `Operation`, `Resource` (a path, a command line, or `key=value` words of a socket), `Data` (`syscall=SYS_OPENAT
//! flags=…`, `lsm=FILE_OPEN`, `kprobe=tcp_connect`). Out: action and targets of a row.
//! Law: a socket that is created reaches nobody; only a call that connects has a peer.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::Action;
use serde_json::Value;

use crate::decode::act::{self, Operands};
use crate::decode::address;
use crate::decode::loose::str_at;
use crate::decode::syscall;

/// Fills in action and targets.
pub(super) fn describe(json: &Value, row: &mut HostEvent) {
    let text = |key: &str| str_at(json, &[key]).unwrap_or_default();
    let (resource, data, source) = (text("Resource"), text("Data"), text("Source"));
    let call = word(data, "syscall").map(|name| name.trim_start_matches("SYS_").to_ascii_lowercase());
    row.syscall = call.clone();
    match text("Operation") {
        "Process" => {
            row.action = Action::Exec;
            row.cmd_line = Some(resource.to_owned()).filter(|line| !line.is_empty());
            // The program that was to run is the process itself: it has a target of its own only where that differs.
            let program = resource.split(' ').next().unwrap_or_default();
            row.exe = row.exe.take().or_else(|| Some(program.to_owned()).filter(|path| !path.is_empty()));
            row.parent_exe =
                row.parent_exe.take().or_else(|| Some(source.to_owned()).filter(|s| !s.is_empty()));
        }
        "File" => {
            row.cmd_line = Some(source.to_owned()).filter(|line| !line.is_empty());
            file(call.as_deref(), data, resource, row);
        }
        "Network" => {
            row.cmd_line = Some(source.to_owned()).filter(|line| !line.is_empty());
            network(call.as_deref(), resource, data, row);
        }
        "NetworkFirewall" => firewall(resource, data, row),
        "Capabilities" => {
            row.action = Action::CapUse;
            row.capability = capability(resource).or_else(|| capability(data));
        }
        _ => {
            row.cmd_line = Some(source.to_owned()).filter(|line| !line.is_empty());
            let path = Some(resource.to_owned()).filter(|path| path.starts_with('/'));
            act::by_call(call.as_deref().unwrap_or_default(), Operands { path, ..Operands::default() }, row);
        }
    }
}

/// The value of `key=value` among words.
fn word<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.split_ascii_whitespace()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        .filter(|value| !value.is_empty())
}

fn file(call: Option<&str>, data: &str, resource: &str, row: &mut HostEvent) {
    let hook = word(data, "lsm").map(str::to_ascii_lowercase);
    let call = call.or_else(|| Some(call_of_hook(hook.as_deref()?))).unwrap_or("openat");
    let path = Some(resource.to_owned()).filter(|path| !path.is_empty());
    let direction = word(data, "flags").and_then(act::direction_of_flags);
    act::by_call(call, Operands { path, direction, ..Operands::default() }, row);
}

/// The call that a file hook stands before.
fn call_of_hook(hook: &str) -> &'static str {
    match hook.trim_start_matches("security_") {
        "path_unlink" => "unlink",
        "path_rmdir" => "rmdir",
        "path_mkdir" => "mkdir",
        "path_mknod" => "mknod",
        "path_symlink" => "symlink",
        "path_link" => "link",
        "path_rename" => "rename",
        "path_chmod" => "chmod",
        "path_truncate" => "truncate",
        _ => "openat",
    }
}

fn network(call: Option<&str>, resource: &str, data: &str, row: &mut HostEvent) {
    let value = |keys: &[&str]| keys.iter().find_map(|key| word(resource, key).or_else(|| word(data, key)));
    let port = value(&["sin_port", "sin6_port", "port"])
        .and_then(|port| port.parse().ok())
        .filter(|port| *port != 0);
    let peer = value(&["sin_addr", "sin6_addr", "remoteip"]).and_then(address::normal);
    let probe = word(data, "kprobe").unwrap_or_default();
    let protocol = value(&["protocol"]).filter(|name| name.bytes().all(|byte| byte.is_ascii_alphabetic()));
    row.protocol = protocol.map(str::to_lowercase);
    if let Some(path) = value(&["sun_path"]) {
        row.protocol = Some("unix".to_owned());
        act::target(Some(path.to_owned()), row);
    }
    let accepts = probe.ends_with("accept") || matches!(call, Some("accept" | "accept4"));
    let listens = matches!(call, Some("bind" | "listen"));
    if listens {
        (row.src_addr, row.src_port) = (peer, port);
        row.action = Action::NetListen;
        return;
    }
    (row.dst_addr, row.dst_port) = (peer, port);
    row.dst_host = value(&["hostname", "domainname"]).map(str::to_owned);
    let connects = call == Some("connect") || probe.ends_with("connect");
    if connects && !accepts { act::connected(row) } else { row.action = Action::Other }
}

/// A packet at the host's own firewall: `INGRESS` came in, and was opened by somebody else.
fn firewall(resource: &str, data: &str, row: &mut HostEvent) {
    let address = |key: &str| word(data, key).and_then(address::normal);
    let port = |key: &str| word(data, key).and_then(|port| port.parse().ok()).filter(|port| *port != 0);
    (row.src_addr, row.src_port) = (address("SourceIP"), port("SourcePort"));
    (row.dst_addr, row.dst_port) = (address("DestinationIP"), port("DestinationPort"));
    row.protocol = word(data, "Protocol").map(str::to_lowercase);
    if resource == "EGRESS" { act::connected(row) } else { row.action = Action::Other }
}

fn capability(text: &str) -> Option<String> {
    let named = word(text, "capability").or_else(|| word(text, "cap")).or_else(|| {
        let upper = text.trim();
        (upper.starts_with("CAP_") && !upper.contains(' ')).then_some(upper)
    });
    named.and_then(syscall::capability_from)
}
