//! The placement feed, `offbound.placement/1`: an inventory's word on what is where.
//!
//! In: a pod, and perhaps its end. Out: one line. Owns: nothing but the public shape of the feed.

use crate::json::Json;
use crate::moment::Moment;
use crate::world::Pod;

/// A pod is at its place from its start, until `end` when that is known.
pub(crate) fn line(realm: &str, pod: &Pod, end: Option<Moment>) -> Vec<u8> {
    let mut out = Vec::with_capacity(400);
    Json::object_into(&mut out, |json| {
        json.text("schema", "offbound.placement/1");
        json.text("realm", realm);
        json.text("workload", &pod.spiffe());
        json.text("host", &pod.node.name);
        json.text("pod_uid", &pod.uid);
        json.joined("pod", &[&pod.namespace, "/", &pod.name]);
        json.texts("container_ids", &[&pod.container_id]);
        json.texts("addresses", &[&pod.address]);
        json.flag("shared", pod.host_network);
        json.moment("start", pod.started, 0);
        match end {
            Some(end) => json.moment("end", end, 0),
            None => json.null("end"),
        }
    });
    out
}
