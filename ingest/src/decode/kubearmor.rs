//! KubeArmor alerts and logs, JSON.
//!
//! In: one object a line, as the relay, `karmor logs --json` or a SIEM adapter writes it (KubeArmor 0.5 to 1.5), or the daemon
//! itself (`-logPath`), whose keys begin small (`hostPid`: `KubeArmor/types/types.go`). Out:
//! rows of `host_events`. Owns: what enforcer, action and result together say. Leaves to [`operand`]: resources.
//! Dropped: labels and owners are kept unmapped; documentation's text and Go map spellings are no JSON and not read.
//! Law: `eBPF Monitor` observes and never blocks; an alert of the default posture may be about a refusal that another
//! control made, so it credits none.

mod operand;

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Attribution, ControlMode, HookClass, HostControl, Outcome};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::field::unmapped;
use super::loose::{array_at, at, has, list_at, str_at, string_at, time_at};
use super::syscall::{EACCES, EPERM};
use super::technique::techniques;
use super::{Decode, Format, Identity, Record, Verdict};

/// KubeArmor.
pub(crate) const FORMAT: Format = Format {
    id: "kubearmor",
    title: "KubeArmor alerts and logs, JSON",
    fills: &["host_events"],
    sample: r#"{"Timestamp":1772359200,"UpdatedTime":"2026-03-01T10:00:00.500000Z","ClusterName":"prod","HostName":"n1","NamespaceName":"shop","PodName":"web-7","ContainerID":"c0ffee","ContainerName":"web","HostPPID":4100,"HostPID":4121,"PPID":1,"PID":7,"UID":0,"ParentProcessName":"/bin/bash","ProcessName":"/usr/bin/apt","PolicyName":"no-package-tools","Severity":"5","Tags":"MITRE_T1072","Type":"MatchedPolicy","Source":"/bin/bash","Operation":"Process","Resource":"/usr/bin/apt update","Data":"syscall=SYS_EXECVE","Enforcer":"BPFLSM","Action":"Block","Result":"Permission denied"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(KubeArmor),
};

/// The enforcer that only observes.
const MONITOR: &str = "eBPF Monitor";
/// The enforcer of policies for a host's network.
const FIREWALL: &str = "NetworkPolicyEnforcer";
/// The policy that stands for what no policy names.
const DEFAULT_POSTURE: &str = "DefaultPosture";

struct KubeArmor;

fn sniff(record: &Record<'_>) -> u8 {
    const TYPES: &[&str] = &[
        "ContainerLog",
        "HostLog",
        "MatchedPolicy",
        "MatchedHostPolicy",
        "MatchedNetworkPolicy",
        "SystemEvent",
    ];
    let Some(json) = record.json else { return 0 };
    let is_type = str_at(json, &["Type"]).is_some_and(|kind| TYPES.contains(&kind));
    match is_type && has(json, &["Operation"]) {
        true if has(json, &["Result"]) => 94,
        true => 84,
        false => 0,
    }
}

impl Decode for KubeArmor {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-json", "the line is no JSON object");
        };
        let Some(time) = time(json).or(record.envelope.time) else {
            return Verdict::reject("no-time", "neither UpdatedTime nor Timestamp is a time");
        };
        let mut row = record.host_event(time);
        actor(json, &mut row);
        operand::describe(json, &mut row);
        settle(json, &mut row);
        policy(json, &mut row);
        row.unmapped = rest(json);
        rows.host_events.push(row);
        Verdict::Decoded
    }
}

/// `UpdatedTime` has microseconds, `Timestamp` whole seconds.
fn time(json: &Value) -> Option<EventTime> {
    ["UpdatedTime", "UpdatedTimeISO", "Timestamp"].iter().find_map(|key| time_at(json, &[key]))
}

fn actor(json: &Value, row: &mut HostEvent) {
    let text = |key: &str| string_at(json, &[key]);
    row.host = text("HostName").or_else(|| row.host.take());
    row.container_id = text("ContainerID").map(|id| id.to_ascii_lowercase());
    row.image = text("ContainerImage");
    row.pod = text("PodName");
    // What runs in a container outside of Kubernetes has a namespace of KubeArmor's own making.
    row.namespace = text("NamespaceName").filter(|name| name != "container_namespace");
    row.workload = string_at(json, &["Owner", "Name"]);
    row.attribution = if row.pod.is_some() { Attribution::Direct } else { Attribution::None };
    row.pid = whole_number(json, "HostPID");
    row.parent_pid = whole_number(json, "HostPPID");
    row.exe = text("ProcessName");
    row.parent_exe = text("ParentProcessName");
    row.cwd = text("Cwd");
    row.uid = whole_number(json, "UID");
}

