//! Which findings belong together, kept as findings come.
//!
//! In: findings by their ties. Out: groups of findings, and which of them are others now.
//! Owns: the groups, the rule about hubs and about posture. Leaves what ties to `tie`.
//! Law: groups do not depend on the order in which findings come. A tie that is added is followed; where one may go away,
//! all are grouped anew.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::Equivalent;
use offbound_schemas::{EventTime, FindingId};

use super::tie::{Key, Kind, Ties};
use crate::finding::Found;
use crate::keyed::{HashMap, RandomState};

/// A key that touches more workloads than this joins nothing: it is a hub (a NAT, a shared account, a busy node).
const MAX_WORKLOADS_PER_KEY: usize = 20;

/// Where a finding stands among others: by its first moment, then its id.
type Order = (EventTime, FindingId);
/// A group's number: kept while it only grows.
pub(crate) type GroupNumber = usize;

/// A key that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct KeptKey {
    kind: Kind,
    text: Box<str>,
}

impl Equivalent<KeptKey> for Key<'_> {
    fn equivalent(&self, kept: &KeptKey) -> bool {
        self.kind == kept.kind && *self.text == *kept.text
    }
}

/// Findings, and what ties them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    numbers: hashbrown::HashMap<KeptKey, usize, RandomState>,
    knots: Vec<Knot>,
    nodes: HashMap<FindingId, Node>,
    groups: BTreeMap<GroupNumber, BTreeSet<Order>>,
    next: GroupNumber,
}

/// Groups that are others now.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    /// Those that have other members, or members that are others.
    pub(crate) groups: BTreeSet<GroupNumber>,
    /// Those that went into another one.
    pub(crate) gone: BTreeSet<GroupNumber>,
    /// Findings that are in another group than before, or in none.
    pub(crate) moved: BTreeSet<FindingId>,
}

/// The findings of one key.
#[derive(Debug, Clone)]
struct Knot {
    window_nanos: i64,
    /// Stretches of time further apart than the window, each with one of the findings in it.
    stretches: Vec<(EventTime, EventTime, FindingId)>,
    /// The first finding that is no posture.
    earliest: Option<Order>,
    postures: BTreeSet<FindingId>,
    /// Workloads that it touches, until there are too many.
    workloads: BTreeSet<Box<str>>,
}

#[derive(Debug, Clone)]
struct Node {
    first: EventTime,
    last: EventTime,
    workload: Option<Box<str>>,
    is_posture: bool,
    /// Sorted.
    knots: Vec<usize>,
    /// A posture has none where nothing else shares a key with it.
    group: Option<GroupNumber>,
    /// Whom a posture goes with.
    partner: Option<Order>,
}

