//! What an alert saw: by its event type, by the operands that the rule prints, and by the words of its author.
//!
//! In: operands, wherever they are ([`Operands`]), and the message. Out: action, outcome and target of a row.
//! Owns: reading operands that may be absent. A rule need not print the flags of an open call: then its words tell
//! reading from writing, and where they do not either, the act is `other`.
//! Law: an error that a call returned is a failure, for Falco does not see who refused.

use std::borrow::Cow;

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, Outcome};
use serde_json::Value;

use crate::decode::act::{self, Direction, file};
use crate::decode::address::{Address, normal};
use crate::decode::field::{i64_at, u16_at, u32_at};
use crate::decode::syscall::{self, Deed};

macro_rules! operands {
    ($($operand:ident = $name:literal,)+) => {
        /// An operand that a rule may print.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Operand {
            $(#[doc = $name] $operand,)+
        }

        /// The fields that hold the operands, in the order of [`Operand`].
        pub(super) const NAMES: [&str; [$($name),+].len()] = [$($name),+];
    };
}

// In the order of their names.
operands! {
    Flags = "evt.arg.flags",
    LinkPath = "evt.arg.linkpath",
    Name = "evt.arg.name",
    NewPath = "evt.arg.newpath",
    Path = "evt.arg.path",
    Pid = "evt.arg.pid",
    Request = "evt.arg.request",
    Arguments = "evt.args",
    RawResult = "evt.rawres",
    Result = "evt.res",
    ClientAddress = "fd.cip",
    ClientPort = "fd.cport",
    Protocol = "fd.l4proto",
    LocalAddress = "fd.lip",
    LocalPort = "fd.lport",
    Descriptor = "fd.name",
    RemoteAddress = "fd.rip",
    RemoteName = "fd.rip.name",
    RemotePort = "fd.rport",
    ServerAddress = "fd.sip",
    ServerName = "fd.sip.name",
    ServerPort = "fd.sport",
    FilePath = "fs.path.name",
}

/// Where operands are looked up; they are read as `field` reads them.
pub(super) trait Operands {
    /// Its text, unless the sensor wrote that it has none.
    fn said(&self, operand: Operand) -> Option<Cow<'_, str>>;
    /// Its number.
    fn number(&self, operand: Operand) -> Option<i64>;
    /// Its number, as ids of processes are.
    fn pid(&self, operand: Operand) -> Option<u32>;
    /// Its number, as ports are.
    fn port(&self, operand: Operand) -> Option<u16>;
}

/// `output_fields` as JSON.
impl Operands for Value {
    fn said(&self, operand: Operand) -> Option<Cow<'_, str>> {
        super::said(self, NAMES[operand as usize]).map(Cow::Owned)
    }
    fn number(&self, operand: Operand) -> Option<i64> {
        i64_at(self, &[NAMES[operand as usize]])
    }
    fn pid(&self, operand: Operand) -> Option<u32> {
        u32_at(self, &[NAMES[operand as usize]])
    }
    fn port(&self, operand: Operand) -> Option<u16> {
        u16_at(self, &[NAMES[operand as usize]])
    }
}

/// Fills in outcome, action and targets. `message` is in lower case.
pub(super) fn describe(fields: &impl Operands, message: &dyn Fn() -> String, row: &mut HostEvent) {
    result(fields, row);
    let name = fields.said(Operand::Descriptor).unwrap_or_default();
    let deed = row.syscall.as_deref().and_then(syscall::deed);
    match deed {
        Some(Deed::Open) if !name.is_empty() => file(direction(fields, message), name.into_owned(), row),
        Some(Deed::Read) if !name.is_empty() => file(Some((true, false)), name.into_owned(), row),
        Some(Deed::Connect) => connection(fields, &name, row),
        Some(Deed::Ptrace) => {
            let request = fields.said(Operand::Request).or_else(|| fields.said(Operand::Arguments));
            let request = request.map_or_else(message, |request| request.to_lowercase());
            let own = request.contains("ptrace_traceme");
            row.action = if own { Action::Other } else { Action::Ptrace };
            row.target_pid = fields.pid(Operand::Pid);
        }
        Some(Deed::Certain(action)) => {
            row.action = action;
            target(fields, row);
        }
        Some(_) => target(fields, row),
        None if row.syscall.is_some() => target(fields, row),
        // The rule does not print the event's type: its operand tells files from connections.
        None if name.starts_with('/') => file(direction(fields, message), name.into_owned(), row),
        None if name.contains("->") => connection(fields, &name, row),
        None => {}
    }
}

