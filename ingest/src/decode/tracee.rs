//! Tracee's events and detections, both generations of its JSON.
//!
//! In: one event a line: before 1.0 flat with `eventName` and `args[]`, from 1.0 on nested under `workload` with `data[]`.
//! Out: rows of `host_events`, and placements where an event names the pod's uid.
//! Owns: where each generation keeps its fields. Leaves to [`event`]: what an event's name and arguments mean.
//! Dropped: nothing; arguments are kept unmapped.
//! Law: only host pids are pids; a clock that counts from boot is no time of day; `hostName` is what the process itself
//! is told, which in a container is the container's name.

mod event;
mod value;

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Attribution, HookClass};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use self::value::{Arguments, nested, number};
use super::field::{
    array_at, at, epoch_nanos_at, has, i64_at, object_at, str_at, string_at, u32_at, unmapped,
};
use super::seen_pod::SeenPods;
use super::technique::techniques;
use super::{Decode, Format, Identity, Record, Verdict, act, cut};

/// Tracee.
pub(crate) const FORMAT: Format = Format {
    id: "tracee",
    title: "Tracee events, JSON, before and after 1.0",
    fills: &["host_events", "placements"],
    sample: r#"{"timestamp":1772359200500000000,"threadStartTime":1772359200000000000,"processId":7,"threadId":7,"parentProcessId":1,"hostProcessId":4121,"hostThreadId":4121,"hostParentProcessId":4100,"userId":0,"processName":"cat","hostName":"n1","container":{"id":"c0ffee"},"kubernetes":{"podName":"web-7","podNamespace":"shop","podUID":"5d0a3c52-6f0b-4a7e-9d3e-2f4d1c9b7a10"},"eventName":"openat","argsNum":2,"returnValue":3,"syscall":"openat","args":[{"name":"pathname","type":"const char*","value":"/etc/hosts"},{"name":"flags","type":"string","value":"O_RDONLY"}]}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Tracee::default()),
};

/// Bytes of a host's name that Tracee keeps.
const MAX_NAME_BYTES: usize = 15;

#[derive(Default)]
struct Tracee {
    pods: SeenPods,
}

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    let flat = has(json, &["eventName"]) && at(json, &["args"]).is_some_and(Value::is_array);
    let nested = has(json, &["name"])
        && object_at(json, &["workload"]).is_some()
        && (at(json, &["data"]).is_some_and(Value::is_array) || has(json, &["timestamp"]));
    match () {
        () if flat && has(json, &["hostProcessId"]) => 95,
        () if flat && has(json, &["processName"]) => 88,
        () if nested && has(json, &["workload", "process"]) => 94,
        () if nested && has(json, &["policies"]) => 85,
        () => 0,
    }
}

impl Decode for Tracee {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-json", "the line is no JSON object");
        };
        let is_flat = has(json, &["eventName"]);
        let name = str_at(json, &[if is_flat { "eventName" } else { "name" }]);
        let Some(name) = name else {
            return Verdict::reject("missing-field", "neither eventName nor name is there");
        };
        let time = if is_flat { epoch_nanos_at(json, &["timestamp"]) } else { stamp(json) };
        let Some(time) = time.or(record.envelope.time) else {
            return Verdict::reject("no-time", "timestamp is no time of day, and no envelope gives one");
        };
        let arguments = Arguments::of(array_at(json, &[if is_flat { "args" } else { "data" }]));
        let mut row = record.host_event(time);
        row.hook_class = HookClass::Kprobe;
        if is_flat {
            flat(json, &mut row)
        } else {
            workload(json, &mut row)
        }
        row.attribution = if row.pod.is_some() { Attribution::Direct } else { Attribution::None };
        let returned = if is_flat { i64_at(json, &["returnValue"]) } else { arguments.number("returnValue") };
        event::describe(name, returned, &arguments, &mut row);
        detection(json, name, &mut row);
        row.unmapped = rest(json, name);
        rows.placements.extend(self.pods.state(record, &row, None));
        rows.host_events.push(row);
        Verdict::Decoded
    }
}

