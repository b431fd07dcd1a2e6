//! journald exports in JSON: `{"MESSAGE":…,"_HOSTNAME":…,"__REALTIME_TIMESTAMP":"µs"}`.
//!
//! In: a JSON object. Out: `MESSAGE`, which is an array of bytes where it is not text.
//! The journal takes audit records apart; their type and serial are put back in front.

use offbound_schemas::EventTime;
use serde_json::Value;

use super::{Outer, Payload, take};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let message = message(json.get("MESSAGE")?)?;
    let stamp = text(json, "__REALTIME_TIMESTAMP");
    stamp.or(text(json, "_BOOT_ID")).or(text(json, "_TRANSPORT"))?;
    take(&mut envelope.host, text(json, "_HOSTNAME"));
    take(&mut envelope.boot_id, text(json, "_BOOT_ID"));
    take(&mut envelope.unit, text(json, "_SYSTEMD_UNIT"));
    let named = text(json, "SYSLOG_IDENTIFIER").filter(|name| may_be(name, text(json, "_TRANSPORT")));
    take(&mut envelope.program, named.or(text(json, "_COMM")));
    envelope.time = micros(text(json, "_SOURCE_REALTIME_TIMESTAMP").or(stamp)).or(envelope.time);
    Some(Payload::whole(audit_line(json, &message).unwrap_or(message)))
}

/// Whether a line that came by this way may be of the program that it names: anybody can call himself `kernel`, but only the kernel
/// logs as it does.
fn may_be(name: &str, transport: Option<&str>) -> bool {
    !matches!(name, "kernel" | "audit") || transport.is_none_or(|transport| transport == name)
}

/// A message is text, or the bytes of what is no UTF-8; a field that was logged several times is a list of those.
fn message(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if items.iter().any(|item| !item.is_number()) => {
            let texts: Option<Vec<String>> = items.iter().map(message).collect();
            texts.filter(|texts| !texts.is_empty()).map(|texts| texts.join("\n"))
        }
        Value::Array(items) => {
            let bytes: Option<Vec<u8>> = items.iter().map(|item| u8::try_from(item.as_u64()?).ok()).collect();
            Some(crate::text::decode(&bytes?).text.into_owned())
        }
        _ => None,
    }
}

/// A field of the journal; the first value where it was logged several times.
fn text<'v>(json: &'v Value, key: &str) -> Option<&'v str> {
    let value = json.get(key)?;
    let first = value.as_array().map_or(Some(value), |values| values.first())?;
    first.as_str().filter(|text| !text.is_empty())
}

fn micros(stamp: Option<&str>) -> Option<EventTime> {
    stamp?.parse::<i64>().ok()?.checked_mul(1_000).map(EventTime)
}

/// The line that the audit daemon would have written.
fn audit_line(json: &Value, message: &str) -> Option<String> {
    if text(json, "_TRANSPORT") != Some("audit") {
        return None;
    }
    let serial = text(json, "_AUDIT_ID")?;
    let name = text(json, "_AUDIT_TYPE_NAME").or_else(|| message.split(' ').next())?;
    let at = micros(text(json, "_SOURCE_REALTIME_TIMESTAMP"))?.0.div_euclid(1_000_000);
    let body = message.strip_prefix(name).unwrap_or(message).trim_start();
    Some(format!(
        "type={name} msg=audit({}.{:03}:{serial}): {body}",
        at.div_euclid(1_000),
        at.rem_euclid(1_000)
    ))
}
