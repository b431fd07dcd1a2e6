//! What Teleport's enhanced session recording saw on a host: programs, files, connections.
//!
//! In: `session.command`, `session.disk`, `session.network`. Out: one host event.
//! Owns: their result codes and flags. The recorder is eBPF on the node; the shell of the session is its parent.

use offbound_schemas::EventTime;
use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HookClass, Outcome};
use serde_json::Value;

use super::super::credential_path::{classify, is_metadata_endpoint};
use super::super::{Record, field, loose};

/// Bits of `open`'s flags that tell reading from writing, and writing alone.
const ACCESS_BITS: u64 = 0b11;

/// The row of an event of enhanced recording; none for other events.
pub(super) fn row(
    record: &Record<'_>,
    json: &Value,
    event: &str,
    event_time: EventTime,
) -> Option<HostEvent> {
    let mut row = record.host_event(event_time);
    match event {
        "session.command" => command(&mut row, json),
        "session.disk" => disk(&mut row, json),
        "session.network" => network(&mut row, json),
        _ => return None,
    }
    let text = |key: &str| loose::string_at(json, &[key]);
    row.native_id = text("uid");
    row.host = text("server_hostname").or_else(|| text("server_id")).or(row.host);
    row.hook_class = HookClass::Kprobe;
    row.pid = field::u32_at(json, &["pid"]);
    row.parent_pid = field::u32_at(json, &["ppid"]);
    row.comm = text("program");
    row.unmapped = field::unmapped(
        [
            "user",
            "login",
            "sid",
            "server_id",
            "server_labels",
            "cgroup_id",
            "ei",
            "code",
            "cluster_name",
            "flags",
            "operation",
        ]
        .map(|key| (key, loose::at(json, &[key]))),
    );
    Some(row)
}

fn command(row: &mut HostEvent, json: &Value) {
    row.action = Action::Exec;
    row.exe = loose::string_at(json, &["path"]);
    row.args = field::list_at(json, &["argv"]);
    let program = row.exe.iter().cloned();
    row.cmd_line = Some(program.chain(row.args.iter().cloned()).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty());
    result(row, field::i64_at(json, &["return_code"]));
}

fn disk(row: &mut HostEvent, json: &Value) {
    row.target_path = loose::string_at(json, &["path"]);
    row.target_is_credential = row.target_path.as_deref().is_some_and(|path| classify(path).is_some());
    let writes = field::u64_at(json, &["flags"]).map(|flags| flags & ACCESS_BITS != 0);
    row.action = match writes {
        Some(true) => Action::FileWrite,
        _ if row.target_is_credential => Action::CredRead,
        Some(false) => Action::FileRead,
        None => Action::Other,
    };
    result(row, field::i64_at(json, &["return_code"]));
}

fn network(row: &mut HostEvent, json: &Value) {
    row.src_addr = loose::str_at(json, &["src_addr"]).and_then(super::super::address::normal);
    row.dst_addr = loose::str_at(json, &["dst_addr"]).and_then(super::super::address::normal);
    row.dst_port = field::u16_at(json, &["dst_port"]);
    row.protocol = Some("tcp".to_owned());
    let metadata = row.dst_addr.as_deref().is_some_and(|host| is_metadata_endpoint(host, row.dst_port));
    row.action = if metadata { Action::ImdsAccess } else { Action::NetConnect };
    row.outcome = match loose::str_at(json, &["action"]) {
        Some("ALLOWED") => Outcome::Allowed,
        Some("DENIED") => Outcome::Denied,
        _ => Outcome::Attempted,
    };
}

/// A negative return code is an error number; the recorder does not see who refused.
fn result(row: &mut HostEvent, code: Option<i64>) {
    row.outcome = match code {
        Some(..0) => Outcome::Failed,
        Some(_) => Outcome::Allowed,
        None => Outcome::Unknown,
    };
    row.errno = code.filter(|code| *code < 0).and_then(|code| u16::try_from(code.unsigned_abs()).ok());
}
