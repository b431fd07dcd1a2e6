//! The JSON form of AUOMS: an object for each event, with a list of records.
//!
//! In: `{"Timestamp":"SEC.MS","SerialNumber":7,"Computer":"n1","records":[{"RecordType":"AUOMS_EXECVE",…}]}`, or `AuditID` in
//! place of the first two (AUOMS 2.x, `operational and configurable field names` at their defaults).
//! Out: the event. Owns: the names of the outer fields.

use serde_json::Value;

use super::{Event, field_text, records, refusal};
use crate::decode::Verdict;
use crate::decode::field::{array_at, at, has, str_at, string_at};
use crate::decode::linux_audit::{Fields, Stamp};

/// Most records of one event that are read.
const MAX_RECORDS: usize = 64;

pub(super) fn sniff(json: &Value) -> u8 {
    let typed = array_at(json, &["records"]).first().is_some_and(|first| has(first, &["RecordType"]));
    if typed && stamp(json).is_some() { 95 } else { 0 }
}

/// `SEC.MS:SERIAL`, whole or in two fields.
fn stamp(json: &Value) -> Option<String> {
    let whole = string_at(json, &["AuditID"]).filter(|id| id.contains(':'));
    whole.or_else(|| {
        Some(format!("{}:{}", string_at(json, &["Timestamp"])?, string_at(json, &["SerialNumber"])?))
    })
}

pub(super) fn read(json: &Value) -> Result<Event, Verdict> {
    let written = stamp(json).unwrap_or_default();
    let Some(stamp) = Stamp::parse(&written) else { return Err(refusal("", &written)) };
    let each = array_at(json, &["records"]).iter().take(MAX_RECORDS);
    let mut all = Vec::new();
    let mut container = None;
    for record in each {
        let Some(kind) = str_at(record, &["RecordType"]) else { continue };
        let Some(object) = record.as_object() else { continue };
        let mut fields = Fields::default();
        for (key, value) in object {
            if let Some(text) = field_text(value) {
                fields.push(key.as_str(), text);
            }
        }
        container = container.or_else(|| string_at(record, &["containerid"]));
        let command = str_at(record, &["cmdline"]).or_else(|| str_at(record, &["proctitle"]));
        all.extend(records(kind, &stamp, fields, command));
    }
    if all.is_empty() {
        return Err(Verdict::reject("missing-type", "the event has no record with a type"));
    }
    let node = at(json, &["Computer"]).or_else(|| at(json, &["Hostname"])).and_then(Value::as_str);
    Ok(Event { stamp, node: node.map(str::to_owned), container, records: all })
}
