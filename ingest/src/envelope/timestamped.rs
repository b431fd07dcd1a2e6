//! A time before a JSON record: `2026-03-01T10:00:00.000Z {…}`, as exports of CloudWatch Logs to S3, `docker logs -t` and
//! `kubectl logs --timestamps` write it.
//!
//! In: a line. Out: the object behind the time. Text behind a time is left alone: many logs are written so themselves.

use offbound_schemas::EventTime;

use super::{Outer, Payload};
use crate::decode::Envelope;

/// Shortest time: `2026-03-01T10:00:00Z`.
const MIN_TIME_BYTES: usize = 20;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let (time, rest) = outer.text.split_once([' ', '\t'])?;
    let is_stamp = time.len() >= MIN_TIME_BYTES && time.as_bytes().get(10) == Some(&b'T');
    let rest = rest.trim_start();
    if !is_stamp || !rest.starts_with('{') || !rest.trim_end().ends_with('}') {
        return None;
    }
    envelope.time = Some(EventTime::parse(time).ok()?);
    Some(Payload::whole(rest))
}
