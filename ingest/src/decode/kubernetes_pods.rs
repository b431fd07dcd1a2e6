//! Kubernetes pods and nodes, as `kubectl get pods,nodes -A -o json` prints them.
//!
//! In: one Pod or Node object a record (framing takes lists apart). Out: one placement each.
//! Owns: when such a statement was made: the newest moment in the object, since a listing bears no time of its own;
//! a deletion that is only announced does not count. Leaves the reading of the objects to `object`.

use offbound_schemas::{EventRows, EventTime};
use serde_json::Value;

use super::{Decode, Format, Identity, Record, Verdict, field};

pub(crate) mod object;

pub(crate) const FORMAT: Format = Format {
    id: "kubernetes-pods",
    title: "Kubernetes Pod and Node objects (kubectl get pods -A -o json)",
    fills: &["placements"],
    sample: r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-7","namespace":"shop","uid":"5d0a3c52-6f0b-4a7e-9d3e-2f4d1c9b7a10","creationTimestamp":"2026-03-01T10:00:00Z"},"spec":{"nodeName":"n1","serviceAccountName":"web","containers":[{"name":"web"}]},"status":{"phase":"Running","podIP":"10.1.0.7","startTime":"2026-03-01T10:00:01Z"}}"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(KubernetesPods),
};

fn sniff(record: &Record<'_>) -> u8 {
    let Some(json) = record.json.filter(|json| field::has(json, &["metadata", "name"])) else { return 0 };
    let of_core = field::str_at(json, &["apiVersion"]) == Some("v1");
    match field::str_at(json, &["kind"]) {
        Some("Pod" | "Node") if of_core => 96,
        None if object::is_pod(json) || object::is_node(json) => 85,
        _ => 0,
    }
}

struct KubernetesPods;

impl Decode for KubernetesPods {
    fn is_stateless(&self) -> bool {
        true
    }

    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let Some(json) = record.json else {
            return Verdict::reject("not-json", "expected one Pod or Node object");
        };
        let Some(event_time) = newest_time(json).or(record.envelope.time) else {
            return Verdict::Rejected(field::no_time("metadata.creationTimestamp", None));
        };
        let mut placement = record.placement(event_time);
        if object::is_node(json) {
            object::fill_host(&mut placement, json);
        } else {
            object::fill_pod(&mut placement, json);
        }
        rows.placements.push(placement);
        Verdict::Decoded
    }
}

