//! An entry of Google Cloud Logging: `{"logName":"…","resource":{…},"textPayload":"…","timestamp":"…"}`.
//!
//! In: a JSON object. Out: `textPayload`, or `jsonPayload`: the message in it where that is all, else all of it. Entries
//! with a `protoPayload` are audit, which is no envelope.

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    text_at(json, &["logName"])?;
    let is_message = json.get("jsonPayload").and_then(|payload| payload.as_object()).is_some_and(|payload| {
        payload.len() == 1 && payload.get("message").is_some_and(|message| message.is_string())
    });
    let payload = match json.get("textPayload") {
        Some(_) => Payload::at(outer, &["textPayload"])?,
        None if is_message => Payload::at(outer, &["jsonPayload", "message"])?,
        None => Payload::at(outer, &["jsonPayload"])
            .filter(|_| json.get("jsonPayload").is_some_and(|inner| inner.is_object()))?,
    };
    let of_resource = |key: &str| text_at(json, &["resource", "labels", key]);
    // Agents of Kubernetes' nodes name the machine in a label of the entry.
    let node = text_at(json, &["labels", "compute.googleapis.com/resource_name"]);
    take(&mut envelope.host, node.or(of_resource("node_name")));
    take(&mut envelope.program, of_resource("container_name"));
    take(&mut envelope.stream, of_resource("pod_name"));
    take(&mut envelope.account, of_resource("project_id"));
    take(&mut envelope.origin, text_at(json, &["logName"]));
    take_time(&mut envelope.time, text_at(json, &["timestamp"]).or(text_at(json, &["receiveTimestamp"])));
    Some(payload)
}
