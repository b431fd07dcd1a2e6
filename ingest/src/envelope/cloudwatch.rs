//! One CloudWatch log event: `{"id":"…","timestamp":ms,"message":"…"}`, and a row of CloudWatch Logs Insights:
//! `{"@timestamp":"…","@message":"…"}` or `[{"field":"@message","value":"…"},…]`.
//!
//! In: a JSON object, an element of a subscription's `logEvents` or a row of an export. Out: `message`.

use offbound_schemas::EventTime;
use serde_json::Value;

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    if let Value::Array(row) = json {
        let named = |name: &str| row.iter().find(|field| text_at(field, &["field"]) == Some(name));
        return peel_row(|name| text_at(named(name)?, &["value"]), envelope);
    }
    if json.get("@message").is_some() {
        let said = peel_row(|name| text_at(json, &[name]), envelope);
        // The console writes a message that is JSON as an object.
        return said.or_else(|| Payload::at(outer, &["@message"]));
    }
    let is_known =
        ["id", "eventId", "ingestionTime", "logStreamName"].iter().any(|key| json.get(key).is_some());
    let millis = json.get("timestamp")?.as_i64().filter(|_| is_known)?;
    json.get("message").filter(|message| message.is_string())?;
    take(&mut envelope.origin, text_at(json, &["logGroup"]).or(text_at(json, &["logStreamName"])));
    take(&mut envelope.stream, text_at(json, &["logStreamName"]));
    envelope.time = millis.checked_mul(1_000_000).map(EventTime);
    Payload::at(outer, &["message"])
}

/// A row of Insights. `@log` is the account and the log group, with a colon between them.
fn peel_row<'v>(field: impl Fn(&str) -> Option<&'v str>, envelope: &mut Envelope) -> Option<Payload> {
    let (account, group) = field("@log").and_then(|log| log.split_once(':')).unzip();
    take(&mut envelope.account, account);
    take(&mut envelope.origin, group.or(field("@logStream")));
    take(&mut envelope.stream, field("@logStream"));
    take_time(&mut envelope.time, field("@timestamp"));
    field("@message").map(|message| Payload::whole(message.trim_end()))
}
