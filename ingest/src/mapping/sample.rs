//! A mapping's own sample, read by it.
//!
//! In: a mapping. Out: why its sample is not read, if it is not. Owns: nothing.

use std::sync::Arc;

use offbound_schemas::{EventId, EventRows};
use serde_json::Value;

use super::{Mapped, Mapping};
use crate::csv::Table;
use crate::decode::{Decode as _, Envelope, Record, Verdict};
use crate::json;

/// Why the sample is not read.
pub(super) fn fault(mapping: &Arc<Mapping>) -> Option<String> {
    let record = match record(mapping) {
        Ok(record) => record,
        Err(problem) => return Some(problem),
    };
    if let Some(failure) = mapping.stranger(&record.to_string()) {
        return Some(format!("the sample is not recognised: {failure}"));
    }
    let text = record.to_string();
    let envelope = Envelope::default();
    let event_id = EventId::of(&[text.as_bytes()]);
    let record =
        Record { text: &text, json: Some(&record), envelope: &envelope, source: "", location: "", event_id };
    match Mapped(Arc::clone(mapping)).decode(&record, &mut EventRows::default()) {
        Verdict::Decoded => None,
        Verdict::Skipped(_) => Some("the sample is left out by a [[skip]]".to_owned()),
        Verdict::Rejected(reject) => {
            Some(format!("the sample cannot be read: {}: {}", reject.reason, reject.detail))
        }
    }
}

/// The sample as JSON.
fn record(mapping: &Mapping) -> Result<Value, String> {
    let sample = mapping.sample.trim_end();
    if let Some(layout) = &mapping.layout {
        let (head, line) = sample.split_once('\n').unwrap_or(("", sample));
        let table = Table::of_layout(layout, head)
            .ok_or("the sample of a CSV format is its header line and one record below")?;
        return table.record(line).map_err(|problem| format!("the sample is no CSV record: {problem}"));
    }
    json::parse(sample).map_err(|reject| format!("the sample is no JSON: {}", reject.detail))
}
