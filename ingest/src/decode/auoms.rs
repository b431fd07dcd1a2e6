//! AUOMS, the audit collector of Azure's agents: events that it put together itself, in a line or in JSON.
//!
//! In: `type=AUOMS_EXECVE audit(SEC.MS:SERIAL): SchemaVersion="1" auoms_version=2.5 node=N … containerid=` (AUOMS 2.x), or
//! an object with `SerialNumber` and `records`. Out: the rows that the same event gives as raw audit text.
//! Owns: the names that AUOMS puts beside numbers (`syscall=execve syscall_r=59`), its lists of paths, its command line.
//! Dropped by name: inventories and statistics of the collector.
//! Law: what stands behind the command line is read from the end of the line, for the command line may imitate it.

mod document;

use offbound_schemas::EventRows;
use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::Attribution;
use serde_json::Value;

use super::cgroup::container_id;
use super::linux_audit::{Assembler, AuditRecord, Fields, Stamp};
use super::{Decode, Format, Held, Identity, Record, Verdict, cut};
use crate::hex;

const ID: &str = "auoms";
/// What begins a line of AUOMS behind the stamp.
const HEAD: &str = "SchemaVersion=";
/// Most paths of one event that are read: a rename has four.
const MAX_PATHS: usize = 64;

/// AUOMS.
pub(crate) const FORMAT: Format = Format {
    id: ID,
    title: "AUOMS: Azure's audit collector",
    fills: &["host_events"],
    sample: r#"type=AUOMS_EXECVE audit(1772359200.500:4121): SchemaVersion="1" auoms_version=2.5.2.0 node=n1 arch=x86_64 syscall=execve syscall_r=59 success=yes exit=0 ppid=4100 pid=4121 auid=4294967295 user=web uid=33 euid=33 ses="-1" comm="cat" exe="/bin/cat" key=exec cwd="/" name="/bin/cat" nametype=NORMAL path_name=["/bin/cat"] path_nametype=["NORMAL"] argc=2 cmdline="cat /etc/hostname" redactors= containerid="#,
    identity: Identity::BytesAndOccurrence,
    sniff,
    decoder: || Box::new(Auoms { assembler: Assembler::new(ID) }),
};

struct Auoms {
    assembler: Assembler,
}

/// An event of AUOMS, in either form.
struct Event {
    stamp: Stamp,
    node: Option<String>,
    container: Option<String>,
    records: Vec<AuditRecord>,
}

fn sniff(record: &Record<'_>) -> u8 {
    match record.json {
        Some(json) => document::sniff(json),
        None if split(record.text).is_some_and(|(_, _, body)| body.starts_with(HEAD)) => 97,
        None => 0,
    }
}

/// Whether a record of the audit decoder is a line of AUOMS.
pub(super) fn is_assembled(audit: &AuditRecord) -> bool {
    audit.fields.first_name() == Some(HEAD.trim_end_matches('='))
}

/// Type, stamp, and what follows.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (kind, rest) = text.trim().strip_prefix("type=")?.split_once(' ')?;
    let rest = rest.strip_prefix("msg=").unwrap_or(rest).strip_prefix("audit(")?;
    let (stamp, body) = rest.split_once(')')?;
    Some((kind, stamp, body.trim_start_matches([':', ' '])))
}

impl Decode for Auoms {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let event = match record.json {
            Some(json) => document::read(json),
            None => read(record.text),
        };
        let event = match event {
            Ok(event) => event,
            Err(verdict) => return verdict,
        };
        let host = event.node.or_else(|| record.envelope.host.clone());
        let template = HostEvent {
            host,
            container_id: event.container.as_deref().and_then(container_id),
            attribution: Attribution::None,
            ..record.host_event(event.stamp.time)
        };
        self.assembler.take_whole(template, event.records, rows).into()
    }

    fn held(&self) -> Held {
        self.assembler.held()
    }

    fn finish(&mut self, rows: &mut EventRows) {
        self.assembler.finish(rows);
    }
}

