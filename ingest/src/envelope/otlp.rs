//! A log record of OpenTelemetry: `{"timeUnixNano":"…","body":{"stringValue":"…"}}` of OTLP/JSON (`logs.proto` 1.x; the file
//! exporter of the Collector writes the same).
//!
//! In: a JSON object, an element of `logRecords`. Out: its body: a text, bytes that are text, or a list of keys as JSON.
//! What its resource says is read where the lists are taken apart ([`describe`]).
//! Law: a key that is there twice stays there twice.

use std::fmt::Write as _;

use base64::Engine as _;
use offbound_schemas::EventTime;
use serde_json::Value;

use super::{Outer, Payload, take, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let time = |key: &str| nanos(json.get(key)?);
    let (own, observed) = (time("timeUnixNano"), time("observedTimeUnixNano"));
    own.or(observed)?;
    let text = body(json.get("body")?)?;
    // A time of zero says that there is none.
    envelope.time = own.or(observed).filter(|nanos| *nanos != 0).map(EventTime);
    let attributes = json.get("attributes").unwrap_or(&Value::Null);
    take(&mut envelope.stream, attribute(attributes, "log.file.path"));
    Some(Payload::whole(text.trim_end_matches('\n')))
}

/// What a resource says of where its records are from, as the list of them has it.
pub(crate) fn describe(resource: &Value, envelope: &mut Envelope) {
    let attributes = resource.get("attributes").unwrap_or(&Value::Null);
    let own = |key: &str| attribute(attributes, key);
    // A collector in a pod is a host of its own name.
    take(&mut envelope.host, own("k8s.node.name").or(own("host.name")));
    take(&mut envelope.program, own("k8s.container.name").or(own("service.name")));
    take(&mut envelope.stream, own("k8s.pod.name"));
    take(&mut envelope.account, own("cloud.account.id"));
}

fn attribute<'v>(attributes: &'v Value, name: &str) -> Option<&'v str> {
    let named = |pair: &&Value| text_at(pair, &["key"]) == Some(name);
    text_at(attributes.as_array()?.iter().find(named)?, &["value", "stringValue"])
}

/// Nanoseconds since 1970: 64-bit numbers are texts in JSON of protocol buffers, and some write numbers.
fn nanos(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn body(value: &Value) -> Option<String> {
    if let Some(bytes) = value.get("bytesValue") {
        let bytes = base64::engine::general_purpose::STANDARD.decode(bytes.as_str()?).ok()?;
        return String::from_utf8(bytes).ok();
    }
    if let Some(text) = value.get("stringValue") {
        return text.as_str().map(str::to_owned);
    }
    let mut text = String::new();
    write_list(value.get("kvlistValue")?, &mut text)?;
    Some(text)
}

/// Writes a list of keys and values as a JSON object. JSON is no deeper than `json::MAX_DEPTH`, and so is this.
fn write_list(list: &Value, out: &mut String) -> Option<()> {
    out.push('{');
    for (index, pair) in list.get("values")?.as_array()?.iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        write!(out, "{separator}{}:", Value::from(pair.get("key")?.as_str()?)).ok()?;
        write_value(pair.get("value").unwrap_or(&Value::Null), out)?;
    }
    out.push('}');
    Some(())
}

fn write_value(value: &Value, out: &mut String) -> Option<()> {
    if let Some(list) = value.get("kvlistValue") {
        return write_list(list, out);
    }
    if let Some(items) = value.get("arrayValue") {
        let nothing = Vec::new();
        out.push('[');
        for (index, item) in items.get("values").map_or(Some(&nothing), Value::as_array)?.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { "," });
            write_value(item, out)?;
        }
        out.push(']');
        return Some(());
    }
    let number = || nanos(value.get("intValue")?).map(Value::from);
    let plain = ["stringValue", "boolValue", "doubleValue", "bytesValue"];
    let plain =
        plain.iter().find_map(|key| value.get(key)).filter(|plain| !plain.is_object() && !plain.is_array());
    write!(out, "{}", number().or_else(|| plain.cloned()).unwrap_or(Value::Null)).ok()
}
