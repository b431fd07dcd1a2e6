//! What a watch of Kubernetes tells: `{"type":"ADDED","object":{…}}` (`kubectl get -o json -w --output-watch-events`).
//!
//! In: a JSON object. Out: `object`. Bookmarks and errors hold no record; nor does the deletion of an object that does not
//! say when it was deleted: its last state alone would tell that it is still there.

use super::{Outer, Payload, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, _envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let fields = json.as_object().filter(|fields| fields.len() == 2)?;
    let is_object = fields.get("object")?.is_object();
    let tells = match text_at(json, &["type"])? {
        "ADDED" | "MODIFIED" => true,
        "DELETED" => text_at(json, &["object", "metadata", "deletionTimestamp"]).is_some(),
        _ => false,
    };
    Payload::at(outer, &["object"]).filter(|_| is_object && tells)
}
