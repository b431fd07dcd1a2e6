//! What Tracee's events mean: system calls by their names, hooks and network events by this file.
//!
//! In: an event's name, its arguments and what it returned. Out: action, target, outcome of a row.
//! Law: a hook is a door that was reached; its outcome is `attempted` (its `returnValue` is always 0). Whether a call
//! succeeded is known for calls alone.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HostControl, Outcome};

use super::value::{Arguments, names};
use crate::decode::act::{self, Operands};
use crate::decode::address;
use crate::decode::field::{str_at, string_at, u16_at};
use crate::decode::syscall;

/// Fills in what the event saw.
pub(super) fn describe(name: &str, returned: Option<i64>, arguments: &Arguments<'_>, row: &mut HostEvent) {
    let operands = operands(arguments);
    peer(arguments, row);
    match name {
        "sched_process_exec" | "execute_finished" => executed(*arguments, row),
        "process_execute_failed" => {
            executed(*arguments, row);
            act::returned(returned.unwrap_or_default(), row);
        }
        "sched_process_exit" => (row.action, row.outcome) = (Action::Exit, Outcome::Allowed),
        _ if is_network(name) => network(name, *arguments, row),
        _ => match hook_call(name) {
            Some(call) => {
                act::by_call(call, operands, row);
                row.outcome = Outcome::Attempted;
            }
            None if hook(name, *arguments, operands.clone(), row) => {}
            None => call(name, returned, *arguments, operands, row),
        },
    }
}

/// The call that a hook stands before.
fn hook_call(name: &str) -> Option<&'static str> {
    Some(match name {
        "security_file_open" => "openat",
        "vfs_read" | "vfs_readv" => "read",
        "vfs_write" | "vfs_writev" | "kernel_write" | "magic_write" | "file_modification" | "do_truncate" => {
            "write"
        }
        "security_inode_unlink" => "unlink",
        "security_inode_rename" => "rename",
        "security_inode_symlink" => "symlink",
        "security_inode_mknod" => "mknod",
        "chmod_common" => "chmod",
        "security_socket_connect" => "connect",
        "security_socket_bind" => "bind",
        "security_socket_listen" => "listen",
        "security_sb_mount" => "mount",
        "security_sb_umount" => "umount2",
        "security_bpf" => "bpf",
        "switch_task_ns" => "setns",
        "module_load" | "do_init_module" => "finit_module",
        "security_bprm_check" => "execve",
        _ => return None,
    })
}

/// Hooks that no call stands for; false where the name is none of them.
fn hook(name: &str, arguments: Arguments<'_>, operands: Operands, row: &mut HostEvent) -> bool {
    row.action = match name {
        "security_kernel_read_file" | "security_post_read_file"
            if arguments.text(&["type"]).is_some_and(|kind| kind.to_lowercase().contains("module")) =>
        {
            Action::ModuleLoad
        }
        "security_bpf_prog" | "bpf_attach" | "hidden_kernel_module" => Action::ModuleLoad,
        "commit_creds" => Action::PrivChange,
        "cap_capable" => {
            row.capability = arguments.text(&["cap"]).and_then(|name| syscall::capability_from(&name));
            Action::CapUse
        }
        _ => return false,
    };
    act::target(operands.path, row);
    row.outcome = Outcome::Attempted;
    true
}

/// A system call, by its own name.
fn call(
    name: &str,
    returned: Option<i64>,
    arguments: Arguments<'_>,
    operands: Operands,
    row: &mut HostEvent,
) {
    let is_call = row.syscall.as_deref() == Some(name) || syscall::deed(name).is_some();
    if is_call {
        row.syscall = Some(name.to_owned());
    }
    act::by_call(name, operands, row);
    if row.action == Action::Exec {
        // The pid is still running what it ran before, until the call has succeeded.
        row.args = arguments.list("argv");
        row.cmd_line = Some(row.args.join(" ")).filter(|line| !line.is_empty());
    }
    match returned.filter(|_| is_call) {
        Some(code) => act::returned(code, row),
        None => (row.outcome, row.control) = (Outcome::Unknown, HostControl::None),
    }
    if (row.action, row.outcome) == (Action::Exec, Outcome::Allowed) {
        row.exe = row.target_path.clone().or_else(|| row.exe.take());
    }
}

