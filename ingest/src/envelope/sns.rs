//! AWS SNS: `{"Type":"Notification","TopicArn":"…","Message":"…","Timestamp":"…"}`, as it is delivered to a queue or an
//! address, and under `Sns` as it is to a function.
//!
//! In: a JSON object. Out: `Message`.

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let notice = json.get("Sns").unwrap_or(json);
    text_at(notice, &["Type"]).filter(|kind| *kind == "Notification")?;
    let topic = text_at(notice, &["TopicArn"])?;
    let message = text_at(notice, &["Message"])?;
    // `arn:aws:sns:REGION:ACCOUNT:NAME`
    take(&mut envelope.account, topic.split(':').nth(4).filter(|account| !account.is_empty()));
    take(&mut envelope.origin, Some(topic));
    take_time(&mut envelope.time, text_at(notice, &["Timestamp"]));
    Some(Payload::whole(message))
}