/// A number that some exports write as a float.
fn whole_number(json: &Value, key: &str) -> Option<u32> {
    let text = string_at(json, &[key])?;
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let is_whole = fraction.bytes().all(|digit| digit == b'0');
    whole.parse().ok().filter(|number| is_whole && *number != u32::MAX)
}

/// Outcome, control and mode: by who spoke, what the policy wanted and what came of it.
fn settle(json: &Value, row: &mut HostEvent) {
    let text = |key: &str| str_at(json, &[key]).unwrap_or_default();
    let (enforcer, action, result) = (text("Enforcer"), text("Action"), text("Result"));
    row.hook_class = match enforcer {
        "" | MONITOR => HookClass::Kprobe,
        FIREWALL => HookClass::Unknown,
        _ => HookClass::Lsm,
    };
    row.errno = match result {
        "Permission denied" => Some(EACCES),
        "Operation not permitted" => Some(EPERM),
        _ => None,
    };
    let passed = result.eq_ignore_ascii_case("passed");
    let enforces = !enforcer.is_empty() && enforcer != MONITOR;
    let blocks = action == "Block";
    // `Audit` of the default posture, and `Audit (Block)`, are about what the policy does not allow.
    let watches = blocks || action.starts_with("Audit (") || (action == "Audit" && is_default_posture(json));
    (row.outcome, row.control, row.mode) = match row.errno {
        _ if enforcer == FIREWALL && blocks && !passed => {
            (Outcome::Denied, HostControl::NetworkPolicy, ControlMode::Enforcing)
        }
        Some(_) if enforces && blocks => refusal(json),
        // Something refused; the record does not say what.
        Some(_) => (Outcome::Failed, HostControl::Unknown, ControlMode::Unknown),
        None if passed && watches => (Outcome::WouldDeny, HostControl::KubeArmor, ControlMode::Monitor),
        None if passed => (Outcome::Allowed, HostControl::None, ControlMode::Unknown),
        None if result.is_empty() => (Outcome::Unknown, HostControl::None, ControlMode::Unknown),
        None => (Outcome::Failed, HostControl::None, ControlMode::Unknown),
    };
}

/// Who refused, where an enforcer is named. Its own hook (`lsm=`) is sure of itself; the default posture, read from an
/// error that a call returned, is not, and no policy governs calls as such.
fn refusal(json: &Value) -> (Outcome, HostControl, ControlMode) {
    let by_own_hook = str_at(json, &["Data"]).is_some_and(|data| data.starts_with("lsm="));
    let inferred = is_default_posture(json) && !by_own_hook;
    let governed = str_at(json, &["Operation"]) != Some("Syscall");
    match (inferred, governed) {
        (false, true) => (Outcome::Denied, HostControl::KubeArmor, ControlMode::Enforcing),
        (true, true) => (Outcome::Denied, HostControl::Unknown, ControlMode::Unknown),
        (_, false) => (Outcome::Failed, HostControl::Unknown, ControlMode::Unknown),
    }
}

fn is_default_posture(json: &Value) -> bool {
    str_at(json, &["PolicyName"]) == Some(DEFAULT_POSTURE)
}

/// The policy, with the enforcer that it went through.
fn policy(json: &Value, row: &mut HostEvent) {
    let Some(name) = str_at(json, &["PolicyName"]) else { return };
    row.rule = Some(name.to_owned());
    row.policy = Some(match str_at(json, &["Enforcer"]) {
        Some(enforcer) => format!("{name} ({enforcer})"),
        None => name.to_owned(),
    });
    row.priority = string_at(json, &["Severity"]).map(|severity| severity.to_lowercase());
    let listed = list_at(json, &["ATags"]);
    let joined = str_at(json, &["Tags"]).unwrap_or_default().split(',');
    row.attack = techniques(listed.iter().map(String::as_str).chain(joined));
}

fn rest(json: &Value) -> Option<String> {
    let tags = at(json, &["ATags"]).filter(|_| !array_at(json, &["ATags"]).is_empty());
    unmapped([
        ("Type", at(json, &["Type"])),
        ("Operation", at(json, &["Operation"])),
        ("Resource", at(json, &["Resource"])),
        ("Data", at(json, &["Data"])),
        ("Source", at(json, &["Source"])),
        ("Result", at(json, &["Result"])),
        ("Action", at(json, &["Action"])),
        ("Enforcer", at(json, &["Enforcer"])),
        ("Message", at(json, &["Message"])),
        ("Tags", tags.or_else(|| at(json, &["Tags"]))),
        ("ClusterName", at(json, &["ClusterName"])),
        ("ContainerName", at(json, &["ContainerName"])),
        ("PID", at(json, &["PID"])),
        ("PPID", at(json, &["PPID"])),
        ("TTY", at(json, &["TTY"])),
        ("Owner", at(json, &["Owner"])),
        ("Labels", at(json, &["Labels"])),
    ])
}

#[cfg(test)]
mod tests;
