//! Inspektor Gadget events, JSON, of the gadgets about processes, files, sockets, capabilities and seccomp.
//!
//! In: one event a line: with `proc{}`, `k8s{}` and `runtime{}` (image-based gadgets, 0.31 and later) or flat (`comm`,
//! `pid`, `mntns_id`; `mountnsid` of the gadgets that were built in, which leave out what is zero). Out: rows of `host_events`. Owns: telling by its fields what a gadget saw; events do not name it.
//! Dropped: nothing; what has no column is kept unmapped.
//! Law: a `timestamp` that counts from boot is no time; without another one the event has none.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, Attribution, ControlMode, HookClass, HostControl, Outcome};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::act::{self, Operands};
use super::field::{
    at, bool_at, epoch_nanos_at, has, i64_at, list_at, object_at, str_at, string_at, u16_at, u32_at, unmapped,
};
use super::{Decode, Format, Identity, Record, Verdict, address, syscall};

/// Inspektor Gadget.
pub(crate) const FORMAT: Format = Format {
    id: "inspektor-gadget",
    title: "Inspektor Gadget events, JSON",
    fills: &["host_events"],
    sample: r#"{"error":"","error_raw":0,"fd":3,"flags":"O_RDONLY","flags_raw":0,"fname":"/etc/hosts","k8s":{"containerName":"web","namespace":"shop","node":"n1","podName":"web-7"},"proc":{"comm":"cat","creds":{"gid":0,"uid":0},"mntns_id":4026534339,"parent":{"comm":"sh","pid":4100},"pid":4121,"tid":4121},"runtime":{"containerId":"c0ffee","containerImageName":"web:1","runtimeName":"containerd"},"timestamp":"2026-03-01T10:00:00.5Z","timestamp_raw":1772359200500000000}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(InspektorGadget),
};

struct InspektorGadget;

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    if lost(json).is_some() {
        return 84;
    }
    let nested = has(json, &["proc", "comm"]) && has(json, &["proc", "pid"]);
    let placed = object_at(json, &["k8s"]).is_some() || object_at(json, &["runtime"]).is_some();
    let mount_namespace = has(json, &["mntns_id"]) || is_built_in(json);
    let flat = has(json, &["comm"]) && has(json, &["pid"]) && mount_namespace;
    match (nested, placed, flat) {
        (true, true, _) => 90,
        (true, ..) if has(json, &["proc", "mntns_id"]) => 84,
        (_, true, true) => 88,
        (_, _, true) => 82,
        _ => 0,
    }
}

/// How many events a built-in gadget says that it lost: `{"type":"warn","message":"lost 7 samples","k8s":{…}}`.
fn lost(json: &Value) -> Option<u64> {
    let is_warning = str_at(json, &["type"]) == Some("warn");
    let placed = object_at(json, &["k8s"]).is_some() || has(json, &["node"]);
    let said = str_at(json, &["message"]).filter(|_| is_warning && placed)?;
    said.strip_prefix("lost ")?.strip_suffix(" samples")?.parse().ok()
}

/// Whether a gadget wrote it that was built in (`pkg/gadgets/trace/*/types/types.go`, until 0.40).
fn is_built_in(json: &Value) -> bool {
    has(json, &["mountnsid"]) || has(json, &["mntnsid"])
}

impl Decode for InspektorGadget {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-json", "the line is no JSON object");
        };
        let Some(time) = time(json).or(record.envelope.time) else {
            return Verdict::reject(
                "no-time",
                "timestamp is missing or counts from boot, and no envelope gives a time",
            );
        };
        let mut row = record.host_event(time);
        row.hook_class = HookClass::Kprobe;
        actor(json, &mut row);
        if let Some(lost) = lost(json) {
            row.action = Action::TelemetryGap;
            row.lost = Some(lost);
            row.rule = Some("inspektor gadget lost samples".to_owned());
        } else {
            saw(json, &mut row);
        }
        row.unmapped = rest(json);
        rows.host_events.push(row);
        Verdict::Decoded
    }
}

fn time(json: &Value) -> Option<EventTime> {
    epoch_nanos_at(json, &["timestamp_raw"])
        .or_else(|| str_at(json, &["timestamp"]).and_then(|text| EventTime::parse(text).ok()))
        .or_else(|| epoch_nanos_at(json, &["timestamp"]))
        .filter(|time| *time > EventTime::default())
}

