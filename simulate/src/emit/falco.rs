//! Falco's JSON output.
//!
//! In: a process of a pod that a rule matched. Out: the alert. Owns: cut container ids, integer times,
//! output fields that repeat what the rule's text names.

use crate::json::Json;
use crate::moment::Moment;
use crate::world::{Pod, Process};

/// Length to which Falco cuts container ids.
const CONTAINER_ID_DIGITS: usize = 12;

/// "Contact K8S API Server From Container", as Falco's own rules word it: a notice that normal clients cause.
pub(crate) fn api_contact(at: Moment, pod: &Pod, process: &Process, connection: &str) -> Vec<u8> {
    let container = pod.container_id.get(..CONTAINER_ID_DIGITS).unwrap_or_default();
    let name = process.binary.rsplit('/').next().unwrap_or_default();
    let clock = at.text(9).get(11..29).unwrap_or_default().to_owned();
    let output = format!(
        "{clock}: Notice Unexpected connection to K8s API Server from container | connection={connection} \
         process={name} proc_exepath={} container_id={container} container_name={} k8s_pod_name={} k8s_ns_name={}",
        process.binary, pod.app, pod.name, pod.namespace
    );
    let mut out = Vec::with_capacity(1_400);
    Json::object_into(&mut out, |json| {
        json.text("hostname", &pod.node.name);
        json.text("output", &output);
        json.object("output_fields", |json| {
            json.text("container.id", container);
            json.text("container.image.repository", &format!("registry.shop.example/{}", pod.app));
            json.text("container.name", &pod.app);
            json.number("evt.time", at.0);
            json.text("evt.type", "connect");
            json.text("fd.name", connection);
            json.text("k8s.ns.name", &pod.namespace);
            json.text("k8s.pod.name", &pod.name);
            json.text("proc.cmdline", &format!("{name} {}", process.arguments));
            json.text("proc.exepath", &process.binary);
            json.text("proc.name", name);
            json.number("proc.pid", i64::from(process.pid));
            json.text("proc.pname", "containerd-shim");
            json.number("user.loginuid", -1);
            json.number("user.uid", i64::from(process.uid));
        });
        json.text("priority", "Notice");
        json.text("rule", "Contact K8S API Server From Container");
        json.text("source", "syscall");
        json.texts("tags", &["T1565", "container", "k8s", "maturity_stable", "network"]);
        json.moment("time", at, 9);
    });
    out
}
