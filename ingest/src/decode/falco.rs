//! Falco alerts (JSON), and what Falco says about itself in the same stream.
//!
//! In: alerts as Falco and Falcosidekick write them. Out: rows of `host_events`.
//! Owns: what an alert saw, read from `evt.type` and the fields that the rule's author chose to print.
//! Dropped: text lines and shutdown statistics (named), alerts of other sources than system calls (named).
//! Law: Falco never blocks, so `control` is always `none`; `evt.res` says only what the call returned.

mod act;

use offbound_schemas::vocabulary::{Action, Attribution, HookClass, HostControl};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::field::{at, epoch_time, has, list_at, str_at, time_at, u32_at, u64_at, unmapped};
use super::{Decode, Format, Identity, Record, Verdict, WEAK_CONFIDENCE};

/// Falco.
pub(crate) const FORMAT: Format = Format {
    id: "falco",
    title: "Falco alerts, JSON",
    fills: &["host_events"],
    sample: r#"{"hostname":"n1","output":"10:00:00.5: Warning File opened","output_fields":{"evt.time":1772359200500000000,"evt.type":"openat","fd.name":"/etc/shadow","proc.name":"cat"},"priority":"Warning","rule":"Read sensitive file","source":"syscall","tags":["T1555"],"time":"2026-03-01T10:00:00.5Z"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Falco),
};

struct Falco;

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else {
        return match record.text {
            text if is_statistics(text) => 60,
            // Too little to claim a line that stands alone.
            text if is_statistics_entry(text) => WEAK_CONFIDENCE,
            _ => 0,
        };
    };
    let internal = str_at(json, &["rule"]).is_some_and(|rule| rule.starts_with("Falco internal:"));
    match (
        has(json, &["rule"]),
        has(json, &["priority"]),
        has(json, &["output"]) || has(json, &["output_fields"]),
    ) {
        _ if internal => 95,
        (true, true, true) => 92,
        _ => 0,
    }
}

/// Statistics that Falco prints when it stops.
fn is_statistics(text: &str) -> bool {
    const HEADINGS: &[&str] = &[
        "Events detected:",
        "Rule counts by severity:",
        "Triggered rules by rule name:",
        "Syscall event drop monitoring:",
    ];
    HEADINGS.iter().any(|heading| text.trim_start().starts_with(heading))
}

impl Decode for Falco {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else { return skip_text(record.text) };
        if str_at(json, &["source"]).is_some_and(|source| source != "syscall" && source != "internal") {
            return Verdict::Skipped("not-a-host-event");
        }
        let Some(rule) = str_at(json, &["rule"]) else {
            return Verdict::reject("missing-field", "rule is missing");
        };
        if let Some(what) = rule.strip_prefix("Falco internal:") {
            return internal(record, json, what.trim(), rows);
        }
        let Some(time) = alert_time(json) else {
            return Verdict::reject("missing-field", "neither time nor output_fields.evt.time is a time");
        };
        alert(record, json, rule, time, rows);
        Verdict::Decoded
    }
}

fn skip_text(text: &str) -> Verdict {
    match text {
        _ if text.trim().is_empty() => Verdict::Skipped("blank"),
        _ if is_statistics(text) || is_statistics_entry(text) => Verdict::Skipped("falco-statistics"),
        _ => Verdict::Skipped("falco-log"),
    }
}

/// `   Some rule or SEVERITY: 3`, under a heading of the statistics.
fn is_statistics_entry(text: &str) -> bool {
    text.starts_with("  ")
        && text
            .rsplit_once(": ")
            .is_some_and(|(_, count)| !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit()))
}

fn alert_time(json: &Value) -> Option<EventTime> {
    let fields = at(json, &["output_fields"])?;
    let nanos = ["evt.rawtime", "evt.time", "evt.time.iso8601"]
        .iter()
        .find_map(|key| u64_at(fields, &[key]).and_then(|number| epoch_time(&number.to_string())));
    // `time` has nanoseconds too, and is what Falco itself made of the number: it wins when both are there.
    time_at(json, &["time"]).or(nanos)
}

fn internal(record: &Record<'_>, json: &Value, what: &str, rows: &mut EventRows) -> Verdict {
    let Some(fields) = at(json, &["output_fields"]) else { return Verdict::Skipped("falco-internal") };
    let lost = lost_events(fields);
    if lost == 0 && !what.contains("drop") {
        return Verdict::Skipped("falco-metrics");
    }
    let time = time_at(json, &["time"]).or(time_at(fields, &["evt.time"])).or(record.envelope.time);
    let Some(time) = time else {
        return Verdict::reject("missing-field", "time of a record of lost events is missing");
    };
    let mut row = record.host_event(time);
    row.host = host(record, json);
    row.action = Action::TelemetryGap;
    row.hook_class = HookClass::Kprobe;
    row.lost = (lost > 0).then_some(lost);
    row.rule = Some(format!("Falco internal: {what}"));
    rows.host_events.push(row);
    Verdict::Decoded
}

