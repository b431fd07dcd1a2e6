//! EventBridge: `{"detail-type":"…","source":"aws.…","account":"…","detail":{…}}`.
//!
//! In: a JSON object. Out: `detail`.

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    text_at(json, &["detail-type"])?;
    let payload = Payload::at(outer, &["detail"])?;
    take(&mut envelope.account, text_at(json, &["account"]));
    take(&mut envelope.origin, text_at(json, &["source"]));
    take_time(&mut envelope.time, text_at(json, &["time"]));
    Some(payload)
}
