//! Results of osquery: event tables as acts, tables of state as what was there.
//!
//! In: one result a line, in four framings: a row with `columns`, a batch with `diffResults`, a `snapshot`, and fields
//! under `_meta` or `osquery.result` (osquery 4 and 5, Elastic). Out: rows of `host_events`, one for each row of a table.
//! Owns: the framings, whose time and host hold for which row. Leaves to [`table`]: what the tables' columns mean.
//! Dropped: results without rows (named); status lines of the daemon (named).
//! Law: `unixTime` is when a result was logged; a row's own `time` column wins. Nothing of osquery refuses anything.

mod table;

use offbound_schemas::vocabulary::HookClass;
use offbound_schemas::{EventRows, EventTime};
use serde_json::{Map, Value};

use super::field::{array_at, at, epoch_time, has, object_at, str_at, string_at, time_at, unmapped};
use super::{Decode, Format, Identity, MAX_RAW_BYTES, Record, Verdict, cut};

/// osquery.
pub(crate) const FORMAT: Format = Format {
    id: "osquery",
    title: "osquery results, JSON",
    fills: &["host_events"],
    sample: r#"{"name":"pack_linux_process_events","hostIdentifier":"n1","calendarTime":"Sun Mar  1 10:00:09 2026 UTC","unixTime":1772359209,"epoch":0,"counter":3,"numerics":false,"columns":{"path":"/usr/bin/curl","cmdline":"curl https://a.example","pid":"4121","parent":"4100","auid":"1000","uid":"0","euid":"0","cwd":"/tmp","time":"1772359200"},"action":"added"}"#,
    identity: Identity::BytesAndOccurrence,
    sniff,
    decoder: || Box::new(Osquery),
};

struct Osquery;

/// What a framing says about all of its rows.
struct Header<'v> {
    name: &'v str,
    host: Option<String>,
    logged: Option<EventTime>,
}

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    let json = result(json);
    let names = has(json, &["name"]) || has(json, &["_meta", "name"]);
    let identified = has(json, &["hostIdentifier"])
        || has(json, &["host_identifier"])
        || has(json, &["_meta", "hostIdentifier"]);
    let has_rows = object_at(json, &["columns"]).is_some()
        || at(json, &["snapshot"]).is_some_and(Value::is_array)
        || has(json, &["diffResults"])
        || has(json, &["_meta"]);
    let timed = has(json, &["unixTime"]) || has(json, &["calendarTime"]) || has(json, &["unix_time"]);
    let is_status = has(json, &["hostIdentifier"])
        && has(json, &["severity"])
        && has(json, &["filename"])
        && has(json, &["message"]);
    match (names && has_rows, identified) {
        (true, true) => 92,
        (true, false) if timed && has(json, &["columns"]) => 84,
        _ if is_status => 85,
        _ => 0,
    }
}

/// The result inside what Elastic puts around it.
fn result(json: &Value) -> &Value {
    at(json, &["osquery", "result"]).unwrap_or(json)
}

impl Decode for Osquery {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json.map(result) else {
            return Verdict::reject("not-json", "the line is no JSON object");
        };
        let header = header(record, json);
        let found = framed(json);
        if found.is_empty() {
            return Verdict::Skipped(if has(json, &["severity"]) { "osquery-status" } else { "no-rows" });
        }
        let before = rows.host_events.len();
        for (index, (columns, change)) in found.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let Some(row) = self::row(record, &header, columns, change, index) else {
                rows.host_events.truncate(before);
                return Verdict::reject("no-time", "neither a row's time nor unixTime is a time");
            };
            rows.host_events.push(row);
        }
        Verdict::Decoded
    }
}

fn header<'v>(record: &Record<'_>, json: &'v Value) -> Header<'v> {
    let meta = at(json, &["_meta"]).unwrap_or(json);
    let either = |keys: &[&str]| keys.iter().find_map(|key| at(json, &[key]).or_else(|| at(meta, &[key])));
    let identifier = either(&["hostIdentifier", "host_identifier"]).and_then(Value::as_str);
    let decorations = either(&["decorations"]);
    let named = decorations.and_then(|said| str_at(said, &["hostname"]));
    // By a flag of the daemon the identifier is a UUID; then a decoration knows the name.
    let host = named.or_else(|| identifier.filter(|id| !id.is_empty())).map(str::to_owned);
    let logged = either(&["unixTime", "unix_time"]).and_then(|value| time_at(value, &[])).or_else(|| {
        let text = either(&["calendarTime", "calendar_time"])?.as_str()?;
        calendar(text)
    });
    Header {
        name: either(&["name"]).and_then(Value::as_str).unwrap_or_default(),
        host: host.or_else(|| record.envelope.host.clone()),
        logged: logged.or(record.envelope.time),
    }
}

/// `Mon May  2 22:27:32 2016 UTC`.
fn calendar(text: &str) -> Option<EventTime> {
    let text = text.strip_suffix(" UTC")?;
    let moment = chrono::NaiveDateTime::parse_from_str(text, "%a %b %e %H:%M:%S %Y").ok()?;
    EventTime::from_utc(moment.and_utc())
}

/// Every row of a result with what happened to it: `added`, `removed` or `snapshot`.
fn framed(json: &Value) -> Vec<(&Map<String, Value>, &'static str)> {
    if let Some(columns) = object_at(json, &["columns"]) {
        let change = match str_at(json, &["action"]).or_else(|| str_at(json, &["_meta", "action"])) {
            Some("removed") => "removed",
            Some("snapshot") => "snapshot",
            _ => "added",
        };
        return vec![(columns, change)];
    }
    const LISTS: &[(&[&str], &str)] = &[
        (&["snapshot"], "snapshot"),
        (&["diffResults", "added"], "added"),
        (&["diffResults", "removed"], "removed"),
    ];
    let rows_of = |(path, change): &(&[&str], &'static str)| {
        let change = *change;
        array_at(json, path).iter().filter_map(Value::as_object).map(move |row| (row, change))
    };
    let found: Vec<_> = LISTS.iter().flat_map(rows_of).collect();
    match (found.is_empty(), has(json, &["_meta"]), json.as_object()) {
        // The row stands beside what is said about it.
        (true, true, Some(fields)) if fields.len() > 1 && !has(json, &["diffResults"]) => {
            vec![(fields, "added")]
        }
        _ => found,
    }
}

fn row(
    record: &Record<'_>,
    header: &Header<'_>,
    columns: &Map<String, Value>,
    change: &str,
    index: u32,
) -> Option<offbound_schemas::table::HostEvent> {
    let mut own_columns = columns.clone();
    own_columns.remove("_meta");
    let value = Value::Object(own_columns);
    let own = string_at(&value, &["time"]).and_then(|text| epoch_time(&text)).filter(|time| time.0 > 0);
    let mut row = record.host_event(own.or(header.logged)?);
    row.event_id = record.row_id(index);
    row.host = header.host.clone();
    row.hook_class = HookClass::Unknown;
    let text = value.to_string();
    // A result may hold thousands of rows: each keeps its own text, not that of all.
    row.raw = cut(&text, MAX_RAW_BYTES).to_owned();
    table::describe(header.name, &value, change, own.is_some(), &mut row);
    let (name, change) = (Value::from(header.name), Value::from(change));
    let fields = columns
        .iter()
        .filter(|(key, _)| key.as_str() != "_meta")
        .map(|(key, value)| (key.as_str(), Some(value)));
    row.unmapped = unmapped([("query", Some(&name)), ("change", Some(&change))].into_iter().chain(fields));
    Some(row)
}

#[cfg(test)]
mod tests;
