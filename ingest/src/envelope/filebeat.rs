//! Filebeat and Logstash: `{"@timestamp":"…","message":"…","log":{"file":{…}},"host":{…},"agent":{…}}`.
//!
//! In: a JSON object. Out: `event.original` or `message`; or `json`, where Filebeat takes lines of JSON apart and leaves
//! them under its own key (`keys_under_root: false`).

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let stamp = text_at(json, &["@timestamp"])?;
    let is_shipped = ["agent", "host", "ecs", "log", "input", "beat", "@version", "@metadata"];
    if !is_shipped.iter().any(|key| json.get(key).is_some()) {
        return None;
    }
    let text = text_at(json, &["event", "original"]).or(text_at(json, &["message"]));
    let parsed = || json.get("json").filter(|json| json.is_object()).and(Payload::at(outer, &["json"]));
    let payload = text.map(Payload::whole).or_else(parsed)?;
    // In a cluster the shipper runs in a pod, and that pod's name may be what it takes for its host's.
    let node = text_at(json, &["kubernetes", "node", "name"]);
    let host = node.or(text_at(json, &["host", "name"])).or(text_at(json, &["host", "hostname"]));
    take(&mut envelope.host, host.or(text_at(json, &["host"])).or(text_at(json, &["beat", "hostname"])));
    take(&mut envelope.program, text_at(json, &["process", "name"]));
    take(&mut envelope.account, text_at(json, &["cloud", "account", "id"]));
    take(&mut envelope.stream, text_at(json, &["log", "file", "path"]).or(text_at(json, &["source"])));
    take_time(&mut envelope.time, Some(stamp));
    Some(payload)
}
