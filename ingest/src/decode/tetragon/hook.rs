//! Tetragon's kernel hooks: which function was hooked, what its arguments say, what enforcement did.
//!
//! In: payload of a kprobe, LSM hook, tracepoint or user probe. Out: action, target, outcome, control of a row.
//! Owns: the meaning of hooked functions and of Tetragon's own actions.
//! Law: a hook without a recorded return has been entered, no more: its outcome is `attempted`.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HookClass, HostControl, Outcome};

use super::connected;
use crate::decode::address;
use crate::decode::credential_path::{classify, is_escape_file, proc_secret};
use crate::decode::syscall::{self, Deed};
use crate::decode::tree::Tree;

/// `MAY_WRITE` and `MAY_APPEND` of the kernel's file permission masks.
const MASK_WRITE: i64 = 2 | 8;
/// `MAY_READ`.
const MASK_READ: i64 = 4;
/// `READING_MODULE`: why the kernel reads a file.
const READING_MODULE: i64 = 2;
/// Signal numbers that end a process whatever it does.
const SIGKILL: i64 = 9;

/// Fills in what the hook saw.
pub(super) fn describe(kind: &str, payload: &Tree<'_>, row: &mut HostEvent) {
    row.hook_class = match kind {
        "process_lsm" => HookClass::Lsm,
        "process_uprobe" | "process_usdt" => HookClass::Userspace,
        _ => HookClass::Kprobe,
    };
    let function = function_name(kind, payload);
    row.rule = payload.str_at(&["policy_name"]).map(str::to_owned).or_else(|| function.clone());
    row.policy = payload.string_at(&["policy_name"]);
    row.attack = payload.list_at(&["tags"]).into_iter().filter(|tag| tag.starts_with("T1")).collect();
    let Some(function) = function else { return };
    row.syscall = syscall_of(&function);
    operands(payload, row);
    row.action = action(&function, payload, row);
    if row.action == Action::NetConnect {
        connected(row);
    }
    settle(&function, payload, row);
}

fn function_name(kind: &str, payload: &Tree<'_>) -> Option<String> {
    match kind {
        "process_tracepoint" => payload.string_at(&["event"]),
        "process_uprobe" | "process_usdt" => {
            payload.string_at(&["symbol"]).or_else(|| payload.string_at(&["name"]))
        }
        _ => payload.string_at(&["function_name"]),
    }
}

/// The system call that was hooked itself; security hooks are no calls.
fn syscall_of(function: &str) -> Option<String> {
    let bare = syscall::bare_name(function);
    (bare != function).then(|| bare.to_owned())
}

/// Targets that arguments name, whatever the function.
fn operands(payload: &Tree<'_>, row: &mut HostEvent) {
    for argument in payload.array_at(&["args"]) {
        if let Some(path) = path_of(argument) {
            row.target_path.get_or_insert(path);
        }
        for key in ["sock_arg", "skb_arg", "sockaddr_arg"] {
            if let Some(socket) = argument.at(&[key]) {
                peer(socket, row);
            }
        }
        if let Some(capability) = argument.at(&["capability_arg"]) {
            row.capability = capability.str_at(&["name"]).and_then(syscall::capability_from);
        }
        if let Some(target) = argument.at(&["process_arg"]).or_else(|| argument.at(&["task_arg"])) {
            row.target_pid = target.u32_at(&["pid"]);
            row.target_exe = target.string_at(&["binary"]).or_else(|| target.string_at(&["comm"]));
        }
    }
    row.target_is_credential = row.target_path.as_deref().is_some_and(|path| classify(path).is_some());
}

fn path_of(argument: &Tree<'_>) -> Option<String> {
    let path =
        ["file_arg", "path_arg", "linux_binprm_arg"].iter().find_map(|key| argument.str_at(&[key, "path"]));
    let path = path
        .or_else(|| argument.str_at(&["module_arg", "name"]))
        .or_else(|| argument.str_at(&["kernel_module_arg", "name"]))?;
    let is_module = argument.has(&["module_arg"]) || argument.has(&["kernel_module_arg"]);
    // Early builds wrote the path of an open file without its first slash.
    let missing_slash = !path.starts_with('/') && path.contains('/') && !is_module;
    Some(if missing_slash { format!("/{path}") } else { path.to_owned() })
}

