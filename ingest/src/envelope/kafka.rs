//! Kafka exports: `{"topic":"…","value":{"payload":…}}` of Connect, `{"topic":"…","offset":…,"value":…}`, kcat's
//! `{"topic":"…","partition":0,"offset":…,"payload":"…"}`, and the console consumer's `CreateTime:…<tab>…`.
//!
//! In: a JSON object, or a line. Out: the payload.

use offbound_schemas::EventTime;
use serde_json::Value;

use super::{Outer, Payload, take, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let Some(json) = outer.json else { return peel_line(outer.text, envelope) };
    let is_kafka = json.get("topic").is_some() || json.get("offset").is_some();
    let is_whole = json.get("topic").is_some() && json.get("offset").is_some();
    let value = json.get("value");
    let payload = match (value.and_then(|value| value.get("payload")), value, json.get("payload")) {
        (Some(_), ..) => Payload::at(outer, &["value", "payload"])?,
        (None, Some(_), _) if is_kafka => Payload::at(outer, &["value"])?,
        (None, None, Some(_)) if is_whole => Payload::at(outer, &["payload"])?,
        _ => return None,
    };
    take(&mut envelope.origin, text_at(json, &["topic"]));
    envelope.stream = json.get("partition").and_then(Value::as_u64).map(|partition| partition.to_string());
    envelope.time = json.get("ts").and_then(Value::as_i64).and_then(millis);
    Some(payload)
}

/// `CreateTime:MS<tab>value`; a key may stand between them.
fn peel_line(line: &str, envelope: &mut Envelope) -> Option<Payload> {
    let (time, rest) = line.split_once('\t')?;
    let stamp = time.strip_prefix("CreateTime:").or_else(|| time.strip_prefix("LogAppendTime:"))?;
    envelope.time = Some(millis(stamp.parse().ok()?)?);
    let is_record = |text: &str| text.starts_with(['{', '[', '<']);
    let value =
        rest.split_once('\t').map(|(_key, value)| value).filter(|value| !is_record(rest) && is_record(value));
    Some(Payload::whole(value.unwrap_or(rest)))
}

fn millis(millis: i64) -> Option<EventTime> {
    millis.checked_mul(1_000_000).map(EventTime)
}
