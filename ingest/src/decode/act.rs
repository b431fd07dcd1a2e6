//! What an act is, by its call and its operands: for sensors that name calls, flags, paths and peers.
//!
//! In: the name of a call or hook, and what the sensor printed of its operands. Out: action, target and result of a row.
//! Owns: reading open flags, telling a credential from a file and a metadata service from a peer, process keys of
//! sensors that have none. Leaves to `syscall` the meaning of calls, to the formats where their operands are.
//! Law: operands that are absent decide nothing; an error does not say who refused.

use offbound_schemas::EventTime;
use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HostControl, Outcome};

use super::credential_path::{classify, is_escape_file, is_metadata_endpoint, proc_secret};
use super::syscall::{self, Deed};

/// How a file was opened: for reading, for writing.
pub(crate) type Direction = (bool, bool);

/// Operands of a call, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Operands {
    /// File acted on.
    pub(crate) path: Option<String>,
    /// How it was opened.
    pub(crate) direction: Option<Direction>,
    /// Process acted on, as the host counts.
    pub(crate) target_pid: Option<u32>,
    /// Request of `ptrace` or command of `bpf`, as the sensor names it.
    pub(crate) request: Option<String>,
}

/// Direction by names of flags, such as `O_WRONLY|O_CREAT`; none where no flag tells.
pub(crate) fn direction_of_flags(flags: &str) -> Option<Direction> {
    let has = |flag: &str| flags.contains(flag);
    if has("O_RDWR") {
        return Some((true, true));
    }
    if ["O_WRONLY", "O_TRUNC", "O_CREAT"].iter().any(|flag| has(flag)) {
        return Some((has("O_RDONLY"), true));
    }
    has("O_RDONLY").then_some((true, false))
}

/// Direction by the number of the flags: the access mode is in the lowest two bits.
pub(crate) fn direction_of_bits(bits: i64) -> Option<Direction> {
    match bits & 3 {
        0 => Some((true, false)),
        1 => Some((false, true)),
        2 => Some((true, true)),
        _ => None,
    }
}

/// Says what a call does to its operands. Peers are in the row already.
pub(crate) fn by_call(call: &str, operands: Operands, row: &mut HostEvent) {
    let Operands { path, direction, target_pid, request } = operands;
    let asked = |word: &str| request.as_deref().is_some_and(|text| text.to_ascii_uppercase().contains(word));
    match (syscall::deed(call), path) {
        (Some(Deed::Open), Some(path)) => file(direction, path, row),
        (Some(Deed::Read), Some(path)) => file(Some((true, false)), path, row),
        (Some(Deed::Connect), None) => connected(row),
        (Some(Deed::Connect), path) => {
            target(path, row);
            connected(row);
        }
        (Some(Deed::Bind), None) => row.action = Action::NetListen,
        (Some(Deed::Bind), path) => {
            target(path, row);
            row.action = Action::NetListen;
        }
        (Some(Deed::Ptrace), _) => {
            row.action = if asked("TRACEME") { Action::Other } else { Action::Ptrace };
            row.target_pid = target_pid;
        }
        (Some(Deed::Bpf), path) => {
            row.action = if asked("PROG_LOAD") { Action::ModuleLoad } else { Action::Other };
            target(path, row);
        }
        (Some(Deed::Certain(Action::FileWrite)), Some(path)) => file(Some((false, true)), path, row),
        (Some(Deed::Certain(action)), path) => {
            row.action = action;
            row.target_pid = target_pid;
            target(path, row);
        }
        (Some(Deed::Open | Deed::Read | Deed::Clone) | None, path) => target(path, row),
    }
}

/// Names the file acted on, and whether it holds a credential.
pub(crate) fn target(path: Option<String>, row: &mut HostEvent) {
    row.target_is_credential = path.as_deref().is_some_and(|path| classify(path).is_some());
    row.target_path = path;
}

/// A file was opened, read or written.
pub(crate) fn file(direction: Option<Direction>, path: String, row: &mut HostEvent) {
    row.target_is_credential = classify(&path).is_some();
    let secret = proc_secret(&path).and_then(|secret| secret.pid).filter(|pid| Some(*pid) != row.pid);
    row.action = match direction {
        _ if secret.is_some() => Action::Ptrace,
        // Opening a credential is worth more than the doubt about how.
        Some((true, _)) | None if row.target_is_credential => Action::CredRead,
        Some((_, true)) | None if is_escape_file(&path) => Action::NsChange,
        Some((_, true)) => Action::FileWrite,
        Some(_) => Action::FileRead,
        None => Action::Other,
    };
    row.target_pid = secret;
    row.target_path = Some(path);
}

