//! Placements: which workload was where, as intervals.
//!
//! In: placement rows. Out: stays (one per pod on a host, per host, per agent, per entry) with start and end.
//! Owns: the merging of statements about one stay. Leaves to `place` the asking of questions.
//! Law: a later statement fills in or ends a stay; it never moves one to another host.

use std::collections::BTreeMap;

use offbound_schemas::EventTime;
use offbound_schemas::table::placements;
use offbound_schemas::vocabulary::PlacementKind;

use super::evidence::Witness;
use super::keep::Moves;
use crate::keyed::HashMap;
use crate::names::{Name, Named, Names, Renaming};

/// One stay of something at a place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stay {
    pub(crate) kind: PlacementKind,
    pub(crate) realm: Option<Name>,
    pub(crate) workload: Option<Name>,
    pub(crate) aliases: Vec<Name>,
    pub(crate) host: Option<Name>,
    pub(crate) host_uid: Option<Name>,
    pub(crate) pod: Option<Name>,
    pub(crate) pod_uid: Option<Name>,
    pub(crate) containers: Vec<Name>,
    pub(crate) addresses: Vec<Name>,
    pub(crate) shared: bool,
    pub(crate) start: Option<EventTime>,
    pub(crate) end: Option<EventTime>,
    /// Since when it is over for good, and the record that says so.
    pub(crate) over: Option<(EventTime, Witness)>,
    pub(crate) parent: Option<Name>,
    /// SPIRE selectors of an entry.
    pub(crate) selectors: Vec<Name>,
    pub(crate) witness: Witness,
}

impl Stay {
    /// How many names its lists have.
    fn listed(&self) -> usize {
        let Self { aliases, containers, addresses, selectors, .. } = self;
        aliases.len() + containers.len() + addresses.len() + selectors.len()
    }
}

impl Named for Stay {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        let Self { realm, workload, host, host_uid, pod, pod_uid, parent, .. } = self;
        for name in [realm, workload, host, host_uid, pod, pod_uid, parent] {
            name.each_name(visit);
        }
        let Self { aliases, containers, addresses, selectors, over, witness, .. } = self;
        if let Some((_, told)) = over {
            told.each_name(visit);
        }
        for names in [aliases, containers, addresses, selectors] {
            names.as_mut_slice().each_name(visit);
        }
        witness.each_name(visit);
    }
}

/// What makes two statements be about the same stay.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// A pod's uid is used once, whatever the realm; most records do not name one.
    Pod(Name),
    /// A pod whose uid is not known, by its name and host.
    NamedPod(Option<Name>, Name, Name),
    Host(Option<Name>, Name, Option<EventTime>),
    /// A host that is known by its machine, by its name: one after the other may bear it.
    NamedHost(Option<Name>, Name),
    Agent(Name),
    Entry(Name),
    /// Something with neither pod nor host: by workload and start.
    Other(Option<Name>, Option<Name>, Option<EventTime>),
}

impl Named for Key {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        match self {
            Self::Pod(name) | Self::Agent(name) | Self::Entry(name) => visit(name),
            Self::NamedPod(realm, pod, host) => {
                realm.each_name(visit);
                visit(pod);
                visit(host);
            }
            Self::Host(realm, host, _) | Self::NamedHost(realm, host) => {
                realm.each_name(visit);
                visit(host);
            }
            Self::Other(realm, workload, _) => {
                realm.each_name(visit);
                workload.each_name(visit);
            }
        }
    }
}

/// Stays as they were before they were touched; none where they were not there.
pub(crate) type Before = BTreeMap<usize, Option<Stay>>;

/// All stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Placements {
    stays: Vec<Stay>,
    by_key: HashMap<Key, Vec<usize>>,
    by_pod_name: HashMap<Name, Vec<usize>>,
    /// How many names the lists of all stays have.
    listed: usize,
}

/// Logical size of a stay without its lists and names: itself, and its places in the indexes.
const STAY_BYTES: usize = size_of::<Stay>()
    + size_of::<(Key, Vec<usize>)>()
    + size_of::<(Name, Vec<usize>)>()
    + 2 * size_of::<usize>();

