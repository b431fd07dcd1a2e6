//! Kubescape node-agent alerts, JSON.
//!
//! In: one alert a line, as the node agent's stdout exporter writes it (Kubescape 3, node-agent 0.2). Out: rows of
//! `host_events`, and placements where an alert names the pod's uid and node.
//! Owns: finding the acting process in the tree, reading what a rule saw from its arguments.
//! Dropped: the exporter's first record (`init`, named). Law: all is observation: no alert refuses anything.

use offbound_schemas::table::HostEvent;
use offbound_schemas::vocabulary::{Action, Attribution, HookClass, HostControl, Outcome};
use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::act::{self, Operands};
use super::field::{
    at, bool_at, epoch_nanos_at, has, i64_at, list_at, object_at, str_at, string_at, u16_at, u32_at, unmapped,
};
use super::seen_pod::SeenPods;
use super::technique::techniques;
use super::{Decode, Format, Identity, Record, Verdict, address, syscall};

/// Kubescape's node agent.
pub(crate) const FORMAT: Format = Format {
    id: "kubescape",
    title: "Kubescape node-agent alerts, JSON",
    fills: &["host_events", "placements"],
    sample: r#"{"BaseRuntimeMetadata":{"alertName":"Unexpected file access","arguments":{"flags":["O_RDONLY"],"path":"/run/secrets/kubernetes.io/serviceaccount/..2026_03_01/token"},"infectedPID":4121,"severity":5,"timestamp":"2026-03-01T10:00:00.5Z"},"RuleID":"R0006","RuntimeK8sDetails":{"clusterName":"prod","containerID":"c0ffee","containerName":"web","podName":"web-7","podNamespace":"shop","workloadKind":"Deployment","workloadName":"web"},"RuntimeProcessDetails":{"processTree":{"pid":4100,"cmdline":"/bin/sh -c id","comm":"sh","ppid":4000,"pcomm":"java","path":"/bin/sh","uid":33,"startTime":"0001-01-01T00:00:00Z","childrenMap":{"cat␟4121":{"pid":4121,"cmdline":"/bin/cat token","comm":"cat","ppid":4100,"path":"/bin/cat","uid":33}}}},"message":"Unexpected file access","time":"2026-03-01T10:00:01Z"}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Kubescape::default()),
};

/// Deepest level of the tree that is looked at: JSON is nested two levels for each.
const MAX_TREE_DEPTH: usize = 32;

#[derive(Default)]
struct Kubescape {
    pods: SeenPods,
}

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json else { return 0 };
    let is_alert = object_at(json, &["BaseRuntimeMetadata"]).is_some() && has(json, &["RuleID"]);
    if is_alert { 96 } else { 0 }
}

impl Decode for Kubescape {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-json", "the line is no JSON object");
        };
        if str_at(json, &["RuleID"]) == Some("init") {
            return Verdict::Skipped("init");
        }
        let Some(time) = time(json).or(record.envelope.time) else {
            return Verdict::reject(
                "no-time",
                "BaseRuntimeMetadata.timestamp, event.timestamp and time are no times",
            );
        };
        let mut row = record.host_event(time);
        row.hook_class = HookClass::Kprobe;
        row.control = HostControl::None;
        place(json, &mut row);
        process(json, &mut row);
        saw(json, &mut row);
        alert(json, &mut row);
        row.unmapped = rest(json);
        rows.placements.extend(self.pods.state(record, &row, None));
        rows.host_events.push(row);
        Verdict::Decoded
    }
}

/// When it happened; the outer `time` is when it was logged. A zero date is none.
fn time(json: &Value) -> Option<EventTime> {
    let text = |path: &[&str]| str_at(json, path).and_then(|text| EventTime::parse(text).ok()).filter(is_set);
    text(&["BaseRuntimeMetadata", "timestamp"])
        .or_else(|| epoch_nanos_at(json, &["event", "timestamp"]))
        .or_else(|| text(&["time"]))
}

fn is_set(time: &EventTime) -> bool {
    *time > EventTime::default()
}

