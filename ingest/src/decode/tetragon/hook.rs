//! Tetragon's kernel hooks: which function was hooked, what its arguments say, what enforcement did.
//!
//! In: payload of a kprobe, LSM hook, tracepoint or user probe. Out: action, target, outcome, control of a row.
//! Owns: the meaning of hooked functions and of Tetragon's own actions.
//! Law: a hook without a recorded return has been entered, no more: its outcome is `attempted`.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, ControlMode, HookClass, HostControl, Outcome};

use crate::decode::act::connected;
use crate::decode::address;
use crate::decode::credential_path::{classify, is_escape_file, proc_secret};
use crate::decode::syscall::{self, Arch, Deed};
use crate::decode::technique::techniques;
use crate::decode::tree::Tree;

/// `MAY_WRITE` and `MAY_APPEND` of the kernel's file permission masks.
const MASK_WRITE: i64 = 2 | 8;
/// `MAY_READ`.
const MASK_READ: i64 = 4;
/// `READING_MODULE`: why the kernel reads a file.
const READING_MODULE: i64 = 2;
/// `BPF_PROG_LOAD`, as a number.
const BPF_PROG_LOAD: i64 = 5;
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
    row.attack = techniques(payload.list_at(&["tags"]).iter().map(String::as_str));
    let Some(function) = function else { return };
    let raw = raw_call(&function, payload);
    // There the arguments are those of the tracepoint, not of the call.
    let of_call = if raw.is_some() { &Tree::Null } else { payload };
    let function = raw.unwrap_or(function);
    row.syscall = syscall_of(&function);
    operands(of_call, row);
    row.action = action(&function, of_call, row);
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

/// What stands for the call itself at the two tracepoints that all calls pass through: `syscall_id` says which it was
/// (Tetragon 1.3 and later; before, a number without its architecture).
fn raw_call(function: &str, payload: &Tree<'_>) -> Option<String> {
    if !is_raw(function) {
        return None;
    }
    let id = payload.array_at(&["args"]).iter().find_map(|argument| argument.at(&["syscall_id"]))?;
    let arch = match id.str_at(&["abi"])? {
        "x64" => Arch::X86_64,
        "i386" => Arch::I386,
        "arm64" => Arch::Arm64,
        _ => return None,
    };
    // A number that is zero is left out.
    let number = id.u32_at(&["id"]).unwrap_or_default();
    syscall::syscall_name(arch, number).map(|name| format!("sys_{name}"))
}

/// The tracepoints `raw_syscalls:sys_enter` and `raw_syscalls:sys_exit`.
fn is_raw(function: &str) -> bool {
    matches!(function, "sys_enter" | "sys_exit")
}

/// The system call that was hooked itself; security hooks are no calls.
fn syscall_of(function: &str) -> Option<String> {
    let bare = syscall::bare_name(function);
    (bare != function && !is_raw(function)).then(|| bare.to_owned())
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
    judge_target(row);
}

/// Whether the file acted on holds a credential.
fn judge_target(row: &mut HostEvent) {
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
    // A socket in the file system, such as a container runtime's, has a path for its address (Tetragon 1.6 and later).
    let path =
        ["addr", "path"].iter().find_map(|key| socket.str_at(&[key])).filter(|path| path.starts_with('/'));
    if let Some(path) = path {
        row.target_path.get_or_insert(path.to_owned());
        row.protocol = Some("unix".to_owned());
    }
    let protocol =
        socket.str_at(&["protocol"]).map(|name| name.trim_start_matches("IPPROTO_").to_lowercase());
    row.protocol = row.protocol.take().or(protocol);
}

