//! From the SYSCALL record of an event, and the records of its operands, to a row.
//!
//! In: SYSCALL or URINGOP, with PATH, CWD, EXECVE, SOCKADDR, OBJ_PID beside it. Out: a row without the word of any control.
//! Owns: what flags and families make of a call, and what a failed call says.
//! Law: a failure is no refusal. EPERM and EACCES alone do not tell who refused: `failed`, control `unknown`.

use std::borrow::Cow;

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HostControl, Outcome};

use super::header::AuditRecord;
use super::operand;
use super::sockaddr::SockAddr;
use super::standalone;
use super::statement::{self, CallResult};
use super::uring;
use crate::decode::credential_path::{classify, is_escape_file, is_metadata_endpoint, proc_secret};
use crate::decode::field::{Texts, unmapped_texts};
use crate::decode::syscall::{self, Arch, Deed, EACCES, EINPROGRESS, EPERM};

/// `O_WRONLY` or `O_RDWR`.
const ACCESS_BITS: u64 = 3;
/// `O_WRONLY`.
const WRITE_ONLY: u64 = 1;
/// `O_CREAT` and `O_TRUNC`.
const CREATE_OR_TRUNCATE: u64 = 0o100 | 0o1000;
/// Every `CLONE_NEW…` flag but `CLONE_NEWTIME`, whose bit means something else to `clone`.
const NEW_NAMESPACES: u64 = 0x7e02_0000;
/// `BPF_PROG_LOAD`.
const BPF_LOAD_PROGRAM: u64 = 5;

/// Name of the call of a SYSCALL or SECCOMP record, by its architecture's table; else as an enriched record names it.
pub(super) fn call_name(audit: &AuditRecord) -> Option<String> {
    if let Some(operation) = audit.fields.get("uring_op") {
        return uring::call(operation).map(str::to_owned);
    }
    // A collector may have dropped what is numeric once it is translated.
    let either = |raw: &str, enriched: &str| audit.fields.get(raw).or_else(|| audit.fields.get(enriched));
    let written = either("syscall", "SYSCALL")?;
    let Ok(number) = written.parse::<u32>() else { return Some(written.to_owned()) };
    let arch = either("arch", "ARCH").and_then(Arch::from_audit);
    let name = arch.and_then(|arch| syscall::syscall_name(arch, number));
    match name {
        Some("socketcall") => Some(socket_call(audit).to_owned()),
        Some(name) => Some(name.to_owned()),
        None => audit.fields.get("SYSCALL").map(str::to_owned),
    }
}

/// The call of 32-bit x86, IBM Z and Power that stands for all socket calls; its first argument tells which.
fn socket_call(audit: &AuditRecord) -> &'static str {
    /// In the order of `SYS_SOCKET` and its like, from 1.
    const CALLS: &str = "socketcall socket bind connect listen accept getsockname getpeername socketpair send recv \
         sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg";
    let which = audit.fields.hex("a0").and_then(|number| usize::try_from(number).ok());
    which.and_then(|which| CALLS.split_ascii_whitespace().nth(which)).unwrap_or("socketcall")
}

/// Flags of `clone`; on IBM Z they come second.
pub(super) fn clone_flags(audit: &AuditRecord) -> Option<u64> {
    let arch = audit.fields.get("arch").or_else(|| audit.fields.get("ARCH")).and_then(Arch::from_audit);
    audit.fields.hex(if arch == Some(Arch::S390X) { "a1" } else { "a0" })
}

/// How the call ended.
pub(super) fn result(audit: &AuditRecord) -> CallResult {
    let success = match audit.fields.get("success") {
        Some("yes") => Some(true),
        Some("no") => Some(false),
        _ => None,
    };
    let exit = audit.fields.get("exit").filter(|_| success != Some(true)).unwrap_or_default();
    let errno = match exit.strip_prefix('-') {
        Some(number) => number.parse().ok(),
        None => syscall::errno_number(exit.split('(').next().unwrap_or_default()),
    };
    CallResult { success, errno }
}

/// Makes a row that of a call.
pub(super) fn row(audit: &AuditRecord, records: &[AuditRecord], row: &mut HostEvent) {
    statement::subject(audit, row);
    row.syscall = call_name(audit);
    row.rule = audit.fields.text("key").map(|keys| keys.replace('\u{1}', ","));
    row.cwd = operand::cwd(records);
    (row.args, row.cmd_line) = operand::command(records);
    row.target_path = operand::path(records);
    row.target_is_credential = row.target_path.as_deref().is_some_and(|path| classify(path).is_some());
    if let Some(target) = operand::of_kind(records, "OBJ_PID").next() {
        row.target_pid = target.fields.number("opid");
        row.target_exe = target.fields.text("ocomm");
    }
    row.label = row.label.take().or_else(|| stacked_label(records));
    let peer = operand::peer(records);
    address(peer.as_ref(), row);
    let deed = row.syscall.as_deref().and_then(syscall::deed);
    row.action = action(deed, audit, records, peer.as_ref(), row);
    settle(result(audit), row);
    row.unmapped = rest(audit, records);
}

