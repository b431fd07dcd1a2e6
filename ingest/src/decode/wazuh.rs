//! Wazuh alerts: records of other tools, with the rule that Wazuh found to match.
//!
//! In: objects of `alerts.json` (Wazuh 3 and 4) with `rule`, `agent`, and the original in `full_log`. Out: the rows that the
//! original gives by its own format, with Wazuh's rule; where it gives none, one row for the alert, or for the file
//! that Wazuh's integrity check (`syscheck`) saw change.
//! Owns: what Wazuh adds. Leaves the original to [`super::FORMATS`].
//! Law: an alert inside an alert is not read; an alert never decides anything, it only tells.

mod original;

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, HookClass, Outcome};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::field::{at, has, ill_typed, list_at, missing, str_at, string_at, time_text, u32_at, unmapped};
use super::technique::techniques;
use super::{Decode, Format, Identity, Record, Reject, Verdict, address};
use crate::decode::credential_path::classify;

/// Name of the layer that an alert is around its original.
const LAYER: &str = "wazuh";

/// Wazuh.
pub(crate) const FORMAT: Format = Format {
    id: "wazuh",
    title: "Wazuh alerts, JSON",
    fills: &["host_events", "identity_assertions"],
    sample: r#"{"timestamp":"2026-03-01T10:00:01.250+0000","rule":{"level":7,"description":"Audit: shadow file was read","id":"100200","mitre":{"id":["T1003"]},"groups":["audit"]},"agent":{"id":"004","name":"n1"},"manager":{"name":"m1"},"id":"1772359201.4121","full_log":"type=SYSCALL msg=audit(1772359200.500:4121): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a2=0 ppid=1 pid=4121 auid=4294967295 uid=0 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"shadow\" type=PATH msg=audit(1772359200.500:4121): item=0 name=\"/etc/shadow\" nametype=NORMAL","decoder":{"name":"auditd"},"location":"/var/log/audit/audit.log"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Wazuh),
};

struct Wazuh;

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    let ruled = has(json, &["rule", "level"]) && has(json, &["rule", "id"]);
    let from = has(json, &["agent", "id"]) || has(json, &["manager", "name"]);
    let about = ["full_log", "syscheck", "decoder"].iter().any(|key| has(json, &[key]));
    if ruled && from && about { 96 } else { 0 }
}

impl Decode for Wazuh {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else { return Verdict::Skipped("not-an-alert") };
        if record.envelope.layers.contains(&LAYER) {
            return Verdict::Skipped("nested-alert");
        }
        let time = match time(json) {
            Ok(time) => time,
            Err(reject) => return Verdict::Rejected(reject),
        };
        let mut found = original::rows(record, json, time);
        for row in &mut found.host_events {
            annotate(json, row);
        }
        if found.is_empty() {
            found.host_events.push(alert(record, json, time));
        }
        let EventRows { host_events, identity_assertions, placements } = found;
        rows.host_events.extend(host_events);
        rows.identity_assertions.extend(identity_assertions);
        rows.placements.extend(placements);
        Verdict::Decoded
    }
}

/// When the manager received it: `2026-03-01T10:00:01.250+0000`, without a colon in the zone.
fn time(json: &Value) -> Result<EventTime, Reject> {
    let Some(text) = str_at(json, &["timestamp"]) else { return Err(missing("timestamp")) };
    let zoned = match text.split_at_checked(text.len().saturating_sub(2)) {
        Some((before, minutes)) if before.get(before.len().saturating_sub(3)..).is_some_and(is_offset) => {
            format!("{before}:{minutes}")
        }
        _ => text.to_owned(),
    };
    time_text(&zoned).ok_or_else(|| ill_typed("timestamp", &Value::from(text), "a time"))
}

fn is_offset(text: &str) -> bool {
    text.starts_with(['+', '-']) && text.bytes().skip(1).all(|byte| byte.is_ascii_digit())
}

/// What Wazuh says about a row; the original's own rule moves to what no column holds.
fn annotate(json: &Value, row: &mut HostEvent) {
    let own = row.rule.take().map(Value::from);
    let inner: Value =
        row.unmapped.take().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    row.rule = str_at(json, &["rule", "description"]).map(str::to_owned);
    row.priority = string_at(json, &["rule", "level"]);
    let named = list_at(json, &["rule", "mitre", "id"]);
    row.attack = techniques(named.iter().map(String::as_str));
    let about = [
        ("rule_id", at(json, &["rule", "id"])),
        ("rule_groups", at(json, &["rule", "groups"])),
        ("agent", at(json, &["agent"])),
        ("manager", at(json, &["manager", "name"])),
        ("alert_id", at(json, &["id"])),
        ("original_rule", own.as_ref()),
    ];
    let inner = inner.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), Some(value)));
    row.unmapped = unmapped(about.into_iter().chain(inner));
}

/// The row of an alert whose original is of no known format.
fn alert(record: &Record<'_>, json: &Value, time: EventTime) -> HostEvent {
    let mut row = record.host_event(time);
    row.host = str_at(json, &["agent", "name"]).map(str::to_owned).or(row.host);
    row.native_id = str_at(json, &["id"]).map(str::to_owned);
    row.hook_class = HookClass::Userspace;
    if let Some(check) = at(json, &["syscheck"]) {
        changed_file(check, &mut row);
    } else {
        row.comm = str_at(json, &["predecoder", "program_name"]).map(str::to_owned);
        row.src_addr = str_at(json, &["data", "srcip"]).and_then(address::normal);
        row.dst_addr = str_at(json, &["data", "dstip"]).and_then(address::normal);
    }
    let data = unmapped([
        ("syscheck", at(json, &["syscheck"])),
        ("data", at(json, &["data"])),
        ("full_log", at(json, &["full_log"])),
        ("decoder", at(json, &["decoder", "name"])),
        ("location", at(json, &["location"])),
    ]);
    row.unmapped = data;
    annotate(json, &mut row);
    row
}

/// A file that was added, modified or deleted; who did it is known where the kernel's audit was asked (`whodata`).
fn changed_file(check: &Value, row: &mut HostEvent) {
    row.target_path = str_at(check, &["path"]).map(str::to_owned);
    row.target_is_credential = row.target_path.as_deref().is_some_and(|path| classify(path).is_some());
    row.action = match str_at(check, &["event"]) {
        Some("added" | "modified" | "deleted") => Action::FileWrite,
        _ => Action::Other,
    };
    row.outcome = Outcome::Allowed;
    let number = |path: &[&str]| u32_at(check, path).filter(|number| *number != u32::MAX);
    row.pid = number(&["audit", "process", "id"]);
    row.parent_pid = number(&["audit", "process", "ppid"]);
    row.exe = str_at(check, &["audit", "process", "name"]).map(str::to_owned);
    row.parent_exe = str_at(check, &["audit", "process", "parent_name"]).map(str::to_owned);
    row.cwd = str_at(check, &["audit", "process", "cwd"]).map(str::to_owned);
    row.uid = number(&["audit", "user", "id"]);
    row.euid = number(&["audit", "effective_user", "id"]);
    row.auid = number(&["audit", "login_user", "id"]);
}

#[cfg(test)]
mod tests;