fn action(function: &str, payload: &Tree<'_>, row: &mut HostEvent) -> Action {
    if let Some(deed) = syscall::deed(function) {
        return by_call(deed, payload, row);
    }
    // A hook of the security modules is named as a function of the kernel by a probe, bare by an LSM program.
    match function.strip_prefix("security_").unwrap_or(function) {
        "file_open" | "fd_install" | "file_permission" | "mmap_file" => {
            file(permissions(function, payload), row)
        }
        "kernel_read_file" if numbers(payload).next().is_none_or(|id| id == READING_MODULE) => {
            Action::ModuleLoad
        }
        "kernel_read_file" => file(MASK_READ, row),
        "do_init_module"
        | "module_load"
        | "find_module_sections"
        | "kernel_module_request"
        | "kernel_load_data"
        | "bpf_check"
        | "bpf_prog_alloc"
        | "bpf_prog_load"
        | "bpf_prog" => {
            row.target_path = row.target_path.take().or_else(|| first_text(payload));
            Action::ModuleLoad
        }
        "bpf" if loads_program(payload) => Action::ModuleLoad,
        "tcp_connect" | "socket_connect" | "udp_sendmsg" | "ip4_datagram_connect" => Action::NetConnect,
        "inet_csk_listen_start" | "socket_listen" | "socket_bind" => Action::NetListen,
        "ptrace_access_check" | "ptrace_attach" | "ptrace_traceme" => Action::Ptrace,
        "bprm_check"
        | "bprm_check_security"
        | "bprm_creds_from_file"
        | "bprm_committing_creds"
        | "sched_process_exec" => Action::Exec,
        "commit_creds" | "task_fix_setuid" | "task_fix_setgid" => Action::PrivChange,
        "cap_capable" | "capable" => Action::CapUse,
        hook if changes_namespace(hook) => Action::NsChange,
        hook if changes_file(hook) => file(MASK_WRITE, row),
        _ => Action::Other,
    }
}

/// Hooks on namespaces and mounts.
fn changes_namespace(hook: &str) -> bool {
    matches!(
        hook,
        "create_user_ns"
            | "create_new_namespaces"
            | "switch_task_namespaces"
            | "userns_create"
            | "sb_mount"
            | "sb_umount"
            | "sb_remount"
            | "sb_pivotroot"
            | "move_mount"
    )
}

/// Hooks on changes of files and of their names: `path_unlink`, `inode_rename`.
fn changes_file(hook: &str) -> bool {
    const ENDS: &[&str] = &[
        "truncate",
        "unlink",
        "rename",
        "create",
        "link",
        "symlink",
        "mkdir",
        "rmdir",
        "mknod",
        "chmod",
        "chown",
        "setxattr",
        "removexattr",
    ];
    ["path_", "inode_", "file_"]
        .iter()
        .find_map(|of| hook.strip_prefix(of))
        .is_some_and(|end| ENDS.contains(&end))
}

