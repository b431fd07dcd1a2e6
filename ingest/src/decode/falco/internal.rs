//! What Falco says about itself: events that it lost, and counters.
//!
//! In: alerts whose rule begins with `Falco internal:`. Out: a gap, or nothing.
//! Owns: the difference of counters, which only grow until Falco starts anew.
//! Law: a counter that has not moved is no new loss, nor is one that is seen for the first time: it counts since Falco's
//! start, which may be long ago. One that fell has begun again, and counts from zero. Each source of events has a snapshot of
//! its own: those of others than system calls repeat what is lost behind all of them.

use std::collections::BTreeMap;

use offbound_schemas::vocabulary::{Action, HookClass};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::host;
use crate::decode::field::{at, str_at, time_at, u64_at};
use crate::decode::{Record, Verdict};

/// Hosts whose counters are remembered; beyond the bound all are forgotten, and the next snapshots are first ones.
const MAX_HOSTS: usize = 4_096;

/// The counters of each host's last snapshot.
#[derive(Debug, Default)]
pub(super) struct Counters {
    last: BTreeMap<String, (u64, EventTime)>,
}

impl Counters {
    /// Whether no snapshot was seen.
    pub(super) fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// Reads a record about `what`.
    pub(super) fn decode(
        &mut self,
        record: &Record<'_>,
        json: &Value,
        what: &str,
        rows: &mut EventRows,
    ) -> Verdict {
        let Some(fields) = at(json, &["output_fields"]) else { return Verdict::Skipped("falco-internal") };
        let lost = lost_events(fields);
        let is_snapshot = what.contains("metrics");
        let is_of_calls = str_at(fields, &["evt.source"]).is_none_or(|source| source == "syscall");
        if (lost == 0 && !is_snapshot && !what.contains("drop")) || (is_snapshot && !is_of_calls) {
            return Verdict::Skipped("falco-metrics");
        }
        let time = time_at(json, &["time"]).or(time_at(fields, &["evt.time"])).or(record.envelope.time);
        let Some(time) = time else {
            if lost == 0 {
                return Verdict::Skipped("falco-metrics");
            }
            return Verdict::reject("missing-field", "time of a record of lost events is missing");
        };
        let mut row = record.host_event(time);
        row.host = host(record, json);
        let (lost, from) =
            if is_snapshot { self.grown(row.host.as_deref(), lost, time) } else { (lost, None) };
        if is_snapshot && lost == 0 {
            return Verdict::Skipped("falco-metrics");
        }
        row.action = Action::TelemetryGap;
        row.hook_class = HookClass::Kprobe;
        row.lost = (lost > 0).then_some(lost);
        row.gap_from = from;
        row.rule = Some(format!("Falco internal: {what}"));
        rows.host_events.push(row);
        Verdict::Decoded
    }

    /// By how much a counter has grown, and since when.
    fn grown(&mut self, host: Option<&str>, count: u64, time: EventTime) -> (u64, Option<EventTime>) {
        if self.last.len() >= MAX_HOSTS {
            self.last.clear();
        }
        let before = self.last.insert(host.unwrap_or_default().to_owned(), (count, time));
        match before {
            Some((known, since)) if known <= count => (count - known, Some(since)),
            Some((_, since)) => (count, Some(since)),
            None => (0, None),
        }
    }
}

/// Events that never reached the rules: dropped by the kernel driver, by the queue, or while reading.
fn lost_events(fields: &Value) -> u64 {
    let direct = u64_at(fields, &["n_drops"]).or_else(|| u64_at(fields, &["scap.n_drops"]));
    let other = ["falco.n_retrieve_evts_drops", "falco.n_store_evts_drops", "falco.outputs_queue_num_drops"];
    let kernel = direct.or_else(|| u64_at(fields, &["n_drops_buffer"])).unwrap_or(0);
    other.iter().filter_map(|key| u64_at(fields, &[key])).fold(kernel, u64::saturating_add)
}
