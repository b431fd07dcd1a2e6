//! Tetragon's JSON export, one event a line.
//!
//! In: a process and its parent, each perhaps in a pod. Out: `process_exec`, `process_exit`, `process_kprobe`.
//! Owns: the order of fields of the 1.x export, cut container ids, unset audit users.

use crate::json::Json;
use crate::moment::Moment;
use crate::world::{Node, Pod, Process};

/// A process together with the pod that it runs in.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'a> {
    /// The process.
    pub(crate) process: &'a Process,
    /// Its pod; none for processes of the host.
    pub(crate) pod: Option<&'a Pod>,
}

const UNSET_AUID: i64 = 4_294_967_295;
/// Length to which the `docker` field cuts container ids, since Tetragon 0.11.
const DOCKER_ID_DIGITS: usize = 31;
const MAY_READ: i64 = 4;

/// A program was executed.
pub(crate) fn exec(node: &Node, process: Placed<'_>, parent: Placed<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(LINE_BYTES);
    write_exec(node, process, parent, &mut out);
    out
}

/// Writes that a program was executed behind `out`.
pub(crate) fn write_exec(node: &Node, process: Placed<'_>, parent: Placed<'_>, out: &mut Vec<u8>) {
    write_event("process_exec", node, process.process.start, out, |json| {
        json.object("process", |json| write_process(json, node, process));
        json.object("parent", |json| write_process(json, node, parent));
    });
}

/// A program ended with status 0.
pub(crate) fn exit(node: &Node, at: Moment, process: Placed<'_>, parent: Placed<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(LINE_BYTES);
    write_exit(node, at, process, parent, &mut out);
    out
}

/// Writes that a program ended behind `out`.
pub(crate) fn write_exit(
    node: &Node,
    at: Moment,
    process: Placed<'_>,
    parent: Placed<'_>,
    out: &mut Vec<u8>,
) {
    write_event("process_exit", node, at, out, |json| {
        json.object("process", |json| write_process(json, node, process));
        json.object("parent", |json| write_process(json, node, parent));
        json.moment("time", at + node.ahead, 9);
    });
}

/// A file was read, as a policy on `security_file_permission` reports it.
pub(crate) fn file_read(
    node: &Node,
    at: Moment,
    process: Placed<'_>,
    parent: Placed<'_>,
    path: &str,
) -> Vec<u8> {
    event("process_kprobe", node, at, |json| {
        json.object("process", |json| write_process(json, node, process));
        json.object("parent", |json| write_process(json, node, parent));
        json.text("function_name", "security_file_permission");
        json.array("args", |list| {
            list.item_object(|json| {
                json.object("file_arg", |json| {
                    json.text("path", path);
                    json.text("permission", "-rw-r--r--");
                });
            });
            list.item_object(|json| json.number("int_arg", MAY_READ));
        });
        json.object("return", |json| json.number("int_arg", 0));
        json.text("action", "KPROBE_ACTION_POST");
        json.text("policy_name", "credential-file-access");
        json.text("return_action", "KPROBE_ACTION_POST");
    })
}

/// A connection was opened, as a policy on `tcp_connect` reports it.
pub(crate) fn connect(
    node: &Node,
    at: Moment,
    process: Placed<'_>,
    parent: Placed<'_>,
    (from, to, port): (&str, &str, u16),
) -> Vec<u8> {
    event("process_kprobe", node, at, |json| {
        json.object("process", |json| write_process(json, node, process));
        json.object("parent", |json| write_process(json, node, parent));
        json.text("function_name", "tcp_connect");
        json.array("args", |list| {
            list.item_object(|json| {
                json.object("sock_arg", |json| {
                    json.text("family", "AF_INET");
                    json.text("type", "SOCK_STREAM");
                    json.text("protocol", "IPPROTO_TCP");
                    json.text("saddr", from);
                    json.text("daddr", to);
                    json.number("sport", 32_768 + at.0.rem_euclid(28_000));
                    json.number("dport", i64::from(port));
                });
            });
        });
        json.text("action", "KPROBE_ACTION_POST");
        json.text("policy_name", "connect-outbound");
        json.text("return_action", "KPROBE_ACTION_POST");
    })
}

/// Room for one line, in bytes: most are shorter.
const LINE_BYTES: usize = 2_200;

fn event(kind: &str, node: &Node, at: Moment, fill: impl FnOnce(&mut Json<'_>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(LINE_BYTES);
    write_event(kind, node, at, &mut out, fill);
    out
}

fn write_event(kind: &str, node: &Node, at: Moment, out: &mut Vec<u8>, fill: impl FnOnce(&mut Json<'_>)) {
    Json::object_into(out, |json| {
        json.object(kind, fill);
        json.text("node_name", &node.name);
        json.moment("time", at + node.ahead, 9);
    });
}

fn write_process(json: &mut Json<'_>, node: &Node, Placed { process, pod }: Placed<'_>) {
    json.text("exec_id", &process.exec_id);
    json.number("pid", i64::from(process.pid));
    json.number("uid", i64::from(process.uid));
    json.text("cwd", &process.cwd);
    json.text("binary", &process.binary);
    if !process.arguments.is_empty() {
        json.text("arguments", &process.arguments);
    }
    json.text("flags", if process.cwd == "/" { "execve rootcwd clone" } else { "execve clone" });
    json.moment("start_time", process.start + node.ahead, 9);
    json.number("auid", UNSET_AUID);
    if let Some(pod) = pod {
        json.object("pod", |json| write_pod(json, pod, process));
        json.text("docker", pod.container_id.get(..DOCKER_ID_DIGITS).unwrap_or_default());
    }
    json.text("parent_exec_id", &process.parent_exec_id);
    json.number("refcnt", 1);
    json.number("tid", i64::from(process.pid));
}

fn write_pod(json: &mut Json<'_>, pod: &Pod, process: &Process) {
    json.text("namespace", &pod.namespace);
    json.text("name", &pod.name);
    json.text("uid", &pod.uid);
    json.object("container", |json| {
        json.joined("id", &["containerd://", &pod.container_id]);
        json.text("name", &pod.app);
        json.object("image", |json| {
            json.joined("id", &["registry.shop.example/", &pod.app, "@sha256:", &pod.digest]);
            json.text("name", &pod.image());
        });
        json.moment("start_time", pod.started, 0);
        json.number("pid", i64::from(process.inside_pid.unwrap_or(1)));
    });
    json.object("pod_labels", |json| json.text("app", &pod.app));
    json.text("workload", &pod.app);
    json.text("workload_kind", "Deployment");
}