fn place(json: &Value, row: &mut HostEvent) {
    let text = |paths: &[&[&str]]| paths.iter().find_map(|path| string_at(json, path));
    const K8S: &str = "RuntimeK8sDetails";
    row.host = text(&[&[K8S, "nodeName"], &["event", "k8s", "node"]]).or_else(|| row.host.take());
    let container = text(&[
        &[K8S, "containerID"],
        &["RuntimeProcessDetails", "containerID"],
        &["event", "runtime", "containerId"],
    ]);
    row.container_id =
        container.map(|id| id.rsplit_once("://").map_or(id.as_str(), |(_, id)| id).to_lowercase());
    row.image = text(&[&[K8S, "image"], &["event", "runtime", "containerImageName"]]);
    row.pod = text(&[&[K8S, "podName"], &["event", "k8s", "podName"]]);
    row.namespace = text(&[&[K8S, "podNamespace"], &[K8S, "namespace"], &["event", "k8s", "namespace"]]);
    row.pod_uid = text(&[&[K8S, "podUID"], &[K8S, "podUid"]]);
    row.workload = text(&[&[K8S, "workloadName"]]);
    row.attribution = if row.pod.is_some() { Attribution::Direct } else { Attribution::None };
}

/// The process that `infectedPID` names, wherever in the tree it is; the tree's root is only where the tree begins.
fn process(json: &Value, row: &mut HostEvent) {
    row.pid = u32_at(json, &["BaseRuntimeMetadata", "infectedPID"]).filter(|pid| *pid != 0);
    let Some(root) = at(json, &["RuntimeProcessDetails", "processTree"]) else { return };
    let Some((actor, parent)) = find(root, None, row.pid, 0) else { return };
    row.pid = row.pid.or_else(|| u32_at(actor, &["pid"]));
    row.parent_pid = u32_at(actor, &["ppid"]).filter(|pid| *pid != 0);
    row.comm = string_at(actor, &["comm"]);
    row.exe = string_at(actor, &["path"]);
    row.cmd_line = string_at(actor, &["cmdline"]).map(|line| line.trim_end().to_owned());
    row.cwd = string_at(actor, &["cwd"]);
    row.uid = u32_at(actor, &["uid"]);
    row.process_start =
        str_at(actor, &["startTime"]).and_then(|text| EventTime::parse(text).ok()).filter(is_set);
    row.process_key = act::process_key(row.host.as_deref(), row.pid, row.process_start);
    let of_parent =
        parent.and_then(|parent| string_at(parent, &["path"]).or_else(|| string_at(parent, &["comm"])));
    row.parent_exe = of_parent.or_else(|| string_at(actor, &["pcomm"]));
}

/// The process with `pid` below `node`, and its parent; without a pid, the root. Keys of children (`name␟pid`) only
/// repeat what the children say.
fn find<'v>(
    node: &'v Value,
    parent: Option<&'v Value>,
    pid: Option<u32>,
    depth: usize,
) -> Option<(&'v Value, Option<&'v Value>)> {
    if pid.is_none() || u32_at(node, &["pid"]) == pid {
        return Some((node, parent));
    }
    let children = object_at(node, &["childrenMap"]).into_iter().flat_map(|map| map.values());
    let listed = super::field::array_at(node, &["children"]).iter();
    (depth < MAX_TREE_DEPTH)
        .then(|| children.chain(listed).find_map(|child| find(child, Some(node), pid, depth + 1)))
        .flatten()
}

