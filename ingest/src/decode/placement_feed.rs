//! The placement feed: lines of `offbound.placement/1`, written by any inventory.
//!
//! In: one JSON object a line. Out: one placement each.
//! Owns: the check of every field; a line that is not exactly right is refused with the field's name.
//! Law: nothing is guessed: what is absent or null is unknown.

use offbound_schemas::table::Placement;
use offbound_schemas::vocabulary::PlacementKind;
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::subject::ServiceAccount;
use super::{Decode, Format, Identity, Record, Reject, Verdict, address, field};

/// The one schema that is read.
const SCHEMA: &str = "offbound.placement/1";
/// Every field of the schema; others are kept in `unmapped`.
const FIELDS: &[&str] = &[
    "schema",
    "realm",
    "workload",
    "host",
    "pod_uid",
    "pod",
    "container_ids",
    "addresses",
    "shared",
    "start",
    "end",
];

pub(crate) const FORMAT: Format = Format {
    id: "placement-feed",
    title: "offbound placement feed, from any inventory",
    fills: &["placements"],
    sample: r#"{"schema":"offbound.placement/1","realm":"prod","workload":"system:serviceaccount:shop:web","host":"n1","pod_uid":"5d0a3c52-6f0b-4a7e-9d3e-2f4d1c9b7a10","pod":"shop/web-7","container_ids":[],"addresses":["10.1.0.7"],"shared":false,"start":"2026-03-01T10:00:00Z","end":null}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(PlacementFeed),
};

fn sniff(record: &Record<'_>) -> u8 {
    let schema = record.json.and_then(|json| field::str_at(json, &["schema"]));
    if schema.is_some_and(|schema| schema.starts_with("offbound.placement/")) { 100 } else { 0 }
}

struct PlacementFeed;

impl Decode for PlacementFeed {
    fn is_stateless(&self) -> bool {
        true
    }

    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        match record.json.ok_or_else(|| field::missing("schema")).and_then(|json| read(record, json)) {
            Ok(placement) => {
                rows.placements.push(placement);
                Verdict::Decoded
            }
            Err(reject) => Verdict::Rejected(reject),
        }
    }
}

fn read(record: &Record<'_>, json: &Value) -> Result<Placement, Reject> {
    let schema = field::require_str(json, &["schema"])?;
    if schema != SCHEMA {
        let refusal = field::ill_typed("schema", &Value::from(schema), SCHEMA);
        return Err(Reject { reason: "unknown-schema", ..refusal });
    }
    let start = field::require_time(json, &["start"])?;
    let end = optional_end(json, start)?;
    let mut placement = record.placement(end.unwrap_or(start));
    placement.start = Some(start);
    placement.end = end;
    placement.realm = text(json, "realm")?;
    placement.workload = text(json, "workload")?;
    placement.host = text(json, "host")?;
    placement.pod_uid = text(json, "pod_uid")?;
    placement.container_ids = texts(json, "container_ids")?.into_iter().map(|id| id.to_lowercase()).collect();
    placement.addresses = addresses(json)?;
    placement.shared = truth(json, "shared")?;
    fill_names(&mut placement, text(json, "pod")?);
    if placement.workload.is_none()
        && placement.host.is_none()
        && placement.pod_uid.is_none()
        && placement.pod.is_none()
    {
        return Err(field::missing("workload (or host, pod_uid, pod)"));
    }
    placement.unmapped = unmapped(json);
    Ok(placement)
}

fn fill_names(placement: &mut Placement, pod: Option<String>) {
    let account = placement.workload.as_deref().and_then(ServiceAccount::of_subject);
    let (account_namespace, account_name) =
        account.map(|account| (account.namespace.to_owned(), account.name.to_owned())).unzip();
    let (pod_namespace, pod_name) = match pod {
        Some(pod) => match pod.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), Some(name.to_owned())),
            None => (None, Some(pod)),
        },
        None => (None, None),
    };
    placement.service_account = account_name;
    placement.namespace = pod_namespace.or(account_namespace);
    placement.pod = pod_name;
    let of_pod =
        placement.pod.is_some() || placement.pod_uid.is_some() || !placement.container_ids.is_empty();
    placement.kind = if of_pod { PlacementKind::Pod } else { PlacementKind::Host };
}

fn optional_end(json: &Value, start: EventTime) -> Result<Option<EventTime>, Reject> {
    let Some(value) = field::at(json, &["end"]) else { return Ok(None) };
    let end = field::require_time(json, &["end"])?;
    if end < start {
        Err(field::ill_typed("end", value, "a time that is not before start"))
    } else {
        Ok(Some(end))
    }
}

fn text(json: &Value, key: &str) -> Result<Option<String>, Reject> {
    match field::at(json, &[key]) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(other) => Err(field::ill_typed(key, other, "a text that is not empty, or null")),
    }
}