fn peer(socket: &Tree<'_>, row: &mut HostEvent) {
    let first = |keys: &[&str]| keys.iter().find_map(|key| socket.str_at(&[key])).and_then(address::normal);
    let port = |keys: &[&str]| keys.iter().find_map(|key| socket.u16_at(&[key])).filter(|port| *port != 0);
    row.src_addr = row.src_addr.take().or_else(|| first(&["saddr"]));
    row.src_port = row.src_port.or_else(|| port(&["sport"]));
    row.dst_addr = row.dst_addr.take().or_else(|| first(&["daddr", "addr"]));
    row.dst_port = row.dst_port.or_else(|| port(&["dport", "port"]));
    let protocol =
        socket.str_at(&["protocol"]).map(|name| name.trim_start_matches("IPPROTO_").to_lowercase());
    row.protocol = row.protocol.take().or(protocol);
}

fn action(function: &str, payload: &Tree<'_>, row: &mut HostEvent) -> Action {
    if let Some(deed) = syscall::deed(function) {
        return by_call(deed, payload, row);
    }
    match function {
        "security_file_open"
        | "file_open"
        | "fd_install"
        | "security_file_permission"
        | "file_permission"
        | "security_mmap_file"
        | "mmap_file" => file(permissions(function, payload), row),
        "security_path_truncate"
        | "path_truncate"
        | "security_file_truncate"
        | "security_path_unlink"
        | "security_inode_unlink"
        | "security_path_rename"
        | "security_inode_rename"
        | "security_inode_create" => Action::FileWrite,
        "security_kernel_read_file" | "kernel_read_file"
            if numbers(payload).next().is_none_or(|id| id == READING_MODULE) =>
        {
            Action::ModuleLoad
        }
        "security_kernel_read_file" | "kernel_read_file" => file(MASK_READ, row),
        "do_init_module"
        | "find_module_sections"
        | "security_kernel_module_request"
        | "kernel_module_request"
        | "security_kernel_load_data"
        | "bpf_check"
        | "security_bpf_prog_alloc"
        | "security_bpf_prog" => {
            row.target_path = row.target_path.take().or_else(|| first_text(payload));
            Action::ModuleLoad
        }
        "tcp_connect"
        | "security_socket_connect"
        | "socket_connect"
        | "udp_sendmsg"
        | "ip4_datagram_connect" => Action::NetConnect,
        "inet_csk_listen_start"
        | "security_socket_listen"
        | "socket_listen"
        | "security_socket_bind"
        | "socket_bind" => Action::NetListen,
        "security_ptrace_access_check"
        | "ptrace_access_check"
        | "ptrace_attach"
        | "security_ptrace_traceme" => Action::Ptrace,
        "security_bprm_check"
        | "bprm_check_security"
        | "security_bprm_creds_from_file"
        | "security_bprm_committing_creds" => Action::Exec,
        "commit_creds" | "security_task_fix_setuid" | "task_fix_setuid" | "security_task_fix_setgid" => {
            Action::PrivChange
        }
        "cap_capable" | "security_capable" | "capable" => Action::CapUse,
        _ if changes_namespace(function) => Action::NsChange,
        _ => Action::Other,
    }
}

/// Hooks on namespaces and mounts.
fn changes_namespace(function: &str) -> bool {
    matches!(
        function,
        "create_user_ns"
            | "create_new_namespaces"
            | "switch_task_namespaces"
            | "security_create_user_ns"
            | "userns_create"
            | "security_sb_mount"
            | "sb_mount"
            | "security_sb_pivotroot"
            | "security_move_mount"
    )
}

fn by_call(deed: Deed, payload: &Tree<'_>, row: &mut HostEvent) -> Action {
    match deed {
        Deed::Certain(action) => action,
        Deed::Open | Deed::Read => {
            row.target_path = row.target_path.take().or_else(|| first_text(payload));
            let writes = deed == Deed::Open && numbers(payload).any(|flags| flags & 3 != 0);
            file(if writes { MASK_WRITE } else { MASK_READ }, row)
        }
        Deed::Connect => Action::NetConnect,
        Deed::Bind => Action::NetListen,
        Deed::Ptrace if numbers(payload).next() == Some(0) => Action::Other,
        Deed::Ptrace => {
            row.target_pid =
                row.target_pid.or_else(|| numbers(payload).nth(1).and_then(|pid| u32::try_from(pid).ok()));
            Action::Ptrace
        }
        Deed::Bpf if numbers(payload).next() == Some(5) => Action::ModuleLoad,
        Deed::Bpf | Deed::Clone => Action::Other,
    }
}

fn numbers(payload: &Tree<'_>) -> impl Iterator<Item = i64> {
    const KEYS: &[&str] = &["int_arg", "uint_arg", "long_arg", "size_arg", "syscall_id"];
    payload
        .array_at(&["args"])
        .iter()
        .filter_map(|argument| KEYS.iter().find_map(|key| argument.i64_at(&[key])))
}