/// The process, nested under `proc` or flat. The gadgets look from the host: pids are the host's.
fn actor(json: &Value, row: &mut HostEvent) {
    let process = at(json, &["proc"]).unwrap_or(json);
    row.host =
        string_at(json, &["k8s", "node"]).or_else(|| string_at(json, &["node"])).or_else(|| row.host.take());
    row.container_id = string_at(json, &["runtime", "containerId"])
        .or_else(|| string_at(json, &["containerid"]))
        .map(|id| id.to_lowercase());
    row.image = string_at(json, &["runtime", "containerImageName"]);
    row.pod = string_at(json, &["k8s", "podName"]).or_else(|| string_at(json, &["pod"]));
    row.namespace = string_at(json, &["k8s", "namespace"]).or_else(|| string_at(json, &["namespace"]));
    row.workload = string_at(json, &["k8s", "owner", "name"]);
    row.attribution = if row.pod.is_some() { Attribution::Direct } else { Attribution::None };
    row.pid = u32_at(process, &["pid"]);
    row.parent_pid = u32_at(process, &["parent", "pid"]).or_else(|| u32_at(process, &["ppid"]));
    row.comm = string_at(process, &["comm"]);
    row.parent_exe = string_at(process, &["parent", "comm"]).or_else(|| string_at(process, &["pcomm"]));
    row.uid = u32_at(process, &["creds", "uid"]).or_else(|| u32_at(process, &["uid"]));
    row.auid = u32_at(json, &["loginuid"]).filter(|auid| *auid != u32::MAX);
    row.session_id = u32_at(json, &["sessionid"]).filter(|session| *session != u32::MAX);
    row.cwd = string_at(json, &["cwd"]);
    row.exe = string_at(json, &["exepath"]);
}

/// Which gadget it was shows in its fields.
fn saw(json: &Value, row: &mut HostEvent) {
    match () {
        () if has(json, &["code"]) && has(json, &["syscall"]) => seccomp(json, row),
        () if has(json, &["cap"]) || has(json, &["capName"]) => capability(json, row),
        () if has(json, &["fname"]) => opened(json, row),
        () if is_built_in(json) && has(json, &["path"]) => opened(json, row),
        () if has(json, &["args"])
            && (has(json, &["file"]) || has(json, &["exepath"]) || has(json, &["ppid"])) =>
        {
            executed(json, row)
        }
        () if has(json, &["qtype"]) && has(json, &["name"]) => asked(json, row),
        () if has(json, &["dst", "addr"]) || has(json, &["daddr"]) => connection(json, row),
        () if has(json, &["fs"]) && (has(json, &["dest"]) || has(json, &["target"])) => mounted(json, row),
        () if has(json, &["sig"]) && (has(json, &["tpid"]) || has(json, &["target"])) => {
            row.target_pid = u32_at(json, &["tpid"]);
            result(json, row);
        }
        () if object_at(json, &["addr"]).is_some() => {
            row.action = Action::NetListen;
            row.src_addr = str_at(json, &["addr", "addr"]).and_then(address::normal);
            row.src_port = u16_at(json, &["addr", "port"]).filter(|port| *port != 0);
            result(json, row);
        }
        () => result(json, row),
    }
}

/// The result, where the gadget records one.
fn result(json: &Value, row: &mut HostEvent) {
    let number = ["error_raw", "err", "ret"].iter().find_map(|key| i64_at(json, &[key]));
    // What is zero was left out.
    let number = number.or_else(|| is_built_in(json).then_some(0));
    let name = at(json, &["error"]).and_then(Value::as_str);
    match (name, number) {
        (Some(name), _) if !name.is_empty() => act::returned_name(name, row),
        (_, Some(number)) => act::returned(-number.saturating_abs(), row),
        (Some(_), None) => act::returned(0, row),
        (None, None) => row.outcome = Outcome::Unknown,
    }
}

fn opened(json: &Value, row: &mut HostEvent) {
    let by_number = ["flags_raw", "flagsRaw", "flags"].iter().find_map(|key| i64_at(json, &[key]));
    let direction = act::direction_of_flags(&list_at(json, &["flags"]).join("|"))
        .or_else(|| act::direction_of_bits(by_number?));
    let path = ["fullPath", "fname", "path"].iter().find_map(|key| str_at(json, &[key]));
    let path = path.unwrap_or_default().to_owned();
    act::file(direction, path, row);
    result(json, row);
}

fn executed(json: &Value, row: &mut HostEvent) {
    row.action = Action::Exec;
    row.args = match at(json, &["args"]) {
        // Arguments in one text are joined by spaces, and cannot be taken apart again.
        Some(Value::String(_)) => Vec::new(),
        _ => list_at(json, &["args"]),
    };
    let joined = Some(row.args.join(" ")).filter(|line| !line.is_empty());
    row.cmd_line = str_at(json, &["args"]).map(str::to_owned).or(joined);
    let file = str_at(json, &["file"]).map(str::to_owned);
    act::target(file.filter(|file| row.exe.as_deref() != Some(file)), row);
    result(json, row);
}