/// The label where several security modules have one each, in a record of their own (Linux 6.18; Ubuntu before).
fn stacked_label(records: &[AuditRecord]) -> Option<String> {
    let labels = operand::of_kind(records, "MAC_TASK_CONTEXTS").next()?;
    let of = |module: &str| labels.fields.text(module);
    of("subj_selinux").or_else(|| of("subj_apparmor"))
}

fn address(peer: Option<&SockAddr>, row: &mut HostEvent) {
    match peer {
        Some(SockAddr::Inet(ip, port)) => {
            row.dst_addr = Some(ip.to_string());
            row.dst_port = Some(*port).filter(|port| *port != 0);
        }
        Some(SockAddr::Local(path)) => {
            row.protocol = Some("unix".to_owned());
            row.target_is_credential = classify(path).is_some();
            row.target_path = Some(path.clone()).filter(|path| path.len() > 1);
        }
        Some(SockAddr::Other(_)) | None => {}
    }
}

fn action(
    deed: Option<Deed>,
    audit: &AuditRecord,
    records: &[AuditRecord],
    peer: Option<&SockAddr>,
    row: &mut HostEvent,
) -> Action {
    let argument = |key: &str| audit.fields.hex(key);
    if let Some(action) = exchange(peer, row).or_else(|| signal(audit, row)) {
        return action;
    }
    match deed {
        Some(Deed::Certain(action)) => certain(action, audit, row),
        Some(Deed::Open) if audit.kind == "URINGOP" => open_by_ring(records, row),
        Some(Deed::Open) => open(flags(audit, records, row), row),
        Some(Deed::Read) => open(0, row),
        Some(Deed::Connect) => connect(peer, row),
        Some(Deed::Bind) if matches!(peer, Some(SockAddr::Inet(..))) => {
            // The address is the process's own.
            (row.src_addr, row.src_port) = (row.dst_addr.take(), row.dst_port.take());
            Action::NetListen
        }
        Some(Deed::Ptrace) if argument("a0") == Some(0) => Action::Other,
        Some(Deed::Ptrace) => {
            row.target_pid =
                row.target_pid.or_else(|| argument("a1").and_then(|pid| u32::try_from(pid).ok()));
            Action::Ptrace
        }
        Some(Deed::Bpf) if argument("a0") == Some(BPF_LOAD_PROGRAM) => Action::ModuleLoad,
        Some(Deed::Clone)
            if clone_flags(audit).is_some_and(|flags| flags & NEW_NAMESPACES != 0)
                && row.syscall.as_deref() == Some("clone") =>
        {
            Action::NsChange
        }
        _ => Action::Other,
    }
}

/// A message was sent to a peer that is named with it, or an address was handed out: that of a client, or one's own.
fn exchange(peer: Option<&SockAddr>, row: &mut HostEvent) -> Option<Action> {
    if !matches!(peer, Some(SockAddr::Inet(..))) {
        return None;
    }
    match row.syscall.as_deref()? {
        "sendto" | "sendmsg" | "sendmmsg" => Some(connect(peer, row)),
        "accept" | "accept4" | "recv" | "recvfrom" | "recvmsg" | "recvmmsg" | "recvmmsg_time64"
        | "getsockname" => {
            (row.src_addr, row.src_port) = (row.dst_addr.take(), row.dst_port.take());
            Some(Action::Other)
        }
        _ => None,
    }
}

/// A sensor was sent a signal that ends or halts it.
fn signal(audit: &AuditRecord, row: &mut HostEvent) -> Option<Action> {
    /// INT, QUIT, ABRT, KILL, TERM, STOP.
    const ENDING: &[u64] = &[2, 3, 6, 9, 15, 19];
    let argument = match row.syscall.as_deref()? {
        "kill" | "tkill" | "pidfd_send_signal" | "rt_sigqueueinfo" => "a1",
        "tgkill" | "rt_tgsigqueueinfo" => "a2",
        _ => return None,
    };
    let number = audit.fields.hex(argument).filter(|number| ENDING.contains(number))?;
    let sensor = row.target_exe.as_deref().filter(|name| standalone::is_sensor_process(name))?;
    row.policy = Some(format!("signal {number} to {sensor}"));
    Some(Action::PolicyChange)
}

