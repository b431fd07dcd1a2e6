//! Falco alerts, and what Falco says about itself in the same stream.
//!
//! In: alerts as Falco (0.30 to 0.42) and Falcosidekick write them, as JSON or as text. Out: rows of `host_events`, and
//! placements where a rule prints the pod's uid.
//! Owns: what an alert saw, read from `evt.type` and the fields that the rule's author chose to print.
//! Dropped: Falco's own log and shutdown statistics (named), alerts of other sources than system calls (named).
//! Law: Falco never blocks, so `control` is always `none`; `evt.res` says only what the call returned.

mod act;
mod fast;
mod internal;
mod line;

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Attribution, HookClass, HostControl};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::act::process_key;
use super::field::{at, epoch_time, has, list_at, str_at, time_at, u32_at, u64_at, unmapped};
use super::seen_pod::SeenPods;
use super::technique::is_technique;
use super::{Decode, Format, Identity, Record, Verdict, WEAK_CONFIDENCE};

pub(crate) use fast::FAST;

/// Falco.
pub(crate) const FORMAT: Format = Format {
    id: "falco",
    title: "Falco alerts, JSON or text",
    fills: &["host_events", "placements"],
    sample: r#"{"hostname":"n1","output":"10:00:00.5: Warning File opened","output_fields":{"evt.time":1772359200500000000,"evt.type":"openat","fd.name":"/etc/shadow","proc.name":"cat"},"priority":"Warning","rule":"Read sensitive file","source":"syscall","tags":["T1555"],"time":"2026-03-01T10:00:00.5Z"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Falco::default()),
};

#[derive(Default)]
struct Falco {
    counters: internal::Counters,
    pods: SeenPods,
}

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else {
        return match record.text {
            text if line::is_alert(text) => 90,
            text if is_statistics(text) => 60,
            // Many programs of its kind write like that; by itself it is hardly anything.
            text if line::is_log(text) && (text.contains("Falco") || text.contains("/falco")) => 60,
            text if line::is_log(text) => WEAK_CONFIDENCE,
            // Too little to claim a line that stands alone.
            text if is_statistics_entry(text) => WEAK_CONFIDENCE,
            _ => 0,
        };
    };
    let internal = str_at(json, &["rule"]).is_some_and(|rule| rule.starts_with("Falco internal:"));
    match (
        has(json, &["rule"]),
        has(json, &["priority"]),
        ["output", "output_fields", "message"].iter().any(|key| has(json, &[key])),
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
    fn is_stateless(&self) -> bool {
        self.counters.is_empty()
    }

    fn looks_back(&self) -> bool {
        // Counters are compared with those of the snapshot before.
        true
    }

    fn seen_pods(&mut self) -> Option<&mut SeenPods> {
        Some(&mut self.pods)
    }

    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let read;
        let json = match record.json {
            Some(json) => json,
            None => match line::as_json(record.text) {
                Some(json) => {
                    read = json;
                    &read
                }
                None => return skip_text(record.text),
            },
        };
        if str_at(json, &["source"]).is_some_and(|source| source != "syscall" && source != "internal") {
            return Verdict::Skipped("not-a-host-event");
        }
        let Some(rule) = str_at(json, &["rule"]) else {
            return Verdict::reject("missing-field", "rule is missing");
        };
        if let Some(what) = rule.strip_prefix("Falco internal:") {
            return self.counters.decode(record, json, what.trim(), rows);
        }
        let Some(time) = alert_time(json).or(record.envelope.time) else {
            return Verdict::reject("no-time", "neither time nor output_fields.evt.time is a time");
        };
        let row = alert(record, json, rule, time);
        let started = at(json, &["output_fields"]).and_then(|fields| epoch_at(fields, "container.start_ts"));
        rows.placements.extend(self.pods.state(record, &row, started));
        rows.host_events.push(row);
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
    const NUMBERS: &[&str] = &["evt.rawtime", "evt.time", "evt.time.iso8601"];
    // `time` has nanoseconds too, and is what Falco itself made of the number: it wins when both are there.
    time_at(json, &["time"]).or_else(|| {
        let fields = at(json, &["output_fields"])?;
        NUMBERS.iter().find_map(|key| epoch_at(fields, key))
    })
}