impl Placements {
    pub(crate) fn stays(&self) -> &[Stay] {
        &self.stays
    }

    /// Logical size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.stays.len() * STAY_BYTES + self.listed * size_of::<Name>()
    }

    /// Logical size of one stay, without its names.
    pub(crate) fn bytes_of(stay: &Stay) -> usize {
        STAY_BYTES + stay.listed() * size_of::<Name>()
    }

    /// Every stay, to be shown with its names.
    pub(crate) fn stays_mut(&mut self) -> &mut [Stay] {
        &mut self.stays
    }

    /// The names by which stays are found, to be shown: some are in no stay.
    pub(crate) fn each_key_name(&mut self, moves: &Moves, visit: &mut impl FnMut(&mut Name)) {
        let known = std::mem::take(&mut self.by_key).into_iter().map(|(mut key, places)| {
            if places.iter().any(|place| moves.keeps(*place)) {
                key.each_name(visit);
            }
            (key, places)
        });
        self.by_key = known.collect();
    }

    /// Keeps some stays, under their new names.
    pub(crate) fn keep(&mut self, moves: &Moves, renaming: &Renaming) {
        moves.retain(&mut self.stays);
        renaming.rename(self.stays.as_mut_slice());
        self.listed = self.stays.iter().map(Stay::listed).sum();
        self.by_key = kept(std::mem::take(&mut self.by_key), moves, renaming);
        self.by_pod_name = kept(std::mem::take(&mut self.by_pod_name), moves, renaming);
    }

    /// Folds a placement, and notes the stays that it may change, as they were before.
    pub(crate) fn placement(
        &mut self,
        names: &mut Names,
        view: &placements::View<'_>,
        row: usize,
        mut touched: Option<&mut Before>,
    ) {
        let stated = read(names, view, row);
        if stated.kind == PlacementKind::Pod && stated.pod_uid.is_none() && stated.host.is_none() {
            self.end_by_pod_name(&stated, &mut touched);
            return;
        }
        let key = key(names, &stated);
        if self.joins_by_name(&key, &stated, &mut touched) {
            return;
        }
        self.end_by_host_name(&stated, &mut touched);
        let known = self.by_key.entry(key).or_default();
        let stays = &mut self.stays;
        let same = known.iter().copied().find(|index| {
            let fits = |known: Option<Name>, stated: Option<Name>| {
                known.is_none() || stated.is_none() || known == stated
            };
            stays
                .get(*index)
                .is_some_and(|stay| fits(stay.host, stated.host) && fits(stay.realm, stated.realm))
        });
        if let Some((index, stay)) = same.and_then(|index| Some((index, stays.get_mut(index)?))) {
            note(&mut touched, index, Some(stay));
            let before = stay.listed();
            merge(stay, stated);
            self.listed = self.listed + stay.listed() - before;
            return;
        }
        let index = stays.len();
        note(&mut touched, index, None);
        known.push(index);
        if let Some(pod) = stated.pod {
            self.by_pod_name.entry(pod).or_default().push(index);
        }
        if let (PlacementKind::Host, Some(_), Some(host)) = (stated.kind, stated.host_uid, stated.host) {
            self.by_key.entry(Key::NamedHost(stated.realm, host)).or_default().push(index);
        }
        self.listed += stated.listed();
        self.stays.push(stated);
    }

    /// Sensors that see only packets know a pod's name, but not its uid: what they say belongs to the stay of that name on
    /// that host that a better source tells of, whichever of the two spoke first.
    fn joins_by_name(&mut self, key: &Key, stated: &Stay, touched: &mut Option<&mut Before>) -> bool {
        let Some(pod) = stated.pod.filter(|_| stated.kind == PlacementKind::Pod) else { return false };
        let time = stated.witness.time;
        for index in self.by_pod_name.get(&pod).into_iter().flatten().rev() {
            let Some(stay) = self.stays.get_mut(*index) else { continue };
            if stay.host.is_none()
                || stay.host != stated.host
                || stay.pod_uid.is_some() == stated.pod_uid.is_some()
            {
                continue;
            }
            note(touched, *index, Some(stay));
            match stated.start.filter(|start| stated.pod_uid.is_some() && *start > stay.witness.time) {
                // The pod that was seen before this one began was another of the same name.
                Some(start) => stay.end = stay.end.or(Some(start)),
                None if stay.end.is_some_and(|end| end < time) => {}
                None => {
                    let before = stay.listed();
                    merge(stay, stated.clone());
                    self.listed = self.listed + stay.listed() - before;
                    if stated.pod_uid.is_some() {
                        self.by_key.entry(key.clone()).or_default().push(*index);
                    }
                    return true;
                }
            }
        }
        false
    }

    /// The deletion of a node names the node, and not the machine that it is: it ends the open stay of that name.
    fn end_by_host_name(&mut self, stated: &Stay, touched: &mut Option<&mut Before>) {
        let by_name = stated.kind == PlacementKind::Host && stated.host_uid.is_none();
        let (Some(host), Some(end)) = (stated.host.filter(|_| by_name), stated.end) else { return };
        for index in self.by_key.get(&Key::NamedHost(stated.realm, host)).into_iter().flatten() {
            if let Some(stay) = self.stays.get_mut(*index)
                && stay.end.is_none()
                && stay.start.is_none_or(|start| start <= end)
            {
                note(touched, *index, Some(stay));
                stay.end = Some(end);
            }
        }
    }

    /// A delete that names a pod but not its uid ends the stay of that name that is open.
    fn end_by_pod_name(&mut self, stated: &Stay, touched: &mut Option<&mut Before>) {
        let (Some(pod), Some(end)) = (stated.pod, stated.end) else { return };
        let named = self.by_pod_name.get(&pod).into_iter().flatten().copied();
        let began =
            |index: &usize| self.stays.get(*index).filter(|stay| stay.start.is_none_or(|start| start <= end));
        let is_open = |index: &usize| began(index).is_some_and(|stay| stay.end.is_none());
        let mut ending: Vec<usize> = named.clone().filter(is_open).collect();
        if ending.is_empty() && stated.over.is_some() {
            // The one that was asked to go last is gone now.
            let is_going = |index: &usize| began(index).is_some_and(|stay| stay.over.is_none());
            ending.extend(
                named.filter(is_going).max_by_key(|index| (began(index).and_then(|stay| stay.end), *index)),
            );
        }
        for index in ending {
            if let Some(stay) = self.stays.get_mut(index) {
                note(touched, index, Some(stay));
                (stay.end, stay.over) = (Some(end), stated.over);
            }
        }
    }
}

