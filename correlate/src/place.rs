//! Places: who owned an address, where a pod, host or workload was, at a moment.
//!
//! In: stays and the environment. Out: answers with their certainty.
//! Owns: the questions, the rule for two claims on one address. Leaves to `index` where a stay is found.
//! Law: an address that two may own inside the clock's error belongs to nobody.

mod index;
#[cfg(test)]
mod tests;

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::PlacementKind;

use crate::asked::{About, Asked, Key};
use crate::environment::Environment;
use crate::fact::placement::{Before, Placements, Stay};
use crate::names::{Name, Names};
use index::container_prefix;
pub(crate) use index::{PlaceIndex, PodFacts};

/// The stays, indexed for questions.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    environment: &'a Environment,
    index: PlaceIndex,
    stays: &'a [Stay],
    /// Questions about names whose answers are others than those of the index that was given.
    pub(crate) renamed: Vec<Key>,
    /// What these answers were asked for.
    pub(crate) asked: Asked,
}

/// Who owned an address at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner<'a> {
    /// Nobody that any placement source knows of.
    Nobody,
    /// More than one could have been it.
    Ambiguous,
    /// This one.
    One(&'a Stay),
}

impl<'a> Places<'a> {
    /// The stays with an index of them, which is made true first.
    pub(crate) fn new(
        environment: &'a Environment,
        names: &Names,
        placements: &'a Placements,
        (mut index, touched): (PlaceIndex, &Before),
    ) -> Self {
        let renamed = index.renew(environment, names, placements.stays(), touched);
        Self { environment, index, stays: placements.stays(), renamed, asked: Asked::default() }
    }

    /// The index, for the next questions.
    pub(crate) fn into_index(self) -> PlaceIndex {
        self.index
    }

    /// What is known of a pod.
    pub(crate) fn pod_facts(&self, uid: Name) -> Option<&PodFacts> {
        self.asked.note(About::Pod(uid));
        self.index.pods.get(&uid)
    }

    /// The one name of a host that goes by several.
    pub(crate) fn host_name(&self, host: Name) -> Name {
        self.asked.note(About::HostName(host));
        self.index.host_names.get(&host).copied().unwrap_or(host)
    }

    /// Whether any placement source knows a host of that name: names of two worlds (a node's uid, its name) must
    /// not be taken for two hosts.
    pub(crate) fn knows_host(&self, host: Name) -> bool {
        let host = self.host_name(host);
        self.asked.note(About::HostName(host));
        self.index.by_host.contains_key(&host)
    }

    /// The host that a SPIRE agent runs on.
    pub(crate) fn host_of_agent(&self, agent: Name) -> Option<Name> {
        self.asked.note(About::Agent(agent));
        self.index.agent_host.get(&agent).map(|host| self.host_name(*host))
    }

    /// The agents that may hand out a SPIFFE ID.
    pub(crate) fn entry_parents(&self, workload: &str) -> &[Name] {
        self.asked.note(About::EntriesOf(workload));
        self.index.entry_parents.get(workload).map(Vec::as_slice).unwrap_or_default()
    }

