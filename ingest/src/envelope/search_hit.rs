//! A hit of a search: Elasticsearch's and OpenSearch's `{"_index":"…","_source":{…}}`, Splunk's `{"result":{"_raw":"…"}}` or
//! `{"_raw":"…","_time":"…"}`. `list` takes an answer's `hits` apart.
//!
//! In: a JSON object. Out: the document, or the event as it came.

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    if let Some(index) = text_at(json, &["_index"]) {
        let payload = Payload::at(outer, &["_source"])?;
        take(&mut envelope.origin, Some(index));
        return Some(payload);
    }
    let event = json.get("result").unwrap_or(json);
    let raw = text_at(event, &["_raw"])?;
    take(&mut envelope.host, text_at(event, &["host"]));
    take(&mut envelope.stream, text_at(event, &["source"]));
    take_time(&mut envelope.time, text_at(event, &["_time"]));
    Some(Payload::whole(raw))
}
