//! Fluent Bit and Fluentd: `{"log":"…","kubernetes":{…}}`, or the same behind its time: `[time,{…}]`.
//!
//! In: a JSON object or pair. Out: `log` or `message`, or the object itself where the shipper merged them, or
//! `log_processed`, where AWS's configuration (`Merge_Log_Key`, `Keep_Log Off`) keeps what the line said.

use offbound_schemas::EventTime;
use serde_json::Value;

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

/// Fields that `log` has in the Elastic Common Schema: where a line stood, and not what it said.
const OF_ELASTIC: [&str; 9] =
    ["file", "offset", "flags", "level", "logger", "origin", "original", "source", "syslog"];

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    match outer.json? {
        Value::Array(pair) => {
            let [stamp, object @ Value::Object(_)] = pair.as_slice() else { return None };
            envelope.time = Some(secs(stamp).or_else(|| secs(stamp.get(0)?))?);
            peel_object(outer, (object, &["1"]), envelope).or_else(|| Payload::at(outer, &["1"]))
        }
        object => peel_object(outer, (object, &[]), envelope),
    }
}

/// Takes the object at a path apart.
fn peel_object(
    outer: &Outer<'_>,
    (object, path): (&Value, &[&str]),
    envelope: &mut Envelope,
) -> Option<Payload> {
    let kubernetes = object.get("kubernetes").filter(|value| value.is_object());
    let is_tagged = object
        .get("@timestamp")
        .or(object.get("date"))
        .or(object.get("stream"))
        .or(object.get("tag"))
        .is_some();
    let log = object.get("log");
    if log.is_some_and(is_place) {
        return None;
    }
    let inner = match (log, object.get("message"), kubernetes) {
        (None, ..) if is_tagged && object.get("log_processed").is_some_and(Value::is_object) => {
            "log_processed"
        }
        (Some(_), ..) if kubernetes.is_some() || is_tagged => "log",
        (None, Some(_), Some(_)) => "message",
        (Some(_), ..) if object.as_object().is_some_and(|fields| fields.len() == 1) => "log",
        _ => return None,
    };
    let payload = Payload::at(outer, &[path, &[inner]].concat())?;
    if let Some(kubernetes) = kubernetes {
        take(&mut envelope.host, text_at(kubernetes, &["host"]).or(text_at(kubernetes, &["node_name"])));
        take(&mut envelope.program, text_at(kubernetes, &["container_name"]));
        take(
            &mut envelope.stream,
            text_at(kubernetes, &["docker_id"]).or(text_at(kubernetes, &["pod_name"])),
        );
    }
    envelope.time = object.get("date").and_then(secs).or(envelope.time);
    take_time(&mut envelope.time, text_at(object, &["time"]).or(text_at(object, &["@timestamp"])));
    Some(payload)
}

/// Whether a value of `log` is Filebeat's word on where the line stood.
fn is_place(log: &Value) -> bool {
    log.as_object().is_some_and(|fields| fields.keys().all(|key| OF_ELASTIC.contains(&key.as_str())))
}

/// A time in seconds, with fraction.
fn secs(value: &Value) -> Option<EventTime> {
    let secs = value.as_f64()?;
    #[expect(clippy::cast_possible_truncation, reason = "a cast from float saturates")]
    let nanos = (secs * 1e9) as i64;
    Some(EventTime(nanos))
}