/// A name that was asked for, or its answer: a packet, and no connection.
fn asked(json: &Value, row: &mut HostEvent) {
    ends(json, row);
    row.dst_host = str_at(json, &["name"]).map(|name| name.trim_end_matches('.').to_owned());
    row.outcome = Outcome::Unknown;
}

fn connection(json: &Value, row: &mut HostEvent) {
    ends(json, row);
    // Where gadgets were built in, the type is that of the event: `normal`.
    let kind = str_at(json, &["type"]).filter(|_| !is_built_in(json));
    match kind.or_else(|| str_at(json, &["operation"])) {
        Some("accept" | "close") => row.action = Action::Other,
        _ => act::connected(row),
    }
    result(json, row);
    if row.outcome == Outcome::Unknown && row.action != Action::Other {
        row.outcome = Outcome::Attempted;
    }
}

/// Where a packet or a connection comes from, and where it goes.
fn ends(json: &Value, row: &mut HostEvent) {
    let address = |end: &str, flat: &str| {
        str_at(json, &[end, "addr"]).or_else(|| str_at(json, &[flat])).and_then(address::normal)
    };
    let port = |end: &str, flat: &str| {
        u16_at(json, &[end, "port"]).or_else(|| u16_at(json, &[flat])).filter(|port| *port != 0)
    };
    (row.src_addr, row.src_port) = (address("src", "saddr"), port("src", "sport"));
    (row.dst_addr, row.dst_port) = (address("dst", "daddr"), port("dst", "dport"));
    row.protocol = match i64_at(json, &["dst", "proto"]) {
        Some(6) => Some("tcp".to_owned()),
        Some(17) => Some("udp".to_owned()),
        _ => str_at(json, &["dst", "proto"]).map(str::to_lowercase),
    };
}

fn capability(json: &Value, row: &mut HostEvent) {
    row.action = Action::CapUse;
    row.syscall = call(json);
    let named = str_at(json, &["capName"]).or_else(|| str_at(json, &["cap"]));
    row.capability = named.and_then(syscall::capability_from).or_else(|| {
        let number = u32_at(json, &["cap_raw"]).or_else(|| u32_at(json, &["cap"]))?;
        syscall::capability_name(usize::try_from(number).ok()?)
    });
    let verdict = match str_at(json, &["verdict"]) {
        Some("Allow") => Some(true),
        Some("Deny") => Some(false),
        _ => bool_at(json, &["capable"]),
    };
    // The kernel asks without audit (`CAP_OPT_NOAUDIT`) where it goes on either way: then `no` refuses nothing. Built-in gadgets
    // left a zero out.
    let asks_only = match at(json, &["audit"]) {
        Some(_) => bool_at(json, &["audit"]) == Some(false),
        None => is_built_in(json),
    };
    (row.outcome, row.control) = match verdict {
        Some(true) => (Outcome::Allowed, HostControl::None),
        Some(false) if asks_only => (Outcome::Attempted, HostControl::None),
        Some(false) => (Outcome::Denied, HostControl::Capability),
        None => (Outcome::Unknown, HostControl::None),
    };
}

/// The call's own name; gadgets write it as the kernel's constant (`SYS_MOUNT`).
fn call(json: &Value) -> Option<String> {
    let name = string_at(json, &["syscall"])?.to_lowercase();
    Some(syscall::bare_name(&name).to_owned())
}

fn mounted(json: &Value, row: &mut HostEvent) {
    let path = string_at(json, &["dest"]).or_else(|| string_at(json, &["target"]));
    act::by_call("mount", Operands { path, ..Operands::default() }, row);
    result(json, row);
}

/// A filter's decision: codes are spelled as the kernel's constants, or shortened.
fn seccomp(json: &Value, row: &mut HostEvent) {
    let code = string_at(json, &["code"]).unwrap_or_default().to_ascii_uppercase();
    let word = code.strip_prefix("SECCOMP_RET_").unwrap_or(&code);
    let call = call(json);
    act::by_call(call.as_deref().unwrap_or_default(), Operands::default(), row);
    row.syscall = call;
    row.control = HostControl::Seccomp;
    (row.outcome, row.mode) = match word {
        "ERRNO" | "TRAP" => (Outcome::Denied, ControlMode::Enforcing),
        "LOG" => (Outcome::WouldDeny, ControlMode::Monitor),
        _ if word.starts_with("KILL") => (Outcome::Killed, ControlMode::Enforcing),
        _ => (Outcome::Unknown, ControlMode::Unknown),
    };
}

