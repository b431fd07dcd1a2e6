//! Where stays are, by what is asked for.
//!
//! In: stays, and which of them changed. Out: places in the fact table, by address, pod, host, workload, agent, container;
//! and which names mean something else than before. Owns: the lists, kept over the life of the facts.
//! Law: the index equals one that is made of the same stays from nothing.

use offbound_schemas::vocabulary::PlacementKind;

use crate::asked::{About, Key};
use crate::environment::Environment;
use crate::fact::placement::{Before, Stay};
use crate::keyed::HashMap;
use crate::names::{Name, Names};

/// The shortest form of a container id that sensors write, in hex digits (Docker's short id).
const CONTAINER_PREFIX_CHARS: usize = 12;

/// What is known of a pod, whoever asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct PodFacts {
    pub(crate) workload: Option<String>,
    pub(crate) host: Option<Name>,
}

/// Places of stays in the fact table; never what stays say that may change later, such as their end.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlaceIndex {
    /// How many stays are in it.
    known: usize,
    pub(super) realms: Vec<Option<String>>,
    pub(super) by_address: HashMap<Name, Vec<usize>>,
    pub(super) by_pod: HashMap<Name, Vec<usize>>,
    pub(super) by_host: HashMap<Name, Vec<usize>>,
    pub(super) by_workload: HashMap<String, Vec<usize>>,
    pub(super) agent_host: HashMap<Name, Name>,
    pub(super) host_names: HashMap<Name, Name>,
    pub(super) entry_parents: HashMap<String, Vec<Name>>,
    /// Service accounts whose pods entries hand a SPIFFE ID to, by its canonical name; none for an entry that names none.
    pub(super) entry_accounts: HashMap<String, Vec<Option<String>>>,
    pub(super) entries: Vec<usize>,
    /// By the first [`CONTAINER_PREFIX_CHARS`] of a container id: sensors cut ids to different lengths.
    pub(super) by_container: HashMap<String, Vec<(Name, usize)>>,
    pub(super) pods: HashMap<Name, PodFacts>,
}

impl PlaceIndex {
    /// Makes it true for these stays; `touched` says which of them changed since the last time, and what they were.
    /// Gives the questions about names whose answers are others now.
    pub(super) fn renew(
        &mut self,
        environment: &Environment,
        names: &Names,
        stays: &[Stay],
        touched: &Before,
    ) -> Vec<Key> {
        let is_moved = |(place, before): (&usize, &Option<Stay>)| {
            *place < self.known
                && !stays
                    .get(*place)
                    .zip(before.as_ref())
                    .is_some_and(|(stay, before)| is_found_alike(stay, before))
        };
        let is_made_anew = self.known > stays.len() || touched.iter().any(is_moved);
        let before = is_made_anew.then(|| std::mem::take(self));
        let mut renamed = Vec::new();
        for (place, stay) in stays.iter().enumerate().skip(self.known) {
            self.add((environment, names), (place, stay), &mut renamed);
        }
        self.known = stays.len();
        before.map_or(renamed, |before| self.names_apart_from(&before))
    }

    /// Adds a stay; a name that is taken for the first time is renamed: one that means something keeps its meaning.
    fn add(
        &mut self,
        (environment, names): (&Environment, &Names),
        (place, stay): (usize, &Stay),
        renamed: &mut Vec<Key>,
    ) {
        self.realms.push(realm(environment, names, stay));
        match stay.kind {
            PlacementKind::Entry => {
                self.entries.push(place);
                if let (Some(workload), Some(parent)) = (names.text_of(stay.workload), stay.parent) {
                    self.entry_parents.entry(workload.to_owned()).or_default().push(parent);
                }
                if let Some(workload) = names.text_of(stay.workload) {
                    let account = selected_account(names, stay);
                    let account = account.map(|account| environment.canonical_workload(&account));
                    let workload = environment.canonical_workload(workload);
                    self.entry_accounts.entry(workload).or_default().push(account);
                }
                return;
            }
            PlacementKind::Agent => {
                // Many an agent's id names the machine only (node uid, instance id): whoever places that knows its name.
                if let Some((agent, host)) = stay.workload.zip(stay.host.or(stay.host_uid)) {
                    self.agent_host.insert(agent, host);
                }
                return;
            }
            PlacementKind::Pod => self.add_pod(environment, names, stay),
            PlacementKind::Host => {}
        }
        if let Some(host) = stay.host.or(stay.host_uid) {
            let others = stay.aliases.iter().filter(|_| stay.kind == PlacementKind::Host);
            for name in others.chain(&stay.host_uid) {
                self.host_names.entry(*name).or_insert_with(|| {
                    renamed.push(About::HostName(*name).key());
                    host
                });
            }
            let places = self.by_host.entry(host).or_default();
            if places.is_empty() {
                renamed.push(About::HostName(host).key());
            }
            places.push(place);
        }
        for address in &stay.addresses {
            self.by_address.entry(*address).or_default().push(place);
        }
        for container in &stay.containers {
            if let Some(prefix) = container_prefix(names.text(*container)) {
                self.by_container.entry(prefix.to_owned()).or_default().push((*container, place));
            }
        }
        if let Some(pod) = stay.pod_uid {
            self.by_pod.entry(pod).or_default().push(place);
        }
        for workload in
            stay.workload.iter().chain(stay.aliases.iter().filter(|_| stay.kind == PlacementKind::Pod))
        {
            let workload = environment.canonical_workload(names.text(*workload));
            let key = About::WorkloadName(&workload).key();
            let places = self.by_workload.entry(workload).or_default();
            if places.is_empty() {
                renamed.push(key);
            }
            places.push(place);
        }
    }