impl Graph {
    /// The groups of some findings.
    pub(crate) fn of<'f>(found: impl Iterator<Item = &'f Found>) -> Self {
        Self::of_ties(&found.map(Ties::of).collect::<Vec<_>>())
    }

    fn of_ties(ties: &[Ties<'_>]) -> Self {
        let mut graph = Self::default();
        // Hubs first: what they would have joined cannot be taken apart again.
        for ties in ties {
            let knots = graph.knots_of(ties);
            graph.makes_hub(ties, &knots);
        }
        for ties in ties {
            graph.add(ties, &mut News::default());
        }
        graph
    }

    /// Takes a finding in that is new, or another than before. Says whether that only added ties: if not, what is here
    /// is right no more, and all findings are to be grouped anew.
    pub(crate) fn follow(&mut self, found: &Found, news: &mut News) -> bool {
        self.add(&Ties::of(found), news)
    }

    /// All groups.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = GroupNumber> {
        self.groups.keys().copied()
    }

    /// The members of a group, by first time and id.
    pub(crate) fn members(&self, group: GroupNumber) -> impl Iterator<Item = FindingId> + Clone {
        self.groups.get(&group).into_iter().flatten().map(|(_, id)| *id)
    }

    /// The group of a finding; a posture may have none.
    pub(crate) fn group_of(&self, finding: &FindingId) -> Option<GroupNumber> {
        self.nodes.get(finding)?.group
    }

    fn add(&mut self, ties: &Ties<'_>, news: &mut News) -> bool {
        let knots = self.knots_of(ties);
        let before = self.nodes.get(&ties.id);
        let is_same = before.is_none_or(|node| node.only_grows(ties, &knots));
        if !is_same || self.makes_hub(ties, &knots) {
            return false;
        }
        if ties.is_posture {
            self.attach(ties, &knots, news);
        } else {
            self.join(ties, &knots, news);
        }
        true
    }

    /// The numbers of its keys, sorted.
    fn knots_of(&mut self, ties: &Ties<'_>) -> Vec<usize> {
        let mut knots = Vec::with_capacity(ties.keys.len());
        for key in &ties.keys {
            knots.push(if let Some(number) = self.numbers.get(key) {
                *number
            } else {
                let number = self.knots.len();
                self.numbers.insert(KeptKey { kind: key.kind, text: key.text.into() }, number);
                self.knots.push(Knot::of(key.kind));
                number
            });
        }
        knots.sort_unstable();
        knots
    }

    /// Counts the workload at each key; says whether that makes one a hub.
    fn makes_hub(&mut self, ties: &Ties<'_>, knots: &[usize]) -> bool {
        let Some(workload) = ties.workload else { return false };
        let mut is_new = false;
        for number in knots {
            let Some(knot) = self.knots.get_mut(*number).filter(|knot| !knot.is_hub()) else { continue };
            if !knot.workloads.contains(workload) {
                knot.workloads.insert(workload.into());
                is_new |= knot.is_hub();
            }
        }
        is_new
    }

    /// A finding that joins others: it goes with all those that share a key with it within its window.
    fn join(&mut self, ties: &Ties<'_>, knots: &[usize], news: &mut News) {
        let order = (ties.first, ties.id);
        let mut group = self.place(ties, knots, news);
        let mut postures = BTreeSet::new();
        for number in knots {
            let Some(knot) = self.knots.get_mut(*number).filter(|knot| !knot.is_hub()) else { continue };
            // Postures of a key go with its first finding, or with an earlier one of another key.
            if knot.earliest.is_none_or(|earliest| order < earliest) {
                knot.earliest = Some(order);
                postures.extend(&knot.postures);
            }
            for other in knot.take_in(ties) {
                let other = self.nodes.get(&other).and_then(|node| node.group);
                group = other.map_or(group, |other| self.unite(group, other, news));
            }
        }
        for posture in postures {
            let partner = self.nodes.get(&posture).and_then(|node| node.partner);
            if partner.is_none_or(|partner| order < partner) {
                self.go_with(posture, order, news);
            }
        }
        news.groups.insert(group);
    }

    /// Puts a finding that joins others where it was, or into a group of its own.
    fn place(&mut self, ties: &Ties<'_>, knots: &[usize], news: &mut News) -> GroupNumber {
        let before = self.nodes.get(&ties.id).map(|node| (node.first, node.group));
        let group = before.and_then(|(_, group)| group).unwrap_or_else(|| {
            news.moved.insert(ties.id);
            self.next += 1;
            self.next
        });
        let members = self.groups.entry(group).or_default();
        if let Some((first, _)) = before {
            members.remove(&(first, ties.id));
        }
        members.insert((ties.first, ties.id));
        self.nodes.insert(ties.id, Node { group: Some(group), ..Node::of(ties, knots) });
        group
    }

    /// Makes one group of two: the smaller goes into the larger.
    fn unite(&mut self, one: GroupNumber, other: GroupNumber, news: &mut News) -> GroupNumber {
        let size = |group| self.groups.get(&group).map_or(0, BTreeSet::len);
        let (small, large) = if size(one) < size(other) { (one, other) } else { (other, one) };
        if small == large {
            return large;
        }
        let moved = self.groups.remove(&small).unwrap_or_default();
        for (_, id) in &moved {
            if let Some(node) = self.nodes.get_mut(id) {
                node.group = Some(large);
            }
        }
        news.groups.remove(&small);
        news.gone.insert(small);
        news.moved.extend(moved.iter().map(|(_, id)| *id));
        self.groups.entry(large).or_default().extend(moved);
        large
    }

    /// A posture goes with the first finding that shares a key with it, and ties nothing.
    fn attach(&mut self, ties: &Ties<'_>, knots: &[usize], news: &mut News) {
        let shared = knots.iter().filter_map(|number| self.knots.get(*number)).filter(|knot| !knot.is_hub());
        let partner = shared.filter_map(|knot| knot.earliest).min();
        for number in knots {
            if let Some(knot) = self.knots.get_mut(*number) {
                knot.postures.insert(ties.id);
            }
        }
        self.leave(ties.id, news);
        self.nodes.insert(ties.id, Node::of(ties, knots));
        if let Some(partner) = partner {
            self.go_with(ties.id, partner, news);
        }
    }

    /// A posture goes with another finding than before.
    fn go_with(&mut self, posture: FindingId, partner: Order, news: &mut News) {
        self.leave(posture, news);
        let group = self.nodes.get(&partner.1).and_then(|node| node.group);
        let Some((node, group)) = self.nodes.get_mut(&posture).zip(group) else { return };
        (node.partner, node.group) = (Some(partner), Some(group));
        self.groups.entry(group).or_default().insert((node.first, posture));
        news.groups.insert(group);
        news.moved.insert(posture);
    }

    /// Takes a posture out of its group.
    fn leave(&mut self, posture: FindingId, news: &mut News) {
        let Some(node) = self.nodes.get_mut(&posture) else { return };
        let Some(group) = node.group.take() else { return };
        if let Some(members) = self.groups.get_mut(&group) {
            members.remove(&(node.first, posture));
            news.groups.insert(group);
            news.moved.insert(posture);
        }
    }
}