fn rest(json: &Value) -> Option<String> {
    const HELD: &[&str] =
        &["timestamp", "timestamp_raw", "comm", "pid", "ppid", "pcomm", "uid", "cwd", "exepath"];
    unmapped(
        json.as_object()?
            .iter()
            .filter(|(key, _)| !HELD.contains(&key.as_str()))
            .map(|(key, value)| (key.as_str(), Some(value))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Envelope;
    use crate::decode::trial::{check_sample, run, run_in};

    /// Scenario: the sample. Guarantees: it is recognised and decoded; place and parent are read.
    #[test]
    fn sample_decodes() {
        check_sample(&FORMAT);
        let (_, rows) = run(&FORMAT, &[FORMAT.sample]);
        let row = &rows.host_events[0];
        assert_eq!(
            (row.host.as_deref(), row.pod.as_deref(), row.pid),
            (Some("n1"), Some("web-7"), Some(4121))
        );
        assert_eq!(
            (row.action, row.outcome, row.parent_pid),
            (Action::FileRead, Outcome::Allowed, Some(4100))
        );
    }

    /// Scenario: events of several gadgets. Guarantees: what they saw, and who decided where something decided.
    #[test]
    fn gadgets() {
        use {Action as A, HostControl as C, Outcome as O};
        for (fields, action, outcome, control) in [
            (r#""fname":"/etc/shadow","flags":0,"err":0"#, A::CredRead, O::Allowed, C::None),
            (
                r#""fname":"/x","flags_raw":577,"flags":"O_WRONLY|O_CREAT","error":"EACCES""#,
                A::FileWrite,
                O::Failed,
                C::Unknown,
            ),
            (r#""fname":"/x","error":"""#, A::Other, O::Allowed, C::None),
            (
                r#""args":"/bin/x -v","exepath":"/bin/x","file":"/bin/x","error_raw":0"#,
                A::Exec,
                O::Allowed,
                C::None,
            ),
            (
                r#""dst":{"addr":"169.254.169.254","port":80,"proto":6},"src":{"addr":"10.1.0.7","port":4000},"type":"connect""#,
                A::ImdsAccess,
                O::Attempted,
                C::None,
            ),
            (
                r#""dst":{"addr":"10.1.0.9","port":80,"proto":6},"type":"accept""#,
                A::Other,
                O::Unknown,
                C::None,
            ),
            (r#""cap":"SYS_ADMIN","capable":false,"syscall":"mount""#, A::CapUse, O::Denied, C::Capability),
            (r#""cap_raw":21,"cap":"CAP_SYS_ADMIN","capable":true"#, A::CapUse, O::Allowed, C::None),
            (r#""code":"SECCOMP_RET_ERRNO","syscall":"unshare""#, A::NsChange, O::Denied, C::Seccomp),
            (r#""code":"LOG","syscall":"mkdir""#, A::FileWrite, O::WouldDeny, C::Seccomp),
            (r#""code":"kill_thread","syscall":"ptrace""#, A::Ptrace, O::Killed, C::Seccomp),
            (r#""fs":"tmpfs","dest":"/mnt","src":"x","ret":0"#, A::NsChange, O::Allowed, C::None),
            (r#""addr":{"addr":"0.0.0.0","port":8080}"#, A::NetListen, O::Unknown, C::None),
            (
                r#""name":"a.example.","qr":"R","qtype":"A","src":{"addr":"10.2.0.10","port":53},"dst":{"addr":"10.1.0.7","port":4000}"#,
                A::Other,
                O::Unknown,
                C::None,
            ),
        ] {
            let line =
                format!(r#"{{"comm":"x","pid":9,"mntns_id":1,"timestamp":1927944306000000001,{fields}}}"#);
            let (verdicts, rows) = run(&FORMAT, &[&line]);
            assert_eq!(verdicts, [Verdict::Decoded], "{fields}");
            let row = &rows.host_events[0];
            assert_eq!((row.action, row.outcome, row.control), (action, outcome, control), "{fields}");
        }
    }

    /// Scenario: names of calls as gadgets write them, and a name that was asked for. Guarantees: calls are named as everywhere
    /// else; the name is the peer's.
    #[test]
    fn names() {
        let line = |fields: &str| {
            format!(r#"{{"comm":"x","pid":9,"mntns_id":1,"timestamp":1927944306000000001,{fields}}}"#)
        };
        let lines = [
            line(r#""cap":"CAP_SYS_ADMIN","capable":true,"syscall":"SYS_MOUNT""#),
            line(r#""code":"SECCOMP_RET_LOG","syscall":"SYS_UNSHARE""#),
            line(r#""name":"a.example.","qr":"Q","qtype":"A""#),
        ];
        let (_, rows) = run(&FORMAT, &lines.each_ref().map(String::as_str));
        let calls: Vec<_> = rows.host_events.iter().map(|row| row.syscall.as_deref()).collect();
        assert_eq!(calls, [Some("mount"), Some("unshare"), None]);
        assert_eq!(rows.host_events[2].dst_host.as_deref(), Some("a.example"));
    }

    /// Scenario: events of gadgets that were built in: opened files, started programs, capabilities that were refused, allowed and
    /// only asked for, connections, mounts. Guarantees: they are known, and what is left out is zero; what is only asked for is no refusal.
    #[test]
    fn built_in_gadgets() {
        use {Action as A, HostControl as C, Outcome as O};
        for (fields, action, outcome, control) in [
            (r#""fd":3,"flags":["O_RDONLY"],"path":"/etc/shadow""#, A::CredRead, O::Allowed, C::None),
            (
                r#""err":13,"flags":["O_WRONLY","O_CREAT"],"flagsRaw":65,"path":"/x""#,
                A::FileWrite,
                O::Failed,
                C::Unknown,
            ),
            (r#""ppid":8,"pcomm":"sh","args":["/bin/id"]"#, A::Exec, O::Allowed, C::None),
            (
                r#""cap":21,"capName":"SYS_ADMIN","audit":1,"verdict":"Deny""#,
                A::CapUse,
                O::Denied,
                C::Capability,
            ),
            (r#""cap":21,"capName":"SYS_ADMIN","verdict":"Deny""#, A::CapUse, O::Attempted, C::None),
            (r#""capName":"CHOWN","audit":1,"verdict":"Allow""#, A::CapUse, O::Allowed, C::None),
            (
                r#""operation":"accept","src":{"addr":"10.1.0.9","port":80},"dst":{"addr":"10.1.0.7","port":4000}"#,
                A::Other,
                O::Allowed,
                C::None,
            ),
            (
                r#""operation":"mount","fs":"tmpfs","source":"x","target":"/mnt""#,
                A::NsChange,
                O::Allowed,
                C::None,
            ),
        ] {
            let line = format!(
                r#"{{"runtime":{{"runtimeName":"containerd","containerId":"c0ffee"}},"k8s":{{"node":"n1","namespace":"shop","podName":"web-7"}},"timestamp":1927944306000000001,"type":"normal","mountnsid":4026533307,"pid":9,"comm":"x",{fields}}}"#
            );
            assert_eq!(crate::decode::trial::sniff(&FORMAT, &line), 88, "{fields}");
            let row = run(&FORMAT, &[&line]).1.host_events.remove(0);
            assert_eq!((row.action, row.outcome, row.control), (action, outcome, control), "{fields}");
            assert_eq!((row.pod.as_deref(), row.host.as_deref()), (Some("web-7"), Some("n1")));
        }
        let lost = r#"{"k8s":{"node":"n1"},"timestamp":1927944306000000001,"type":"warn","message":"lost 7 samples"}"#;
        assert_eq!(crate::decode::trial::sniff(&FORMAT, lost), 84);
        let row = run(&FORMAT, &[lost]).1.host_events.remove(0);
        assert_eq!((row.action, row.lost, row.host.as_deref()), (A::TelemetryGap, Some(7), Some("n1")));
        let asked = r#"{"proc":{"comm":"x","pid":9,"mntns_id":1},"k8s":{},"timestamp_raw":1927944306000000001,"cap":"CAP_SYS_ADMIN","capable":false,"audit":false}"#;
        assert_eq!(run(&FORMAT, &[asked]).1.host_events[0].outcome, O::Attempted);
    }

    /// Scenario: a clock that counts from boot. Guarantees: refused alone, read at the time of an envelope.
    #[test]
    fn clocks_from_boot() {
        let line = r#"{"comm":"x","pid":9,"mntns_id":1,"timestamp":6114008072805,"fname":"/x"}"#;
        let (verdicts, _) = run(&FORMAT, &[line, r#"{"comm":"x","pid":9,"mntns_id":1}"#]);
        assert!(
            verdicts
                .iter()
                .all(|verdict| matches!(verdict, Verdict::Rejected(reject) if reject.reason == "no-time"))
        );
        let time = EventTime::parse("2031-02-03T04:05:06Z").ok();
        let (verdicts, _) = run_in(&FORMAT, &[line], &Envelope { time, ..Envelope::default() });
        assert_eq!(verdicts, [Verdict::Decoded]);
    }
}