/// What the rule saw, by its arguments: the same for all rules, whatever their number.
fn saw(json: &Value, row: &mut HostEvent) {
    let nothing = Value::Null;
    let said = at(json, &["BaseRuntimeMetadata", "arguments"]).unwrap_or(&nothing);
    let path = str_at(said, &["path"]).map(str::to_owned);
    if let Some(exe) = str_at(said, &["exec"]).or_else(|| str_at(said, &["hardlink"])) {
        executed(said, exe, row);
    } else if let Some(path) = path {
        let direction = act::direction_of_flags(&list_at(said, &["flags"]).join("|"));
        act::file(direction, path, row);
    } else if let Some(capability) = str_at(said, &["capability"]) {
        row.capability = syscall::capability_from(capability);
        row.syscall = string_at(said, &["syscall"]);
        row.action = Action::CapUse;
    } else if let Some(call) = str_at(said, &["syscall"]) {
        // Seen for the container as a whole: which process made the call, and with what result, is not known.
        row.syscall = Some(call.to_owned());
        act::by_call(call, Operands::default(), row);
        row.outcome = Outcome::Attempted;
    } else if has(said, &["domain"]) || has(said, &["ip"]) || has(said, &["dstIP"]) {
        peer(said, row);
    }
}

fn executed(said: &Value, exe: &str, row: &mut HostEvent) {
    row.action = Action::Exec;
    row.args = list_at(said, &["args"]);
    // What was executed, by the name that was asked for: the tree has what links and emulators made of it.
    row.exe = Some(exe.to_owned());
    match i64_at(said, &["retval"]) {
        Some(code) => act::returned(code, row),
        None => row.outcome = Outcome::Unknown,
    }
}

/// A name that was asked for is no connection; an address with a port is.
fn peer(said: &Value, row: &mut HostEvent) {
    let text = |keys: &[&str]| keys.iter().find_map(|key| str_at(said, &[key]));
    row.dst_host = text(&["domain"]).map(|name| name.trim_end_matches('.').to_owned());
    row.dst_addr = text(&["ip", "dstIP"]).and_then(address::normal);
    row.protocol = text(&["proto", "protocol"]).map(str::to_lowercase);
    if row.dst_addr.is_some() {
        row.dst_port =
            u16_at(said, &["port"]).or_else(|| u16_at(said, &["dstPort"])).filter(|port| *port != 0);
        act::connected(row);
    }
}

fn alert(json: &Value, row: &mut HostEvent) {
    let id = str_at(json, &["RuleID"]).unwrap_or_default();
    let name = str_at(json, &["BaseRuntimeMetadata", "alertName"]).unwrap_or_default();
    row.rule = Some(format!("{id} {name}").trim().to_owned());
    row.native_id = string_at(json, &["BaseRuntimeMetadata", "uniqueID"]);
    let severity = string_at(json, &["BaseRuntimeMetadata", "severity"]);
    row.priority = severity.map(|severity| severity_word(&severity));
    row.attack = techniques(str_at(json, &["BaseRuntimeMetadata", "mitreTechnique"]));
}

/// The agent's own levels; other numbers stay as they are.
fn severity_word(severity: &str) -> String {
    match severity {
        "0" => "none".to_owned(),
        "1" => "low".to_owned(),
        "5" => "medium".to_owned(),
        "8" => "high".to_owned(),
        "10" => "critical".to_owned(),
        other => other.to_lowercase(),
    }
}