    fn get(&self, indexes: Option<&Vec<usize>>) -> impl Iterator<Item = &'a Stay> {
        indexes.into_iter().flatten().filter_map(|index| self.stays.get(*index))
    }

    /// Every stay of a pod, at any time.
    pub(crate) fn pod(&self, uid: Name) -> impl Iterator<Item = &'a Stay> {
        self.asked.note(About::Pod(uid));
        self.get(self.index.by_pod.get(&uid))
    }

    /// Every stay on a host (the host's own included), at any time.
    pub(crate) fn on_host(&self, host: Name) -> impl Iterator<Item = &'a Stay> {
        let host = self.host_name(host);
        self.asked.note(About::Host(host));
        self.get(self.index.by_host.get(&host))
    }

    /// Every stay of a host itself and of what runs there outside of pods, at any time.
    pub(crate) fn host_itself(&self, host: Name) -> impl Iterator<Item = &'a Stay> {
        let host = self.host_name(host);
        self.asked.note(About::HostItself(host));
        self.get(self.index.by_host.get(&host)).filter(|stay| stay.pod_uid.is_none())
    }

    /// Every SPIRE registration entry.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &'a Stay> {
        self.asked.note(About::Entries);
        self.index.entries.iter().filter_map(|index| self.stays.get(*index))
    }

    /// Every stay with a container that `id` may name: equal, or one is cut short of the other.
    pub(crate) fn container(&self, names: &'a Names, id: &'a str) -> impl Iterator<Item = (Name, &'a Stay)> {
        let prefix = container_prefix(id);
        self.asked.note(About::Container(prefix.unwrap_or_default()));
        let known = prefix.and_then(|prefix| self.index.by_container.get(prefix));
        let same = move |known: &str| known.starts_with(id) || id.starts_with(known);
        known
            .into_iter()
            .flatten()
            .filter(move |(known, _)| same(names.text(*known)))
            .filter_map(|(known, index)| Some((*known, self.stays.get(*index)?)))
    }

    /// Every stay of a workload, at any time: under its own name, and under that of the service account that it is.
    pub(crate) fn workload(&self, canonical: &str) -> impl Iterator<Item = &'a Stay> {
        self.stays_of(canonical, false)
    }

    /// Those of them that last at a moment.
    pub(crate) fn workload_at(&self, canonical: &str, time: EventTime) -> impl Iterator<Item = &'a Stay> {
        let lasts = move |stay: &&Stay| {
            stay.start.is_none_or(|start| start <= time) && stay.end.is_none_or(|end| time <= end)
        };
        self.stays_of(canonical, true).filter(lasts)
    }

    /// Whether any placement source knows a workload, under either name.
    pub(crate) fn knows_workload(&self, canonical: &str) -> bool {
        self.asked.note(About::WorkloadName(canonical));
        if self.index.by_workload.contains_key(canonical) {
            return true;
        }
        match self.account(canonical) {
            // Whether the first is of that realm says nothing of the next.
            Some((Some(_), _)) => self.workload(canonical).next().is_some(),
            Some((None, account)) => {
                self.asked.note(About::WorkloadName(&account));
                self.index.by_workload.contains_key(&account)
            }
            None => false,
        }
    }

    fn stays_of(&self, canonical: &str, is_of_a_moment: bool) -> impl Iterator<Item = &'a Stay> {
        let note = |name: &str| {
            self.asked.note(if is_of_a_moment { About::PodsOf(name) } else { About::Workload(name) });
            self.index.by_workload.get(name)
        };
        let own = self.get(note(canonical));
        let account = self.account(canonical).filter(|(_, account)| account != canonical);
        let realm = account.as_ref().and_then(|(realm, _)| *realm);
        let same = account.and_then(|(_, account)| note(&account));
        let is_of_realm = move |place: &&usize| {
            let known = self.index.realms.get(**place).and_then(Option::as_deref);
            realm.zip(known).is_none_or(|(realm, known)| realm == known)
        };
        let same = same.into_iter().flatten().filter(is_of_realm);
        own.chain(same.filter_map(|place| self.stays.get(*place)))
    }

    /// Whether a stay is one of those.
    pub(crate) fn is_of(&self, names: &Names, stay: &Stay, canonical: &str) -> bool {
        let environment = self.environment;
        let goes_by = |wanted: &str| {
            let mut known = stay.workload.iter().chain(&stay.aliases);
            known.any(|name| environment.canonical(names.text(*name)) == wanted)
        };
        if goes_by(canonical) {
            return true;
        }
        let Some((realm, account)) = self.account(canonical) else { return false };
        let known = || index::realm(environment, names, stay);
        goes_by(&account) && realm.is_none_or(|realm| known().is_none_or(|known| known == realm))
    }

    /// The service account that an identity stands for, and the realm that it is of, where that is told: by the entries
    /// by which SPIRE hands it out, if they agree, else by what is declared of its trust domain.
    pub(crate) fn account(&self, canonical: &str) -> Option<(Option<&'a str>, String)> {
        self.asked.note(About::EntriesOf(canonical));
        if let Some([first, others @ ..]) = self.index.entry_accounts.get(canonical).map(Vec::as_slice) {
            let agree = others.iter().all(|other| other == first);
            return first.clone().filter(|_| agree).map(|account| (None, account));
        }
        let (realm, account) = self.environment.mesh_account(canonical)?;
        Some((Some(&realm.name), self.environment.canonical_workload(&account)))
    }

    /// Who owned `address` of `realm` at `time`, give or take `skew`.
    pub(crate) fn owner(&self, address: Name, realm: Option<&str>, time: EventTime, skew: i64) -> Owner<'a> {
        let mut candidates: Vec<&Stay> = Vec::new();
        let mut doubtful = false;
        for index in self.index.by_address.get(&address).into_iter().flatten() {
            let (Some(stay), Some(known)) = (self.stays.get(*index), self.index.realms.get(*index)) else {
                continue;
            };
            // A realm that is not known may be any.
            if realm.is_some() && known.is_some() && known.as_deref() != realm {
                continue;
            }
            match presence(stay, time, skew) {
                Presence::Absent => {}
                Presence::Doubtful => doubtful = true,
                Presence::There => candidates.push(stay),
            }
        }
        settle(candidates, doubtful)
    }
}

