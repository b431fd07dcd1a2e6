//! From the data of a Sysmon event to its row.
//!
//! In: named data, the event's number. Out: a row of `host_events`. Owns: what each number means on Linux.
//! Law: an image without a slash is the name of a thread, not a path.

use offbound_schemas::EventTime;
use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HookClass, HostControl, Outcome};
use serde_json::Value;

use super::xml::Data;
use crate::decode::credential_path::{classify, is_escape_file, is_metadata_endpoint, proc_secret};
use crate::decode::field::unmapped;
use crate::decode::technique::techniques;
use crate::decode::{Record, address};

/// Data that columns hold.
const HELD: &[&str] = &[
    "CommandLine",
    "CurrentDirectory",
    "DestinationIp",
    "DestinationPort",
    "Image",
    "LogonId",
    "ParentImage",
    "ParentProcessGuid",
    "ParentProcessId",
    "ProcessGuid",
    "ProcessId",
    "Protocol",
    "SourceIp",
    "SourcePort",
    "TargetFilename",
    "TerminalSessionId",
];

/// The row of event `number`.
pub(super) fn row(record: &Record<'_>, data: &Data, number: u32, time: EventTime) -> HostEvent {
    let mut row = record.host_event(time);
    row.host = data.system("Computer").map(str::to_owned).or(row.host);
    row.native_id = data.system("EventRecordID").map(str::to_owned);
    row.control = HostControl::None;
    row.hook_class = HookClass::Kprobe;
    row.outcome = Outcome::Allowed;
    row.rule = data.event("RuleName").map(str::to_owned);
    row.attack = techniques(data.event("RuleName"));
    process(data, &mut row);
    row.action = match number {
        1 => exec(data, &mut row),
        3 => connection(data, &mut row),
        5 => Action::Exit,
        9 => raw_read(data, &mut row),
        10 => access(data, &mut row),
        11 | 23 | 26 => file(data, &mut row),
        4 => changed(data.event("State"), &mut row),
        16 => changed(data.event("ConfigurationFileHash").or(data.event("Configuration")), &mut row),
        255 => gap(data, &mut row),
        _ => other(number, &mut row),
    };
    row.unmapped = rest(data, number);
    row
}

fn process(data: &Data, row: &mut HostEvent) {
    row.process_key = guid(data.event("ProcessGuid"));
    row.pid = number(data.event("ProcessId"));
    image(data.event("Image"), row);
    row.uid = data.event("LogonId").and_then(user);
    row.session_id = number(data.event("TerminalSessionId")).filter(|session| *session != u32::MAX);
}

/// A process key; that of zeros stands for a process which Sysmon does not know.
fn guid(text: Option<&str>) -> Option<String> {
    let bare = text?.trim_matches(['{', '}']);
    let known = bare.bytes().any(|byte| byte != b'0' && byte != b'-');
    known.then(|| bare.to_ascii_lowercase())
}

fn number(text: Option<&str>) -> Option<u32> {
    text?.parse().ok()
}

/// On Linux the user's number is the lower half of this; the upper one is the terminal's (`ebpfKern/sysmonHelpers.c` of Sysmon for
/// Linux, `m_AuthenticationId`). Only processes that are started have it.
fn user(logon: &str) -> Option<u32> {
    let lower = logon.parse::<u64>().ok()? & u64::from(u32::MAX);
    u32::try_from(lower).ok().filter(|uid| *uid != u32::MAX)
}

fn image(text: Option<&str>, row: &mut HostEvent) {
    const NOBODY: &str = "<unknown process>";
    let Some(text) = text.filter(|text| *text != NOBODY) else { return };
    if text.starts_with('/') {
        row.exe = Some(text.to_owned());
        row.comm = text.rsplit('/').next().map(|name| name.trim_end_matches(" (deleted)").to_owned());
    } else {
        row.comm = Some(text.to_owned());
    }
}

fn exec(data: &Data, row: &mut HostEvent) -> Action {
    row.cmd_line = data.event("CommandLine").map(str::to_owned);
    row.cwd = data.event("CurrentDirectory").map(str::to_owned);
    row.parent_pid = number(data.event("ParentProcessId"));
    row.parent_key = guid(data.event("ParentProcessGuid"));
    row.parent_exe = data.event("ParentImage").map(str::to_owned);
    row.target_path = row.exe.clone();
    Action::Exec
}

fn connection(data: &Data, row: &mut HostEvent) -> Action {
    let port = |name: &str| data.event(name).and_then(|text| text.parse().ok()).filter(|port| *port != 0);
    row.src_addr = data.event("SourceIp").and_then(address::normal);
    row.src_port = port("SourcePort");
    row.dst_addr = data.event("DestinationIp").and_then(address::normal);
    row.dst_port = port("DestinationPort");
    row.dst_host = data.event("DestinationHostname").map(str::to_owned);
    row.protocol = data.event("Protocol").map(str::to_ascii_lowercase);
    let reached = row.dst_addr.as_deref().is_some_and(|host| is_metadata_endpoint(host, row.dst_port));
    match data.event("Initiated") {
        // Somebody else opened it.
        Some("false") => Action::Other,
        _ if reached => Action::ImdsAccess,
        _ => Action::NetConnect,
    }
}

/// A disk read past its file system.
fn raw_read(data: &Data, row: &mut HostEvent) -> Action {
    row.target_path = data.event("Device").map(str::to_owned);
    Action::FileRead
}

/// A process attached to another; the names of its data differ from those of all other events.
fn access(data: &Data, row: &mut HostEvent) -> Action {
    row.process_key = guid(data.event("SourceProcessGUID").or(data.event("SourceProcessGuid")));
    row.pid = number(data.event("SourceProcessId"));
    image(data.event("SourceImage"), row);
    row.target_pid = number(data.event("TargetProcessId"));
    row.target_exe = data.event("TargetImage").map(str::to_owned);
    Action::Ptrace
}

fn file(data: &Data, row: &mut HostEvent) -> Action {
    row.target_path = data.event("TargetFilename").map(str::to_owned);
    let path = row.target_path.as_deref().unwrap_or_default();
    row.target_is_credential = classify(path).is_some();
    row.target_pid = proc_secret(path).and_then(|secret| secret.pid);
    if is_escape_file(path) { Action::NsChange } else { Action::FileWrite }
}

/// The sensor was started, stopped or configured.
fn changed(what: Option<&str>, row: &mut HostEvent) -> Action {
    row.policy = what.map(|what| format!("sysmon {what}"));
    Action::PolicyChange
}

/// Sysmon failed, and what happened meanwhile is not recorded.
fn gap(data: &Data, row: &mut HostEvent) -> Action {
    row.outcome = Outcome::Unknown;
    row.rule = data.event("ID").or(data.event("Description")).map(|what| format!("sysmon error: {what}"));
    Action::TelemetryGap
}

fn other(number: u32, row: &mut HostEvent) -> Action {
    row.outcome = Outcome::Unknown;
    row.rule = row.rule.take().or(Some(format!("sysmon event {number}")));
    Action::Other
}

fn rest(data: &Data, number: u32) -> Option<String> {
    let number = Value::from(number);
    let others: Vec<(&str, Value)> = data
        .all()
        .filter(|(name, _)| !HELD.contains(name))
        .map(|(name, text)| (name, Value::from(text)))
        .collect();
    let is_cut = Value::from(true);
    let head = [("EventID", Some(&number)), ("is_cut", Some(&is_cut).filter(|_| data.is_cut))];
    unmapped(head.into_iter().chain(others.iter().map(|(name, text)| (*name, Some(text)))))
}
