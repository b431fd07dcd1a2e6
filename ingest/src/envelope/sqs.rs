//! A message of AWS SQS: `{"messageId":"…","receiptHandle":"…","body":"…","eventSource":"aws:sqs"}` as functions get it,
//! `{"MessageId":"…","ReceiptHandle":"…","Body":"…"}` as `aws sqs receive-message` prints it.
//!
//! In: a JSON object, an element of `Records` or `Messages`. Out: the body.

use offbound_schemas::EventTime;

use super::{Outer, Payload, take, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    text_at(json, &["receiptHandle"]).or(text_at(json, &["ReceiptHandle"]))?;
    let body = text_at(json, &["body"]).or(text_at(json, &["Body"]))?;
    let queue = text_at(json, &["eventSourceARN"]);
    // `arn:aws:sqs:REGION:ACCOUNT:NAME`
    let account = queue.and_then(|queue| queue.split(':').nth(4)).filter(|account| !account.is_empty());
    take(&mut envelope.account, account);
    take(&mut envelope.origin, queue);
    let sent = ["attributes", "Attributes"].iter().find_map(|key| text_at(json, &[key, "SentTimestamp"]));
    let millis = sent.and_then(|millis| millis.parse::<i64>().ok());
    envelope.time = millis.and_then(|millis| millis.checked_mul(1_000_000)).map(EventTime);
    Some(Payload::whole(body))
}
