//! Azure diagnostic records of AKS: `{"category":"kube-audit","properties":{"log":"…"}}`, and the same as a row of the table
//! `AzureDiagnostics`: `{"Category":"kube-audit","log_s":"…","TimeGenerated":"…"}`.
//!
//! In: a JSON object. Out: `properties.log`, or `log_s`.

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let first = |keys: &[&str]| keys.iter().find_map(|key| text_at(json, &[key]));
    first(&["category", "Category"])?;
    let payload = Payload::at(outer, &["properties", "log"]).or_else(|| Payload::at(outer, &["log_s"]))?;
    take(&mut envelope.origin, first(&["resourceId", "ResourceId", "_ResourceId"]));
    take_time(&mut envelope.time, first(&["time", "TimeGenerated"]));
    Some(payload)
}
