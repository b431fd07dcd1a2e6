//! Loki: what its command line exports, `{"labels":{…},"line":"…","timestamp":"…"}`, and the pairs of its interfaces for
//! pushing and querying, `["ns","line"]` or `["ns","line",{…}]`; `list` takes their streams apart.
//!
//! In: a JSON object or list. Out: the line.

use offbound_schemas::EventTime;
use serde_json::Value;

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

/// Digits of a time in nanoseconds: from 2001 on.
const NANOS_DIGITS: usize = 19;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    if let Value::Array(pair) = json {
        return peel_pair(pair, envelope);
    }
    let labels = json.get("labels").filter(|labels| labels.is_object())?;
    let line = text_at(json, &["line"])?;
    describe(labels, envelope);
    take_time(&mut envelope.time, text_at(json, &["timestamp"]));
    Some(Payload::whole(line))
}

fn peel_pair(pair: &[Value], envelope: &mut Envelope) -> Option<Payload> {
    let (stamp, line) = match pair {
        [stamp, Value::String(line)] | [stamp, Value::String(line), Value::Object(_)] => {
            (stamp.as_str()?, line)
        }
        _ => return None,
    };
    let is_nanos = stamp.len() == NANOS_DIGITS && stamp.bytes().all(|byte| byte.is_ascii_digit());
    envelope.time = Some(EventTime(stamp.parse().ok().filter(|_| is_nanos)?));
    Some(Payload::whole(line.as_str()))
}

/// What the labels of a stream say.
pub(crate) fn describe(labels: &Value, envelope: &mut Envelope) {
    let first = |keys: &[&str]| keys.iter().find_map(|key| text_at(labels, &[key]));
    take(&mut envelope.host, first(&["node_name", "hostname", "host", "node"]));
    take(&mut envelope.program, first(&["container", "app"]));
    take(&mut envelope.stream, first(&["filename", "pod"]));
}
