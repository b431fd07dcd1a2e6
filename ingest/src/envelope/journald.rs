//! journald exports in JSON: `{"MESSAGE":…,"_HOSTNAME":…,"__REALTIME_TIMESTAMP":"µs"}`.
//!
//! In: a JSON object. Out: `MESSAGE`, which is an array of bytes where it is not text.
//! The journal takes audit records apart; their type and serial are put back in front.

use offbound_schemas::EventTime;
use serde_json::Value;

use super::{Outer, Payload, take, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let message = message(json.get("MESSAGE")?)?;
    let stamp = text_at(json, &["__REALTIME_TIMESTAMP"]);
    stamp.or(text_at(json, &["_BOOT_ID"])).or(text_at(json, &["_TRANSPORT"]))?;
    take(&mut envelope.host, text_at(json, &["_HOSTNAME"]));
    take(&mut envelope.boot_id, text_at(json, &["_BOOT_ID"]));
    take(&mut envelope.unit, text_at(json, &["_SYSTEMD_UNIT"]));
    let program = text_at(json, &["SYSLOG_IDENTIFIER"]).or(text_at(json, &["_COMM"]));
    take(&mut envelope.program, program);
    envelope.time = micros(text_at(json, &["_SOURCE_REALTIME_TIMESTAMP"]).or(stamp)).or(envelope.time);
    Some(Payload::whole(audit_line(json, &message).unwrap_or(message)))
}

fn message(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let bytes: Option<Vec<u8>> = items.iter().map(|item| u8::try_from(item.as_u64()?).ok()).collect();
            Some(crate::text::decode(&bytes?).text.into_owned())
        }
        _ => None,
    }
}

fn micros(text: Option<&str>) -> Option<EventTime> {
    text?.parse::<i64>().ok()?.checked_mul(1_000).map(EventTime)
}

/// The line that the audit daemon would have written.
fn audit_line(json: &Value, message: &str) -> Option<String> {
    if text_at(json, &["_TRANSPORT"]) != Some("audit") {
        return None;
    }
    let serial = text_at(json, &["_AUDIT_ID"])?;
    let name = text_at(json, &["_AUDIT_TYPE_NAME"]).or_else(|| message.split(' ').next())?;
    let at = micros(text_at(json, &["_SOURCE_REALTIME_TIMESTAMP"]))?.0.div_euclid(1_000_000);
    let body = message.strip_prefix(name).unwrap_or(message).trim_start();
    Some(format!(
        "type={name} msg=audit({}.{:03}:{serial}): {body}",
        at.div_euclid(1_000),
        at.rem_euclid(1_000)
    ))
}
