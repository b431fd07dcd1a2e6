//! What AppArmor decided, in its present and its older notations.
//!
//! In: records with `apparmor="WORD"`, of type 1501 to 1507, or the prose of 2006 (`REJECTING r access to …`).
//! Out: decision and act. Owns: operations and masks by action.
//! Law: records of other types are none of AppArmor's, whatever they say: whoever has CAP_AUDIT_WRITE, as containers do unless
//! told otherwise, may write anything into those of programs.
//! ALLOWED is complain mode, so the act would have been refused; AUDIT was allowed by rule; STATUS is a change of policy.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HookClass, HostControl, Outcome};

use super::header::AuditRecord;
use crate::decode::address;
use crate::decode::credential_path::{classify, is_metadata_endpoint, proc_secret};
use crate::decode::syscall;

/// Fills in a decision; false when the record is none of AppArmor.
pub(super) fn decide(audit: &AuditRecord, row: &mut HostEvent) -> bool {
    let Some(word) = word(audit) else { return false };
    row.control = HostControl::AppArmor;
    (row.outcome, row.mode) = match word {
        "DENIED" => (Outcome::Denied, ControlMode::Enforcing),
        "ALLOWED" => (Outcome::WouldDeny, ControlMode::Complain),
        // A profile in complain mode says so, too, of what its rules allow (`aa_audit` in `security/apparmor/audit.c`).
        "AUDIT" => (Outcome::Allowed, ControlMode::Unknown),
        "KILLED" => (Outcome::Killed, ControlMode::Enforcing),
        "STATUS" => (Outcome::Allowed, ControlMode::Unknown),
        "ERROR" => (Outcome::Failed, ControlMode::Unknown),
        _ => (Outcome::Unknown, ControlMode::Unknown),
    };
    operands(audit, row);
    if audit.kind == "USER_AVC" {
        message_bus(audit, row);
    }
    if word == "STATUS" {
        status(audit, row);
    } else {
        row.action = prose(audit.body(), row).unwrap_or_else(|| action(audit, row));
    }
    if word == "HINT" {
        row.action = Action::Other;
    }
    true
}

/// The discriminator, by field, by type, or by the first word of the prose.
fn word(audit: &AuditRecord) -> Option<&str> {
    let may_say = matches!(&*audit.kind, "AVC" | "USER_AVC") || audit.kind.starts_with("APPARMOR");
    if let Some(word) = audit.fields.get("apparmor").filter(|_| may_say) {
        return Some(word);
    }
    let by_type = match audit.kind.strip_prefix("APPARMOR")? {
        "_AUDIT" => "AUDIT",
        "_ALLOWED" => "ALLOWED",
        "_DENIED" => "DENIED",
        "_HINT" => "HINT",
        "_STATUS" => "STATUS",
        "_ERROR" => "ERROR",
        "_KILL" => "KILLED",
        _ => match audit.body().split(' ').next()? {
            "REJECTING" => "DENIED",
            "PERMITTING" => "ALLOWED",
            "AUDITING" => "AUDIT",
            _ => "HINT",
        },
    };
    Some(by_type)
}

fn operands(audit: &AuditRecord, row: &mut HostEvent) {
    let fields = &audit.fields;
    row.policy = fields.text("profile");
    row.label = row.label.take().or_else(|| row.policy.clone());
    row.target_path = fields.text("name").or_else(|| fields.text("target"));
    row.target_is_credential = row.target_path.as_deref().is_some_and(|path| classify(path).is_some());
    let error =
        fields.get("error").and_then(|text| text.strip_prefix('-')).and_then(|text| text.parse().ok());
    row.errno = error;
    let port = |keys: &[&str]| keys.iter().find_map(|key| fields.get(key)).and_then(|text| text.parse().ok());
    let address = |keys: &[&str]| keys.iter().find_map(|key| fields.get(key)).and_then(address::normal);
    (row.src_addr, row.src_port) = (address(&["laddr", "saddr"]), port(&["lport", "src"]));
    (row.dst_addr, row.dst_port) = (address(&["faddr", "daddr"]), port(&["fport", "dest"]));
    if let Some(family) = fields.get("family") {
        row.protocol = Some(protocol(family, fields.get("sock_type")).to_owned());
        let socket = fields.text("peer_addr").or_else(|| fields.text("addr")).filter(|path| path != "none");
        row.target_path = row.target_path.take().or(socket);
        row.target_is_credential = row.target_path.as_deref().is_some_and(|path| classify(path).is_some());
    }
}

/// A message bus decided: the record's outer process is the bus, the inner one the sender. Names on a bus are no paths.
fn message_bus(audit: &AuditRecord, row: &mut HostEvent) {
    row.hook_class = HookClass::Userspace;
    row.policy = row.policy.take().or_else(|| audit.fields.text("label"));
    row.label.clone_from(&row.policy);
    row.target_path = None;
    row.target_is_credential = false;
    if let Some(sender) = audit.fields.inner_number("pid") {
        row.pid = Some(sender);
        (row.exe, row.uid) = (None, None);
    }
}

fn protocol(family: &str, kind: Option<&str>) -> &'static str {
    match (family, kind) {
        ("inet" | "inet6", Some("stream")) => "tcp",
        ("inet" | "inet6", Some("dgram")) => "udp",
        ("inet" | "inet6", _) => "ip",
        ("unix", _) => "unix",
        ("netlink", _) => "netlink",
        _ => "other",
    }
}