fn texts(json: &Value, key: &str) -> Result<Vec<String>, Reject> {
    let Some(value) = field::at(json, &[key]) else { return Ok(Vec::new()) };
    let items = value.as_array().ok_or_else(|| field::ill_typed(key, value, "a list of texts"))?;
    let of_item = |(index, item): (usize, &Value)| match item {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        other => Err(field::ill_typed(&format!("{key}[{index}]"), other, "a text that is not empty")),
    };
    items.iter().enumerate().map(of_item).collect()
}

fn addresses(json: &Value) -> Result<Vec<String>, Reject> {
    let of_text = |(index, text): (usize, String)| {
        let refusal =
            || field::ill_typed(&format!("addresses[{index}]"), &Value::from(text.as_str()), "an IP address");
        address::normal(&text).ok_or_else(refusal)
    };
    texts(json, "addresses")?.into_iter().enumerate().map(of_text).collect()
}

fn truth(json: &Value, key: &str) -> Result<bool, Reject> {
    match field::at(json, &[key]) {
        None => Ok(false),
        Some(Value::Bool(truth)) => Ok(*truth),
        Some(other) => Err(field::ill_typed(key, other, "true or false")),
    }
}

fn unmapped(json: &Value) -> Option<String> {
    let others = json.as_object()?.iter().filter(|(key, _)| !FIELDS.contains(&key.as_str()));
    field::unmapped(others.map(|(key, value)| (key.as_str(), Some(value))))
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;

    fn decode(text: &str) -> (Verdict, EventRows) {
        let (mut verdicts, rows) = trial::run(&FORMAT, &[text]);
        (verdicts.remove(0), rows)
    }

    fn check_refused(text: &str, reason: &str, field: &str) {
        match decode(text) {
            (Verdict::Rejected(reject), rows) => {
                assert!(rows.is_empty());
                assert_eq!(reject.reason, reason, "{text}");
                assert!(reject.detail.starts_with(field), "{} of {text}", reject.detail);
            }
            (other, _) => unreachable!("{other:?} of {text}"),
        }
    }

    /// Scenario: the sample. Guarantees: every field lands in its column, names are split, absent means unknown.
    #[test]
    fn every_field_has_its_column() {
        let (verdict, rows) = decode(FORMAT.sample);
        assert_eq!(verdict, Verdict::Decoded);
        let row = &rows.placements[0];
        assert_eq!(row.kind, PlacementKind::Pod);
        assert_eq!((row.realm.as_deref(), row.host.as_deref()), (Some("prod"), Some("n1")));
        assert_eq!((row.namespace.as_deref(), row.pod.as_deref()), (Some("shop"), Some("web-7")));
        assert_eq!(row.service_account.as_deref(), Some("web"));
        assert_eq!(row.addresses, ["10.1.0.7"]);
        assert_eq!((row.start, row.end), (Some(row.event_time), None));
    }

    /// Scenario: a host with v4-mapped and v6 addresses, an end and a field of its own. Guarantees: normal
    /// addresses, the end as event time, the unknown field kept.
    #[test]
    fn a_host_that_left() {
        let text = r#"{"schema":"offbound.placement/1","host":"n1","addresses":["::ffff:10.1.0.2","FD00::2"],
            "start":"2026-03-01T10:00:00Z","end":"2026-03-01T11:00:00Z","rack":"r4"}"#;
        let (_, rows) = decode(text);
        let row = &rows.placements[0];
        assert_eq!((row.kind, row.shared), (PlacementKind::Host, false));
        assert_eq!(row.addresses, ["10.1.0.2", "fd00::2"]);
        assert_eq!(row.end, Some(row.event_time));
        assert_eq!(row.unmapped.as_deref(), Some(r#"{"rack":"r4"}"#));
    }

    /// Scenario: lines with one field missing or of the wrong type. Guarantees: refused, and the field is named.
    #[test]
    fn refusals_name_the_field() {
        let with = |rest: &str| format!(r#"{{"schema":"offbound.placement/1",{rest}}}"#);
        let started = |rest: &str| with(&format!(r#""start":"2026-03-01T10:00:00Z",{rest}"#));
        check_refused(r#"{"schema":"offbound.placement/2"}"#, "unknown-schema", "schema");
        check_refused(&with(r#""host":"n1""#), "missing-field", "start");
        check_refused(&with(r#""host":"n1","start":"soon""#), "ill-typed-field", "start");
        check_refused(&started(r#""realm":"prod""#), "missing-field", "workload");
        check_refused(&started(r#""host":7"#), "ill-typed-field", "host");
        check_refused(&started(r#""host":"n1","addresses":"10.1.0.1""#), "ill-typed-field", "addresses");
        check_refused(
            &started(r#""host":"n1","addresses":["10.1.0.1","n2"]"#),
            "ill-typed-field",
            "addresses[1]",
        );
        check_refused(&started(r#""host":"n1","shared":"no""#), "ill-typed-field", "shared");
        check_refused(&started(r#""host":"n1","end":"2026-03-01T09:59:59Z""#), "ill-typed-field", "end");
        check_refused(
            &started(r#""host":"n1","container_ids":[null]"#),
            "ill-typed-field",
            "container_ids[0]",
        );
    }
}
