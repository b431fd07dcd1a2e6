//! What the records beside a system call say about its operands: arguments, paths, addresses.
//!
//! In: the records of one event. Out: arguments, command line, target path, peer.
//! Owns: putting split argument lists together, choosing the path that the call is about.
//! Law: arguments are given only when all of them are there; otherwise the command line alone, as far as it goes.

use std::collections::BTreeMap;

use super::header::AuditRecord;
use super::sockaddr::SockAddr;
use crate::decode::{MAX_RAW_BYTES, cut};

/// Most arguments that a row keeps one by one.
const MAX_ARGS: usize = 1024;
/// Most bytes of arguments that a row keeps one by one.
const MAX_ARGS_BYTES: usize = 64 * 1024;

/// Records of one kind, in the order of the event.
#[inline]
pub(super) fn of_kind<'r>(
    records: &'r [AuditRecord],
    kind: &'r str,
) -> impl Iterator<Item = &'r AuditRecord> {
    records.iter().filter(move |audit| audit.kind == kind)
}

/// Arguments (empty unless complete) and the command line that an execution was given.
pub(super) fn command(records: &[AuditRecord]) -> (Vec<String>, Option<String>) {
    let (arguments, complete) = arguments(records);
    if arguments.is_empty() {
        return (Vec::new(), title(records));
    }
    let line = arguments.join(" ");
    let whole = complete && arguments.len() <= MAX_ARGS && line.len() <= MAX_ARGS_BYTES;
    (if whole { arguments } else { Vec::new() }, Some(cut(&line, MAX_RAW_BYTES).to_owned()))
}

/// `argc=2 a0="x" a1_len=9000 a1[0]=… a1[1]=…`, over any number of records.
fn arguments(records: &[AuditRecord]) -> (Vec<String>, bool) {
    let mut lists = of_kind(records, "EXECVE");
    match (lists.next(), lists.next()) {
        (None, _) => return (Vec::new(), false),
        (Some(list), None) => {
            if let Some(arguments) = arguments_in_order(list) {
                return (arguments, true);
            }
        }
        _ => {}
    }
    let mut parts: BTreeMap<(u32, u32), Vec<u8>> = BTreeMap::new();
    let mut count = None;
    for audit in of_kind(records, "EXECVE") {
        count = count.or_else(|| audit.fields.number("argc"));
        let mut own: BTreeMap<(u32, u32), Vec<u8>> = BTreeMap::new();
        for (key, bytes) in audit.fields.all_bytes() {
            if let Some(place) = argument_place(key) {
                own.entry(place).or_insert_with(|| bytes.into_owned());
            }
        }
        parts.extend(own);
    }
    // The kernel decides for each chunk whether it is quoted or in hex; a character may be cut in two.
    let mut joined: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for ((argument, _), bytes) in parts {
        joined.entry(argument).or_default().extend(bytes);
    }
    let contiguous = joined.keys().copied().eq(0..u32::try_from(joined.len()).unwrap_or(u32::MAX));
    let complete = contiguous
        && count.is_some_and(|count| usize::try_from(count).is_ok_and(|count| count == joined.len()));
    (joined.into_values().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect(), complete)
}

/// The arguments of a list that has each of them once, whole and in order, as most lists have: what the longer way gives too.
fn arguments_in_order(list: &AuditRecord) -> Option<Vec<String>> {
    let mut arguments: Vec<String> = Vec::new();
    for (key, bytes) in list.fields.all_bytes() {
        let Some((number, _)) = argument_place(key) else { continue };
        let is_next = !key.contains('[') && usize::try_from(number) == Ok(arguments.len());
        is_next.then(|| arguments.push(String::from_utf8_lossy(&bytes).into_owned()))?;
    }
    let count = list.fields.number("argc").and_then(|count| usize::try_from(count).ok());
    (count == Some(arguments.len()) && !arguments.is_empty()).then_some(arguments)
}

/// Number of the argument, and of its chunk, that `a3` or `a3[1]` stands for.
fn argument_place(key: &str) -> Option<(u32, u32)> {
    let rest = key.strip_prefix('a')?;
    match rest.split_once('[') {
        Some((number, chunk)) => Some((number.parse().ok()?, chunk.strip_suffix(']')?.parse().ok()?)),
        None => Some((rest.parse().ok()?, 0)),
    }
}

/// The process title, which is the command line cut at 128 bytes.
fn title(records: &[AuditRecord]) -> Option<String> {
    let title = of_kind(records, "PROCTITLE").find_map(|audit| audit.fields.text("proctitle"))?;
    Some(title.trim_end_matches('\0').replace('\0', " "))
}

