//! CRI log lines: `TIME stdout|stderr P|F text`, as container runtimes write them.
//!
//! In: a line. Out: its text; pieces marked `P` go on in the next line of the same stream.

use offbound_schemas::EventTime;

use super::{Outer, Payload};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let mut parts = outer.text.splitn(4, ' ');
    let (time, stream, tag) = (parts.next()?, parts.next()?, parts.next()?);
    if !matches!(stream, "stdout" | "stderr") || !matches!(tag, "P" | "F") {
        return None;
    }
    envelope.time = Some(EventTime::parse(time).ok()?);
    Some(Payload::piece(parts.next().unwrap_or_default(), stream, tag == "F"))
}
