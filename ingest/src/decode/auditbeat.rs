//! Auditbeat's auditd module: Linux audit events put together by Elastic's collector, in JSON.
//!
//! In: documents with `auditd.sequence` (Auditbeat 6 to 9; Elastic's common fields since 7). Out: the rows that the same
//! event gives as raw audit text; from the raw text itself where the collector kept it (`include_raw_message`).
//! Owns: where the versions put process, user and socket. Leaves everything else to [`super::linux_audit`].
//! Dropped by name: documents of other modules of Auditbeat.
//! Law: a pod is named only where its container is, for otherwise it is the collector's own.

mod coalesced;

use offbound_schemas::EventRows;
use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::Attribution;
use serde_json::Value;

use super::cgroup::container_id;
use super::field::{at, has, list_at, require_time, str_at, string_at};
use super::linux_audit::{Assembler, AuditRecord, Stamp, lines_of};
use super::{Decode, Format, Held, Identity, Record, Reject, Verdict, cut};

const ID: &str = "auditbeat";

/// Auditbeat.
pub(crate) const FORMAT: Format = Format {
    id: ID,
    title: "Auditbeat: Linux audit events, JSON",
    fills: &["host_events"],
    sample: r#"{"@timestamp":"2026-03-01T10:00:00.500Z","host":{"name":"n1"},"event":{"module":"auditd","action":"executed"},"auditd":{"sequence":4121,"session":"unset","result":"success","message_type":"syscall","data":{"arch":"x86_64","syscall":"execve","exit":"0","argc":"2"},"paths":[{"item":"0","name":"/bin/cat","nametype":"NORMAL"}]},"process":{"pid":4121,"parent":{"pid":4100},"name":"cat","executable":"/bin/cat","args":["cat","/etc/hostname"],"working_directory":"/"},"user":{"id":"33","effective":{"id":"33"},"audit":{"id":"unset"}}}"#,
    identity: Identity::BytesAndOccurrence,
    sniff,
    decoder: || Box::new(Auditbeat { assembler: Assembler::new(ID) }),
};

struct Auditbeat {
    assembler: Assembler,
}

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    let summary = ["data", "summary", "message_type"].iter().any(|key| has(json, &["auditd", key]));
    if summary && has(json, &["auditd", "sequence"]) { 96 } else { 0 }
}

impl Decode for Auditbeat {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else { return Verdict::Skipped("not-an-audit-event") };
        if !has(json, &["auditd", "sequence"]) {
            return Verdict::Skipped("not-an-audit-event");
        }
        let original = original(json);
        let (stamp, records) = match original.first().map(AuditRecord::stamp) {
            Some(stamp) => (stamp, original),
            None => match stamp(json) {
                Ok(stamp) => (stamp.clone(), coalesced::records(json, &stamp)),
                Err(reject) => return Verdict::Rejected(reject),
            },
        };
        let mut template = record.host_event(stamp.time);
        template.host = host(json).or(template.host);
        container(json, &mut template);
        self.assembler.take_whole(template, records, rows).into()
    }

    fn held(&self) -> Held {
        self.assembler.held()
    }

    fn finish(&mut self, rows: &mut EventRows) {
        self.assembler.finish(rows);
    }
}

/// The raw records, if the collector kept them and they are of one event.
fn original(json: &Value) -> Vec<AuditRecord> {
    let texts = list_at(json, &["event", "original"]);
    let records: Vec<AuditRecord> = texts.iter().flat_map(|text| text.lines()).flat_map(lines_of).collect();
    let one = records.windows(2).all(|pair| matches!(pair, [left, right] if left.stamp() == right.stamp()));
    if one { records } else { Vec::new() }
}

/// The kernel's stamp has milliseconds, and so has the document's time.
fn stamp(json: &Value) -> Result<Stamp, Reject> {
    let time = require_time(json, &["@timestamp"])?;
    let millis = time.0.div_euclid(1_000_000);
    let sequence = string_at(json, &["auditd", "sequence"]).unwrap_or_default();
    let text = format!("{}.{:03}:{sequence}", millis.div_euclid(1_000), millis.rem_euclid(1_000));
    Stamp::parse(&text).ok_or_else(|| Reject {
        reason: "bad-audit-stamp",
        detail: format!("auditd.sequence is {:?}; expected the number of an event", cut(&sequence, 80)),
    })
}

fn host(json: &Value) -> Option<String> {
    const PLACES: &[&[&str]] =
        &[&["host", "name"], &["host", "hostname"], &["agent", "hostname"], &["beat", "hostname"]];
    PLACES.iter().find_map(|path| str_at(json, path)).map(str::to_owned)
}

/// The process's container, and its pod.
fn container(json: &Value, row: &mut HostEvent) {
    row.container_id = str_at(json, &["container", "id"]).and_then(container_id);
    if row.container_id.is_none() {
        return;
    }
    let text = |path: &[&str]| str_at(json, path).map(str::to_owned);
    row.image = text(&["container", "image", "name"]);
    row.pod = text(&["kubernetes", "pod", "name"]);
    row.pod_uid = text(&["kubernetes", "pod", "uid"]);
    row.namespace = text(&["kubernetes", "namespace"]);
    if row.pod.is_some() && at(json, &["kubernetes"]).is_some() {
        row.attribution = Attribution::Direct;
    }
}

#[cfg(test)]
mod tests;