/// A question that a stay may be part of the answer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) key: Key,
    /// It is about a moment: the stay is part of the answer only while it lasts, give or take the asker's clock.
    pub(crate) is_of_a_moment: bool,
}

/// Every question that a stay may be part of the answer to, but for those about names, which the index tells.
pub(crate) fn questions(environment: &Environment, names: &Names, stay: &Stay) -> Vec<Question> {
    let canonical = |name: &Name| environment.canonical_workload(names.text(*name));
    let mut questions = Vec::new();
    let mut add = |about: About<'_>| {
        let is_of_a_moment = matches!(about, About::Address(_) | About::PodsOf(_));
        questions.push(Question { key: about.key(), is_of_a_moment });
    };
    match stay.kind {
        PlacementKind::Entry => {
            add(About::Entries);
            stay.workload.iter().for_each(|workload| {
                add(About::EntriesOf(names.text(*workload)));
                add(About::EntriesOf(&canonical(workload)));
            });
        }
        PlacementKind::Agent => {
            add(About::Agents);
            stay.workload.iter().for_each(|agent| add(About::Agent(*agent)));
        }
        PlacementKind::Pod | PlacementKind::Host => {
            stay.addresses.iter().for_each(|address| add(About::Address(names.text(*address))));
            stay.pod_uid.iter().for_each(|pod| add(About::Pod(*pod)));
            // As the index lists it.
            if let Some(host) = stay.host.or(stay.host_uid) {
                add(About::Host(host));
                if stay.pod_uid.is_none() {
                    add(About::HostItself(host));
                }
            }
            for name in stay.workload.iter().chain(&stay.aliases) {
                let workload = canonical(name);
                add(About::Workload(&workload));
                add(About::PodsOf(&workload));
            }
            let prefixes = stay.containers.iter().filter_map(|id| container_prefix(names.text(*id)));
            prefixes.for_each(|prefix| add(About::Container(prefix)));
        }
    }
    questions
}

/// Of several that may own an address, the one that surely does.
fn settle<'a>(candidates: Vec<&'a Stay>, doubtful: bool) -> Owner<'a> {
    if doubtful {
        return Owner::Ambiguous;
    }
    // A host and the pods in its network share its addresses: the host stands for all of them.
    let shared = candidates.iter().any(|stay| stay.shared || stay.kind == PlacementKind::Host);
    if shared {
        let host = candidates.first().and_then(|stay| stay.host.or(stay.host_uid));
        let one_host = candidates.iter().all(|stay| stay.host.or(stay.host_uid) == host);
        let stay = candidates.iter().find(|stay| stay.kind == PlacementKind::Host).or(candidates.first());
        return match stay {
            Some(stay) if one_host => Owner::One(stay),
            _ => Owner::Ambiguous,
        };
    }
    match candidates.as_slice() {
        [] => Owner::Nobody,
        [stay] => Owner::One(stay),
        _ => Owner::Ambiguous,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Absent,
    Doubtful,
    There,
}

/// Whether a stay covers a moment, given the clocks' error.
fn presence(stay: &Stay, time: EventTime, skew: i64) -> Presence {
    let start = stay.start.unwrap_or(EventTime::MIN);
    let end = stay.end.unwrap_or(EventTime::MAX);
    if time < start.plus_nanos(-skew) || time > end.plus_nanos(skew) {
        Presence::Absent
    } else if (stay.start.is_some() && time < start.plus_nanos(skew))
        || (stay.end.is_some() && time > end.plus_nanos(-skew))
    {
        Presence::Doubtful
    } else {
        Presence::There
    }
}
