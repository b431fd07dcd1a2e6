//! Vector: `{"message":"…","source_type":"…","kubernetes":{…}}`.
//!
//! In: a JSON object. Out: `message`.

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    text_at(json, &["source_type"])?;
    let payload = Payload::at(outer, &["message"])?;
    let host = text_at(json, &["kubernetes", "pod_node_name"]).or(text_at(json, &["host"]));
    take(&mut envelope.host, host);
    take(&mut envelope.program, text_at(json, &["kubernetes", "container_name"]));
    take(&mut envelope.stream, text_at(json, &["file"]).or(text_at(json, &["kubernetes", "pod_name"])));
    take_time(&mut envelope.time, text_at(json, &["timestamp"]));
    Some(payload)
}