/// A profile was loaded, replaced or removed. One that stayed as it was is no change.
fn status(audit: &AuditRecord, row: &mut HostEvent) {
    let info = audit.fields.get("info").unwrap_or_default();
    let changes = audit.fields.get("operation").is_some_and(|operation| operation.starts_with("profile_"));
    row.policy = audit.fields.text("name").or_else(|| row.policy.take());
    row.target_path = None;
    row.target_is_credential = false;
    row.action =
        if changes && !info.contains("same as current") { Action::PolicyChange } else { Action::Other };
    row.rule = audit.fields.get("operation").or_else(|| audit.fields.get("info")).map(str::to_owned);
    if info.contains("failed") || row.errno.is_some() {
        row.outcome = Outcome::Failed;
    }
}

fn action(audit: &AuditRecord, row: &mut HostEvent) -> Action {
    let fields = &audit.fields;
    let operation = fields.get("operation").unwrap_or_default();
    let mask = ["denied_mask", "requested_mask", "denied", "requested"]
        .iter()
        .find_map(|key| fields.get(key))
        .unwrap_or_default();
    let socket = fields.get("family").is_some();
    // Profiles have names that are no paths, though many look like ones.
    let names_profile =
        matches!(operation, "change_profile" | "change_onexec" | "change_hat" | "change_hatv");
    if operation.starts_with("dbus_") || matches!(operation, "ptrace" | "signal") || names_profile {
        row.target_path = None;
        row.target_is_credential = false;
    }
    match operation {
        "exec" => Action::Exec,
        "open" | "inode_permission" => file(mask, row),
        "file_perm" | "file_inherit" | "file_receive" | "file_mmap" | "file_mprotect" if !socket => {
            file(mask, row)
        }
        "mkdir" | "rmdir" | "unlink" | "link" | "symlink" | "mknod" | "chmod" | "chown" | "truncate"
        | "rename_src" | "rename_dest" | "rename" | "setattr" | "inode_create" => Action::FileWrite,
        "create" if !socket => Action::FileWrite,
        "connect" if row.dst_addr.as_deref().is_some_and(|host| is_metadata_endpoint(host, row.dst_port)) => {
            Action::ImdsAccess
        }
        "connect" if row.target_is_credential => Action::CredRead,
        "connect" => Action::NetConnect,
        "bind" | "listen" if matches!(fields.get("family"), Some("inet" | "inet6")) => Action::NetListen,
        "ptrace" => Action::Ptrace,
        "capable" => {
            let named = fields.get("capname").or_else(|| fields.get("name"));
            row.capability = named.and_then(syscall::capability_from);
            row.target_path = None;
            Action::CapUse
        }
        "mount" | "umount" | "remount" | "pivotroot" | "userns_create" => Action::NsChange,
        "change_onexec" | "change_profile" | "change_hat" => Action::PrivChange,
        "profile_load" | "profile_replace" | "profile_remove" => Action::PolicyChange,
        _ => Action::Other,
    }
}

/// By the letters of a mask (`r`, `wr`, `::r`, `read create`).
fn file(mask: &str, row: &mut HostEvent) -> Action {
    let words = mask.contains(' ') || mask.len() > 4;
    let has = |letter: char, word: &str| if words { mask.contains(word) } else { mask.contains(letter) };
    let secret = row.target_path.as_deref().and_then(proc_secret);
    if let Some(secret) = secret.filter(|secret| secret.pid.is_some() && secret.pid != row.pid) {
        row.target_pid = secret.pid;
        return Action::Ptrace;
    }
    match () {
        () if has('x', "exec") => Action::Exec,
        () if has('r', "read") && row.target_is_credential => Action::CredRead,
        () if has('w', "write") || has('a', "append") || has('c', "create") || has('d', "delete") => {
            Action::FileWrite
        }
        () if has('r', "read") => Action::FileRead,
        () => Action::Other,
    }
}

/// `REJECTING r access to /x (sh(17) profile /p active /p)`, and its like.
fn prose(body: &str, row: &mut HostEvent) -> Option<Action> {
    let (verb, rest) =
        body.split_once(' ').filter(|(verb, _)| matches!(*verb, "REJECTING" | "PERMITTING" | "AUDITING"))?;
    let (what, who) = rest.rsplit_once(" (").unwrap_or((rest, ""));
    let (comm, after) = who.split_once('(').unwrap_or((who, ""));
    row.comm = Some(comm.to_owned()).filter(|comm| !comm.is_empty());
    row.pid = after.split(')').next().and_then(|pid| pid.parse().ok());
    row.policy = after.split_once("profile ").and_then(|(_, rest)| rest.split(' ').next()).map(str::to_owned);
    row.rule = Some(verb.to_owned());
    let (mask, object) =
        what.split_once("access to ").map(|(mask, object)| (mask.trim(), object)).unwrap_or(("", ""));
    if let Some(name) = object.strip_prefix("capability ") {
        row.capability = syscall::capability_from(name.trim_matches('\''));
        return Some(Action::CapUse);
    }
    if let Some(name) = object.strip_prefix("syscall ") {
        let name = name.trim_matches('\'');
        row.syscall = Some(name.to_owned());
        return Some(if name == "ptrace" { Action::Ptrace } else { Action::Other });
    }
    if !object.is_empty() {
        row.target_path = Some(object.to_owned());
        row.target_is_credential = classify(object).is_some();
        return Some(file(mask, row));
    }
    let (_, path) = what.split_once(" on ").or_else(|| what.split_once(" from ")).unwrap_or_default();
    row.target_path = path.split(" to ").next().filter(|path| !path.is_empty()).map(str::to_owned);
    Some(Action::FileWrite)
}
