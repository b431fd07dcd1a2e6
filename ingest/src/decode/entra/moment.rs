//! Time as Microsoft's logs and the tools around them write it.
//!
//! In: RFC 3339 with up to nine digits, with a space and without zone, US text (`3/1/2026, 10:00:00.123 AM`),
//! `/Date(ms)/`. Out: a moment. Law: all of these are UTC, as the services write them; what fits none of them is none.

use chrono::NaiveDateTime;
use offbound_schemas::EventTime;
use serde_json::Value;

use super::super::{Record, Reject, field, loose};
use super::get;

/// When a record's event happened: its own fields `names` first, then `time` as the record was written.
pub(in super::super) fn of_record(
    record: &Record<'_>,
    json: &Value,
    names: &[&str],
) -> Result<EventTime, Reject> {
    const WRITTEN: [&str; 3] = ["time", "eventTimestamp", "TimeGenerated"];
    let read = |name: &&str| get(json, name).and_then(of_value);
    let found = names.iter().find_map(read).or_else(|| WRITTEN.iter().find_map(read));
    found.map_or_else(|| loose::event_time(record, json, &["time"]), Ok)
}

/// The moment that a value writes.
pub(in super::super) fn of_value(value: &Value) -> Option<EventTime> {
    field::time_at(value, &[]).or_else(|| of_text(value.as_str()?.trim()))
}

fn of_text(text: &str) -> Option<EventTime> {
    const LAYOUTS: [&str; 2] = ["%m/%d/%Y %I:%M:%S%.f %p", "%m/%d/%Y %H:%M:%S%.f"];
    if let Some(millis) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        return millis.parse::<i64>().ok()?.checked_mul(1_000_000).map(EventTime);
    }
    let plain = text.replace(',', "").replace('\u{202f}', " ");
    let american = LAYOUTS.iter().find_map(|layout| NaiveDateTime::parse_from_str(&plain, layout).ok());
    EventTime::from_utc(american?.and_utc())
}
