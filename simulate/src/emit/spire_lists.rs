//! `spire-server entry show -output json` and `spire-server agent list -output json`.
//!
//! In: entries (a workload on a node), agents. Out: the lists, pretty-printed as the command does.
//! Owns: the command's field names; numbers of 64 bits as text.

use serde_json::{Value, json};

use crate::moment::{HOUR, Moment};
use crate::random::Random;
use crate::world::{Node, Pod, TRUST_DOMAIN};

/// Id of the registration entry of a pod's workload on its node.
pub(crate) fn entry_id(seed: u64, pod: &Pod) -> String {
    Random::named(seed, &format!("entry {} {}", pod.spiffe(), pod.node.name)).uuid()
}

/// The list of entries: one for each workload on each node.
pub(crate) fn entries(seed: u64, pods: &[&Pod], created: Moment) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut entries = Vec::new();
    for pod in pods {
        let id = entry_id(seed, pod);
        if seen.contains(&id) {
            continue;
        }
        entries.push(entry(&id, pod, created));
        seen.push(id);
    }
    pretty(&json!({"entries": entries, "next_page_token": ""}))
}

fn entry(id: &str, pod: &Pod, created: Moment) -> Value {
    json!({
        "id": id,
        "spiffe_id": {"trust_domain": TRUST_DOMAIN, "path": format!("/ns/{}/sa/{}", pod.namespace, pod.account)},
        "parent_id": {
            "trust_domain": TRUST_DOMAIN,
            "path": format!("/spire/agent/k8s_psat/prod/{}", pod.node.uid),
        },
        "selectors": [
            {"type": "k8s", "value": format!("ns:{}", pod.namespace)},
            {"type": "k8s", "value": format!("sa:{}", pod.account)},
        ],
        "x509_svid_ttl": 3600,
        "federates_with": [],
        "hint": "",
        "admin": false,
        "created_at": created.secs().to_string(),
        "downstream": false,
        "expires_at": "0",
        "dns_names": [],
        "revision_number": "1",
        "store_svid": false,
        "jwt_svid_ttl": 0,
    })
}

/// The list of agents: one on each node.
pub(crate) fn agents(seed: u64, nodes: &[&Node], now: Moment) -> Vec<u8> {
    let agents: Vec<Value> = nodes
        .iter()
        .map(|node| {
            let mut random = Random::named(seed, &format!("agent {}", node.name));
            let serial = (u128::from(random.next() >> 1) << 64) | u128::from(random.next());
            json!({
                "id": {"trust_domain": TRUST_DOMAIN, "path": format!("/spire/agent/k8s_psat/prod/{}", node.uid)},
                "attestation_type": "k8s_psat",
                "x509svid_serial_number": serial.to_string(),
                "x509svid_expires_at": (now + HOUR).secs().to_string(),
                "selectors": [
                    {"type": "k8s_psat", "value": "agent_ns:spire"},
                    {"type": "k8s_psat", "value": format!("agent_node_name:{}", node.name)},
                    {"type": "k8s_psat", "value": format!("agent_node_ip:{}", node.address)},
                    {"type": "k8s_psat", "value": format!("agent_node_uid:{}", node.uid)},
                    {"type": "k8s_psat", "value": "cluster:prod"},
                ],
                "banned": false,
                "can_reattest": true,
                "agent_version": "1.12.4",
            })
        })
        .collect();
    pretty(&json!({"agents": agents, "next_page_token": ""}))
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut out = serde_json::to_vec_pretty(value).expect("values of JSON can be written");
    out.push(b'\n');
    out
}
