//! Pod and Node objects to placements; also used for the objects inside Kubernetes audit records.
//!
//! In: the object as JSON, complete or in part. Out: the columns of a placement that it fills.
//! Owns: where Kubernetes keeps place, addresses, containers and ends. Leaves event time and identity to the caller.

use offbound_schemas::EventTime;
use offbound_schemas::table::Placement;
use offbound_schemas::vocabulary::PlacementKind;
use serde_json::Value;

use super::super::subject::ServiceAccount;
use super::super::{address, field};

/// Whether a value without `kind` is a pod.
pub(crate) fn is_pod(json: &Value) -> bool {
    kind_is(json, "Pod") || (!field::has(json, &["kind"]) && field::has(json, &["spec", "containers"]))
}

/// Whether a value is a node.
pub(crate) fn is_node(json: &Value) -> bool {
    kind_is(json, "Node") || (!field::has(json, &["kind"]) && field::has(json, &["status", "nodeInfo"]))
}

fn kind_is(json: &Value, kind: &str) -> bool {
    field::str_at(json, &["kind"]) == Some(kind)
}

/// Fills what `pod` says; columns that it does not speak of stay as they are.
pub(crate) fn fill_pod(placement: &mut Placement, pod: &Value) {
    placement.kind = PlacementKind::Pod;
    set(&mut placement.pod, field::str_at(pod, &["metadata", "name"]));
    set(&mut placement.namespace, field::str_at(pod, &["metadata", "namespace"]));
    set(&mut placement.pod_uid, field::str_at(pod, &["metadata", "uid"]));
    set(&mut placement.host, field::str_at(pod, &["spec", "nodeName"]));
    set(&mut placement.service_account, service_account(pod));
    if let (Some(namespace), Some(name)) = (&placement.namespace, &placement.service_account) {
        placement.workload = Some(ServiceAccount { namespace, name }.subject());
    }
    merge(&mut placement.addresses, pod_addresses(pod));
    merge(&mut placement.container_ids, container_ids(pod));
    placement.shared |=
        field::bool_at(pod, &["spec", "hostNetwork"]).unwrap_or(false) || has_host_address(pod);
    let created = || field::time_at(pod, &["metadata", "creationTimestamp"]);
    placement.start = field::time_at(pod, &["status", "startTime"]).or_else(created).or(placement.start);
    placement.end = end_of(pod).or(placement.end);
    let phase = field::at(pod, &["status", "phase"]);
    let owners = field::at(pod, &["metadata", "ownerReferences"]);
    placement.unmapped =
        field::unmapped([("phase", phase), ("ownerReferences", owners)]).or(placement.unmapped.take());
}

/// Fills what `node` says about a host.
pub(crate) fn fill_host(placement: &mut Placement, node: &Value) {
    placement.kind = PlacementKind::Host;
    set(&mut placement.host, field::str_at(node, &["metadata", "name"]));
    let machine = field::str_at(node, &["status", "nodeInfo", "machineID"]);
    let system = field::str_at(node, &["status", "nodeInfo", "systemUUID"]);
    set(&mut placement.host_uid, machine.or(system));
    set(&mut placement.native_id, field::str_at(node, &["metadata", "uid"]));
    let provider_id = field::str_at(node, &["spec", "providerID"]);
    let machine_name = provider_id.and_then(instance_name);
    let names = [field::str_at(node, &["metadata", "uid"]), system, machine_name.as_deref()]
        .into_iter()
        .flatten()
        .chain(dns_names(node));
    let taken = [placement.host.clone(), placement.host_uid.clone()];
    let other = |name: &&str| !taken.iter().flatten().any(|taken| taken == name);
    merge(&mut placement.aliases, names.filter(other).map(str::to_owned).collect());
    merge(&mut placement.addresses, node_addresses(node));
    placement.start = field::time_at(node, &["metadata", "creationTimestamp"]).or(placement.start);
    placement.end = field::time_at(node, &["metadata", "deletionTimestamp"]).or(placement.end);
    // Its kubelet may register it again.
    placement.may_go_on = placement.end.is_some();
    let boot_id = field::at(node, &["status", "nodeInfo", "bootID"]);
    let pod_cidrs = field::at(node, &["spec", "podCIDRs"]);
    let provider = field::at(node, &["spec", "providerID"]);
    let kept = [("bootID", boot_id), ("podCIDRs", pod_cidrs), ("providerID", provider)];
    placement.unmapped = field::unmapped(kept).or(placement.unmapped.take());
}

