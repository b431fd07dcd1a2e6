//! CloudTrail's event history: `{"EventId":"…","EventName":"…","CloudTrailEvent":"{…}"}` of `aws cloudtrail lookup-events`.
//!
//! In: a JSON object, an element of `Events`. Out: `CloudTrailEvent`, the event as JSON text.

use super::{Outer, Payload, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, _envelope: &mut Envelope) -> Option<Payload> {
    text_at(outer.json?, &["CloudTrailEvent"]).map(Payload::whole)
}
