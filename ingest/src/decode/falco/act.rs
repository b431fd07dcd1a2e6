//! What an alert saw: by its event type, by the operands that the rule prints, and by the words of its author.
//!
//! In: `output_fields` and the message. Out: action, outcome and target of a row.
//! Owns: reading operands that may be absent. A rule need not print the flags of an open call: then its words tell
//! reading from writing, and where they do not either, the act is `other`.
//! Law: an error that a call returned is a failure, for Falco does not see who refused.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, Outcome};
use serde_json::Value;

use super::said;
use crate::decode::act::{self, Direction, file};
use crate::decode::address::{Address, normal};
use crate::decode::field::{i64_at, u16_at, u32_at};
use crate::decode::syscall::{self, Deed};

/// Fills in outcome, action and targets. `message` is in lower case.
pub(super) fn describe(fields: &Value, message: &str, row: &mut HostEvent) {
    result(fields, row);
    let name = said(fields, "fd.name").unwrap_or_default();
    let deed = row.syscall.as_deref().and_then(syscall::deed);
    match deed {
        Some(Deed::Open) if !name.is_empty() => file(direction(fields, message), name, row),
        Some(Deed::Read) if !name.is_empty() => file(Some((true, false)), name, row),
        Some(Deed::Connect) => connection(fields, &name, row),
        Some(Deed::Ptrace) => {
            let request = said(fields, "evt.arg.request").or_else(|| said(fields, "evt.args"));
            let own = request.as_deref().unwrap_or(message).to_lowercase().contains("ptrace_traceme");
            row.action = if own { Action::Other } else { Action::Ptrace };
            row.target_pid = u32_at(fields, &["evt.arg.pid"]);
        }
        Some(Deed::Certain(action)) => {
            row.action = action;
            target(fields, row);
        }
        Some(_) => target(fields, row),
        None if row.syscall.is_some() => target(fields, row),
        // The rule does not print the event's type: its operand tells files from connections.
        None if name.starts_with('/') => file(direction(fields, message), name, row),
        None if name.contains("->") => connection(fields, &name, row),
        None => {}
    }
}

fn result(fields: &Value, row: &mut HostEvent) {
    let named = said(fields, "evt.res");
    let code = i64_at(fields, &["evt.rawres"]).filter(|code| *code < 0);
    let errno = named.as_deref().and_then(syscall::errno_number);
    row.errno = errno.or_else(|| code.and_then(|code| u16::try_from(code.unsigned_abs()).ok()));
    row.outcome = match (named.as_deref(), row.errno) {
        (_, Some(syscall::EINPROGRESS)) => Outcome::Attempted,
        (_, Some(_)) => Outcome::Failed,
        (Some("SUCCESS"), None) => Outcome::Allowed,
        _ => Outcome::Unknown,
    };
}

fn target(fields: &Value, row: &mut HostEvent) {
    const OPERANDS: &[&str] =
        &["fd.name", "evt.arg.linkpath", "evt.arg.newpath", "evt.arg.path", "evt.arg.name", "fs.path.name"];
    let path = OPERANDS
        .iter()
        .find_map(|key| said(fields, key))
        .filter(|path| path.contains('/') && !path.contains("->"));
    act::target(path, row);
}

/// Whether a file was opened for reading and for writing, if that is known.
fn direction(fields: &Value, message: &str) -> Option<Direction> {
    let flags = said(fields, "evt.arg.flags").or_else(|| said(fields, "evt.args")).unwrap_or_default();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    act::direction_of_flags(&flags).or_else(|| match () {
        () if says(&["writ", "tamper", "modif", "overwr"]) => Some((false, true)),
        () if says(&["read", "search"]) => Some((true, false)),
        () => None,
    })
}

/// `10.1.0.7:4000->10.2.0.1:443`, or the path of a local socket.
fn connection(fields: &Value, name: &str, row: &mut HostEvent) {
    row.protocol = said(fields, "fd.l4proto").map(|text| text.to_lowercase());
    if let Some((source, peer)) = name.split_once("->") {
        let (source, peer) = (Address::parse(source), Address::parse(peer));
        (row.src_addr, row.src_port) = (source.map(|one| one.text()), source.and_then(|one| one.port));
        (row.dst_addr, row.dst_port) = (peer.map(|one| one.text()), peer.and_then(|one| one.port));
    } else if name.starts_with('/') {
        row.protocol = Some("unix".to_owned());
        act::target(Some(name.to_owned()), row);
    }
    ends(fields, row);
    row.dst_host = said(fields, "fd.sip.name").or_else(|| said(fields, "fd.rip.name"));
    act::connected(row);
}

/// The ends of a connection, where the rule prints them one by one: client and server, or local and remote.
fn ends(fields: &Value, row: &mut HostEvent) {
    let address = |keys: [&str; 2]| keys.iter().find_map(|key| said(fields, key)).as_deref().and_then(normal);
    let port = |keys: [&str; 2]| keys.iter().find_map(|key| u16_at(fields, &[key])).filter(|port| *port != 0);
    row.src_addr = row.src_addr.take().or_else(|| address(["fd.cip", "fd.lip"]));
    row.src_port = row.src_port.or_else(|| port(["fd.cport", "fd.lport"]));
    row.dst_addr = row.dst_addr.take().or_else(|| address(["fd.sip", "fd.rip"]));
    row.dst_port = row.dst_port.or_else(|| port(["fd.sport", "fd.rport"]));
}