fn rest(json: &Value) -> Option<String> {
    let on_host_network = at(json, &["RuntimeK8sDetails", "hostNetwork"])
        .filter(|_| bool_at(json, &["RuntimeK8sDetails", "hostNetwork"]) == Some(true));
    unmapped([
        ("RuleID", at(json, &["RuleID"])),
        ("message", at(json, &["message"])),
        ("arguments", at(json, &["BaseRuntimeMetadata", "arguments"])),
        ("profileMetadata", at(json, &["BaseRuntimeMetadata", "profileMetadata"])),
        ("sha1Hash", at(json, &["BaseRuntimeMetadata", "sha1Hash"])),
        ("md5Hash", at(json, &["BaseRuntimeMetadata", "md5Hash"])),
        ("clusterName", at(json, &["RuntimeK8sDetails", "clusterName"])),
        ("containerName", at(json, &["RuntimeK8sDetails", "containerName"])),
        ("workloadKind", at(json, &["RuntimeK8sDetails", "workloadKind"])),
        ("hostNetwork", on_host_network),
        ("processTree", at(json, &["RuntimeProcessDetails", "processTree"])),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::trial::{check_sample, run};

    /// Scenario: the sample. Guarantees: the acting process is the child that the pid names; the zero date is no start.
    #[test]
    fn sample_decodes() {
        check_sample(&FORMAT);
        let (_, rows) = run(&FORMAT, &[FORMAT.sample]);
        let row = &rows.host_events[0];
        assert_eq!((row.exe.as_deref(), row.parent_exe.as_deref()), (Some("/bin/cat"), Some("/bin/sh")));
        assert_eq!((row.pid, row.parent_pid, row.process_start), (Some(4121), Some(4100), None));
        assert_eq!((row.action, row.priority.as_deref()), (Action::CredRead, Some("medium")));
        assert_eq!(row.event_time.to_string(), "2026-03-01T10:00:00.500000000Z", "not the time of logging");
    }

    /// Scenario: arguments of each family of rules. Guarantees: the act is read from what the rule saw; none is credited
    /// with refusing.
    #[test]
    fn arguments() {
        use {Action as A, Outcome as O};
        for (arguments, action, outcome) in [
            (r#"{"exec":"/bin/x","args":["x","-v"],"retval":0}"#, A::Exec, O::Allowed),
            (r#"{"exec":"/bin/x","retval":-2}"#, A::Exec, O::Failed),
            (r#"{"path":"/tmp/x","flags":["O_WRONLY","O_CREAT"]}"#, A::FileWrite, O::Unknown),
            (r#"{"path":"/etc/shadow","flags":["O_RDONLY"]}"#, A::CredRead, O::Unknown),
            (r#"{"path":"/var/www","flags":[]}"#, A::Other, O::Unknown),
            (r#"{"capability":"NET_ADMIN","syscall":"setsockopt"}"#, A::CapUse, O::Unknown),
            (r#"{"syscall":"setns"}"#, A::NsChange, O::Attempted),
            (r#"{"syscall":"getpeername"}"#, A::Other, O::Attempted),
            (r#"{"domain":"a.example.","addresses":["10.9.0.1"],"port":53}"#, A::Other, O::Unknown),
            (r#"{"ip":"169.254.169.254","port":80,"proto":"TCP"}"#, A::ImdsAccess, O::Unknown),
            ("null", A::Other, O::Unknown),
        ] {
            let line = format!(
                r#"{{"BaseRuntimeMetadata":{{"alertName":"a","arguments":{arguments},"infectedPID":9,"severity":1}},"RuleID":"R0001","time":"2031-02-03T04:05:06Z"}}"#
            );
            let (verdicts, rows) = run(&FORMAT, &[&line]);
            assert_eq!(verdicts, [Verdict::Decoded], "{arguments}");
            let row = &rows.host_events[0];
            assert_eq!((row.action, row.outcome), (action, outcome), "{arguments}");
            assert_eq!((row.rule.as_deref(), row.pid), (Some("R0001 a"), Some(9)));
        }
    }

    /// Scenario: the first record of the exporter, one without a time, and a pod that is named by its uid. Guarantees:
    /// skipped by name, refused by name, placed.
    #[test]
    fn others() {
        let lines = [
            r#"{"BaseRuntimeMetadata":{"init":true},"RuleID":"init","time":"2031-02-03T04:05:06Z"}"#,
            r#"{"BaseRuntimeMetadata":{"timestamp":"0001-01-01T00:00:00Z"},"RuleID":"R0002"}"#,
            r#"{"BaseRuntimeMetadata":{"timestamp":"2031-02-03T04:05:06Z"},"RuleID":"R0002","RuntimeK8sDetails":{"nodeName":"n1","podUID":"u-1","podName":"web"}}"#,
        ];
        let (verdicts, rows) = run(&FORMAT, &lines);
        assert_eq!(verdicts[0], Verdict::Skipped("init"));
        assert!(matches!(&verdicts[1], Verdict::Rejected(reject) if reject.reason == "no-time"));
        assert_eq!(rows.placements.len(), 1);
    }
}
