//! Lineage: which process came from which, across sensors.
//!
//! In: host events that name a process. Out: a process's ancestors, and the pod that a bare pid belongs to.
//! Owns: the process table, bounded. Law: a process is its key, never its pid; a pid is resolved by host and time.

use std::collections::VecDeque;

use offbound_schemas::EventTime;
use offbound_schemas::table::host_events;
use offbound_schemas::vocabulary::Action;

use super::keep::Moves;
use crate::keyed::HashMap;
use crate::names::{Name, Named, Names, Renaming};

/// Processes remembered; the oldest go first. About 100 bytes each.
const MAX_PROCESSES: usize = 262_144;
/// Ancestors shown; deeper trees are cut at the root's side.
const MAX_DEPTH: usize = 16;

/// What is known of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Process {
    pub(crate) exe: Option<Name>,
    pub(crate) parent: Option<Name>,
    pub(crate) parent_exe: Option<Name>,
    pub(crate) pod_uid: Option<Name>,
    pub(crate) container: Option<Name>,
    pub(crate) host: Option<Name>,
    pub(crate) pid: Option<u32>,
    pub(crate) parent_pid: Option<u32>,
    /// The sensor that spoke of it last.
    pub(crate) source: Option<Name>,
    /// When it was last heard of.
    pub(crate) seen: EventTime,
}

impl Named for Process {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let Self {
            exe,
            parent,
            parent_exe,
            pod_uid,
            container,
            host,
            source,
            pid: _,
            parent_pid: _,
            seen: _,
        } = self;
        for name in [exe, parent, parent_exe, pod_uid, container, host, source] {
            name.each_name(visit);
        }
    }
}

/// Logical size of a process without its names: itself, its place in the order, and the pid that it has.
pub(crate) const PROCESS_BYTES: usize =
    size_of::<(Name, Process)>() + size_of::<Name>() + size_of::<((Name, u32), Name)>();

/// The processes of all hosts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lineage {
    processes: HashMap<Name, Process>,
    order: VecDeque<Name>,
    /// Latest process of a pid on a host that is known to run in a container.
    contained: HashMap<(Name, u32), Name>,
    /// Latest process of a pid on a host.
    latest: HashMap<(Name, u32), Name>,
}

