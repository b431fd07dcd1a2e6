//! The site of a volume run: nodes, pods, machines, and the credentials that they hold at the moment.
//!
//! In: a seed. Out: a place full of life. Owns: sizes and addresses. Its memory is the run's memory.

use std::collections::BTreeMap;

use super::environment::started;
use crate::emit::cloudtrail::{Instance, SessionKey};
use crate::emit::spire_lists;
use crate::moment::{Moment, SECOND};
use crate::random::Random;
use crate::world::{Node, Pod, PodSpec, Svid, Token};

/// Nodes of the cluster.
pub(super) const NODES: usize = 60;
/// Pods of the cluster.
pub(super) const PODS: usize = 600;
/// Workloads that the pods belong to.
pub(super) const WORKLOADS: usize = 40;
/// Virtual machines beside it.
const MACHINES: usize = 50;

/// A place for a pod: another one moves in after a drain.
pub(super) struct Slot {
    /// The pod that lives in it now.
    pub(super) pod: Pod,
    /// Its token.
    pub(super) token: Option<Token>,
    /// How many pods lived here before.
    pub(super) generation: usize,
}

/// A virtual machine with its key and its audit log.
pub(super) struct Machine {
    /// The machine.
    pub(super) instance: Instance,
    /// Its key.
    pub(super) key: Option<SessionKey>,
    /// Serial number of its last audit event.
    pub(super) serial: u32,
}

/// The site.
pub(super) struct Site {
    seed: u64,
    /// Chance of the run.
    pub(super) random: Random,
    /// Nodes.
    pub(super) nodes: Vec<Node>,
    /// Pods.
    pub(super) slots: Vec<Slot>,
    /// Machines.
    pub(super) machines: Vec<Machine>,
    /// Keys that the pods of a workload got through the NAT, by workload.
    pub(super) pod_keys: Vec<Option<SessionKey>>,
    svids: BTreeMap<(usize, usize), Svid>,
}

impl Site {
    /// The site, hours after its start.
    pub(super) fn new(seed: u64, from: Moment) -> Self {
        let nodes: Vec<Node> = (0..NODES)
            .map(|index| {
                Node::new(seed, &format!("vol-n{index:02}"), &format!("10.47.255.{}", index + 1), from)
            })
            .collect();
        let mut site = Self {
            seed,
            random: Random::named(seed, "volume"),
            nodes,
            slots: Vec::new(),
            machines: Vec::new(),
            pod_keys: vec![None; WORKLOADS],
            svids: BTreeMap::new(),
        };
        for index in 0..PODS {
            let pod = site.pod(index, 0, index % NODES, started(from));
            site.slots.push(Slot { pod, token: None, generation: 0 });
        }
        for index in 0..MACHINES {
            let instance = Instance {
                id: format!("i-0{index:02x}{}", Random::named(seed, &format!("machine {index}")).hex(14)),
                address: format!("172.30.{}.{}", index / 20, index % 20 + 10),
                role: format!("vol-role-{}", index % 8),
                role_id: format!("AROA{}", Random::named(seed, &format!("role {}", index % 8)).capitals(17)),
            };
            site.machines.push(Machine { instance, key: None, serial: 100 });
        }
        site
    }

    /// The pod of a slot: its address tells generation, node and slot apart.
    pub(super) fn pod(&self, slot: usize, generation: usize, node: usize, started: Moment) -> Pod {
        let account = format!("svc-{:02}", slot % WORKLOADS);
        let name = format!("{account}-{slot}-{generation}");
        let address = format!("10.{}.{}.{}", 32 + generation % 8, slot / 200 * 64 + node, slot % 200 + 10);
        let spec = PodSpec {
            namespace: "vol",
            name: &name,
            account: &account,
            address: &address,
            binary: "/app/server",
            arguments: "--port 8080",
            started,
        };
        Pod::new(self.seed, &self.nodes[node], &spec)
    }

    /// The node that a slot's pod runs on, as a number.
    pub(super) fn node_of(&self, slot: usize) -> usize {
        let name = &self.slots[slot].pod.node.name;
        self.nodes.iter().position(|node| node.name == *name).unwrap_or(0)
    }

    /// The SVID that a slot's pod holds, and its entry when it was signed just now.
    pub(super) fn svid(&mut self, slot: usize, at: Moment, renew_after: i64) -> (Svid, Option<String>) {
        let key = (slot % WORKLOADS, self.node_of(slot));
        if let Some(svid) = self.svids.get(&key).filter(|svid| (at - svid.signed.0).0 < renew_after) {
            return (svid.clone(), None);
        }
        let pod = &self.slots[slot].pod;
        let svid = Svid::new(self.seed, &pod.spiffe(), &pod.node, at - 2 * SECOND);
        let entry = spire_lists::entry_id(self.seed, pod);
        self.svids.insert(key, svid.clone());
        (svid, Some(entry))
    }

    /// The workload of a slot, as a number.
    pub(super) fn workload_of(slot: usize) -> usize {
        slot % WORKLOADS
    }
}