fn first_text(payload: &Tree<'_>) -> Option<String> {
    payload.array_at(&["args"]).iter().find_map(|argument| argument.string_at(&["string_arg"]))
}

/// Permission bits that a file hook was asked for.
fn permissions(function: &str, payload: &Tree<'_>) -> i64 {
    if function.ends_with("file_permission") {
        return numbers(payload).last().unwrap_or(MASK_READ);
    }
    if function.ends_with("mmap_file") {
        // Protection bits: 1 reads, 2 writes.
        return if numbers(payload).next().is_some_and(|bits| bits & 2 != 0) {
            MASK_WRITE
        } else {
            MASK_READ
        };
    }
    MASK_READ
}

fn file(mask: i64, row: &HostEvent) -> Action {
    let reads = mask & MASK_READ != 0;
    let target = row.target_path.as_deref().unwrap_or_default();
    match proc_secret(target) {
        Some(secret) if secret.pid.is_some() && secret.pid != row.pid => Action::Ptrace,
        _ if reads && row.target_is_credential => Action::CredRead,
        _ if mask & MASK_WRITE != 0 && is_escape_file(target) => Action::NsChange,
        _ if mask & MASK_WRITE != 0 => Action::FileWrite,
        _ => Action::FileRead,
    }
}

/// Outcome, control and mode, by what Tetragon did and by what the hook returned.
fn settle(function: &str, payload: &Tree<'_>, row: &mut HostEvent) {
    if row.action == Action::Ptrace && row.target_pid.is_none() {
        row.target_pid = row.target_path.as_deref().and_then(proc_secret).and_then(|secret| secret.pid);
    }
    let returned = returned(payload);
    row.errno = returned.filter(|code| (-4095..0).contains(code)).and_then(|code| u16::try_from(-code).ok());
    match enforced(payload) {
        Some(_) if is_monitoring(payload) => {
            (row.outcome, row.control, row.mode) =
                (Outcome::WouldDeny, HostControl::Tetragon, ControlMode::Monitor);
        }
        Some(outcome) => {
            (row.outcome, row.control, row.mode) = (outcome, HostControl::Tetragon, ControlMode::Enforcing);
        }
        None => observed(function, returned, row),
    }
}

/// What enforcement did, on entering the hook or on leaving it.
fn enforced(payload: &Tree<'_>) -> Option<Outcome> {
    ["action", "return_action"].iter().find_map(|key| {
        let name = payload.str_at(&[key])?;
        match name.rsplit("ACTION_").next().unwrap_or(name) {
            "SIGKILL" => Some(Outcome::Killed),
            "OVERRIDE" | "NOTIFYENFORCER" | "NOTIFYKILLER" => Some(Outcome::Denied),
            // Events do not say which signal it was; only one is sure to end the process.
            "SIGNAL" => match payload.i64_at(&["signal"]) {
                Some(SIGKILL) => Some(Outcome::Killed),
                _ => None,
            },
            _ => None,
        }
    })
}

/// Whether the event itself says that its policy only watches.
fn is_monitoring(payload: &Tree<'_>) -> bool {
    ["policy_mode", "mode", "enforcement_mode"].iter().any(|key| {
        payload.str_at(&[key]).is_some_and(|mode| {
            mode.to_ascii_lowercase().trim_start_matches("tp_mode_").starts_with("monitor")
        })
    })
}

fn observed(function: &str, returned: Option<i64>, row: &mut HostEvent) {
    let refused = matches!(row.errno, Some(syscall::EPERM | syscall::EACCES));
    let is_hook = function.starts_with("security_") || row.hook_class == HookClass::Lsm;
    (row.outcome, row.control) = match returned {
        _ if refused && function.ends_with("capable") => (Outcome::Denied, HostControl::Capability),
        _ if refused && is_hook => (Outcome::Denied, HostControl::Unknown),
        _ if refused => (Outcome::Failed, HostControl::Unknown),
        Some(_) if row.errno == Some(syscall::EINPROGRESS) => (Outcome::Attempted, HostControl::None),
        Some(_) if row.errno.is_some() => (Outcome::Failed, HostControl::None),
        Some(_) => (Outcome::Allowed, HostControl::None),
        None => (Outcome::Attempted, HostControl::None),
    };
}

fn returned(payload: &Tree<'_>) -> Option<i64> {
    numbers_of(payload.at(&["return"])?)
}

fn numbers_of(argument: &Tree<'_>) -> Option<i64> {
    ["int_arg", "long_arg", "size_arg"].iter().find_map(|key| argument.i64_at(&[key]))
}
