//! Kafka exports: `{"topic":"…","value":{"payload":…}}` of Connect, or `{"topic":"…","offset":…,"value":…}`.
//!
//! In: a JSON object. Out: the payload of its value.

use super::{Outer, Payload, take, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let value = json.get("value")?;
    let is_kafka = json.get("topic").is_some() || json.get("offset").is_some();
    let payload = match value.get("payload") {
        Some(payload) => Payload::of(payload)?,
        None if is_kafka => Payload::of(value)?,
        None => return None,
    };
    take(&mut envelope.origin, text_at(json, &["topic"]));
    Some(payload)
}