/// Events that never reached the rules: dropped by the kernel driver, by the queue, or while reading.
fn lost_events(fields: &Value) -> u64 {
    let direct = u64_at(fields, &["n_drops"]).or_else(|| u64_at(fields, &["scap.n_drops"]));
    let other = ["falco.n_retrieve_evts_drops", "falco.n_store_evts_drops", "falco.outputs_queue_num_drops"];
    let kernel = direct.or_else(|| u64_at(fields, &["n_drops_buffer"])).unwrap_or(0);
    other.iter().filter_map(|key| u64_at(fields, &[key])).fold(kernel, u64::saturating_add)
}

fn alert(record: &Record<'_>, json: &Value, rule: &str, time: EventTime, rows: &mut EventRows) {
    let nothing = Value::Null;
    let fields = at(json, &["output_fields"]).unwrap_or(&nothing);
    let text = |key: &str| said(fields, key);
    let mut row = record.host_event(time);
    row.native_id = str_at(json, &["uuid"]).map(str::to_owned);
    row.host = host(record, json);
    row.container_id = text("container.full_id").or_else(|| text("container.id")).filter(|id| id != "host");
    row.image = image(fields);
    row.pod = text("k8s.pod.name");
    row.namespace = text("k8s.ns.name");
    row.pod_uid = text("k8s.pod.uid");
    row.service_account = text("k8s.sa.name");
    row.attribution = if row.pod.is_some() { Attribution::Direct } else { Attribution::None };
    row.control = HostControl::None;
    row.hook_class = HookClass::Kprobe;
    row.pid = u32_at(fields, &["proc.pid"]);
    row.parent_pid = u32_at(fields, &["proc.ppid"]);
    row.process_start = u64_at(fields, &["proc.pid.ts"]).and_then(|nanos| epoch_time(&nanos.to_string()));
    row.exe = text("proc.exepath");
    row.comm = text("proc.name");
    row.parent_exe = text("proc.pexepath").or_else(|| text("proc.pname"));
    row.cmd_line = text("proc.cmdline");
    row.cwd = text("proc.cwd");
    row.uid = u32_at(fields, &["user.uid"]);
    row.auid = u32_at(fields, &["user.loginuid"]).filter(|auid| *auid != u32::MAX);
    row.syscall = text("evt.type");
    row.rule = Some(rule.to_owned());
    row.priority = str_at(json, &["priority"]).map(str::to_lowercase);
    row.attack = list_at(json, &["tags"]).into_iter().filter(|tag| is_technique(tag)).collect();
    act::describe(fields, &message(json, rule), &mut row);
    row.unmapped = unmapped([
        ("output", at(json, &["output"])),
        ("tags", at(json, &["tags"])),
        ("hostname", at(json, &["hostname"])),
        ("output_fields", at(json, &["output_fields"])),
    ]);
    rows.host_events.push(row);
}

/// What the rule's author wrote: its name, and its output up to the values that sensors append.
fn message(json: &Value, rule: &str) -> String {
    let output = str_at(json, &["output"]).unwrap_or_default();
    let words = output.split(['|', '(']).next().unwrap_or_default();
    format!("{rule} {words}").to_lowercase()
}

/// A field's text, unless the sensor wrote that it has none.
fn said(fields: &Value, key: &str) -> Option<String> {
    str_at(fields, &[key]).filter(|text| *text != "<NA>").map(str::to_owned)
}

/// `T1059` or `T1059.004`.
fn is_technique(tag: &str) -> bool {
    tag.strip_prefix('T').is_some_and(|rest| {
        let (number, sub) = rest.split_once('.').unwrap_or((rest, "000"));
        number.len() == 4 && [number, sub].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// The node, unless what is there is the name of the sensor's own container.
fn host(record: &Record<'_>, json: &Value) -> Option<String> {
    let named = str_at(json, &["hostname"]).filter(|name| !is_container_name(name));
    named.map(str::to_owned).or_else(|| record.envelope.host.clone())
}

fn is_container_name(name: &str) -> bool {
    let hex = name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pod_of_falco = name.strip_prefix("falco-").is_some_and(|rest| rest.len() == 5);
    hex || pod_of_falco
}

fn image(fields: &Value) -> Option<String> {
    let repository =
        said(fields, "container.image.repository").or_else(|| said(fields, "container.image"))?;
    Some(match said(fields, "container.image.tag") {
        Some(tag) => format!("{repository}:{tag}"),
        None => repository,
    })
}

#[cfg(test)]
mod tests;
