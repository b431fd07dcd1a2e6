//! Loki, as its command line exports it: `{"labels":{…},"line":"…","timestamp":"…"}`.
//!
//! In: a JSON object. Out: `line`.

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let labels = json.get("labels").filter(|labels| labels.is_object())?;
    let line = text_at(json, &["line"])?;
    let host =
        text_at(labels, &["node_name"]).or(text_at(labels, &["hostname"])).or(text_at(labels, &["host"]));
    take(&mut envelope.host, host);
    take(&mut envelope.program, text_at(labels, &["container"]));
    take_time(&mut envelope.time, text_at(json, &["timestamp"]));
    Some(Payload::whole(line))
}
