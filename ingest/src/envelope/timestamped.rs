//! A time before a JSON record: `2026-03-01T10:00:00.000Z {…}`, as exports of CloudWatch Logs to S3, `docker logs -t` and
//! `kubectl logs --timestamps` write it; also with the name of a stream or tag in between, as `aws logs tail` and the
//! files of Fluentd have it.
//!
//! In: a line. Out: the object behind the time. Text behind a time is left alone: many logs are written so themselves.

use offbound_schemas::EventTime;

use super::{Outer, Payload, take};
use crate::decode::Envelope;

/// Shortest time: `2026-03-01T10:00:00Z`.
const MIN_TIME_BYTES: usize = 20;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let (time, rest) = outer.text.split_once([' ', '\t'])?;
    let is_stamp = time.len() >= MIN_TIME_BYTES && time.as_bytes().get(10) == Some(&b'T');
    let rest = rest.trim_start();
    let rest = if rest.starts_with('{') { rest } else { behind_name(rest, envelope)? };
    if !is_stamp || !rest.trim_end().ends_with('}') {
        return None;
    }
    envelope.time = Some(EventTime::parse(time).ok()?);
    Some(Payload::whole(rest))
}

/// The object behind one word.
fn behind_name<'t>(text: &'t str, envelope: &mut Envelope) -> Option<&'t str> {
    let (name, rest) = text.split_once([' ', '\t'])?;
    let rest = rest.trim_start();
    rest.starts_with('{').then(|| take(&mut envelope.stream, Some(name)))?;
    Some(rest)
}
