//! Google Cloud Pub/Sub: `{"message":{"data":"BASE64","messageId":"…","publishTime":"…"},"subscription":"…"}`, as it is
//! pushed, and as a pull gives it.
//!
//! In: a JSON object. Out: `message.data`, decoded. What is no base64 of a text is no envelope of this kind.

use base64::Engine as _;

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    text_at(json, &["message", "messageId"]).or(text_at(json, &["message", "message_id"]))?;
    let data = text_at(json, &["message", "data"])?;
    let text = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(data).ok()?).ok()?;
    take(&mut envelope.origin, text_at(json, &["subscription"]));
    let published =
        text_at(json, &["message", "publishTime"]).or(text_at(json, &["message", "publish_time"]));
    take_time(&mut envelope.time, published);
    Some(Payload::whole(text))
}
