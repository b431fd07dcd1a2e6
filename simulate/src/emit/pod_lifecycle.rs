//! A pod's life in the Kubernetes audit log, at level RequestResponse: where placements can be read.
//!
//! In: a pod. Out: the calls that create, bind, report and delete it. Owns: who makes each call, and the
//! objects in requests and answers.

use serde_json::{Value, json};

use crate::emit::k8s_audit::{Call, Caller, Object};
use crate::emit::k8s_pods;
use crate::moment::{MILLI, Moment, SECOND};
use crate::random::Random;
use crate::world::Pod;

/// Lines with their moments.
type Lines = Vec<(Moment, Vec<u8>)>;

/// Where the control plane's components call from.
const CONTROL_PLANE: &str = "10.21.240.100";
const REPLICA_SETS: &str = "system:serviceaccount:kube-system:replicaset-controller";
const SCHEDULER: &str = "system:kube-scheduler";
/// How long a pod has to end by itself, in seconds.
const GRACE_SECS: i64 = 30;

/// Created by a controller, bound by the scheduler, reported running by the kubelet.
pub(crate) fn created(random: &mut Random, pod: &Pod) -> Lines {
    let ready = k8s_pods::item(pod);
    let pending = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": ready["metadata"],
        "spec": {"containers": ready["spec"]["containers"], "serviceAccountName": pod.account},
        "status": {"phase": "Pending"},
    });
    let binding = json!({
        "kind": "Binding",
        "apiVersion": "v1",
        "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
        "target": {"kind": "Node", "name": pod.node.name},
    });
    let bound = json!({"kind": "Status", "apiVersion": "v1", "status": "Success", "code": 201});
    let status = json!({"metadata": {"uid": pod.uid}, "status": ready["status"]});
    let start = pod.started;
    let mut lines = call(random, pod, (start - 2 * SECOND, "create", "", REPLICA_SETS), &pending, &pending);
    lines.extend(call(random, pod, (start - SECOND, "create", "binding", SCHEDULER), &binding, &bound));
    lines.extend(call(random, pod, (start + 900 * MILLI, "patch", "status", ""), &status, &ready));
    lines
}

/// Deleted with grace by a controller, then for good by the kubelet.
pub(crate) fn deleted(random: &mut Random, pod: &Pod, at: Moment) -> Lines {
    let mut dying = k8s_pods::item(pod);
    dying["metadata"]["deletionTimestamp"] = json!((at + GRACE_SECS * SECOND).text(0));
    dying["metadata"]["deletionGracePeriodSeconds"] = json!(GRACE_SECS);
    let mut gone = dying.clone();
    gone["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    let asked = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": pod.uid}});
    let for_good = json!({
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": pod.uid},
    });
    let mut lines = call(random, pod, (at, "delete", "", REPLICA_SETS), &asked, &dying);
    lines.extend(call(random, pod, (at + 2 * SECOND, "delete", "", ""), &for_good, &gone));
    lines
}

/// One call, by a component of the control plane or (`by` empty) by the pod's kubelet.
fn call(
    random: &mut Random,
    pod: &Pod,
    (at, verb, subresource, by): (Moment, &str, &str, &str),
    request: &Value,
    answer: &Value,
) -> Lines {
    let by_kubelet = by.is_empty();
    let (request, answer) = (request.to_string(), answer.to_string());
    let call = Call {
        at,
        took: 8 * MILLI,
        caller: if by_kubelet { Caller::Kubelet(&pod.node) } else { Caller::ControlPlane(by) },
        source: if by_kubelet { &pod.node.address } else { CONTROL_PLANE },
        agent: if by_kubelet {
            "kubelet/v1.33.4 (linux/amd64) kubernetes/5d1a7c2"
        } else {
            "kube-controller-manager/v1.33.4"
        },
        verb,
        object: Object {
            resource: "pods",
            namespace: &pod.namespace,
            name: &pod.name,
            group: "",
            subresource,
        },
        query: "",
        code: if verb == "create" { 201 } else { 200 },
        reason: "",
        issued: None,
        bodies: Some((request.as_bytes(), answer.as_bytes())),
    };
    let [received, complete] = call.records(random);
    vec![(call.at, received), (call.done(), complete)]
}
