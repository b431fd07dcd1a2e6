//! Azure diagnostic records of AKS: `{"category":"kube-audit","properties":{"log":"…"}}`.
//!
//! In: a JSON object. Out: `properties.log`.

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    text_at(json, &["category"]).or(text_at(json, &["Category"]))?;
    let payload = Payload::at(outer, &["properties", "log"])?;
    take(&mut envelope.origin, text_at(json, &["resourceId"]));
    take_time(&mut envelope.time, text_at(json, &["time"]));
    Some(payload)
}