    /// The questions about names that another index answers otherwise.
    fn names_apart_from(&self, other: &Self) -> Vec<Key> {
        let called = |one: &Self, two: &Self| -> Vec<Key> {
            let differs = |(name, host): &(&Name, &Name)| two.host_names.get(name) != Some(*host);
            let called = one.host_names.iter().filter(differs).map(|(name, _)| *name);
            let known = one.by_host.keys().filter(|host| !two.by_host.contains_key(host)).copied();
            let hosts = called.chain(known).map(|name| About::HostName(name).key());
            let made = one.by_workload.keys().filter(|name| !two.by_workload.contains_key(*name));
            hosts.chain(made.map(|name| About::WorkloadName(name).key())).collect()
        };
        [called(self, other), called(other, self)].concat()
    }

    fn add_pod(&mut self, environment: &Environment, names: &Names, stay: &Stay) {
        let Some(uid) = stay.pod_uid else { return };
        let pod = self.pods.entry(uid).or_default();
        let workload = stay.workload.map(|name| environment.canonical_workload(names.text(name)));
        pod.workload = pod.workload.take().or(workload);
        pod.host = pod.host.or(stay.host);
    }
}

/// The service account whose pods an entry selects (selectors of SPIRE's `k8s` workload attestor), as Kubernetes names it.
fn selected_account(names: &Names, entry: &Stay) -> Option<String> {
    let selected = |prefix: &str| {
        let mut values =
            entry.selectors.iter().filter_map(|selector| names.text(*selector).strip_prefix(prefix));
        values.next()
    };
    let (namespace, name) = selected("k8s:ns:").zip(selected("k8s:sa:"))?;
    Some(format!("system:serviceaccount:{namespace}:{name}"))
}

/// The realm that a pod or host is in, where something says so.
pub(super) fn realm(environment: &Environment, names: &Names, stay: &Stay) -> Option<String> {
    let is_placed = matches!(stay.kind, PlacementKind::Pod | PlacementKind::Host);
    is_placed.then_some(())?;
    names.owned(stay.realm).or_else(|| {
        let first = names.text_of(stay.addresses.first().copied())?;
        let source = names.text(stay.witness.source);
        environment.realm_of_address(first, source).map(|realm| realm.name.clone())
    })
}

/// Whether a stay is found by the same questions as before.
fn is_found_alike(stay: &Stay, before: &Stay) -> bool {
    let Stay {
        kind,
        realm,
        workload,
        aliases,
        host,
        host_uid,
        pod_uid,
        containers,
        addresses,
        selectors,
        ..
    } = stay;
    let same_place = *host == before.host && *host_uid == before.host_uid && *realm == before.realm;
    let same_who = *kind == before.kind && *workload == before.workload && *pod_uid == before.pod_uid;
    let same_lists =
        *aliases == before.aliases && *containers == before.containers && *addresses == before.addresses;
    let same_lists = same_lists && *selectors == before.selectors;
    let same_origin = stay.parent == before.parent && stay.witness.source == before.witness.source;
    same_place && same_who && same_lists && same_origin
}

/// What is compared first of a container id; a shorter text names no container.
pub(super) fn container_prefix(id: &str) -> Option<&str> {
    id.get(..CONTAINER_PREFIX_CHARS)
}
