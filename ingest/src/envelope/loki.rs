//! Loki: what its command line exports, `{"labels":{…},"line":"…","timestamp":"…"}` or `TIME {label="value"} line`, what
//! Grafana exports (`fields` for `labels`), and the pairs of the interfaces for pushing and querying, `["ns","line"]` or
//! `["ns","line",{…}]`; `list` takes their streams apart.
//!
//! In: a JSON object or list, or a line. Out: the line.

use offbound_schemas::EventTime;
use serde_json::{Map, Value};

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

/// Digits of a time in nanoseconds: from 2001 on.
const NANOS_DIGITS: usize = 19;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let Some(json) = outer.json else { return peel_line(outer.text, envelope) };
    if let Value::Array(pair) = json {
        return peel_pair(pair, envelope);
    }
    let labels = json.get("labels").or(json.get("fields")).filter(|labels| labels.is_object())?;
    let line = text_at(json, &["line"])?;
    describe(labels, envelope);
    let stamp = text_at(json, &["timestamp"]);
    take_time(&mut envelope.time, stamp);
    envelope.time = stamp.and_then(nanos).or(envelope.time);
    Some(Payload::whole(line))
}

/// What the command line prints when it is not told otherwise.
fn peel_line(text: &str, envelope: &mut Envelope) -> Option<Payload> {
    let (time, rest) = text.split_once(' ')?;
    let mut rest = rest.trim_start().strip_prefix('{')?;
    let time = EventTime::parse(time).ok()?;
    let mut labels = Map::new();
    while !rest.starts_with('}') {
        let (name, behind) = rest.split_once("=\"")?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        (!name.is_empty() && name.bytes().all(is_name)).then_some(())?;
        let (value, behind) = behind.split_once('"')?;
        labels.insert(name.to_owned(), Value::from(value));
        rest = behind.trim_start_matches([',', ' ']);
    }
    describe(&Value::Object(labels), envelope);
    envelope.time = Some(time);
    Some(Payload::whole(rest.strip_prefix("} ")?))
}

fn peel_pair(pair: &[Value], envelope: &mut Envelope) -> Option<Payload> {
    let (stamp, line) = match pair {
        [stamp, Value::String(line)] | [stamp, Value::String(line), Value::Object(_)] => {
            (stamp.as_str()?, line)
        }
        _ => return None,
    };
    envelope.time = Some(nanos(stamp)?);
    Some(Payload::whole(line.as_str()))
}

/// A moment in nanoseconds.
fn nanos(stamp: &str) -> Option<EventTime> {
    let is_nanos = stamp.len() == NANOS_DIGITS && stamp.bytes().all(|byte| byte.is_ascii_digit());
    stamp.parse().ok().filter(|_| is_nanos).map(EventTime)
}

/// What the labels of a stream say.
pub(crate) fn describe(labels: &Value, envelope: &mut Envelope) {
    let first = |keys: &[&str]| keys.iter().find_map(|key| text_at(labels, &[key]));
    take(&mut envelope.host, first(&["node_name", "hostname", "host", "node"]));
    take(&mut envelope.program, first(&["container", "app"]));
    take(&mut envelope.stream, first(&["filename", "pod"]));
}