/// `{"seconds":"…","nanos":…}`, or a text.
fn stamp(json: &Value) -> Option<EventTime> {
    let secs = i64_at(json, &["timestamp", "seconds"]);
    let of_parts = |secs| {
        let nanos = i64_at(json, &["timestamp", "nanos"]).unwrap_or(0);
        EventTime::from_secs_nanos(secs, nanos).filter(|_| (0..1_000_000_000).contains(&nanos))
    };
    match secs {
        Some(secs) => of_parts(secs),
        None => str_at(json, &["timestamp"]).and_then(|text| EventTime::parse(text).ok()),
    }
}

/// Process and place, as versions before 1.0 write them. `processId` is the pid inside the container.
fn flat(json: &Value, row: &mut HostEvent) {
    let text = |keys: &[&[&str]]| keys.iter().find_map(|path| string_at(json, path));
    row.container_id = text(&[&["container", "id"], &["containerId"]]).map(|id| id.to_ascii_lowercase());
    row.pod = text(&[&["kubernetes", "podName"], &["podName"]]);
    row.host = node(str_at(json, &["hostName"]), row);
    row.pid = u32_at(json, &["hostProcessId"]);
    row.parent_pid = u32_at(json, &["hostParentProcessId"]);
    // Of another thread than the first, only the thread's start is known.
    let is_main = i64_at(json, &["hostThreadId"]) == i64_at(json, &["hostProcessId"]);
    row.process_start = epoch_nanos_at(json, &["threadStartTime"]).filter(|_| is_main);
    row.process_key = entity(row, u32_at(json, &["processEntityId"]))
        .or_else(|| act::process_key(row.host.as_deref(), row.pid, row.process_start));
    row.parent_key = entity(row, u32_at(json, &["parentEntityId"]));
    row.comm = text(&[&["processName"]]);
    row.exe = text(&[&["executable", "path"]]);
    row.uid = u32_at(json, &["userId"]);
    row.syscall = text(&[&["syscall"]]);
    row.image = text(&[&["container", "image"], &["containerImage"]]);
    row.namespace = text(&[&["kubernetes", "podNamespace"], &["podNamespace"]]);
    row.pod_uid = text(&[&["kubernetes", "podUID"], &["podUID"]]);
}

/// The node of a process that is told `name` as the name of its host (`HostName` is the task's UTS name, in 16 bytes). In a
/// container that is the node's only where the container shares it, as pods do that use the node's network.
fn node(name: Option<&str>, row: &HostEvent) -> Option<String> {
    let envelope = row.host.as_deref();
    let is_begin_of = |whole: &str| name.is_some_and(|name| name == cut(whole, MAX_NAME_BYTES));
    // A name that was cut is the beginning of the one that the envelope knows.
    if envelope.is_some_and(is_begin_of) {
        return row.host.clone();
    }
    let is_own = match (&row.container_id, &row.pod) {
        (None, _) => false,
        (Some(_), Some(pod)) => is_begin_of(pod),
        (Some(_), None) => true,
    };
    if is_own { row.host.clone() } else { name.map(str::to_owned).or_else(|| row.host.clone()) }
}

/// Process and place, as versions from 1.0 on write them.
fn workload(json: &Value, row: &mut HostEvent) {
    let nothing = Value::Null;
    let process = at(json, &["workload", "process"]).unwrap_or(&nothing);
    let parent = at(process, &["ancestors", "0"]).unwrap_or(&nothing);
    row.pid = host_pid(process);
    row.parent_pid = host_pid(parent);
    row.process_key = entity(row, number(process, "unique_id"));
    row.parent_key = entity(row, number(parent, "unique_id"));
    let thread = nested(process, "thread").unwrap_or(&nothing);
    row.process_start = started(thread, process);
    row.comm = string_at(thread, &["name"]);
    row.syscall = string_at(thread, &["syscall"]);
    row.exe = string_at(process, &["executable", "path"]);
    row.parent_exe =
        string_at(parent, &["executable", "path"]).or_else(|| string_at(parent, &["thread", "name"]));
    row.uid = nested(process, "real_user").and_then(|user| number(user, "id"));
    row.container_id = string_at(json, &["workload", "container", "id"]).map(|id| id.to_ascii_lowercase());
    row.image = string_at(json, &["workload", "container", "image", "name"]);
    row.pod = string_at(json, &["workload", "k8s", "pod", "name"]);
    row.namespace = string_at(json, &["workload", "k8s", "namespace", "name"]);
    row.pod_uid = string_at(json, &["workload", "k8s", "pod", "uid"]);
}

