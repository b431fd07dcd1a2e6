//! Requests that say where a pod or node is.
//!
//! In: an audit event and the row of its request. Out: a placement, where the request changed a pod, bound it to a
//! node, or changed a node, and succeeded. Owns: which of request and answer is believed (the answer; then the
//! request; then the reference), that a deletion ends the placement even if nothing but names is known, and whether what
//! was asked to go is gone.

use offbound_schemas::table::{IdentityAssertion, Placement};
use offbound_schemas::vocabulary::{Decision, Enforcement, PlacementKind};
use serde_json::Value;

use super::super::Record;
use super::super::kubernetes_pods::object::{fill_host, fill_pod};
use super::event::AuditEvent;

/// The placement that a request tells of, if any.
pub(super) fn row(
    record: &Record<'_>,
    event: &AuditEvent<'_>,
    presented: &IdentityAssertion,
) -> Option<Placement> {
    let refused = presented.decision != Decision::Allow || presented.enforcement != Enforcement::Enforced;
    if refused || presented.status.is_some_and(|status| status >= 300) {
        return None;
    }
    let verb = event.str_at(&["verb"])?;
    let resource = event.str_at(&["objectRef", "resource"])?;
    let changes = matches!(verb, "create" | "update" | "patch" | "delete");
    let mut row = record.placement(presented.end_time.unwrap_or(presented.event_time));
    row.event_id = record.row_id(1);
    match (resource, event.str_at(&["objectRef", "subresource"])) {
        ("pods", None | Some("status")) if changes => fill_from_pod(&mut row, event),
        ("pods", Some("binding")) | ("bindings", None) if verb == "create" => {
            fill_from_binding(&mut row, event)
        }
        ("nodes", None | Some("status")) if changes => fill_from_node(&mut row, event),
        _ => return None,
    }
    if verb == "delete" {
        // A deleted node is there again as soon as its kubelet registers it.
        row.may_go_on = row.kind == PlacementKind::Host || (row.end.is_none() && !is_gone(event, presented));
        // The deletion that ends a pod's grace, its kubelet's, answers with the moment at which the grace began.
        row.end = row.end.max(Some(row.event_time));
    }
    tells_a_place(&row).then_some(row)
}

/// Whether a deletion is the last word: a pod's kubelet asks when it has stopped, and the answer about an object that is
/// there no more is a status. Who else asks begins a grace.
fn is_gone(event: &AuditEvent<'_>, presented: &IdentityAssertion) -> bool {
    let is_kubelet = presented.subject.as_deref().is_some_and(|subject| subject.starts_with("system:node:"));
    is_kubelet || event.str_at(&["responseObject", "kind"]) == Some("Status")
}

/// A name alone is no place; it is worth a row only when it ends one.
fn tells_a_place(row: &Placement) -> bool {
    let named = row.pod.is_some() || row.pod_uid.is_some() || row.host.is_some();
    match row.kind {
        PlacementKind::Pod => named && (row.end.is_some() || row.host.is_some() || !row.addresses.is_empty()),
        _ => named && (row.end.is_some() || !row.addresses.is_empty()),
    }
}

/// The request's object, then the answer's over it: the answer is complete where it is logged at all.
fn objects<'e>(event: &'e AuditEvent<'_>) -> impl Iterator<Item = &'e Value> {
    ["requestObject", "responseObject"].into_iter().filter_map(|key| event.at(&[key])).filter(|object| {
        let kind = object.get("kind").and_then(Value::as_str);
        matches!(kind, None | Some("Pod" | "Node"))
            && (object.get("metadata").is_some() || object.get("status").is_some())
    })
}

fn fill_from_pod(row: &mut Placement, event: &AuditEvent<'_>) {
    fill_reference(row, event);
    for object in objects(event) {
        fill_pod(row, object);
    }
    row.pod_uid = row.pod_uid.take().or_else(|| event.string_at(&["responseObject", "details", "uid"]));
}

fn fill_reference(row: &mut Placement, event: &AuditEvent<'_>) {
    row.kind = PlacementKind::Pod;
    row.namespace = event.string_at(&["objectRef", "namespace"]);
    row.pod = event.string_at(&["objectRef", "name"]);
    row.pod_uid = event.string_at(&["objectRef", "uid"]);
}

fn fill_from_binding(row: &mut Placement, event: &AuditEvent<'_>) {
    fill_reference(row, event);
    row.pod_uid = row.pod_uid.take().or_else(|| event.string_at(&["requestObject", "metadata", "uid"]));
    row.host = event.string_at(&["requestObject", "target", "name"]);
}

fn fill_from_node(row: &mut Placement, event: &AuditEvent<'_>) {
    row.kind = PlacementKind::Host;
    row.host = event.string_at(&["objectRef", "name"]);
    for object in objects(event) {
        fill_host(row, object);
    }
}
