//! LAUREL: Linux audit events in JSON, one object an event, with what LAUREL knows besides.
//!
//! In: `{"ID":"SEC.MS:SERIAL","SYSCALL":{…},"PATH":[{…}]}` (LAUREL 0.1 to 0.7). Out: the rows that the same event gives as
//! raw audit text: records are put back into the form of [`super::linux_audit`], which does the rest.
//! Owns: LAUREL's encodings (lists of arguments, numbers as text, percent-escapes) and its additions: parent, container,
//! systemd service, script, labels. Dropped by name: events that were read already.
//! Law: an addition never overrides what the kernel said.

mod context;
mod record;

use offbound_schemas::EventRows;
use offbound_schemas::table::HostEvent;
use serde_json::Value;

use super::field::{at, str_at};
use super::linux_audit::{Assembler, AuditRecord, Stamp};
use super::{Decode, Format, Held, Identity, Record, Verdict, cut};

const ID: &str = "laurel";
/// Most records of one event that are read: a rename has about ten.
const MAX_RECORDS: usize = 256;
/// Keys of an event that are no records of the kernel.
const NOT_RECORDS: &[&str] = &["ID", "NODE", "PARENT_INFO", "CONTAINER_INFO"];

/// LAUREL.
pub(crate) const FORMAT: Format = Format {
    id: ID,
    title: "LAUREL: Linux audit events, JSON",
    fills: &["host_events"],
    sample: r#"{"ID":"1772359200.500:4121","NODE":"n1","SYSCALL":{"arch":"0xc000003e","syscall":59,"success":"yes","exit":0,"ppid":4100,"pid":4121,"auid":4294967295,"uid":0,"euid":0,"ses":4294967295,"comm":"cat","exe":"/usr/bin/cat","key":"exec","PPID":{"EVENT_ID":"1772359190.100:4000","comm":"sh","exe":"/usr/bin/dash","ppid":1}},"EXECVE":{"argc":2,"ARGV":["cat","/etc/hostname"]},"CWD":{"cwd":"/"},"PATH":[{"item":0,"name":"/usr/bin/cat","nametype":"NORMAL"}]}"#,
    identity: Identity::BytesAndOccurrence,
    sniff,
    decoder: || Box::new(Laurel { assembler: Assembler::new(ID) }),
};

struct Laurel {
    assembler: Assembler,
}

fn sniff(record: &Record<'_>) -> u8 {
    let Some(fields) = record.json.and_then(Value::as_object) else { return 0 };
    let stamped = fields.get("ID").and_then(Value::as_str).and_then(Stamp::parse).is_some();
    let records = fields.iter().filter(|(key, _)| is_record(key)).count();
    if stamped && records > 0 { 95 } else { 0 }
}

/// Whether a key is the name of a record type.
fn is_record(key: &str) -> bool {
    !NOT_RECORDS.contains(&key)
        && key.starts_with(|first: char| first.is_ascii_uppercase())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_[]".contains(&byte))
}

impl Decode for Laurel {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else { return Verdict::Skipped("not-an-audit-event") };
        let Some(written) = str_at(json, &["ID"]) else {
            return Verdict::reject("missing-field", "ID is missing");
        };
        let Some(stamp) = Stamp::parse(written) else {
            let detail = format!("ID is {:?}; expected SEC.MS:SERIAL", cut(written, 80));
            return Verdict::reject("bad-audit-stamp", detail);
        };
        let records = records(json, &stamp);
        if records.is_empty() {
            return Verdict::reject("missing-type", "the event has no record");
        }
        let host = str_at(json, &["NODE"]).map(str::to_owned).or_else(|| record.envelope.host.clone());
        let mut template = HostEvent { host, ..record.host_event(stamp.time) };
        context::add(json, &mut template);
        self.assembler.take_whole(template, records, rows).into()
    }

    fn held(&self) -> Held {
        self.assembler.held()
    }

    fn finish(&mut self, rows: &mut EventRows) {
        self.assembler.finish(rows);
    }
}

/// The kernel's records: one where the value is an object, several where it is a list.
fn records(json: &Value, stamp: &Stamp) -> Vec<AuditRecord> {
    let fields = json.as_object().into_iter().flatten().filter(|(key, _)| is_record(key));
    let each = fields.flat_map(|(kind, value)| match value {
        Value::Array(items) => items.iter().map(|item| (kind, item)).collect(),
        single => vec![(kind, single)],
    });
    let objects = each.filter_map(|(kind, value)| Some((kind, value.as_object()?)));
    objects
        .take(MAX_RECORDS)
        .map(|(kind, fields)| record::read(kind, fields, at(json, &["EXECVE", "ENV"]), stamp))
        .collect()
}

#[cfg(test)]
mod tests;