fn by_call(deed: Deed, payload: &Tree<'_>, row: &mut HostEvent) -> Action {
    name_target(deed, payload, row);
    match deed {
        Deed::Certain(Action::FileWrite) => file(MASK_WRITE, row),
        Deed::Certain(action) => action,
        Deed::Open | Deed::Read => {
            let writes = deed == Deed::Open && open_flags(payload).any(|flags| flags & 3 != 0);
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
        Deed::Bpf if loads_program(payload) => Action::ModuleLoad,
        Deed::Bpf | Deed::Clone => Action::Other,
    }
}

/// The file that a call names as text, where no argument was recorded as a file. What is written is none.
fn name_target(deed: Deed, payload: &Tree<'_>, row: &mut HostEvent) {
    let call = row.syscall.as_deref().unwrap_or_default();
    let path = match deed {
        _ if row.target_path.is_some() => return,
        Deed::Open | Deed::Read => first_text(payload),
        Deed::Certain(Action::FileWrite) if call.contains("write") => None,
        // The device or the file system is named before the place where it is mounted.
        Deed::Certain(Action::NsChange) if call == "mount" => {
            texts(payload).nth(1).or_else(|| first_text(payload))
        }
        Deed::Certain(Action::FileWrite | Action::NsChange | Action::Exec) => first_text(payload),
        _ => None,
    };
    row.target_path = path;
    judge_target(row);
}

/// Whether a program is loaded into the kernel: the command has a type of its own in newer policies.
fn loads_program(payload: &Tree<'_>) -> bool {
    let named = |argument: &Tree<'_>| argument.str_at(&["bpf_cmd_arg"]) == Some("BPF_PROG_LOAD");
    payload.array_at(&["args"]).iter().any(named) || numbers(payload).next() == Some(BPF_PROG_LOAD)
}

fn numbers(payload: &Tree<'_>) -> impl Iterator<Item = i64> {
    payload.array_at(&["args"]).iter().filter_map(number)
}

fn number(argument: &Tree<'_>) -> Option<i64> {
    ["int_arg", "uint_arg", "long_arg", "size_arg"].iter().find_map(|key| argument.i64_at(&[key]))
}

/// Numbers that may be the flags of an open call: they stand behind the path, the descriptor of a folder before it.
fn open_flags(payload: &Tree<'_>) -> impl Iterator<Item = i64> {
    let arguments = payload.array_at(&["args"]);
    let path = arguments.iter().position(|argument| argument.has(&["string_arg"]));
    let most = if path.is_some() { 1 } else { arguments.len() };
    arguments.iter().skip(path.map_or(0, |path| path + 1)).filter_map(number).take(most)
}

fn first_text(payload: &Tree<'_>) -> Option<String> {
    texts(payload).next()
}

fn texts(payload: &Tree<'_>) -> impl Iterator<Item = String> {
    payload.array_at(&["args"]).iter().filter_map(|argument| argument.string_at(&["string_arg"]))
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
    let Some(action) = policy_action(payload) else { return observed(function, returned, row) };
    row.control = HostControl::Tetragon;
    (row.outcome, row.mode) = match mode(payload).or_else(|| shown_mode(payload, returned)) {
        Some(ControlMode::Monitor) => (Outcome::WouldDeny, ControlMode::Monitor),
        Some(mode) => (action, mode),
        None => (Outcome::Unknown, ControlMode::Unknown),
    };
}

/// What the policy's action does where it is in force, on entering the hook or on leaving it. A policy that is set to watch
/// (`tetra tracingpolicy set-mode`, Tetragon 1.4 and later) names it all the same, and the event says nothing of the mode
/// (`do_action` in `bpf/process/generic_calls.h` of 1.4 to 1.7 sets the action last, whatever was elided).
fn policy_action(payload: &Tree<'_>) -> Option<Outcome> {
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

/// The mode of its policy, where somebody on the way has added it to the event.
fn mode(payload: &Tree<'_>) -> Option<ControlMode> {
    ["policy_mode", "mode", "enforcement_mode"].iter().find_map(|key| {
        let mode = payload.str_at(&[key])?.to_ascii_lowercase();
        let mode = mode.trim_start_matches("tp_mode_");
        let starts = |word: &str| mode.starts_with(word).then_some(());
        let watches = || starts("monitor").map(|()| ControlMode::Monitor);
        watches().or_else(|| starts("enforce").map(|()| ControlMode::Enforcing))
    })
}

/// The mode that the result of a call shows: where a policy that is in force replaces it by an error, a call that succeeded
/// was let through. Nothing shows it where the process is killed.
fn shown_mode(payload: &Tree<'_>, returned: Option<i64>) -> Option<ControlMode> {
    let is = |word: &str| {
        ["action", "return_action"]
            .iter()
            .any(|key| payload.str_at(&[key]).is_some_and(|action| action.ends_with(word)))
    };
    match returned? {
        code if code < 0 && (is("ACTION_OVERRIDE") || is("ACTION_NOTIFYENFORCER")) => {
            Some(ControlMode::Enforcing)
        }
        code if code >= 0 && is("ACTION_OVERRIDE") => Some(ControlMode::Monitor),
        _ => None,
    }
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
