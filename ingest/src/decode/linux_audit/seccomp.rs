//! What a seccomp filter decided.
//!
//! In: SECCOMP records (`code=`, `syscall=`, `arch=`, `sig=`). Out: outcome, control, mode, and the call that was filtered.
//! Owns: the meaning of the filter's return codes.
//! Law: a code that only logs let the call through: `would_deny`. A filter that answers with an error is mostly silent,
//! so the absence of such a record says nothing.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HostControl, Outcome};

use super::call::call_name;
use super::header::AuditRecord;
use crate::decode::syscall::{self, Deed};

/// Fills in a decision; false when the record is none of seccomp.
pub(super) fn decide(audit: &AuditRecord, row: &mut HostEvent) -> bool {
    if audit.kind != "SECCOMP" {
        return false;
    }
    row.control = HostControl::Seccomp;
    row.syscall = call_name(audit);
    row.action = match row.syscall.as_deref().and_then(syscall::deed) {
        Some(Deed::Certain(action)) if action != Action::FileWrite => action,
        Some(Deed::Connect) => Action::NetConnect,
        Some(Deed::Ptrace) => Action::Ptrace,
        _ => Action::Other,
    };
    // Auditbeat names the signal.
    let signalled = matches!(audit.fields.get("sig"), Some("31" | "SIGSYS"));
    (row.outcome, row.mode) = match audit.fields.hex("code") {
        Some(code) => by_code(code, row),
        None if signalled => (Outcome::Killed, ControlMode::Enforcing),
        None => (Outcome::Unknown, ControlMode::Unknown),
    };
    true
}

fn by_code(code: u64, row: &mut HostEvent) -> (Outcome, ControlMode) {
    match code & 0xffff_0000 {
        0x8000_0000 | 0x0000_0000 => (Outcome::Killed, ControlMode::Enforcing),
        0x0003_0000 => (Outcome::Denied, ControlMode::Enforcing),
        0x0005_0000 => {
            row.errno = u16::try_from(code & 0xffff).ok().filter(|errno| *errno != 0);
            (Outcome::Denied, ControlMode::Enforcing)
        }
        0x7ffc_0000 => (Outcome::WouldDeny, ControlMode::Monitor),
        0x7fff_0000 => (Outcome::Allowed, ControlMode::Enforcing),
        // Somebody else decides: a supervisor or a tracer.
        _ => (Outcome::Unknown, ControlMode::Unknown),
    }
}