impl Knot {
    fn of(kind: Kind) -> Self {
        Self {
            window_nanos: kind.window_nanos(),
            stretches: Vec::new(),
            earliest: None,
            postures: BTreeSet::new(),
            workloads: BTreeSet::new(),
        }
    }

    fn is_hub(&self) -> bool {
        self.workloads.len() > MAX_WORKLOADS_PER_KEY
    }

    /// Adds the time of a finding; gives one finding of each stretch that it is close to.
    fn take_in(&mut self, ties: &Ties<'_>) -> Vec<FindingId> {
        let window = self.window_nanos;
        let (mut from, mut to) = (ties.first, ties.last);
        let is_close = |(first, last, _): &mut (EventTime, EventTime, FindingId)| {
            ties.first.nanos_since(*last) <= window && first.nanos_since(ties.last) <= window
        };
        let mut close = Vec::new();
        for (first, last, id) in self.stretches.extract_if(.., is_close) {
            (from, to) = (from.min(first), to.max(last));
            close.push(id);
        }
        self.stretches.push((from, to, ties.id));
        close
    }
}

impl Node {
    fn of(ties: &Ties<'_>, knots: &[usize]) -> Self {
        Self {
            first: ties.first,
            last: ties.last,
            workload: ties.workload.map(Box::from),
            is_posture: ties.is_posture,
            knots: knots.to_vec(),
            group: None,
            partner: None,
        }
    }

    /// Whether it keeps every tie that it has.
    fn only_grows(&self, ties: &Ties<'_>, knots: &[usize]) -> bool {
        ties.first <= self.first
            && self.last <= ties.last
            && self.workload.as_deref() == ties.workload
            && self.is_posture == ties.is_posture
            && self.knots.iter().all(|knot| knots.binary_search(knot).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600 * 1_000_000_000;
    const KINDS: [Kind; 4] = [Kind::Credential, Kind::Process, Kind::Scope, Kind::Foreign];
    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
    const WORKLOADS: [&str; 24] = [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17",
        "18", "19", "20", "21", "22", "23",
    ];

    fn ties() -> impl Strategy<Value = Ties<'static>> {
        let key = prop_oneof![1 => Just((2, 0)), 3 => (0..KINDS.len(), 0..NAMES.len())];
        let workload = prop_oneof![(0..3usize).prop_map(Some), (0..24usize).prop_map(Some), Just(None)];
        let keys = prop::collection::btree_set(key, 0..3);
        (0..60u8, 0..60i64, 0..3i64, workload, prop::bool::weighted(0.2), keys).prop_map(
            |(id, first, lasts, workload, is_posture, keys)| Ties {
                id: FindingId::of(&[&[id]]),
                first: EventTime(first * HOUR),
                last: EventTime((first + lasts) * HOUR),
                workload: workload.and_then(|number| WORKLOADS.get(number).copied()),
                is_posture,
                keys: keys
                    .into_iter()
                    .map(|(kind, name)| Key { kind: KINDS[kind], text: NAMES[name] })
                    .collect(),
            },
        )
    }

    /// Groups of what is there, each pair looked at, nothing kept.
    fn naive(all: &BTreeMap<FindingId, Ties<'_>>) -> BTreeSet<Vec<FindingId>> {
        let mut all: Vec<&Ties<'_>> = all.values().collect();
        all.sort_by_key(|ties| (ties.first, ties.id));
        let is_hub = |key: &Key<'_>| {
            let with = all.iter().filter(|ties| ties.keys.contains(key)).filter_map(|ties| ties.workload);
            with.collect::<BTreeSet<_>>().len() > MAX_WORKLOADS_PER_KEY
        };
        let hubs: BTreeSet<Key<'_>> =
            all.iter().flat_map(|ties| &ties.keys).copied().filter(|key| is_hub(key)).collect();
        let shared = |one: &Ties<'_>, other: &Ties<'_>| -> Vec<Kind> {
            let keys = one.keys.iter().filter(|key| other.keys.contains(key) && !hubs.contains(key));
            keys.map(|key| key.kind).collect()
        };
        let apart = |one: &Ties<'_>, other: &Ties<'_>| {
            one.first.nanos_since(other.last).max(other.first.nanos_since(one.last))
        };
        let mut group_of: Vec<usize> = (0..all.len()).collect();
        let unite = |group_of: &mut Vec<usize>, one: usize, other: usize| {
            let (from, to) = (group_of[one], group_of[other]);
            group_of.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
        };
        for one in 0..all.len() {
            for other in 0..one {
                let close = |kind: &Kind| apart(all[one], all[other]) <= kind.window_nanos();
                if !all[one].is_posture
                    && !all[other].is_posture
                    && shared(all[one], all[other]).iter().any(close)
                {
                    unite(&mut group_of, one, other);
                }
            }
        }
        for posture in (0..all.len()).filter(|place| all[*place].is_posture) {
            let partner = (0..all.len())
                .find(|other| !all[*other].is_posture && !shared(all[posture], all[*other]).is_empty());
            partner.into_iter().for_each(|partner| unite(&mut group_of, posture, partner));
        }
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        group_of.iter().enumerate().for_each(|(place, group)| groups.entry(*group).or_default().push(place));
        let joins = |group: &Vec<usize>| group.iter().any(|place| !all[*place].is_posture);
        groups
            .into_values()
            .filter(joins)
            .map(|group| group.iter().map(|place| all[*place].id).collect())
            .collect()
    }