/// A connection was opened to the peer of the row, or to the local socket that is its target.
pub(crate) fn connected(row: &mut HostEvent) {
    let peer = row.dst_addr.as_deref().or(row.dst_host.as_deref());
    row.action = if peer.is_some_and(|host| is_metadata_endpoint(host, row.dst_port)) {
        Action::ImdsAccess
    } else if row.target_is_credential {
        Action::CredRead
    } else {
        Action::NetConnect
    };
}

/// Outcome by the number that a call returned.
pub(crate) fn returned(code: i64, row: &mut HostEvent) {
    row.errno =
        (-4095..0).contains(&code).then_some(code.unsigned_abs()).and_then(|code| code.try_into().ok());
    failed_or_allowed(row);
}

/// Outcome by the name of the error that a call returned, such as `EACCES`.
pub(crate) fn returned_name(name: &str, row: &mut HostEvent) {
    row.errno = syscall::errno_number(name);
    failed_or_allowed(row);
}

fn failed_or_allowed(row: &mut HostEvent) {
    (row.outcome, row.control) = match row.errno {
        None => (Outcome::Allowed, HostControl::None),
        Some(syscall::EINPROGRESS) => (Outcome::Attempted, HostControl::None),
        // Something refused; which layer, an error alone does not say.
        Some(syscall::EPERM | syscall::EACCES) => (Outcome::Failed, HostControl::Unknown),
        Some(_) => (Outcome::Failed, HostControl::None),
    };
}

/// Key of a process by host, pid and start: none unless all are known.
pub(crate) fn process_key(host: Option<&str>, pid: Option<u32>, start: Option<EventTime>) -> Option<String> {
    Some(format!("{}:{}:{}", host?, pid?, start?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: flags as names and as numbers. Guarantees: reading and writing are told apart; nothing is made up.
    #[test]
    fn directions() {
        for (flags, expected) in [
            ("O_RDONLY|O_CLOEXEC", Some((true, false))),
            ("O_WRONLY|O_CREAT", Some((false, true))),
            ("O_RDWR", Some((true, true))),
            ("O_CLOEXEC", None),
            ("", None),
        ] {
            assert_eq!(direction_of_flags(flags), expected, "{flags}");
        }
        assert_eq!(
            [0, 0o1101, 2, 3].map(direction_of_bits),
            [Some((true, false)), Some((false, true)), Some((true, true)), None]
        );
    }

    /// Scenario: calls with operands that change their meaning. Guarantees: the action is what was really done.
    #[test]
    fn calls() {
        let with =
            |path: &str, direction| Operands { path: Some(path.into()), direction, ..Operands::default() };
        let asked = |request: &str| Operands { request: Some(request.into()), ..Operands::default() };
        for (call, operands, action) in [
            ("openat", with("/etc/shadow", Some((true, false))), Action::CredRead),
            ("openat", with("/etc/shadow", Some((false, true))), Action::FileWrite),
            ("openat", with("/etc/shadow", None), Action::CredRead),
            ("openat", with("/etc/hosts", None), Action::Other),
            ("openat", with("/proc/8/mem", Some((true, false))), Action::Ptrace),
            ("unlink", with("/etc/hosts", None), Action::FileWrite),
            ("write", with("/x/release_agent", None), Action::NsChange),
            ("connect", with("/run/spire/sockets/agent.sock", None), Action::CredRead),
            ("ptrace", asked("PTRACE_TRACEME"), Action::Other),
            ("ptrace", asked("PTRACE_ATTACH"), Action::Ptrace),
            ("bpf", asked("BPF_PROG_LOAD"), Action::ModuleLoad),
            ("bpf", asked("BPF_MAP_CREATE"), Action::Other),
            ("setns", Operands::default(), Action::NsChange),
            ("getpid", Operands::default(), Action::Other),
        ] {
            let mut row = HostEvent { pid: Some(7), ..HostEvent::default() };
            by_call(call, operands.clone(), &mut row);
            assert_eq!(row.action, action, "{call} {operands:?}");
        }
    }

    /// Scenario: return codes. Guarantees: a refusal names no control, and a connection under way is no failure.
    #[test]
    fn results() {
        for (code, outcome, control, errno) in [
            (0, Outcome::Allowed, HostControl::None, None),
            (3, Outcome::Allowed, HostControl::None, None),
            (-13, Outcome::Failed, HostControl::Unknown, Some(13)),
            (-2, Outcome::Failed, HostControl::None, Some(2)),
            (-115, Outcome::Attempted, HostControl::None, Some(115)),
            (i64::MIN, Outcome::Allowed, HostControl::None, None),
        ] {
            let mut row = HostEvent::default();
            returned(code, &mut row);
            assert_eq!((row.outcome, row.control, row.errno), (outcome, control, errno), "{code}");
        }
    }
}
