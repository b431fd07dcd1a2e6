//! What SELinux decided.
//!
//! In: AVC and USER_AVC records (`avc:  denied  { read } for … scontext= tcontext= tclass=`). Out: decision and act.
//! Owns: permissions and classes by action. Several permissions in one record are one decision.
//! Law: a record begins with what was decided and ends with whose contexts and in which mode; between them stands what object
//! managers put there, such as a command line, which says nothing about the decision.
//! `permissive=1` let the act through. Kernels without that field tell by the call's result; without either the
//! mode is unknown.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HookClass, HostControl, Outcome};

use super::header::AuditRecord;
use super::statement::CallResult;
use crate::decode::address;
use crate::decode::credential_path::classify;
use crate::decode::syscall::{self, EACCES, EPERM};

/// Fills in a decision; false when the record is none of SELinux.
pub(super) fn decide(audit: &AuditRecord, call: Option<CallResult>, row: &mut HostEvent) -> bool {
    if !matches!(&*audit.kind, "AVC" | "USER_AVC") || !audit.body().contains("avc:") {
        return false;
    }
    let said = audit.body().split_once("avc:").map_or("", |(_, said)| said.trim_start());
    let granted = said.starts_with("granted ");
    if !granted && !said.starts_with("denied ") {
        return false;
    }
    let fields = &audit.fields;
    row.control = HostControl::SeLinux;
    row.label = row.label.take().or_else(|| context(audit, "scontext"));
    if audit.kind == "USER_AVC" {
        asked(audit, row);
    }
    row.policy = policy(audit);
    (row.outcome, row.mode) = if granted {
        (Outcome::Allowed, ControlMode::Unknown)
    } else {
        refusal(fields.last("permissive"), call)
    };
    row.target_path = fields.text("path").or_else(|| fields.text("name"));
    row.target_is_credential = row.target_path.as_deref().is_some_and(|path| classify(path).is_some());
    row.dst_addr = fields.get("daddr").and_then(address::normal);
    row.src_addr = fields.get("saddr").and_then(address::normal);
    let port = |key: &str| fields.get(key).and_then(|text| text.parse().ok());
    row.capability =
        fields.number("capability").and_then(|number| syscall::capability_name(number.try_into().ok()?));
    row.action = action(
        &permissions(audit.body()),
        fields.last("tclass").unwrap_or_default(),
        row.target_is_credential,
    );
    // `src` is the port that a process binds to or connects to, as old kernels name it.
    (row.src_port, row.dst_port) = match row.action {
        Action::NetConnect => (None, port("dest").or_else(|| port("src"))),
        _ => (port("src"), port("dest")),
    };
    true
}

/// The record's own process is the object manager (message bus, service manager), which speaks of the one that asked it:
/// the bus by its pid, systemd by its users and command line alone. Others judge what they do themselves.
fn asked(audit: &AuditRecord, row: &mut HostEvent) {
    let fields = &audit.fields;
    row.hook_class = HookClass::Userspace;
    let sender = fields.number("spid");
    if sender.is_none() && fields.get("function").is_none() {
        return;
    }
    let user = |key: &str| fields.inner_number(key).filter(|user| *user != u32::MAX);
    row.pid = sender;
    (row.exe, row.comm, row.session_id) = (None, None, None);
    (row.uid, row.auid) = (user("uid"), user("auid"));
    row.label = context(audit, "scontext");
    row.cmd_line = fields.text("cmdline");
}

fn context(audit: &AuditRecord, key: &str) -> Option<String> {
    audit.fields.last(key).map(str::to_owned)
}

fn policy(audit: &AuditRecord) -> Option<String> {
    let part = |key: &str| audit.fields.last(key);
    Some(format!("{} {} {}", part("scontext")?, part("tcontext")?, part("tclass")?))
}

fn refusal(permissive: Option<&str>, call: Option<CallResult>) -> (Outcome, ControlMode) {
    match (permissive, call.unwrap_or_default()) {
        (Some("1"), _) => (Outcome::WouldDeny, ControlMode::Permissive),
        (Some(_), _) => (Outcome::Denied, ControlMode::Enforcing),
        (None, CallResult { success: Some(true), .. }) => (Outcome::WouldDeny, ControlMode::Permissive),
        (None, CallResult { errno: Some(EPERM | EACCES), .. }) => (Outcome::Denied, ControlMode::Enforcing),
        (None, CallResult { success: Some(false), .. }) => (Outcome::Unknown, ControlMode::Unknown),
        (None, _) => (Outcome::Denied, ControlMode::Unknown),
    }
}

/// The words in the braces.
fn permissions(body: &str) -> Vec<&str> {
    let inside =
        body.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(inside, _)| inside);
    inside.split_ascii_whitespace().collect()
}

fn action(permissions: &[&str], class: &str, credential: bool) -> Action {
    let any = |words: &[&str]| permissions.iter().any(|permission| words.contains(permission));
    match class {
        "capability" | "capability2" | "cap_userns" | "cap2_userns" => Action::CapUse,
        "process" if any(&["ptrace"]) => Action::Ptrace,
        "process" if any(&["transition", "dyntransition", "setexec", "setcurrent"]) => Action::PrivChange,
        "filesystem" if any(&["mount", "unmount", "remount"]) => Action::NsChange,
        "user_namespace" => Action::NsChange,
        "security" if any(&["load_policy", "setenforce", "setbool", "setsecparam"]) => Action::PolicyChange,
        "bpf" if any(&["prog_load"]) => Action::ModuleLoad,
        "system" if any(&["module_load", "module_request"]) => Action::ModuleLoad,
        // Whoever reaches an agent's socket is given the credential behind it.
        "sock_file" if any(&["write"]) && credential => Action::CredRead,
        "unix_stream_socket" if any(&["connectto"]) && credential => Action::CredRead,
        _ if class.ends_with("_socket") && any(&["name_connect", "connectto"]) => Action::NetConnect,
        _ if class.ends_with("_socket") && any(&["name_bind", "listen"]) => Action::NetListen,
        "file" | "lnk_file" | "dir" | "chr_file" | "blk_file" | "fifo_file" | "sock_file" | "anon_inode" => {
            file(&any, credential)
        }
        _ => Action::Other,
    }
}

fn file(any: &dyn Fn(&[&str]) -> bool, credential: bool) -> Action {
    const WRITES: &[&str] = &[
        "write",
        "append",
        "create",
        "unlink",
        "rename",
        "link",
        "setattr",
        "add_name",
        "remove_name",
        "rmdir",
        "reparent",
        "relabelto",
    ];
    match () {
        () if any(&["execute", "execute_no_trans", "entrypoint"]) => Action::Exec,
        () if any(&["read"]) && credential => Action::CredRead,
        () if any(WRITES) => Action::FileWrite,
        () if any(&["read", "open"]) => Action::FileRead,
        () => Action::Other,
    }
}
