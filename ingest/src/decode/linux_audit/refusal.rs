//! What the kernel's smaller controls refused: Landlock, IPE, IMA, protected links, fapolicyd by way of fanotify.
//!
//! In: LANDLOCK_ACCESS, IPE_ACCESS, INTEGRITY_DATA, ANOM_LINK, ANOM_CREAT, FANOTIFY records (Linux 6.15). Out: outcome, control, mode, policy.
//! Owns: which of these records is a refusal at all.
//! Law: a control that has no word of its own is `unknown`, and `policy` names it.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HostControl, Outcome};

use super::header::AuditRecord;
use super::statement::CallResult;
use crate::decode::credential_path::classify;
use crate::decode::syscall::EACCES;

/// Fills in a decision; false when the record is of none of these controls.
pub(super) fn decide(audit: &AuditRecord, call: Option<CallResult>, row: &mut HostEvent) -> bool {
    match &*audit.kind {
        "FANOTIFY" => fanotify(audit, row),
        "LANDLOCK_ACCESS" => landlock(audit, row),
        "IPE_ACCESS" => ipe(audit, row),
        "INTEGRITY_DATA" if audit.fields.get("op") == Some("appraise_data") => appraisal(audit, call, row),
        "ANOM_LINK" | "ANOM_CREAT" => protected_link(audit, row),
        _ => return false,
    }
    row.rule = Some(audit.kind.to_string());
    true
}

/// fapolicyd's answer to the kernel, which puts it into force. `fan_info` is the rule's number, in hex.
fn fanotify(audit: &AuditRecord, row: &mut HostEvent) {
    row.control = HostControl::Fapolicyd;
    (row.outcome, row.mode) = match audit.fields.get("resp") {
        Some("1") => (Outcome::Allowed, ControlMode::Unknown),
        Some("2") => (Outcome::Denied, ControlMode::Enforcing),
        _ => (Outcome::Unknown, ControlMode::Unknown),
    };
    let by_rule = audit.fields.get("fan_type") == Some("1");
    row.policy = audit.fields.hex("fan_info").filter(|_| by_rule).map(|rule| format!("rule {rule}"));
}

/// `domain=… blockers=fs.write_file path="…"`: Landlock speaks only when it refuses.
fn landlock(audit: &AuditRecord, row: &mut HostEvent) {
    (row.outcome, row.control, row.mode) = (Outcome::Denied, HostControl::Unknown, ControlMode::Enforcing);
    let blockers = audit.fields.get("blockers").unwrap_or_default();
    row.policy = Some(format!("landlock {blockers}").trim_end().to_owned());
    target(audit, "path", row);
    row.target_pid = audit.fields.number("opid");
    row.action = match blockers {
        "ptrace" => Action::Ptrace,
        "fs.execute" => Action::Exec,
        "fs.read_file" if row.target_is_credential => Action::CredRead,
        "fs.read_file" => Action::FileRead,
        "net.connect_tcp" => Action::NetConnect,
        "net.bind_tcp" => Action::NetListen,
        "fs.change_topology" => Action::NsChange,
        writes
            if ["write", "make", "remove", "truncate", "refer"].iter().any(|word| writes.contains(word)) =>
        {
            Action::FileWrite
        }
        _ => Action::Other,
    };
}

/// `ipe_op=EXECUTE … enforcing=1 … rule="… action=DENY"`.
fn ipe(audit: &AuditRecord, row: &mut HostEvent) {
    row.control = HostControl::Unknown;
    let denies = audit.body().contains("action=DENY");
    (row.outcome, row.mode) = match (denies, audit.fields.get("enforcing")) {
        (false, _) => (Outcome::Allowed, ControlMode::Unknown),
        (true, Some("1")) => (Outcome::Denied, ControlMode::Enforcing),
        (true, Some("0")) => (Outcome::WouldDeny, ControlMode::Permissive),
        (true, _) => (Outcome::Unknown, ControlMode::Unknown),
    };
    row.policy = Some(format!("ipe {}", audit.fields.get("rule").unwrap_or_default()).trim_end().to_owned());
    target(audit, "path", row);
    row.action = match audit.fields.get("ipe_op") {
        Some("EXECUTE") => Action::Exec,
        Some("KMODULE") => Action::ModuleLoad,
        _ => Action::Other,
    };
}

/// `op=appraise_data cause=missing-hash … name="/x" … res=0`: IMA found a file not to be what it should be. It says so
/// where it refuses and where it only logs (`ima_appraise=log`): how the call ended tells which.
fn appraisal(audit: &AuditRecord, call: Option<CallResult>, row: &mut HostEvent) {
    row.control = HostControl::Unknown;
    (row.outcome, row.mode) = match call.unwrap_or_default() {
        CallResult { errno: Some(EACCES), .. } => (Outcome::Denied, ControlMode::Enforcing),
        CallResult { success: Some(true), .. } => (Outcome::WouldDeny, ControlMode::Monitor),
        _ => (Outcome::Unknown, ControlMode::Unknown),
    };
    row.policy = Some(format!("ima {}", audit.fields.get("cause").unwrap_or_default()).trim_end().to_owned());
    target(audit, "name", row);
}

/// Links and files of others in folders that everybody may write to (`fs.protected_*`): logged only when refused.
fn protected_link(audit: &AuditRecord, row: &mut HostEvent) {
    (row.outcome, row.control, row.mode) = (Outcome::Denied, HostControl::Dac, ControlMode::Enforcing);
    let operation = audit.fields.get("op").unwrap_or_default();
    row.policy = Some(format!("protected links {operation}").trim_end().to_owned());
    row.action = if operation.starts_with("link") { Action::FileWrite } else { Action::Other };
}

fn target(audit: &AuditRecord, key: &str, row: &mut HostEvent) {
    row.target_path = audit.fields.text(key);
    row.target_is_credential = row.target_path.as_deref().is_some_and(|path| classify(path).is_some());
}