/// Notes what a stay was before it is changed, once, where somebody follows that.
fn note(touched: &mut Option<&mut Before>, place: usize, stay: Option<&Stay>) {
    if let Some(touched) = touched {
        touched.entry(place).or_insert_with(|| stay.cloned());
    }
}

/// Places of those stays that are kept, under new names.
fn kept<K: Named + Eq + std::hash::Hash>(
    index: HashMap<K, Vec<usize>>,
    moves: &Moves,
    renaming: &Renaming,
) -> HashMap<K, Vec<usize>> {
    let moved = index.into_iter().filter_map(|(mut key, places)| {
        let places: Vec<usize> = places.into_iter().filter_map(|place| moves.to(place)).collect();
        renaming.rename(&mut key);
        (!places.is_empty()).then_some((key, places))
    });
    moved.collect()
}

fn key(names: &mut Names, stay: &Stay) -> Key {
    let host = stay.host_uid.or(stay.host);
    match (stay.kind, stay.pod_uid, host) {
        (PlacementKind::Agent, ..) => Key::Agent(stay.workload.unwrap_or_else(|| names.name(""))),
        (PlacementKind::Entry, ..) => {
            Key::Entry(stay.pod.or(stay.workload).unwrap_or_else(|| names.name("")))
        }
        (PlacementKind::Pod, Some(uid), _) => Key::Pod(uid),
        (PlacementKind::Pod, None, Some(host)) => match stay.pod.filter(|_| stay.start.is_none()) {
            Some(pod) => Key::NamedPod(stay.realm, pod, host),
            None => Key::Host(stay.realm, host, stay.start),
        },
        (PlacementKind::Host, _, Some(host)) => Key::Host(stay.realm, host, None),
        _ => Key::Other(stay.realm, stay.workload, stay.start),
    }
}

