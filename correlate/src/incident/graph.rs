//! Which findings belong together.
//!
//! In: findings with their uses and signs. Out: groups of findings, by earliest member.
//! Owns: the typed edges and their windows, the rule about hubs and about posture.
//! Law: the groups do not depend on the order in which findings are given.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::Match;

use crate::finding::Found;
use crate::keyed::HashMap;

/// A key that touches more workloads than this joins nothing: it is a hub (a NAT, a shared account, a busy node).
const MAX_WORKLOADS_PER_KEY: usize = 20;
const HOUR_NANOS: i64 = 3_600 * 1_000_000_000;

/// What can tie findings together, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'f> {
    /// Same credential: as long as it is valid.
    Credential(&'f str),
    /// Same process lineage: 24 hours.
    Process(&'f str),
    /// Same pod or, where there are no pods, same host: one hour.
    Scope(&'f str),
    /// Same foreign address: 24 hours.
    Foreign(&'f str),
}

impl Key<'_> {
    fn window_nanos(&self) -> i64 {
        match self {
            Self::Credential(_) => i64::MAX,
            Self::Process(_) | Self::Foreign(_) => 24 * HOUR_NANOS,
            Self::Scope(_) => HOUR_NANOS,
        }
    }
}

/// Rules that describe a state rather than an act: they attach to an incident, and never make or join one.
pub(super) fn is_posture(rule: &str) -> bool {
    let number = rule.strip_prefix("CT-").and_then(|number| number.parse::<u32>().ok());
    number.is_some_and(|number| (303..=308).contains(&number) || (400..500).contains(&number))
}

/// Places that a finding is about.
pub(super) fn scopes(found: &Found) -> impl Iterator<Item = &str> {
    let signals = found.signals.iter().filter_map(|signal| signal.scope.as_deref());
    let uses = found.uses.iter().filter_map(|row| row.scope.as_deref());
    signals.chain(uses)
}

/// Keys of a finding; some may come several times.
fn keys(found: &Found) -> impl Iterator<Item = Key<'_>> {
    let processes = found.signals.iter().flat_map(|signal| &signal.lineage_keys).map(|key| Key::Process(key));
    let shown = found.uses.iter().filter_map(|row| row.credential_id.as_deref()).map(Key::Credential);
    let off = found.uses.iter().filter(|row| row.place_match == Match::Mismatch);
    let foreign = off.filter_map(|row| row.src_addr.as_deref()).map(Key::Foreign);
    let issued = found.issues.iter().map(|row| Key::Credential(&row.credential_id));
    processes.chain(shown).chain(issued).chain(foreign).chain(scopes(found).map(Key::Scope))
}

/// Groups of indexes into `found`.
#[allow(
    clippy::iter_over_hash_type,
    reason = "what is joined with what does not depend on which key joins first"
)]
pub(super) fn components(found: &[&Found]) -> Vec<Vec<usize>> {
    let mut by_key: HashMap<Key<'_>, Vec<usize>> = HashMap::default();
    for (index, member) in found.iter().enumerate() {
        for key in keys(member) {
            let members = by_key.entry(key).or_default();
            if members.last() != Some(&index) {
                members.push(index);
            }
        }
    }
    by_key.retain(|_, members| !is_hub(found, members));
    let mut groups = Groups::new(found.len());
    for (key, members) in &by_key {
        let joining: Vec<usize> = members.iter().copied().filter(|index| joins(found, *index)).collect();
        join_close(found, &joining, key.window_nanos(), &mut groups);
    }
    attach_posture(found, &by_key, &mut groups);
    groups.collect(found)
}

fn joins(found: &[&Found], index: usize) -> bool {
    found.get(index).is_some_and(|member| !is_posture(&member.finding.rule))
}

fn is_hub(found: &[&Found], members: &[usize]) -> bool {
    if members.len() <= MAX_WORKLOADS_PER_KEY {
        return false;
    }
    let workloads = members.iter().filter_map(|index| found.get(*index)?.finding.workload.as_ref());
    workloads.collect::<BTreeSet<_>>().len() > MAX_WORKLOADS_PER_KEY
}

/// Joins members that follow each other within the window.
fn join_close(found: &[&Found], members: &[usize], window_nanos: i64, groups: &mut Groups) {
    let mut spans: Vec<(EventTime, EventTime, usize)> = members
        .iter()
        .filter_map(|index| {
            found.get(*index).map(|member| (member.finding.first_time, member.finding.last_time, *index))
        })
        .collect();
    spans.sort_unstable();
    let mut reached: Option<(EventTime, usize)> = None;
    for (first, last, index) in spans {
        if let Some((end, before)) = reached
            && first.nanos_since(end) <= window_nanos
        {
            groups.join(before, index);
        }
        let end = reached.map_or(last, |(end, _)| end.max(last));
        reached = Some((end, index));
    }
}

/// A posture finding goes with the first group that shares a key with it.
fn attach_posture(found: &[&Found], by_key: &HashMap<Key<'_>, Vec<usize>>, groups: &mut Groups) {
    for (index, member) in found.iter().enumerate().filter(|(index, _)| !joins(found, *index)) {
        let shared = keys(member).filter_map(|key| by_key.get(&key));
        let partner = shared.flatten().copied().filter(|other| joins(found, *other)).min();
        if let Some(partner) = partner {
            groups.join(partner, index);
        }
    }
}

/// Union-find over indexes.
struct Groups {
    parents: Vec<usize>,
}

impl Groups {
    fn new(len: usize) -> Self {
        Self { parents: (0..len).collect() }
    }

    fn root(&self, index: usize) -> usize {
        let mut index = index;
        while let Some(parent) = self.parents.get(index).filter(|parent| **parent != index) {
            index = *parent;
        }
        index
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let (low, high) = (one.min(other), one.max(other));
        if let Some(parent) = self.parents.get_mut(high) {
            *parent = low;
        }
    }

    fn collect(&self, found: &[&Found]) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for index in 0..found.len() {
            groups.entry(self.root(index)).or_default().push(index);
        }
        groups.into_values().filter(|group| group.iter().any(|index| joins(found, *index))).collect()
    }
}
