//! `kubectl get pods -A -o json`: what runs where.
//!
//! In: pods. Out: the list as kubectl prints it. Owns: the few fields of a pod that tell its place, in
//! kubectl's order and indentation (four blanks).

use serde_json::{Value, json};

use crate::world::Pod;

/// The list, pretty-printed as kubectl does.
pub(crate) fn list(pods: &[&Pod]) -> Vec<u8> {
    let items: Vec<Value> = pods.iter().map(|pod| item(pod)).collect();
    let list =
        json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}});
    let mut out = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, indent);
    serde::Serialize::serialize(&list, &mut serializer).expect("values of JSON can be written");
    out.push(b'\n');
    out
}

/// One pod as the API server shows it.
pub(crate) fn item(pod: &Pod) -> Value {
    let started = pod.started.text(0);
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "creationTimestamp": started,
            "labels": {"app": pod.app},
            "name": pod.name,
            "namespace": pod.namespace,
            "resourceVersion": (pod.started.secs() % 10_000_000).to_string(),
            "uid": pod.uid,
        },
        "spec": {
            "containers": [{"image": pod.image(), "name": pod.app}],
            "hostNetwork": pod.host_network,
            "nodeName": pod.node.name,
            "serviceAccount": pod.account,
            "serviceAccountName": pod.account,
        },
        "status": {
            "containerStatuses": [{
                "containerID": format!("containerd://{}", pod.container_id),
                "image": pod.image(),
                "imageID": format!("registry.shop.example/{}@sha256:{}", pod.app, pod.digest),
                "name": pod.app,
                "ready": true,
                "restartCount": 0,
                "started": true,
                "state": {"running": {"startedAt": started}},
            }],
            "hostIP": pod.node.address,
            "hostIPs": [{"ip": pod.node.address}],
            "phase": "Running",
            "podIP": pod.address,
            "podIPs": [{"ip": pod.address}],
            "startTime": started,
        },
    })
}
