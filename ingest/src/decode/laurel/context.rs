//! What LAUREL knows of an event besides the kernel's records: parent, container, systemd service.
//!
//! In: the event. Out: columns that all its rows share. Owns: where the versions of LAUREL put it:
//! `PARENT_INFO` and `CONTAINER_INFO` beside the records at first, `PPID`, `PID` and their like inside SYSCALL later.
//! Law: keys of processes name the event by which the process came to be, as the audit decoder's own keys do.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::Attribution;
use serde_json::Value;

use crate::decode::cgroup::{Cgroup, container_id};
use crate::decode::field::{at, list_at, str_at, u32_at};
use crate::decode::linux_audit::process_key;

/// Fills in what is known.
pub(super) fn add(json: &Value, row: &mut HostEvent) {
    let nothing = Value::Null;
    let call = at(json, &["SYSCALL"]).unwrap_or(&nothing);
    process(json, call, row);
    row.container_id = container(json, call);
    row.unit = unit(call);
    if let Some(path) = cgroup(json, call) {
        let Cgroup { container_id, pod_uid, unit } = Cgroup::read(path);
        row.container_id = row.container_id.take().or(container_id);
        row.pod_uid = pod_uid;
        row.unit = row.unit.take().or(unit);
    }
    if row.container_id.is_some() {
        // The service that is named is the container runtime's.
        row.unit = None;
    }
    row.attribution = match () {
        () if row.pod_uid.is_some() => Attribution::Direct,
        () if row.unit.is_some() => Attribution::Unit,
        () => Attribution::None,
    };
}

fn process(json: &Value, call: &Value, row: &mut HostEvent) {
    let host = row.host.clone().unwrap_or_default();
    let nothing = Value::Null;
    let parent = at(call, &["PPID"]).or_else(|| at(json, &["PARENT_INFO"])).unwrap_or(&nothing);
    row.parent_exe = str_at(parent, &["exe"]).or_else(|| str_at(parent, &["comm"])).map(str::to_owned);
    let key = |pid: Option<u32>, event: Option<&str>| Some(process_key(&host, pid?, event?));
    let event = str_at(parent, &["EVENT_ID"]).or_else(|| str_at(parent, &["ID"]));
    row.parent_key = key(u32_at(call, &["ppid"]), event);
    row.process_key = key(u32_at(call, &["pid"]), str_at(call, &["PID", "EVENT_ID"]));
}

/// Under any of the names and places that versions used.
fn container(json: &Value, call: &Value) -> Option<String> {
    const PLACES: &[&[&str]] = &[
        &["CONTAINER_INFO"],
        &["CONTAINER"],
        &["CONTAINER_ID"],
        &["PID", "CONTAINER_INFO"],
        &["PID", "CONTAINER"],
        &["PID", "CONTAINER_ID"],
        &["PID", "container"],
    ];
    let places = PLACES.iter().filter_map(|path| at(call, path));
    let mut places = at(json, &["CONTAINER_INFO"]).into_iter().chain(places);
    places.find_map(|place| {
        let first = place.as_array().and_then(|items| items.first()).unwrap_or(place);
        let id = first.as_str().or_else(|| ["ID", "id"].iter().find_map(|key| str_at(first, &[key])))?;
        container_id(id)
    })
}

/// The service closest to the process.
fn unit(call: &Value) -> Option<String> {
    const PLACES: &[&[&str]] = &[
        &["SYSTEMD_SERVICE"],
        &["SYSTEMD_UNIT"],
        &["PID", "SYSTEMD_SERVICE"],
        &["PID", "SYSTEMD_UNIT"],
        &["PID", "systemd_service"],
        &["PID", "service"],
    ];
    PLACES.iter().find_map(|path| list_at(call, path).pop())
}

fn cgroup<'v>(json: &'v Value, call: &'v Value) -> Option<&'v str> {
    let inside = [&["CGROUP"][..], &["PID", "CGROUP"], &["PID", "cgroup"]];
    inside.iter().find_map(|path| str_at(call, path)).or_else(|| str_at(json, &["CONTAINER_INFO", "CGROUP"]))
}
