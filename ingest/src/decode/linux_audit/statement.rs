//! Records that say something by themselves: decisions of controls, and acts that no system call stands for.
//!
//! In: one record, and the system call of its event. Out: a row that holds what the record says.
//! Owns: which records speak, and how what they say joins what the call says.
//! Law: a decision's outcome, control and mode always win over what the call's result suggests.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HookClass};

use super::header::AuditRecord;
use super::{apparmor, refusal, seccomp, selinux, standalone};
use crate::decode::field::{Texts, unmapped_texts};

/// How the event's system call ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CallResult {
    /// Whether it succeeded, where that is said.
    pub(super) success: Option<bool>,
    /// Its error.
    pub(super) errno: Option<u16>,
}

/// What one record says.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// The row.
    pub(super) row: HostEvent,
    /// Whether a control decided.
    pub(super) is_decision: bool,
}

/// Whether a record may speak for itself.
pub(super) fn may_speak(audit: &AuditRecord) -> bool {
    !standalone::is_part(&audit.kind)
}

/// What `audit` says, if it speaks for itself.
pub(super) fn of(audit: &AuditRecord, base: &HostEvent, call: Option<CallResult>) -> Option<Statement> {
    if !may_speak(audit) {
        return None;
    }
    let raw = audit.line().map_or_else(|| base.raw.clone(), str::to_owned);
    let mut row = HostEvent { raw, hook_class: HookClass::Audit, ..base.clone() };
    subject(audit, &mut row);
    let said = apparmor::decide(audit, &mut row)
        || selinux::decide(audit, call, &mut row)
        || seccomp::decide(audit, &mut row)
        || refusal::decide(audit, call, &mut row);
    if said {
        row.unmapped = rest(audit);
        return Some(Statement { row, is_decision: true });
    }
    standalone::describe(audit, &mut row).then(|| {
        row.unmapped = rest(audit);
        Statement { row, is_decision: false }
    })
}

/// Who acted, as most records spell it.
pub(super) fn subject(audit: &AuditRecord, row: &mut HostEvent) {
    let fields = &audit.fields;
    row.pid = fields.number("pid");
    row.parent_pid = fields.number("ppid").or_else(|| fields.number("parent"));
    row.uid = fields.id("uid");
    row.euid = fields.id("euid");
    row.auid = fields.id("auid");
    row.session_id = fields.id("ses");
    row.comm = fields.text("comm");
    row.exe = fields.text("exe");
    row.label = fields.text("subj");
}

/// Every field as it is written, but those that columns hold.
pub(super) fn rest(audit: &AuditRecord) -> Option<String> {
    const HELD: &[&str] =
        &["pid", "ppid", "parent", "uid", "euid", "auid", "ses", "comm", "exe", "subj", "msg"];
    let fields = audit.fields.all().filter(|(key, _)| !HELD.contains(key));
    let all = [("type", &*audit.kind)].into_iter().chain(fields);
    unmapped_texts(all.map(|(key, text)| (key, Texts::One(text))).collect())
}

impl Statement {
    /// Whether the statement is about the same process as the call's row.
    pub(super) fn joins(&self, call: &HostEvent) -> bool {
        self.row.pid.is_none() || call.pid.is_none() || self.row.pid == call.pid
    }

    /// The call's row with what this statement says.
    pub(super) fn joined(self, call: &HostEvent) -> HostEvent {
        let said = self.row;
        let mut row = call.clone();
        row.action = joined_action(call, said.action);
        if self.is_decision {
            (row.outcome, row.control, row.mode) = (said.outcome, said.control, said.mode);
        }
        row.policy = said.policy.or(row.policy);
        row.capability = said.capability.or(row.capability);
        row.rule = row.rule.or(said.rule);
        row.errno = row.errno.or(said.errno);
        row.label = row.label.or(said.label);
        row.unit = said.unit.or(row.unit);
        row.target_pid = row.target_pid.or(said.target_pid);
        if row.target_path.is_none() {
            (row.target_path, row.target_is_credential) = (said.target_path, said.target_is_credential);
        }
        if row.dst_addr.is_none() && row.dst_port.is_none() {
            (row.dst_addr, row.dst_port) = (said.dst_addr, said.dst_port);
        }
        (row.src_addr, row.src_port) = (row.src_addr.or(said.src_addr), row.src_port.or(said.src_port));
        row.unmapped = said.unmapped.or(row.unmapped);
        row
    }
}

/// What was done, by the call and by what was said about it: a vague word gives way to a clearer one. Reading or
/// writing a descriptor without a path is the vaguest of all: it is how programs talk to the kernel.
fn joined_action(call: &HostEvent, said: Action) -> Action {
    let bare = call.target_path.is_none() && matches!(call.action, Action::FileRead | Action::FileWrite);
    match said {
        Action::Other if bare => Action::Other,
        Action::Other => call.action,
        Action::NetConnect if call.action == Action::ImdsAccess => call.action,
        Action::FileRead if call.action != Action::Other => call.action,
        Action::FileWrite if !matches!(call.action, Action::Other | Action::FileRead) => call.action,
        // The record of a module is the same when it is taken out.
        Action::ModuleLoad if call.syscall.as_deref() == Some("delete_module") => call.action,
        clear => clear,
    }
}