impl Lineage {
    /// Logical size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.processes.len() * PROCESS_BYTES
    }

    /// Every process with its key, the longest known first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Name, &Process)> {
        self.order.iter().filter_map(|key| Some((*key, self.processes.get(key)?)))
    }

    /// Keeps some processes, given in the order of [`Self::all`], under their new names.
    pub(crate) fn keep(&mut self, moves: &Moves, renaming: &Renaming) {
        let known: Vec<(Name, Process)> = self.all().map(|(key, process)| (key, *process)).collect();
        for (place, (key, process)) in known.iter().enumerate() {
            if !moves.keeps(place) {
                self.forget_pid(*key, *process);
            }
        }
        let kept = known.into_iter().enumerate().filter(|(place, _)| moves.keeps(*place));
        let kept: Vec<(Name, Process)> = kept
            .map(|(_, (mut key, mut process))| {
                renaming.rename(&mut key);
                renaming.rename(&mut process);
                (key, process)
            })
            .collect();
        self.order = kept.iter().map(|(key, _)| *key).collect();
        self.processes = kept.into_iter().collect();
        for pids in [&mut self.contained, &mut self.latest] {
            let renamed = std::mem::take(pids).into_iter().map(|((mut host, pid), mut key)| {
                renaming.rename(&mut host);
                renaming.rename(&mut key);
                ((host, pid), key)
            });
            *pids = renamed.collect();
        }
    }

    /// Learns from an event, and gives the key of the acting process.
    pub(crate) fn host_event(
        &mut self,
        names: &mut Names,
        host: Option<Name>,
        view: &host_events::View<'_>,
        row: usize,
    ) -> Option<Name> {
        let key = names.maybe(view.process_key(row))?;
        let process = Process {
            exe: names.maybe(view.exe(row)),
            parent: names.maybe(view.parent_key(row)),
            parent_exe: names.maybe(view.parent_exe(row)),
            pod_uid: names.maybe(view.pod_uid(row)),
            container: names.maybe(view.container_id(row)),
            host,
            pid: view.pid(row),
            parent_pid: view.parent_pid(row),
            source: Some(names.name(view.source(row))),
            seen: view.event_time(row),
        };
        if view.action(row) == Action::Exit {
            self.forget_pid(key, process);
        } else {
            self.learn(key, process);
        }
        Some(key)
    }

    fn learn(&mut self, key: Name, stated: Process) {
        let known = self.processes.entry(key).or_insert_with(|| {
            self.order.push_back(key);
            Process::default()
        });
        *known = Process {
            exe: stated.exe.or(known.exe),
            parent: stated.parent.or(known.parent),
            parent_exe: stated.parent_exe.or(known.parent_exe),
            pod_uid: stated.pod_uid.or(known.pod_uid),
            container: stated.container.or(known.container),
            host: stated.host.or(known.host),
            pid: stated.pid.or(known.pid),
            parent_pid: stated.parent_pid.or(known.parent_pid),
            source: stated.source,
            seen: stated.seen.max(known.seen),
        };
        let process = *known;
        if let Some(place) = process.host.zip(process.pid) {
            self.latest.insert(place, key);
            if process.pod_uid.is_some() || process.container.is_some() {
                self.contained.insert(place, key);
            } else if self.contained_by(place, process.source).is_some_and(|known| known != key) {
                // The sensor that knew the pid in a container now knows it elsewhere: it is another process's.
                self.contained.remove(&place);
            }
        }
        self.evict();
    }

    /// The containerised process of a pid by the word of one sensor.
    fn contained_by(&self, place: (Name, u32), source: Option<Name>) -> Option<Name> {
        let key = *self.contained.get(&place)?;
        self.processes.get(&key).filter(|process| process.source == source).map(|_| key)
    }

    fn evict(&mut self) {
        while self.processes.len() > MAX_PROCESSES {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some(process) = self.processes.remove(&oldest) {
                self.forget_pid(oldest, process);
            }
        }
    }

    fn forget_pid(&mut self, key: Name, process: Process) {
        let Some(place) = process.host.zip(process.pid) else { return };
        for index in [&mut self.latest, &mut self.contained] {
            if index.get(&place) == Some(&key) {
                index.remove(&place);
            }
        }
    }

    /// The containerised process that a bare pid on a host belongs to, by another sensor's word.
    pub(crate) fn contained(&self, host: Option<Name>, pid: Option<u32>) -> Option<(Name, Process)> {
        let key = *self.contained.get(&host.zip(pid)?)?;
        self.processes.get(&key).map(|process| (key, *process))
    }

    /// A process by its key.
    pub(crate) fn get(&self, key: Name) -> Option<&Process> {
        self.processes.get(&key)
    }

    /// Keys and executables from the oldest known ancestor to the process itself.
    pub(crate) fn chain(&self, key: Name) -> Vec<(Option<Name>, Option<Name>)> {
        let mut chain = Vec::new();
        let mut next = Some(key);
        while let Some(key) = next
            && chain.len() < MAX_DEPTH
            && !chain.iter().any(|(known, _)| *known == Some(key))
        {
            let Some(process) = self.processes.get(&key) else { break };
            chain.push((Some(key), process.exe));
            let by_pid = || self.latest.get(&process.host.zip(process.parent_pid)?).copied();
            next = process.parent.filter(|parent| self.processes.contains_key(parent)).or_else(by_pid);
            if next.is_none() && process.parent_exe.is_some() {
                chain.push((process.parent, process.parent_exe));
            }
        }
        chain.reverse();
        chain
    }
}
