//! Records that programs and the kernel write about other things than system calls and refusals.
//!
//! In: logins, accounts, services, configuration, crashes, the audit daemon itself. Out: action, outcome, operands of a row.
//! Owns: which types are a change of policy, a loss of telemetry, a load of code. Everything else is `other` with its type as rule.
//! Law: keystrokes (TTY records) are never decoded.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HookClass, HostControl, Outcome};

use super::header::AuditRecord;
use super::kind;
use crate::decode::address;

/// Services that watch or confine: stopping one is a change of policy.
const SENSORS: &[&str] = &[
    "auditd",
    "apparmor",
    "fapolicyd",
    "falco",
    "tetragon",
    "tracee",
    "kubearmor",
    "laurel",
    "osqueryd",
    "sysmon",
    "auoms",
    "rsyslog",
    "systemd-journald",
];

/// Whether records of this type only add to others.
#[rustfmt::skip] // a word a line would fill a screen
pub(super) fn is_part(kind: &str) -> bool {
    matches!(
        kind,
        "SYSCALL" | "URINGOP" | "PATH" | "CWD" | "EXECVE" | "PROCTITLE" | "SOCKADDR" | "OBJ_PID" | "AVC_PATH" | "BPRM_FCAPS"
            | "CAPSET" | "MMAP" | "FD_PAIR" | "IPC" | "IPC_SET_PERM" | "MQ_OPEN" | "MQ_SENDRECV" | "MQ_NOTIFY"
            | "MQ_GETSETATTR" | "SOCKETCALL" | "OPENAT2" | "MAC_TASK_CONTEXTS" | "MAC_OBJ_CONTEXTS" | "TIME_INJOFFSET"
            | "TIME_ADJNTPVAL" | "LANDLOCK_DOMAIN"
    )
}

/// Whether a record of this type says nothing without the call that it is part of.
pub(super) fn is_operand(kind: &str) -> bool {
    is_part(kind) && !matches!(kind, "SYSCALL" | "URINGOP")
}

/// Fills in what the record says; false when it only adds to others.
pub(super) fn describe(audit: &AuditRecord, row: &mut HostEvent) -> bool {
    let kind = &*audit.kind;
    if is_part(kind) {
        return false;
    }
    let fields = &audit.fields;
    row.rule = Some(kind.to_owned());
    row.outcome = outcome(audit);
    row.src_addr = fields.get("addr").and_then(address::normal);
    row.cwd = fields.text("cwd");
    row.cmd_line = if kind == "USER_CMD" { fields.text("cmd") } else { None };
    row.unit = fields.get("unit").map(str::to_owned);
    row.action = action(audit, row);
    if kind::is_of_programs(kind) {
        row.hook_class = HookClass::Userspace;
    }
    true
}

fn outcome(audit: &AuditRecord) -> Outcome {
    match audit.fields.get("res").or_else(|| audit.fields.get("result")) {
        Some("success" | "1" | "yes") => Outcome::Allowed,
        Some("failed" | "0" | "no") => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}

fn action(audit: &AuditRecord, row: &mut HostEvent) -> Action {
    let fields = &audit.fields;
    match &*audit.kind {
        "CONFIG_CHANGE"
        | "FEATURE_CHANGE"
        | "MAC_STATUS"
        | "MAC_POLICY_LOAD"
        | "MAC_CONFIG_CHANGE"
        | "MAC_UNLBL_ALLOW"
        | "IPE_CONFIG_CHANGE"
        | "IPE_POLICY_LOAD"
        | "NETFILTER_CFG"
        | "INTEGRITY_POLICY_RULE"
        | "DAEMON_CONFIG"
        | "DAEMON_RECONFIG"
        | "DAEMON_START"
        | "DAEMON_END"
        | "DAEMON_ABORT" => {
            row.policy = switch(audit)
                .or_else(|| Some(format!("{}={}", fields.get("bool")?, fields.get("val")?)))
                .or_else(|| fields.text("key"))
                .or_else(|| fields.text("table"))
                .or_else(|| fields.get("op").map(str::to_owned));
            Action::PolicyChange
        }
        "USER_AVC" if audit.body().contains("policyload") || audit.body().contains("setenforce") => {
            row.control = HostControl::SeLinux;
            row.policy = switch(audit);
            Action::PolicyChange
        }
        "DAEMON_ROTATE" | "DAEMON_ERR" => Action::TelemetryGap,
        "SERVICE_STOP" if row.unit.as_deref().is_some_and(is_sensor) => Action::PolicyChange,
        "USER_ROLE_CHANGE" | "CHGRP_ID" | "CHUSER_ID" => Action::PrivChange,
        "BPF" if fields.get("op") == Some("LOAD") => {
            row.outcome = Outcome::Allowed;
            Action::ModuleLoad
        }
        "KERN_MODULE" => {
            row.target_path = fields.text("name");
            Action::ModuleLoad
        }
        "INTEGRITY_RULE" => {
            row.target_path = fields.text("file");
            Action::Other
        }
        "ANOM_ABEND" => crash(audit, row),
        _ => Action::Other,
    }
}

/// A switch of the kernel that turns a control on or off, such as `enforcing=0`, `audit_enabled=0`.
fn switch(audit: &AuditRecord) -> Option<String> {
    const SWITCHES: &[&str] = &[
        "enforcing",
        "enabled",
        "audit_enabled",
        "audit_failure",
        "audit_backlog_limit",
        "audit_rate_limit",
    ];
    SWITCHES.iter().find_map(|key| audit.fields.get(key).map(|text| format!("{key}={text}")))
}

/// Whether a process of this name, which the kernel cuts, is one that watches or confines.
pub(super) fn is_sensor_process(comm: &str) -> bool {
    const COMMAND_NAME_BYTES: usize = 15;
    SENSORS.iter().any(|sensor| sensor.get(..COMMAND_NAME_BYTES).unwrap_or(sensor) == comm)
}

fn is_sensor(unit: &str) -> bool {
    let name = unit.strip_suffix(".service").unwrap_or(unit);
    SENSORS.iter().any(|sensor| {
        name == *sensor || name.strip_prefix(sensor).is_some_and(|rest| rest.starts_with(['-', '@']))
    })
}

/// A process died of a signal; of 31 (bad system call), a seccomp filter killed it.
fn crash(audit: &AuditRecord, row: &mut HostEvent) -> Action {
    if audit.fields.get("sig") == Some("31") {
        (row.outcome, row.control) = (Outcome::Killed, HostControl::Seccomp);
        row.mode = ControlMode::Enforcing;
    } else {
        row.outcome = Outcome::Failed;
    }
    Action::Exit
}