/// A moment that a field gives as a number.
fn epoch_at(fields: &Value, key: &str) -> Option<EventTime> {
    u64_at(fields, &[key]).and_then(|number| epoch_time(&number.to_string()))
}

fn alert(record: &Record<'_>, json: &Value, rule: &str, time: EventTime) -> HostEvent {
    let output = str_at(json, &["output"]).or_else(|| str_at(json, &["message"])).unwrap_or_default();
    let printed;
    let fields = match at(json, &["output_fields"]).filter(|fields| !is_empty(fields)) {
        Some(fields) => fields,
        // They may be switched off (`json_include_output_fields_property`): the same values stand in the text.
        None => {
            printed = line::printed(output);
            &printed
        }
    };
    let text = |key: &str| said(fields, key);
    // The metadata plugin has names of its own, and a node that is surely one.
    let place = |what: &str| text(&format!("k8s.{what}")).or_else(|| text(&format!("k8smeta.{what}")));
    let mut row = record.host_event(time);
    row.native_id = str_at(json, &["uuid"]).map(str::to_owned);
    row.host = place("node.name").or_else(|| host(record, json));
    let container = text("container.full_id").or_else(|| text("container.id"));
    row.container_id = container.filter(|id| id != "host").map(|id| id.to_ascii_lowercase());
    row.image = image(fields);
    row.pod = place("pod.name");
    row.namespace = place("ns.name");
    row.pod_uid = place("pod.uid");
    row.service_account = place("sa.name");
    row.attribution = if row.pod.is_some() { Attribution::Direct } else { Attribution::None };
    row.control = HostControl::None;
    row.hook_class = HookClass::Kprobe;
    row.pid = u32_at(fields, &["proc.pid"]);
    row.parent_pid = u32_at(fields, &["proc.ppid"]);
    row.process_start = epoch_at(fields, "proc.pid.ts");
    row.process_key = process_key(row.host.as_deref(), row.pid, row.process_start);
    row.parent_key = process_key(row.host.as_deref(), row.parent_pid, epoch_at(fields, "proc.ppid.ts"));
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
    act::describe(fields, &|| words(rule, output), &mut row);
    row.unmapped = unmapped([
        ("output", at(json, &["output"])),
        ("message", at(json, &["message"])),
        ("tags", at(json, &["tags"])),
        ("hostname", at(json, &["hostname"])),
        ("output_fields", at(json, &["output_fields"])),
    ]);
    row
}

fn is_empty(fields: &Value) -> bool {
    fields.as_object().is_some_and(serde_json::Map::is_empty)
}

/// What the rule's author wrote: its name, and its output up to the values that sensors append.
fn words(rule: &str, output: &str) -> String {
    let words = output.split(['|', '(']).next().unwrap_or_default();
    format!("{rule} {words}").to_lowercase()
}

/// A field's text, unless the sensor wrote that it has none.
fn said(fields: &Value, key: &str) -> Option<String> {
    str_at(fields, &[key]).filter(|text| *text != "<NA>").map(str::to_owned)
}

/// The node, unless what is there is the name of the sensor's own container.
fn host(record: &Record<'_>, json: &Value) -> Option<String> {
    let named = str_at(json, &["hostname"]).filter(|name| !is_container_name(name));
    named.map(str::to_owned).or_else(|| record.envelope.host.clone())
}

fn is_container_name(name: &str) -> bool {
    let hex = name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    // The chart names its pods `falco-x2x9z`, or `RELEASE-falco-x2x9z`.
    let pod_of_falco = name
        .rsplit_once('-')
        .is_some_and(|(set, rest)| rest.len() == 5 && (set == "falco" || set.ends_with("-falco")));
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