fn certain(action: Action, audit: &AuditRecord, row: &mut HostEvent) -> Action {
    let first = audit.fields.hex("a0").and_then(|pid| u32::try_from(pid).ok());
    match action {
        Action::Ptrace if row.syscall.as_deref().is_some_and(|name| name.starts_with("process_vm_")) => {
            row.target_pid = row.target_pid.or(first);
        }
        // A listening socket's own address is not in the record.
        Action::NetListen => (row.src_addr, row.src_port) = (row.dst_addr.take(), row.dst_port.take()),
        _ => {}
    }
    action
}

/// Flags of an open call, by the argument that holds them.
fn flags(audit: &AuditRecord, records: &[AuditRecord], row: &HostEvent) -> u64 {
    let written = match row.syscall.as_deref() {
        Some("open") => audit.fields.hex("a1"),
        Some("openat" | "open_by_handle_at") => audit.fields.hex("a2"),
        _ => operand::of_kind(records, "OPENAT2").find_map(|audit| {
            audit
                .fields
                .get("oflag")
                .and_then(|text| u64::from_str_radix(text.trim_start_matches('0'), 8).ok())
        }),
    };
    written.unwrap_or(0)
}

fn open(flags: u64, row: &mut HostEvent) -> Action {
    let path = row.target_path.as_deref().unwrap_or_default();
    let secret = proc_secret(path).and_then(|secret| secret.pid);
    if secret.is_some() && secret != row.pid {
        row.target_pid = secret;
        return Action::Ptrace;
    }
    let writes = flags & ACCESS_BITS != 0 || flags & CREATE_OR_TRUNCATE != 0;
    let reads = flags & ACCESS_BITS != WRITE_ONLY;
    match (reads, writes) {
        (true, _) if row.target_is_credential => Action::CredRead,
        (_, true) if is_escape_file(path) => Action::NsChange,
        (_, true) => Action::FileWrite,
        _ => Action::FileRead,
    }
}

/// The record of io_uring has no flags. A credential counts as read: the other way would hide it.
fn open_by_ring(records: &[AuditRecord], row: &HostEvent) -> Action {
    let made = operand::of_kind(records, "PATH").any(|audit| audit.fields.get("nametype") == Some("CREATE"));
    match () {
        () if made => Action::FileWrite,
        () if row.target_is_credential => Action::CredRead,
        () => Action::Other,
    }
}

fn connect(peer: Option<&SockAddr>, row: &HostEvent) -> Action {
    match peer {
        Some(SockAddr::Inet(ip, port)) if is_metadata_endpoint(&ip.to_string(), Some(*port)) => {
            Action::ImdsAccess
        }
        // Whoever reaches an agent's socket is given the credential behind it.
        Some(SockAddr::Local(_)) if row.target_is_credential => Action::CredRead,
        Some(SockAddr::Other(_)) => Action::Other,
        _ => Action::NetConnect,
    }
}

fn settle(result: CallResult, row: &mut HostEvent) {
    row.errno = result.errno;
    (row.outcome, row.control) = match (result.success, result.errno) {
        (_, Some(EINPROGRESS)) => (Outcome::Attempted, HostControl::None),
        (_, Some(EPERM | EACCES)) => (Outcome::Failed, HostControl::Unknown),
        (Some(false), _) => (Outcome::Failed, HostControl::None),
        (Some(true), _) => (Outcome::Allowed, HostControl::None),
        (None, _) => (Outcome::Unknown, HostControl::None),
    };
}

/// What no column holds: arguments, groups, terminal, all paths.
fn rest(audit: &AuditRecord, records: &[AuditRecord]) -> Option<String> {
    // In the order of their names; those in capitals are what LAUREL adds.
    const KEYS: [&str; 17] = [
        "ENV",
        "LABELS",
        "SCRIPT",
        "SPAWNED_BY",
        "a0",
        "a1",
        "a2",
        "a3",
        "arch",
        "egid",
        "exit",
        "fsuid",
        "gid",
        PATHS,
        "suid",
        "tty",
        "uring_op",
    ];
    const PATHS: &str = "paths";
    let paths: Vec<Cow<'_, str>> =
        operand::of_kind(records, "PATH").filter_map(|audit| audit.fields.value("name")).collect();
    let mut values = Vec::with_capacity(KEYS.len());
    values.extend(KEYS.iter().filter_map(|key| match *key {
        PATHS => Some((PATHS, Texts::List(&paths))),
        key => Some((key, Texts::One(audit.fields.get(key)?))),
    }));
    unmapped_texts(values)
}
