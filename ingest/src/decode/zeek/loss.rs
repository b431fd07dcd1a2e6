//! What Zeek says of what it did not see: `capture_loss` and `stats`.
//!
//! In: a record of one of these logs. Out: a gap, where something was lost.
//! Facts: Zeek 8.2, `policy/misc/capture-loss.zeek` (`gaps` of the stretch `ts_delta` that ends at `ts`) and `stats.zeek`
//! (`pkts_dropped` since the last report, whose time it does not say).

use offbound_schemas::EventTime;
use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HookClass};
use serde_json::Value;

use crate::decode::Record;
use crate::decode::field::{at, has, string_at, u64_at, unmapped};

/// Nanoseconds of a second.
const SECOND_NANOS: f64 = 1e9;
/// Longest stretch that a report is believed to be about, in seconds: a day; by default they are of minutes.
const MAX_STRETCH_SECS: f64 = 86_400.0;

/// Whether a record is a report on losses.
pub(super) fn is_report(json: &Value) -> bool {
    let has = |keys: &[&str]| keys.iter().all(|key| has(json, &[key]));
    has(&["percent_lost", "gaps", "acks"]) || has(&["pkts_dropped", "pkts_proc", "mem"])
}

/// The gap that a report tells of; none where nothing was lost.
pub(super) fn row(record: &Record<'_>, json: &Value, time: EventTime) -> Option<HostEvent> {
    let (name, lost) = match u64_at(json, &["gaps"]) {
        Some(gaps) => ("zeek capture loss", gaps),
        None => ("zeek packets dropped", u64_at(json, &["pkts_dropped"])?),
    };
    let mut row = record.host_event(time);
    // What is in the envelope is the sensor's host, and it did not see the others' traffic.
    row.host = None;
    row.boot_id = None;
    row.action = Action::TelemetryGap;
    row.hook_class = HookClass::Unknown;
    row.rule = Some(name.to_owned());
    row.lost = Some(lost).filter(|lost| *lost > 0);
    row.gap_from = stretch_nanos(json).map(|nanos| time.plus_nanos(-nanos));
    row.unmapped = unmapped(
        ["peer", "ts_delta", "acks", "percent_lost", "pkts_proc", "pkts_link"]
            .map(|key| (key, at(json, &[key]))),
    );
    row.lost.is_some().then_some(row)
}

fn stretch_nanos(json: &Value) -> Option<i64> {
    let secs: f64 = string_at(json, &["ts_delta"])?.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast from float saturates, and the bound is far below"
    )]
    let nanos = (0.0..=MAX_STRETCH_SECS).contains(&secs).then_some((secs * SECOND_NANOS) as i64);
    nanos
}