/// The newest moment in `metadata` and `status` of an object.
fn newest_time(json: &Value) -> Option<EventTime> {
    let conditions = field::array_at(json, &["status", "conditions"]).iter().flat_map(|condition| {
        ["lastTransitionTime", "lastHeartbeatTime", "lastProbeTime"]
            .map(|key| field::time_at(condition, &[key]))
    });
    let managers = field::array_at(json, &["metadata", "managedFields"]);
    let edits = managers.iter().map(|manager| field::time_at(manager, &["time"]));
    let containers = object::container_statuses(json).flat_map(|status| {
        [["running", "startedAt"], ["terminated", "startedAt"], ["terminated", "finishedAt"]]
            .map(|[state, moment]| field::time_at(status, &["state", state, moment]))
    });
    let own = [
        field::time_at(json, &["metadata", "creationTimestamp"]),
        field::time_at(json, &["status", "startTime"]),
    ];
    own.into_iter().chain(conditions).chain(edits).chain(containers).flatten().max()
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;
    use offbound_schemas::vocabulary::PlacementKind;

    fn decode(text: &str) -> (Verdict, EventRows) {
        let (mut verdicts, rows) = trial::run(&FORMAT, &[text]);
        (verdicts.remove(0), rows)
    }

    fn moment(text: &str) -> Option<EventTime> {
        EventTime::parse(text).ok()
    }

    /// Scenario: a running pod with two addresses and runtime prefixes on its container ids. Guarantees: place,
    /// workload and start are read; event time is the newest moment in the object.
    #[test]
    fn a_running_pod() {
        let text = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-7","namespace":"shop","uid":"u-7",
            "creationTimestamp":"2026-03-01T10:00:00Z"},"spec":{"nodeName":"n1","serviceAccountName":"web"},
            "status":{"phase":"Running","startTime":"2026-03-01T10:00:01Z","podIP":"10.1.0.7",
            "podIPs":[{"ip":"10.1.0.7"},{"ip":"FD00::7"}],"hostIP":"10.9.0.1",
            "conditions":[{"type":"Ready","lastTransitionTime":"2026-03-01T10:00:09Z","lastProbeTime":null}],
            "initContainerStatuses":[{"containerID":"cri-o://bb"}],"containerStatuses":[{"containerID":"containerd://AA"},{"containerID":""}]}}"#;
        let (verdict, rows) = decode(text);
        assert_eq!(verdict, Verdict::Decoded);
        let row = &rows.placements[0];
        assert_eq!(Some(row.event_time), moment("2026-03-01T10:00:09Z"));
        assert_eq!(row.workload.as_deref(), Some("system:serviceaccount:shop:web"));
        assert_eq!(
            (row.host.as_deref(), row.pod.as_deref(), row.pod_uid.as_deref()),
            (Some("n1"), Some("web-7"), Some("u-7"))
        );
        assert_eq!(row.addresses, ["10.1.0.7", "fd00::7"]);
        assert_eq!(row.container_ids, ["bb", "aa"]);
        assert_eq!((row.start, row.end, row.shared), (moment("2026-03-01T10:00:01Z"), None, false));
    }

    /// Scenario: a finished hostNetwork pod, and one that is being deleted. Guarantees: shared addresses are
    /// marked, the end is when the last container ended, or the announced deletion.
    #[test]
    fn ends() {
        let finished = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"job","namespace":"shop","creationTimestamp":"2026-03-01T10:00:00Z"},
            "spec":{"hostNetwork":true,"serviceAccountName":"job"},"status":{"phase":"Succeeded","podIP":"10.9.0.1","containerStatuses":[
            {"state":{"terminated":{"finishedAt":"2026-03-01T10:05:00Z","containerID":"docker://cc"}}},{"state":{"terminated":{"finishedAt":"2026-03-01T10:04:00Z"}}}]}}"#;
        let (_, rows) = decode(finished);
        let row = &rows.placements[0];
        assert_eq!((row.end, row.shared), (moment("2026-03-01T10:05:00Z"), true));
        assert_eq!(row.container_ids, ["cc"]);
        let evicted = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","creationTimestamp":"2026-03-01T10:00:00Z"},
            "status":{"phase":"Failed","reason":"Evicted","podIP":"10.1.0.7","conditions":[{"type":"Ready","status":"False","lastTransitionTime":"2026-03-01T10:07:00Z"},
            {"type":"PodScheduled","status":"True","lastTransitionTime":"2026-03-01T10:00:00Z"}]}}"#;
        let (_, rows) = decode(evicted);
        assert_eq!(
            rows.placements[0].end,
            moment("2026-03-01T10:07:00Z"),
            "its containers were never reported on"
        );
        let deleted = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","creationTimestamp":"2026-03-01T10:00:00Z",
            "deletionTimestamp":"2026-03-01T12:00:30Z"},"status":{"phase":"Running"}}"#;
        let (_, rows) = decode(deleted);
        assert_eq!(rows.placements[0].end, moment("2026-03-01T12:00:30Z"));
        assert_eq!(Some(rows.placements[0].event_time), moment("2026-03-01T10:00:00Z"));
    }

    /// Scenario: a node with addresses, names and a cloud provider id. Guarantees: a host with addresses; names go to aliases.
    #[test]
    fn a_node() {
        let text = r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"n1","uid":"node-uid-1","creationTimestamp":"2026-02-01T00:00:00Z"},
            "spec":{"providerID":"aws:///eu-west-1a/i-0aaaaaaaaaaaaaaa1"},"status":{"addresses":[{"type":"InternalIP","address":"10.9.0.1"},
            {"type":"ExternalIP","address":"198.51.100.4"},{"type":"Hostname","address":"n1"},{"type":"InternalDNS","address":"n1.internal"}],
            "nodeInfo":{"machineID":"m1","systemUUID":"s1","bootID":"b1"}}}"#;
        let (_, rows) = decode(text);
        let row = &rows.placements[0];
        assert_eq!(row.kind, PlacementKind::Host);
        assert_eq!(
            (row.host.as_deref(), row.host_uid.as_deref(), row.native_id.as_deref()),
            (Some("n1"), Some("m1"), Some("node-uid-1"))
        );
        assert_eq!(row.addresses, ["10.9.0.1", "198.51.100.4"]);
        assert_eq!(row.aliases, ["node-uid-1", "s1", "i-0aaaaaaaaaaaaaaa1", "n1.internal"]);
    }

    /// Scenario: provider ids of several clouds. Guarantees: a name that no other machine has.
    #[test]
    fn machines_of_clouds() {
        let alias = |provider_id: &str| {
            let node = serde_json::json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1", "creationTimestamp": "2026-02-01T00:00:00Z"},
                "spec": {"providerID": provider_id, "podCIDRs": ["10.1.0.0/24"]}});
            let (_, mut rows) = decode(&node.to_string());
            let row = rows.placements.remove(0);
            assert!(row.unmapped.is_some_and(|text| text.contains("10.1.0.0/24")));
            row.aliases
        };
        assert_eq!(alias("aws:///eu-west-1a/i-0aaaaaaaaaaaaaaa1"), ["i-0aaaaaaaaaaaaaaa1"]);
        assert_eq!(alias("gce://shop-prod/europe-west1-b/pool-1"), ["pool-1"]);
        let scale_set = "/subscriptions/S/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/v/virtualMachines/0";
        assert_eq!(alias(&format!("azure://{scale_set}")), [scale_set.to_lowercase()]);
        assert!(alias("aws:///").is_empty());
    }

    /// Scenario: other objects, and a pod without any moment. Guarantees: not recognised; refused with the field's name.
    #[test]
    fn others() {
        assert_eq!(
            trial::sniff(&FORMAT, r#"{"kind":"Service","apiVersion":"v1","metadata":{"name":"x"}}"#),
            0
        );
        assert_eq!(trial::sniff(&FORMAT, r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"x"}}"#), 0);
        assert_eq!(trial::sniff(&FORMAT, r#"{"kind":"Pod"}"#), 0);
        let (verdict, _) = decode(r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}}"#);
        assert_eq!(verdict, Verdict::Rejected(field::no_time("metadata.creationTimestamp", None)));
    }
}