/// The host's pid. `pid` is the container's; the first thread's number is the process's.
fn host_pid(process: &Value) -> Option<u32> {
    number(process, "host_pid").or_else(|| {
        let thread = nested(process, "thread")?;
        let is_first = number(thread, "tid") == number(process, "pid");
        number(thread, "host_tid").filter(|_| is_first)
    })
}

fn started(thread: &Value, process: &Value) -> Option<EventTime> {
    let start = nested(thread, "start_time")?;
    let is_first = number(thread, "tid") == number(process, "pid");
    let secs = i64_at(start, &["seconds"]);
    let moment = match secs {
        Some(secs) => EventTime::from_secs_nanos(secs, i64_at(start, &["nanos"]).unwrap_or(0)),
        None => start.as_str().and_then(|text| EventTime::parse(text).ok()),
    };
    moment.filter(|moment| is_first && *moment > EventTime::default())
}

/// Tracee's own hash of a process is unique on its host.
fn entity(row: &HostEvent, id: Option<u32>) -> Option<String> {
    let id = id.filter(|id| *id != 0)?;
    Some(format!("tracee:{}:{id}", row.host.as_deref().unwrap_or_default()))
}

/// What a signature says about the event that it raises.
fn detection(json: &Value, name: &str, row: &mut HostEvent) {
    let Some(said) = at(json, &["metadata"]).or_else(|| at(json, &["threat"])) else { return };
    let properties = at(said, &["Properties"]).unwrap_or(said);
    let title = str_at(properties, &["signatureName"]).or_else(|| str_at(said, &["name"]));
    row.rule = Some(title.unwrap_or(name).to_owned());
    let severity = string_at(properties, &["Severity"]).or_else(|| string_at(said, &["severity"]));
    row.priority = severity.map(|severity| severity_word(&severity));
    let tags = ["external_id", "Technique"].iter().filter_map(|key| str_at(properties, &[key]));
    let tags = tags.chain(str_at(said, &["mitre", "technique", "id"]));
    row.attack = techniques(tags);
}

/// Severities count from 0 (information) to 4 (critical).
fn severity_word(severity: &str) -> String {
    match severity {
        "0" => "info".to_owned(),
        "1" => "low".to_owned(),
        "2" => "medium".to_owned(),
        "3" => "high".to_owned(),
        "4" => "critical".to_owned(),
        other => other.to_lowercase(),
    }
}

fn rest(json: &Value, name: &str) -> Option<String> {
    let name = Value::from(name);
    let process = at(json, &["workload", "process"]);
    let of_process = |path: &[&str]| process.and_then(|process| at(process, path));
    unmapped([
        ("event", Some(&name)),
        ("returnValue", at(json, &["returnValue"])),
        ("matchedPolicies", at(json, &["matchedPolicies"]).or_else(|| at(json, &["policies", "matched"]))),
        ("args", at(json, &["args"]).or_else(|| at(json, &["data"]))),
        ("processId", at(json, &["processId"]).or_else(|| of_process(&["pid"]))),
        ("mountNamespace", at(json, &["mountNamespace"])),
        ("pidNamespace", at(json, &["pidNamespace"])),
        ("cgroupId", at(json, &["cgroupId"])),
        ("contextFlags", at(json, &["contextFlags"])),
        ("ancestors", of_process(&["ancestors"])),
        ("metadata", at(json, &["metadata"])),
        ("threat", at(json, &["threat"])),
        ("detectedFrom", at(json, &["detectedFrom"]).or_else(|| at(json, &["detected_from"]))),
    ])
}

#[cfg(test)]
mod tests;
