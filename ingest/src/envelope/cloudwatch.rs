//! One CloudWatch log event: `{"id":"…","timestamp":ms,"message":"…"}`.
//!
//! In: a JSON object, an element of a subscription's `logEvents` or a row of an export. Out: `message`.

use offbound_schemas::EventTime;

use super::{Outer, Payload, take, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let is_known =
        ["id", "eventId", "ingestionTime", "logStreamName"].iter().any(|key| json.get(key).is_some());
    let millis = json.get("timestamp")?.as_i64().filter(|_| is_known)?;
    json.get("message").filter(|message| message.is_string())?;
    take(&mut envelope.origin, text_at(json, &["logGroup"]).or(text_at(json, &["logStreamName"])));
    take(&mut envelope.stream, text_at(json, &["logStreamName"]));
    envelope.time = millis.checked_mul(1_000_000).map(EventTime);
    Payload::at(outer, &["message"])
}