/// Why nothing is read: no stamp, or nothing that a host did.
fn refusal(kind: &str, stamp: &str) -> Verdict {
    match kind {
        "AUOMS_PROCESS_INVENTORY" | "AUOMS_AGGREGATE" | "AUOMS_COLLECTOR_REPORT" | "AUOMS_STATUS" => {
            Verdict::Skipped("collector-report")
        }
        _ => Verdict::reject("bad-audit-stamp", format!("expected SEC.MS:SERIAL: {:?}", cut(stamp, 80))),
    }
}

fn read(text: &str) -> Result<Event, Verdict> {
    let Some((kind, written, body)) = split(text) else {
        return Err(Verdict::reject("bad-audit-stamp", "the line has no type and audit(SEC.MS:SERIAL)"));
    };
    let reported = matches!(kind, "AUOMS_PROCESS_INVENTORY" | "AUOMS_AGGREGATE" | "AUOMS_COLLECTOR_REPORT");
    let Some(stamp) = Stamp::parse(written).filter(|_| !reported) else { return Err(refusal(kind, written)) };
    let (head, command, tail) = around_command(body);
    let fields = Fields::parse(head);
    let node = fields.get("node").map(str::to_owned);
    let container = Fields::parse(tail).get("containerid").map(str::to_owned);
    Ok(Event { node, container, records: records(kind, &stamp, fields, command), stamp })
}

/// What stands before the command line (or the title, where nothing was executed), itself, and what stands behind it.
fn around_command(body: &str) -> (&str, Option<&str>, &str) {
    const TAIL: &str = " redactors=";
    let (front, tail) = match body.rfind(TAIL) {
        Some(at) => body.split_at(at),
        None => (body, ""),
    };
    let quoted =
        front.split_once(" cmdline=\"").map(|(head, line)| (head, line.strip_suffix('"').unwrap_or(line)));
    match quoted.or_else(|| front.split_once(" proctitle=")) {
        Some((head, command)) => (head, Some(command), tail),
        None => (front, None, tail),
    }
}

/// The kernel's records out of the collector's one.
fn records(kind: &str, stamp: &Stamp, fields: Fields, command: Option<&str>) -> Vec<AuditRecord> {
    if !matches!(kind, "AUOMS_EXECVE" | "AUOMS_SYSCALL") {
        return vec![AuditRecord::taken_apart(kind, stamp, fields)];
    }
    let lone = |kind: &str, key: &str, text: &str| {
        let mut fields = Fields::default();
        fields.push(key, text);
        AuditRecord::taken_apart(kind, stamp, fields)
    };
    let mut records = paths(stamp, &fields);
    records.extend(fields.text("cwd").map(|cwd| lone("CWD", "cwd", &cwd)));
    records.extend(command.map(|line| lone("PROCTITLE", "proctitle", line)));
    if let Some(bytes) = fields.get("saddr_r").and_then(hex::upper) {
        let mut address = Fields::default();
        address.push_bytes("saddr", &bytes);
        records.push(AuditRecord::taken_apart("SOCKADDR", stamp, address));
    }
    records.push(AuditRecord::taken_apart("SYSCALL", stamp, fields));
    records
}

/// `path_name=["/a"] path_nametype=["NORMAL"]`, else the lone `name=`.
fn paths(stamp: &Stamp, fields: &Fields) -> Vec<AuditRecord> {
    let list = |key: &str| -> Vec<String> {
        let list = fields.get(key).and_then(|text| serde_json::from_str(text).ok());
        list.unwrap_or_default()
    };
    let mut names = list("path_name");
    let mut kinds = list("path_nametype");
    if names.is_empty() {
        names.extend(fields.text("name"));
        kinds = fields.get("nametype").map(str::to_owned).into_iter().collect();
    }
    let kinds = kinds.into_iter().map(Some).chain(std::iter::repeat(None));
    let record = |(item, (name, kind)): (usize, (String, Option<String>))| {
        let mut fields = Fields::default();
        fields.push("item", item.to_string());
        fields.push("name", name);
        if let Some(kind) = kind {
            fields.push("nametype", kind);
        }
        AuditRecord::taken_apart("PATH", stamp, fields)
    };
    names.into_iter().zip(kinds).take(MAX_PATHS).enumerate().map(record).collect()
}

/// Text of a field of the JSON form: lists stay JSON.
fn field_text(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) if !items.is_empty() => Some(value.to_string()),
        _ => super::field::scalar_text(value),
    }
}

#[cfg(test)]
mod tests;