fn read(names: &mut Names, view: &placements::View<'_>, row: usize) -> Stay {
    let pod = match (view.namespace(row), view.pod(row)) {
        (Some(namespace), Some(pod)) if !pod.contains('/') => Some(format!("{namespace}/{pod}")),
        (_, pod) => pod.map(str::to_owned),
    };
    let kind = view.kind(row);
    // An entry has no pod: its own id tells it apart from the other entries of the same workload.
    let pod = if kind == PlacementKind::Entry { view.native_id(row).map(str::to_owned) } else { pod };
    let witness =
        Witness::of(names, view.event_time(row), view.event_id(row), view.source(row), view.location(row));
    let list = |names: &mut Names, texts: Vec<String>| texts.iter().map(|text| names.name(text)).collect();
    Stay {
        kind,
        realm: names.maybe(view.realm(row)),
        workload: names.maybe(view.workload(row)),
        aliases: list(names, view.aliases(row)),
        host: names.maybe(view.host(row)),
        host_uid: names.maybe(view.host_uid(row)),
        pod: names.maybe(pod.as_deref()),
        pod_uid: names.maybe(view.pod_uid(row)),
        containers: list(names, view.container_ids(row)),
        addresses: list(names, view.addresses(row)),
        shared: view.shared(row),
        start: view.start(row),
        end: view.end(row),
        over: view.end(row).filter(|_| !view.may_go_on(row)).map(|end| (end, witness)),
        parent: names.maybe(view.parent(row)),
        selectors: list(names, view.selectors(row)),
        witness,
    }
}

