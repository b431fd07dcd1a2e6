//! The two ends of a flow.
//!
//! In: a flow. Out: what it says of source and destination; placements of endpoints that are the node's own.
//! Owns: which end is local (an endpoint id is only given to those), the labels that name a service account or a reserved
//! identity, the memory of what was already said. A placement is given once, since every flow repeats it.
//! Law: without pod uid and beginning, a placement only says that the pod was there at the flow's time.

use std::collections::BTreeSet;

use offbound_schemas::EventTime;
use offbound_schemas::table::Placement;
use offbound_schemas::vocabulary::PlacementKind;
use serde_json::Value;

use super::address_at;
use crate::decode::subject::ServiceAccount;
use crate::decode::{Record, field};

/// The label that names the service account of a pod.
const SERVICE_ACCOUNT_LABEL: &str = "io.cilium.k8s.policy.serviceaccount";
/// Most placements remembered: pods that one cluster's agents may show in a stream.
const MAX_KNOWN: usize = 65_536;

/// One end of a flow.
#[derive(Debug, Default)]
pub(super) struct Endpoint<'v> {
    pub(super) address: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) namespace: Option<&'v str>,
    pub(super) pod: Option<&'v str>,
    pub(super) service_account: Option<&'v str>,
    pub(super) cluster: Option<&'v str>,
    /// `world`, `host`, `remote-node`, …: what is no endpoint of the cluster's.
    reserved: Option<&'v str>,
    /// A name that was resolved for the address.
    dns: Option<&'v str>,
    service: Option<String>,
    is_local: bool,
    is_source: bool,
}

impl<'v> Endpoint<'v> {
    /// Reads `source` or `destination`.
    pub(super) fn of(flow: &'v Value, side: &str) -> Self {
        let own = |key: &str| field::str_at(flow, &[side, key]);
        let ports = ["TCP", "UDP", "SCTP"].into_iter();
        let port = |protocol| field::u16_at(flow, &["l4", protocol, &format!("{side}_port")]);
        let labels = || field::array_at(flow, &[side, "labels"]).iter().filter_map(Value::as_str);
        let label = |name: &str| {
            labels().find_map(|label| {
                label
                    .split_once(':')?
                    .1
                    .split_once('=')
                    .filter(|(key, _)| *key == name)
                    .map(|(_, value)| value)
            })
        };
        let service = format!("{side}_service");
        let service_name = field::str_at(flow, &[&service, "name"]);
        let service_namespace = field::str_at(flow, &[&service, "namespace"]).or(own("namespace"));
        Self {
            address: address_at(flow, &["IP", side]),
            port: ports.filter_map(port).next().filter(|port| *port != 0),
            namespace: own("namespace"),
            pod: own("pod_name"),
            service_account: label(SERVICE_ACCOUNT_LABEL).filter(|name| !name.is_empty()),
            cluster: own("cluster_name"),
            reserved: labels().find_map(|label| label.strip_prefix("reserved:")),
            dns: field::str_at(flow, &[&format!("{side}_names"), "0"]),
            service: service_name.map(|name| {
                service_namespace.map_or_else(|| name.to_owned(), |namespace| format!("{name}.{namespace}"))
            }),
            is_source: side == "source",
            is_local: field::u64_at(flow, &[side, "ID"]).is_some_and(|id| id > 0),
        }
    }

    /// What is called: the service, the pod, the resolved name; none where only an address is known.
    pub(super) fn name(&self) -> Option<String> {
        let pod = || self.pod_name().or_else(|| self.pod.map(str::to_owned));
        self.service.clone().or_else(pod).or_else(|| self.dns.map(str::to_owned))
    }

    /// `NAMESPACE/POD`, as the agent looked it up by address and security identity.
    pub(super) fn pod_name(&self) -> Option<String> {
        self.namespace.zip(self.pod).map(|(namespace, pod)| format!("{namespace}/{pod}"))
    }

    /// The service account as Kubernetes names it.
    pub(super) fn workload(&self) -> Option<String> {
        let (namespace, name) = self.namespace.zip(self.service_account)?;
        Some(ServiceAccount { namespace, name }.subject())
    }

    /// Whether the address is one of the cluster's pods.
    fn is_pod(&self) -> bool {
        self.pod.is_some() && self.namespace.is_some() && self.reserved.is_none()
    }
}

/// Placements that were already given.
#[derive(Default)]
pub(super) struct Known {
    given: BTreeSet<(String, String, String)>,
}

impl Known {
    /// The placement of an end that is an endpoint of this very node, the first time that it is seen.
    pub(super) fn placement(
        &mut self,
        record: &Record<'_>,
        end: &Endpoint<'_>,
        node: Option<(Option<&str>, &str)>,
        time: EventTime,
    ) -> Option<Placement> {
        let (_, host) = node.filter(|_| end.is_local && end.is_pod())?;
        let (address, pod) = (end.address.clone()?, end.pod_name()?);
        if self.given.len() >= MAX_KNOWN {
            self.given.clear();
        }
        self.given.insert((host.to_owned(), pod, address.clone())).then(|| {
            let mut row = record.placement(time);
            row.event_id = record.row_id(if end.is_source { 2 } else { 3 });
            row.kind = PlacementKind::Pod;
            row.host = Some(host.to_owned());
            row.namespace = end.namespace.map(str::to_owned);
            row.pod = end.pod.map(str::to_owned);
            row.service_account = end.service_account.map(str::to_owned);
            row.workload = end.workload();
            row.addresses = vec![address];
            row
        })
    }
}