fn executed(arguments: Arguments<'_>, row: &mut HostEvent) {
    row.action = Action::Exec;
    row.outcome = Outcome::Allowed;
    row.exe = arguments.text(&["pathname", "cmdpath", "path"]).or_else(|| row.exe.take());
    row.args = arguments.list("argv");
    row.cmd_line = Some(row.args.join(" ")).filter(|line| !line.is_empty());
    row.parent_exe = arguments.text(&["prev_comm"]).or_else(|| row.parent_exe.take());
}

fn operands(arguments: &Arguments<'_>) -> Operands {
    let flags = arguments.text(&["flags"]);
    let by_name = flags.as_deref().and_then(act::direction_of_flags);
    let by_number = || arguments.number("flags").and_then(act::direction_of_bits);
    let target = arguments.number("pid").or_else(|| arguments.number("target_pid"));
    Operands {
        path: arguments.text(&["pathname", "file_path", "path", "old_path", "target", "name"]),
        direction: by_name.or_else(by_number),
        target_pid: target.and_then(|pid| u32::try_from(pid).ok()),
        request: arguments.text(&["request", "cmd"]),
    }
}

fn peer(arguments: &Arguments<'_>, row: &mut HostEvent) {
    let Some(socket) = arguments.socket(&["remote_addr", "addr", "local_addr"]) else { return };
    let is_own = arguments.get("remote_addr").or_else(|| arguments.get("addr")).is_none();
    let address = socket.address.as_deref().and_then(address::normal);
    if is_own {
        (row.src_addr, row.src_port) = (address, socket.port);
    } else {
        (row.dst_addr, row.dst_port) = (address, socket.port);
    }
    if let Some(path) = socket.path {
        row.protocol = Some("unix".to_owned());
        act::target(Some(path), row);
    }
}

fn is_network(name: &str) -> bool {
    name.starts_with("net_packet") || name.starts_with("net_flow") || name == "net_tcp_connect"
}

/// Packets and flows. A packet opens nothing: only the beginning of a flow is a connection.
fn network(name: &str, arguments: Arguments<'_>, row: &mut HostEvent) {
    let address = |keys: &[&str]| arguments.text(keys).as_deref().and_then(address::normal);
    let port = |name: &str| arguments.number(name).and_then(|port| u16::try_from(port).ok());
    // Events of packets have addresses and ports in an argument of their own.
    let packet = arguments.get("metadata").map(|packet| {
        let address = |key: &str| str_at(packet, &[key]).and_then(address::normal);
        let port = |key: &str| u16_at(packet, &[key]).filter(|port| *port != 0);
        ((address("src_ip"), port("src_port")), (address("dst_ip"), port("dst_port")))
    });
    let (source, peer) = packet.unwrap_or_default();
    row.src_addr = address(&["src", "src_ip"]).or(source.0).or_else(|| row.src_addr.take());
    row.dst_addr = address(&["dst", "dst_ip"]).or(peer.0).or_else(|| row.dst_addr.take());
    row.src_port = port("src_port").or(source.1).or(row.src_port);
    row.dst_port = port("dst_port").or(peer.1).or(row.dst_port);
    row.dst_host = arguments
        .get("dst_dns")
        .and_then(|value| crate::decode::field::list_at(value, &[]).into_iter().next());
    row.protocol =
        ["tcp", "udp", "icmp"].iter().find(|word| name.contains(**word)).map(|word| (*word).to_owned());
    if matches!(name, "net_tcp_connect" | "net_flow_tcp_begin") {
        act::connected(row);
        row.outcome = Outcome::Attempted;
        return;
    }
    // What a DNS packet asks for is a name that the workload is about to use.
    let questions = arguments.get("proto_dns").or_else(|| arguments.get("metadata"));
    let asked = || arguments.get("dns_questions").and_then(|list| string_at(list, &["0", "query"]));
    row.dst_host = row
        .dst_host
        .take()
        .or_else(|| names(questions?, "questions").into_iter().next())
        .or_else(asked)
        .or_else(|| arguments.get("http_request").and_then(|request| string_at(request, &["host"])));
    row.action = Action::Other;
}