/// Adds what a later statement says.
fn merge(stay: &mut Stay, later: Stay) {
    let Stay { kind: _, realm, workload, aliases, host, host_uid, pod, pod_uid, containers, .. } = later;
    let Stay { addresses, shared, start, end, over, parent, selectors, witness, .. } = later;
    // Who names the addresses speaks for their realm; a host sensor only knows that the pod is there.
    if stay.addresses.is_empty() && !addresses.is_empty() {
        stay.witness = witness;
    }
    stay.realm = stay.realm.or(realm);
    stay.workload = stay.workload.or(workload);
    stay.host = stay.host.or(host);
    stay.host_uid = stay.host_uid.or(host_uid);
    stay.pod = stay.pod.or(pod);
    stay.pod_uid = stay.pod_uid.or(pod_uid);
    stay.parent = stay.parent.or(parent);
    stay.shared |= shared;
    // The earliest start is the pod's own; a later statement may only know a container's.
    stay.start = match (stay.start, start) {
        (Some(known), Some(stated)) => Some(known.min(stated)),
        (known, stated) => known.or(stated),
    };
    // A machine that was stopped and is started again is the same, and kept its private addresses.
    let is_back =
        stay.kind == PlacementKind::Host && stay.end.zip(start).is_some_and(|(end, start)| start > end);
    stay.end = if is_back { end } else { end.or(stay.end) };
    stay.over = if is_back { over } else { over.or(stay.over) };
    // An entry's selectors are all of them: a later listing replaces the earlier one.
    if !selectors.is_empty() {
        stay.selectors = selectors;
    }
    for (known, stated) in
        [(&mut stay.aliases, aliases), (&mut stay.containers, containers), (&mut stay.addresses, addresses)]
    {
        for name in stated {
            if !known.contains(&name) {
                known.push(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: u8 = 1;
    const API: u8 = 2;

    /// Who is said to be where: pod, uid, address, start and end in seconds; every time is after the former.
    struct Said {
        pod: u8,
        uid: Option<u8>,
        address: u8,
        start: Option<i64>,
        end: Option<i64>,
    }

    fn said(pod: u8, uid: Option<u8>, address: u8) -> Said {
        Said { pod, uid, address, start: None, end: None }
    }

    /// Pod uid, addresses, start and end of a stay, in seconds.
    type Told = (Option<String>, Vec<String>, Option<i64>, Option<i64>);

    fn stays(said: &[Said]) -> Vec<Told> {
        let mut names = Names::default();
        let mut placements = Placements::default();
        let seconds = |secs: i64| EventTime(secs * 1_000_000_000);
        let rows: Vec<_> = (1_i64..)
            .zip(said)
            .map(|(at, said)| offbound_schemas::table::Placement {
                event_time: seconds(at * 10),
                source: "test".to_owned(),
                location: format!("test:{at}"),
                host: Some("n1".to_owned()),
                namespace: Some("shop".to_owned()),
                pod: Some(format!("pod-{}", said.pod)),
                pod_uid: said.uid.map(|uid| format!("uid-{uid}")),
                addresses: vec![format!("10.1.0.{}", said.address)],
                start: said.start.map(seconds),
                end: said.end.map(seconds),
                ..offbound_schemas::table::Placement::default()
            })
            .collect();
        let batch = placements::to_batch(&rows);
        let view = placements::View::new(&batch).expect("the batch is of this table");
        (0..rows.len())
            .for_each(|row| placements.placement(&mut names, &view, row, Some(&mut Before::new())));
        let whole = |time: Option<EventTime>| time.map(|time| time.0 / 1_000_000_000);
        let shown = |stay: &Stay| {
            let addresses = stay.addresses.iter().map(|address| names.text(*address).to_owned()).collect();
            (names.owned(stay.pod_uid), addresses, whole(stay.start), whole(stay.end))
        };
        placements.stays().iter().map(shown).collect()
    }

    /// Folds a statement about a host: its name and its machine, when it was made, and the stay that it tells, in seconds.
    fn tell(
        placements: &mut Placements,
        names: &mut Names,
        (host, machine): (&str, Option<&str>),
        (at, start, end): (i64, Option<i64>, Option<i64>),
    ) {
        let seconds = |secs: i64| EventTime(secs * 1_000_000_000);
        let row = offbound_schemas::table::Placement {
            event_time: seconds(at),
            kind: PlacementKind::Host,
            host: Some(host.to_owned()),
            host_uid: machine.map(str::to_owned),
            start: start.map(seconds),
            end: end.map(seconds),
            ..offbound_schemas::table::Placement::default()
        };
        let batch = placements::to_batch(&[row]);
        let view = placements::View::new(&batch).expect("the batch is of this table");
        placements.placement(names, &view, 0, None);
    }

    /// Scenario: a machine is stopped and started again; an inventory repeats its first start; it is terminated.
    /// Guarantees: it is there again from the restart on, whatever is repeated of before, until it ends.
    #[test]
    fn a_machine_that_is_started_again() {
        let (mut names, mut placements) = (Names::default(), Placements::default());
        let mut tell = |at: i64, start: Option<i64>, end: Option<i64>| {
            tell(&mut placements, &mut names, ("i-1", None), (at, start, end));
            let stays = placements.stays();
            assert_eq!(stays.len(), 1);
            stays[0].end.map(|end| end.0 / 1_000_000_000)
        };
        assert_eq!(tell(10, Some(10), None), None);
        assert_eq!(tell(20, None, Some(20)), Some(20));
        assert_eq!(tell(25, Some(10), None), Some(20), "nothing new is said of it");
        assert_eq!(tell(30, Some(30), None), None, "it is back");
        assert_eq!(tell(40, None, Some(40)), Some(40));
    }

    /// Scenario: a node that is known by its machine is deleted by its name, and another machine takes the name.
    /// Guarantees: the first ends, the second does not, nor does a machine of another name.
    #[test]
    fn a_node_deleted_by_its_name() {
        let (mut names, mut placements) = (Names::default(), Placements::default());
        let mut tell = |host: &str, machine: Option<&str>, start: Option<i64>, end: Option<i64>| {
            let at = start.or(end).unwrap_or_default();
            tell(&mut placements, &mut names, (host, machine), (at, start, end));
        };
        tell("n1", Some("machine-1"), Some(10), None);
        tell("n2", Some("machine-2"), Some(10), None);
        tell("n1", None, None, Some(20));
        tell("n1", Some("machine-3"), Some(30), None);
        let ended = |machine: &str| {
            let stay =
                placements.stays().iter().find(|stay| names.owned(stay.host_uid).as_deref() == Some(machine));
            stay.map(|stay| stay.end.map(|end| end.0 / 1_000_000_000))
        };
        assert_eq!(ended("machine-1"), Some(Some(20)));
        assert_eq!((ended("machine-2"), ended("machine-3")), (Some(None), Some(None)));
    }

    /// Scenario: a pod that is known by its uid is asked to go, and its kubelet deletes it, both by name only; a newer one of
    /// that name is asked to go. Guarantees: the first is over when it is gone, the second is not over yet.
    #[test]
    fn a_pod_that_is_asked_to_go() {
        let (mut names, mut placements) = (Names::default(), Placements::default());
        let seconds = |secs: i64| EventTime(secs * 1_000_000_000);
        let mut tell = |at: i64, uid: Option<&str>, ends: Option<bool>| {
            let row = offbound_schemas::table::Placement {
                event_time: seconds(at),
                kind: PlacementKind::Pod,
                namespace: Some("shop".to_owned()),
                pod: Some("web-0".to_owned()),
                pod_uid: uid.map(str::to_owned),
                host: uid.map(|_| "n1".to_owned()),
                start: uid.map(|_| seconds(at)),
                end: ends.map(|_| seconds(at)),
                may_go_on: ends == Some(false),
                ..offbound_schemas::table::Placement::default()
            };
            let batch = placements::to_batch(&[row]);
            let view = placements::View::new(&batch).expect("the batch is of this table");
            placements.placement(&mut names, &view, 0, None);
            let over = |stay: &Stay| stay.over.map(|(end, _)| end.0 / 1_000_000_000);
            placements.stays().iter().map(over).collect::<Vec<_>>()
        };
        tell(10, Some("uid-1"), None);
        assert_eq!(tell(20, None, Some(false)), [None], "its grace began");
        assert_eq!(tell(50, None, Some(true)), [Some(50)]);
        tell(60, Some("uid-2"), None);
        assert_eq!(tell(70, None, Some(false)), [Some(50), None]);
    }

    /// Scenario: sensors without uids beside an inventory, in either order; two pods of one host; a pod that was there
    /// before. Guarantees: one stay a pod, never one for two; a later pod of the same name ends the earlier one's stay.
    #[test]
    fn pods_without_uid() {
        let uid = |number: u8| Some(format!("uid-{number}"));
        let at = |number: u8| vec![format!("10.1.0.{number}")];
        let whole = Said { start: Some(5), ..said(WEB, Some(7), 1) };
        assert_eq!(stays(&[whole, said(WEB, None, 1)]), [(uid(7), at(1), Some(5), None)]);
        let whole = Said { start: Some(5), ..said(WEB, Some(7), 1) };
        assert_eq!(
            stays(&[said(WEB, None, 1), whole, said(WEB, Some(7), 1)]),
            [(uid(7), at(1), Some(5), None)]
        );
        assert_eq!(
            stays(&[said(WEB, None, 1), said(API, None, 2)]),
            [(None, at(1), None, None), (None, at(2), None, None)]
        );
        assert_eq!(stays(&[said(WEB, None, 1), said(WEB, None, 1)]).len(), 1);
        let newer = Said { start: Some(15), ..said(WEB, Some(8), 3) };
        assert_eq!(
            stays(&[said(WEB, None, 1), newer]),
            [(None, at(1), None, Some(15)), (uid(8), at(3), Some(15), None)]
        );
        let over = Said { start: Some(1), end: Some(12), ..said(WEB, Some(7), 1) };
        assert_eq!(
            stays(&[over, said(WEB, None, 2)]),
            [(uid(7), at(1), Some(1), Some(12)), (None, at(2), None, None)]
        );
    }
}