/// The machine that a provider id names: its last part, but for Azure, where that is a mere number in a scale set.
fn instance_name(provider_id: &str) -> Option<String> {
    if let Some(path) = provider_id.strip_prefix("azure://") {
        return Some(path.to_lowercase()).filter(|path| path.contains("/virtualmachine"));
    }
    provider_id.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The statuses of all containers of a pod, init and ephemeral ones included.
pub(crate) fn container_statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"]
        .into_iter()
        .flat_map(|key| field::array_at(pod, &["status", key]))
}

fn set(column: &mut Option<String>, text: Option<&str>) {
    if let Some(text) = text {
        *column = Some(text.to_owned());
    }
}

fn merge(column: &mut Vec<String>, texts: Vec<String>) {
    for text in texts {
        if !column.contains(&text) {
            column.push(text);
        }
    }
}

fn service_account(pod: &Value) -> Option<&str> {
    field::str_at(pod, &["spec", "serviceAccountName"])
        .or_else(|| field::str_at(pod, &["spec", "serviceAccount"]))
}

fn pod_addresses(pod: &Value) -> Vec<String> {
    let lone = field::str_at(pod, &["status", "podIP"]);
    let listed = field::array_at(pod, &["status", "podIPs"]).iter();
    address::normal_list(
        lone.into_iter().chain(listed.filter_map(|item| field::str_at(item, &["ip"]).or(item.as_str()))),
    )
}

/// A pod whose address is its host's own shares it, whether or not the object shows `hostNetwork`.
fn has_host_address(pod: &Value) -> bool {
    let pod_address = field::str_at(pod, &["status", "podIP"]).and_then(address::normal);
    let host_address = field::str_at(pod, &["status", "hostIP"]).and_then(address::normal);
    pod_address.is_some() && pod_address == host_address
}

/// Container ids without the runtime's prefix (`containerd://`), also of containers that have ended.
fn container_ids(pod: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    for status in container_statuses(pod) {
        let now = field::str_at(status, &["containerID"]);
        let ended = field::str_at(status, &["state", "terminated", "containerID"]);
        let before = field::str_at(status, &["lastState", "terminated", "containerID"]);
        let bare = |id: &str| id.rsplit("://").next().unwrap_or(id).to_lowercase();
        merge(&mut ids, [now, ended, before].into_iter().flatten().map(bare).collect());
    }
    ids
}

fn end_of(pod: &Value) -> Option<EventTime> {
    let over = matches!(field::str_at(pod, &["status", "phase"]), Some("Succeeded" | "Failed"));
    let ended = || {
        container_statuses(pod)
            .filter_map(|status| field::time_at(status, &["state", "terminated", "finishedAt"]))
            .max()
    };
    // The kubelet may not have got to report on the containers of a pod that it evicted, nor does it for a lost node.
    let told = || {
        let conditions = field::array_at(pod, &["status", "conditions"]).iter();
        conditions.filter_map(|condition| field::time_at(condition, &["lastTransitionTime"])).max()
    };
    let finished = if over { ended().or_else(told) } else { None };
    finished.or_else(|| field::time_at(pod, &["metadata", "deletionTimestamp"]))
}

fn node_addresses(node: &Value) -> Vec<String> {
    let of_kind = |item: &&Value| matches!(field::str_at(item, &["type"]), Some("InternalIP" | "ExternalIP"));
    let items = field::array_at(node, &["status", "addresses"]).iter().filter(of_kind);
    address::normal_list(items.filter_map(|item| field::str_at(item, &["address"])))
}

fn dns_names(node: &Value) -> impl Iterator<Item = &str> {
    let of_kind = |item: &&Value| {
        matches!(field::str_at(item, &["type"]), Some("Hostname" | "InternalDNS" | "ExternalDNS"))
    };
    let items = field::array_at(node, &["status", "addresses"]).iter().filter(of_kind);
    items.filter_map(|item| field::str_at(item, &["address"]))
}
