//! Holders: for whose sake a row is held, and who gives it up first when there is too much.
//!
//! In: rows, placements, the environment. Out: a holder for each row, in groups.
//! Owns: the groups: hosts that placements know, declared destinations, and sources. Law: whoever writes the records
//! cannot make groups, so that no flood under many names takes the share of a host that has one.

use super::rows::Table;
use crate::environment::Environment;
use crate::fact::binding::Held;
use crate::fact::coverage::{Kind, Subject};
use crate::fact::lineage::Process;
use crate::fact::placement::{Placements, Stay};
use crate::fact::signal::Sign;
use crate::fact::usage::Usage;
use crate::keyed::HashMap;
use crate::names::{Name, Names};
use crate::place::Places;

/// Somebody for whose sake rows are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Host(Name),
    Address(Name),
    Destination(Name),
    Source(Name),
    Subject(Name),
    Workload(Name),
    Nobody,
}

impl Who {
    /// As a gap names it.
    pub(super) fn text(self, names: &Names) -> String {
        match self {
            Self::Host(name) => format!("host:{}", names.text(name)),
            Self::Address(name) => format!("address:{}", names.text(name)),
            Self::Destination(name) => format!("destination:{}", names.text(name)),
            Self::Source(name) => format!("source:{}", names.text(name)),
            Self::Subject(name) => format!("subject:{}", names.text(name)),
            Self::Workload(name) => format!("workload:{}", names.text(name)),
            Self::Nobody => "source:unknown".to_owned(),
        }
    }
}

/// A group, and who it is within the group.
pub(super) type Holder = (Who, Option<Who>);

/// What of: a table, and whether an issuer vouches for the row. Each is a share of its own, so that who is flooded with uses
/// keeps its few placements and the credentials that it was really given.
pub(super) type Part = (Table, bool);

/// All holders, by number.
#[derive(Debug, Default)]
pub(super) struct Holders {
    all: Vec<Holder>,
    numbers: HashMap<(Holder, Part), u32>,
    groups: HashMap<Who, u32>,
    /// The group of each holder.
    group_of: Vec<u32>,
}

impl Holders {
    /// The number of a holder of some part, given now if it is new.
    pub(super) fn number(&mut self, holder: Holder, part: Part) -> u32 {
        if let Some(known) = self.numbers.get(&(holder, part)) {
            return *known;
        }
        let number =
            u32::try_from(self.all.len()).expect("holders have names, of which there are fewer than 2^32");
        let next = u32::try_from(self.groups.len()).expect("there are no more groups than holders");
        self.group_of.push(*self.groups.entry(holder.0).or_insert(next));
        self.all.push(holder);
        self.numbers.insert((holder, part), number);
        number
    }

    /// The group of each holder.
    pub(super) fn groups(&self) -> &[u32] {
        &self.group_of
    }

    /// Who is named as a holder: itself where it is known, else its group.
    pub(super) fn who(&self, number: u32) -> Who {
        self.all.get(number as usize).map_or(Who::Nobody, |(group, within)| within.unwrap_or(*group))
    }
}

/// What is asked to find a holder.
pub(super) struct Ground<'a> {
    environment: &'a Environment,
    places: &'a Places<'a>,
    /// Hosts by address and by pod, as last stated.
    host_of: HashMap<Name, Name>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(environment: &'a Environment, placements: &Placements, places: &'a Places<'a>) -> Self {
        let mut host_of = HashMap::default();
        for stay in placements.stays() {
            if let Some(host) = stay.host.or(stay.host_uid) {
                let host = places.host_name(host);
                host_of.extend(stay.addresses.iter().chain(&stay.pod_uid).map(|name| (*name, host)));
            }
        }
        Self { environment, places, host_of }
    }

    /// A host that placements know.
    fn host(&self, host: Option<Name>) -> Option<Who> {
        let host = self.places.host_name(host?);
        self.places.knows_host(host).then_some(Who::Host(host))
    }

    pub(super) fn of_use(&self, names: &Names, usage: &Usage) -> Holder {
        let key = &usage.key;
        if let Some(host) = key.address.and_then(|address| self.host_of.get(&address)) {
            return (Who::Host(*host), None);
        }
        let within = key.address.map(Who::Address);
        let within = within.or_else(|| key.presenter.or(key.subject).map(Who::Subject));
        let declared = self.environment.destination(&[names.text(key.destination)]).is_some();
        (if declared { Who::Destination(key.destination) } else { Who::Source(key.source) }, within)
    }

    /// By the place that its issuer gave it; one that was only ever shown is held for who showed it first.
    pub(super) fn of_binding(&self, held: &Held, shown_by: Option<Holder>) -> Holder {
        let Some(told) = held.issue.or(held.claim) else { return shown_by.unwrap_or((Who::Nobody, None)) };
        let claimed = held.instance.or(held.host).or(held.host_uid);
        let by_pod = || held.pod_uid.and_then(|pod| self.host_of.get(&pod)).copied();
        let by_agent = || held.agent.and_then(|agent| self.places.host_of_agent(agent));
        match self.host(claimed.or_else(by_pod).or_else(by_agent)) {
            Some(host) => (host, None),
            None => (Who::Source(told.source), held.subject.map(Who::Subject)),
        }
    }

    pub(super) fn of_sign(&self, sign: &Sign) -> Holder {
        let host = || (Who::Source(sign.first.source), sign.host.or(sign.container).map(Who::Host));
        self.host(sign.host).map_or_else(host, |host| (host, None))
    }

    pub(super) fn of_stay(&self, stay: &Stay) -> Holder {
        let source = || (Who::Source(stay.witness.source), stay.workload.map(Who::Workload));
        self.host(stay.host.or(stay.host_uid)).map_or_else(source, |host| (host, None))
    }

    pub(super) fn of_subject(&self, subject: Subject) -> Holder {
        let source = Who::Source(subject.source);
        match subject.kind {
            Kind::Host => self
                .host(Some(subject.scope))
                .map_or((source, Some(Who::Host(subject.scope))), |host| (host, None)),
            Kind::Destination => (source, Some(Who::Destination(subject.scope))),
        }
    }

    pub(super) fn of_process(&self, process: &Process) -> Holder {
        self.host(process.host).map_or((Who::Nobody, process.host.map(Who::Host)), |host| (host, None))
    }

    pub(super) fn of_workload(&self, text: &str, name: Name) -> Holder {
        let known = self.environment.workload(text).is_some() || self.places.knows_workload(text);
        if known { (Who::Workload(name), None) } else { (Who::Nobody, Some(Who::Workload(name))) }
    }
}