fn result(fields: &impl Operands, row: &mut HostEvent) {
    let named = fields.said(Operand::Result);
    let code = fields.number(Operand::RawResult).filter(|code| *code < 0);
    let errno = named.as_deref().and_then(syscall::errno_number);
    row.errno = errno.or_else(|| code.and_then(|code| u16::try_from(code.unsigned_abs()).ok()));
    row.outcome = match (named.as_deref(), row.errno) {
        (_, Some(syscall::EINPROGRESS)) => Outcome::Attempted,
        (_, Some(_)) => Outcome::Failed,
        (Some("SUCCESS"), None) => Outcome::Allowed,
        _ => Outcome::Unknown,
    };
}

fn target(fields: &impl Operands, row: &mut HostEvent) {
    const OPERANDS: [Operand; 6] = [
        Operand::Descriptor,
        Operand::LinkPath,
        Operand::NewPath,
        Operand::Path,
        Operand::Name,
        Operand::FilePath,
    ];
    let path = OPERANDS
        .into_iter()
        .find_map(|operand| fields.said(operand))
        .filter(|path| path.contains('/') && !path.contains("->"));
    act::target(path.map(Cow::into_owned), row);
}

/// Whether a file was opened for reading and for writing, if that is known.
fn direction(fields: &impl Operands, message: &dyn Fn() -> String) -> Option<Direction> {
    let flags = fields.said(Operand::Flags).or_else(|| fields.said(Operand::Arguments)).unwrap_or_default();
    act::direction_of_flags(&flags).or_else(|| {
        let message = message();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        match () {
            () if says(&["writ", "tamper", "modif", "overwr"]) => Some((false, true)),
            () if says(&["read", "search"]) => Some((true, false)),
            () => None,
        }
    })
}

/// `10.1.0.7:4000->10.2.0.1:443`, or the path of a local socket.
fn connection(fields: &impl Operands, name: &str, row: &mut HostEvent) {
    row.protocol = fields.said(Operand::Protocol).map(|text| text.to_lowercase());
    if let Some((source, peer)) = name.split_once("->") {
        let (source, peer) = (Address::parse(source), Address::parse(peer));
        (row.src_addr, row.src_port) = (source.map(|one| one.text()), source.and_then(|one| one.port));
        (row.dst_addr, row.dst_port) = (peer.map(|one| one.text()), peer.and_then(|one| one.port));
    } else if name.starts_with('/') {
        row.protocol = Some("unix".to_owned());
        act::target(Some(name.to_owned()), row);
    }
    ends(fields, row);
    let host = fields.said(Operand::ServerName).or_else(|| fields.said(Operand::RemoteName));
    row.dst_host = host.map(Cow::into_owned);
    act::connected(row);
}

/// The ends of a connection, where the rule prints them one by one: client and server, or local and remote.
fn ends(fields: &impl Operands, row: &mut HostEvent) {
    let address = |operands: [Operand; 2]| {
        operands.into_iter().find_map(|operand| fields.said(operand)).as_deref().and_then(normal)
    };
    let port = |operands: [Operand; 2]| {
        operands.into_iter().find_map(|operand| fields.port(operand)).filter(|port| *port != 0)
    };
    row.src_addr = row.src_addr.take().or_else(|| address([Operand::ClientAddress, Operand::LocalAddress]));
    row.src_port = row.src_port.or_else(|| port([Operand::ClientPort, Operand::LocalPort]));
    row.dst_addr = row.dst_addr.take().or_else(|| address([Operand::ServerAddress, Operand::RemoteAddress]));
    row.dst_port = row.dst_port.or_else(|| port([Operand::ServerPort, Operand::RemotePort]));
}