/// The working directory.
pub(super) fn cwd(records: &[AuditRecord]) -> Option<String> {
    of_kind(records, "CWD").find_map(|audit| audit.fields.text("cwd"))
}

/// The path that the call is about: what it made, else what it removed, else what it found; parents only if nothing else.
pub(super) fn path(records: &[AuditRecord]) -> Option<String> {
    let named = of_kind(records, "PATH").filter_map(|audit| Some((audit, audit.fields.value("name")?)));
    // Of those that are as good, the one whose item comes first.
    let chosen = named.min_by_key(|(audit, _)| {
        let kind = audit.fields.get("nametype").or_else(|| audit.fields.get("objtype"));
        let place =
            kind.and_then(|kind| ["CREATE", "DELETE", "NORMAL"].iter().position(|known| *known == kind));
        (place.unwrap_or(usize::MAX), audit.fields.number("item"))
    });
    let name = chosen.map(|(_, name)| name);
    let name = name.or_else(|| of_kind(records, "AVC_PATH").find_map(|audit| audit.fields.value("path")))?;
    let folder = of_kind(records, "CWD").find_map(|audit| audit.fields.value("cwd"));
    Some(absolute(&name, folder.as_deref()))
}

/// A path as seen from the root, where the working directory is known.
pub(super) fn absolute(name: &str, cwd: Option<&str>) -> String {
    match cwd {
        Some(cwd) if !name.starts_with('/') && !name.contains(":[") => {
            let name = name.strip_prefix("./").unwrap_or(name);
            [cwd.trim_end_matches('/'), "/", name].concat()
        }
        _ => name.to_owned(),
    }
}

/// The address that the call was given.
pub(super) fn peer(records: &[AuditRecord]) -> Option<SockAddr> {
    of_kind(records, "SOCKADDR").find_map(|audit| {
        let bytes = audit.fields.bytes("saddr").and_then(|bytes| SockAddr::parse(&bytes));
        bytes.or_else(|| SockAddr::translated(audit.fields.get("SADDR")?))
    })
}

#[cfg(test)]
mod tests {
    use super::super::header::{Parsed, parse_all};
    use super::*;

    fn records(lines: &[&str]) -> Vec<AuditRecord> {
        let parse = |line: &&str| match parse_all(line).pop() {
            Some(Parsed::Record(audit)) => audit,
            other => unreachable!("{other:?}"),
        };
        lines.iter().map(parse).collect()
    }

    /// Scenario: arguments quoted, in hex, in chunks that cut a character, in chunks of which some are quoted (as Linux's
    /// `audit_log_execve_info` writes them, buffer by buffer), and one missing. Guarantees: all or none.
    #[test]
    fn argument_lists() {
        let whole = records(&[
            "type=EXECVE msg=audit(1.0:1): argc=3 a0=\"sh\" a1=2D6320 a2_len=6 a2[0]=61C3",
            "type=EXECVE msg=audit(1.0:1): a2[1]=A462",
        ]);
        assert_eq!(command(&whole).0, ["sh", "-c ", "aäb"]);
        let mixed = records(&[
            "type=EXECVE msg=audit(1.0:1): argc=3 a0_len=4 a0[0]=\"py\" a0[1]=\"3x\" a1=\"-c\" a2_len=9 a2[0]=6122",
            "type=EXECVE msg=audit(1.0:1): a2[1]=\"6162\" a2[2]=2063",
        ]);
        assert_eq!(command(&mixed).0, ["py3x", "-c", "a\"6162 c"]);
        let cut = records(&[
            "type=EXECVE msg=audit(1.0:1): argc=3 a0=\"sh\" a1=\"-c\"",
            "type=PROCTITLE msg=audit(1.0:1): proctitle=7368002D6300",
        ]);
        assert_eq!(command(&cut), (Vec::new(), Some("sh -c".to_owned())));
    }

    /// Scenario: parents, relative names, creations. Guarantees: the path that the call is about, from the root.
    #[test]
    fn paths() {
        let made = records(&[
            "type=PATH msg=audit(1.0:1): item=1 name=\"x\" nametype=CREATE",
            "type=PATH msg=audit(1.0:1): item=0 name=\"/srv\" nametype=PARENT",
            "type=CWD msg=audit(1.0:1): cwd=\"/srv\"",
        ]);
        assert_eq!(path(&made).as_deref(), Some("/srv/x"));
        assert_eq!(absolute("./a", Some("/")), "/a");
        assert_eq!(absolute("a", None), "a");
    }
}