    fn groups(graph: &Graph) -> BTreeSet<Vec<FindingId>> {
        graph.numbers().map(|group| graph.members(group).collect()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(192))]

        /// Scenario: findings come, some again with other ties, in any order. Guarantees: after each of them the groups are
        /// those of a reader that keeps nothing, and every finding whose group has another number, and every group with
        /// other members, is told.
        #[test]
        fn groups_are_followed(coming in prop::collection::vec(ties(), 1..100)) {
            let (mut graph, mut all) = (Graph::default(), BTreeMap::new());
            for ties in &coming {
                all.insert(ties.id, ties.clone());
                let before = graph.clone();
                let mut news = News::default();
                if graph.add(ties, &mut news) {
                    for id in all.keys() {
                        let is_same = graph.group_of(id) == before.group_of(id);
                        prop_assert!(is_same || news.moved.contains(id), "{id} moved");
                    }
                    for (group, members) in &graph.groups {
                        let is_same = before.groups.get(group) == Some(members);
                        prop_assert!(is_same || news.groups.contains(group), "{group} has other members");
                    }
                    let gone = before.groups.keys().filter(|group| !graph.groups.contains_key(group));
                    prop_assert!(gone.copied().all(|group| news.gone.contains(&group)));
                } else {
                    graph = Graph::of_ties(&all.values().cloned().collect::<Vec<_>>());
                }
                prop_assert_eq!(groups(&graph), naive(&all));
            }
        }
    }

    /// A finding of its own workload, an hour after the one before.
    fn numbered(id: u8, workload: usize, keys: Vec<Key<'static>>) -> Ties<'static> {
        let time = EventTime(i64::from(id) * HOUR);
        let (id, workload) = (FindingId::of(&[&[id]]), WORKLOADS.get(workload).copied());
        Ties { id, first: time, last: time, workload, is_posture: false, keys }
    }

    /// Scenario: findings with new ids, of twenty workloads; then one of another. Guarantees: only the last makes all be grouped
    /// anew, since their key is a hub then: that is what following them is for.
    #[test]
    fn new_findings_only_add() {
        let far = Key { kind: Kind::Foreign, text: "far" };
        let mut all: Vec<Ties<'_>> =
            (0..50u8).map(|id| numbered(id, usize::from(id % 20), vec![far])).collect();
        let mut graph = Graph::default();
        for ties in &all {
            assert!(graph.add(ties, &mut News::default()), "{} only adds", ties.id);
        }
        assert_eq!(graph.numbers().count(), 1);
        all.push(numbered(50, 20, vec![far]));
        assert!(!graph.add(&all[50], &mut News::default()));
        assert_eq!(Graph::of_ties(&all).numbers().count(), 51);
    }
}
