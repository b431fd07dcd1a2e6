//! Docker's json-file driver: `{"log":"…\n","stream":"stdout","time":"…"}`.
//!
//! In: a JSON object. Out: `log`; Docker cuts lines at 16 KiB and leaves out their line break.

use super::{Outer, Payload, take_time, text_at};
use crate::decode::Envelope;

/// Where Docker cuts a line, in bytes.
const DOCKER_CUT_BYTES: usize = 16 * 1024;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let log = json.get("log")?.as_str()?;
    let stream = text_at(json, &["stream"]).filter(|stream| matches!(*stream, "stdout" | "stderr"))?;
    take_time(&mut envelope.time, Some(text_at(json, &["time"])?));
    let is_last = log.ends_with('\n') || log.len() < DOCKER_CUT_BYTES;
    Some(Payload::piece(log.strip_suffix('\n').unwrap_or(log), stream, is_last))
}
