//! Filebeat and Logstash: `{"@timestamp":"…","message":"…","host":{…},"agent":{…}}`.
//!
//! In: a JSON object. Out: `event.original` or `message`.

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let stamp = text_at(json, &["@timestamp"])?;
    let is_shipped = ["agent", "host", "ecs", "log", "input", "beat", "@version", "@metadata"];
    if !is_shipped.iter().any(|key| json.get(key).is_some()) {
        return None;
    }
    let inner = text_at(json, &["event", "original"]).or(text_at(json, &["message"]))?;
    let host = text_at(json, &["host", "name"]).or(text_at(json, &["host", "hostname"]));
    take(&mut envelope.host, host.or(text_at(json, &["host"])).or(text_at(json, &["beat", "hostname"])));
    take(&mut envelope.program, text_at(json, &["process", "name"]));
    take(&mut envelope.account, text_at(json, &["cloud", "account", "id"]));
    take(&mut envelope.stream, text_at(json, &["log", "file", "path"]).or(text_at(json, &["source"])));
    take_time(&mut envelope.time, Some(stamp));
    Some(Payload::whole(inner))
}
