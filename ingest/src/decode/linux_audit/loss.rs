//! What the kernel says about audit records that it lost.
//!
//! In: messages without a stamp (`audit_lost=`, `backlog limit exceeded`, suppressed callbacks, full queues, `Missed 7
//! kernel messages`, a daemon that stops writing). Out: `telemetry_gap` rows.
//! Owns: the sure signs of loss. Gaps between serials are no such sign by themselves: see `host_state`.
//! Law: a message without any time near it is refused, since a gap without a moment says nothing.

use std::collections::BTreeMap;

use offbound_schemas::vocabulary::{Action, HookClass};
use offbound_schemas::{EventRows, EventTime};

use crate::decode::{Record, Verdict};

/// Most hosts whose total of lost records is remembered: hosts behind one stream.
const MAX_HOSTS: usize = 1024;

/// Totals and moments of one stream.
#[derive(Default)]
pub(super) struct Loss {
    last: BTreeMap<String, EventTime>,
    /// Of the host that no record names.
    last_nameless: Option<EventTime>,
    totals: BTreeMap<String, u64>,
}

/// Whether the line is a sure sign of loss.
pub(super) fn is_loss(text: &str) -> bool {
    const SIGNS: &[&str] = &[
        "audit_lost=",
        "backlog limit exceeded",
        "audit_backlog=",
        "kauditd hold queue overflow",
        "rate limit exceeded",
    ];
    /// What the daemon says that writes records, and hands them on to others (audit 2.8 to 4.0).
    const DISPATCH: &[&str] = &[
        "queue is full - dropping event",
        "queue to plugins is full",
        "dispatch err (",
        "Audit daemon is suspending logging",
    ];
    let about_audit = text.contains("audit:") || text.contains("kauditd") || text.contains("audit_");
    let suppressed = text.contains("audit_printk_skb:") || text.contains("kauditd_printk_skb:");
    let said = about_audit && (SIGNS.iter().any(|sign| text.contains(sign)) || suppressed);
    let dispatch = DISPATCH.iter().any(|sign| text.contains(sign));
    !text.contains("audit(") && (said || dispatch || missed(text).is_some())
}

/// `Missed 7 kernel messages`, which the journal says of itself.
fn missed(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("Missed ")?;
    let (count, _) = rest.split_once(" kernel messages")?;
    count.parse().ok()
}

impl Loss {
    /// Remembers the moment of a record that did arrive.
    pub(super) fn saw(&mut self, host: &str, time: EventTime) {
        if host.is_empty() {
            self.last_nameless = Some(time);
        } else if let Some(last) = self.last.get_mut(host) {
            *last = time;
        } else if self.last.len() < MAX_HOSTS {
            self.last.insert(host.to_owned(), time);
        }
    }

    /// Makes the gap's row.
    pub(super) fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let host = record.envelope.host.as_deref().unwrap_or_default();
        let last = if host.is_empty() { self.last_nameless } else { self.last.get(host).copied() };
        let Some(time) = record.envelope.time.or(last) else {
            return Verdict::reject(
                "no-time",
                "a message about lost records has no time, and none stands near it",
            );
        };
        let mut row = record.host_event(time);
        row.action = Action::TelemetryGap;
        row.hook_class = HookClass::Audit;
        row.gap_from = last.filter(|last| *last <= time);
        row.rule = Some("audit records lost".to_owned());
        row.lost = missed(record.text).or_else(|| self.lost(record.text, host));
        rows.host_events.push(row);
        Verdict::Decoded
    }

    fn lost(&mut self, text: &str, host: &str) -> Option<u64> {
        if let Some((before, _)) = text.split_once(" callbacks suppressed") {
            return before.rsplit(' ').next().and_then(|number| number.parse().ok());
        }
        let (_, rest) = text.split_once("audit_lost=").or_else(|| text.split_once("lost="))?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let total: u64 = digits.parse().ok()?;
        let known = self.totals.get(host).copied();
        if self.totals.len() < MAX_HOSTS || known.is_some() {
            self.totals.insert(host.to_owned(), total);
        }
        // The kernel says so as it loses a record (`audit_log_lost`, kernel/audit.c of 2.6 to 6.x), and counts since boot: what is
        // new is the difference, or all where the count began anew. Of a first total only the last one is sure to be new.
        match known {
            Some(known) if known <= total => Some(total - known),
            Some(_) => Some(total),
            None => (total == 1).then_some(1),
        }
    }
}
