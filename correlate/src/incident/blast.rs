//! Blast radius: what was reached, suspected, refused, and what else could have been reached.
//!
//! In: attributed uses, the workload's past and declared edges. Out: four lists by destination and credential.
//! Owns: the grouping. Law: a destination is in the surest list that it belongs to, once per credential.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::record::{BlastRadius, Reach};

use super::attribution::{Attributed, Attribution, Grade};
use super::{Case, identity};

/// The four lists.
pub(super) fn radius(case: &Case<'_>, attributed: &Attribution<'_>) -> BlastRadius {
    let allowed = |used: &&Attributed| used.row.let_in;
    let reached = group(attributed.at_least(Grade::Probable).filter(allowed));
    let denied = group(attributed.at_least(Grade::Probable).filter(|used| identity::is_refused(&used.row)));
    let suspected =
        group(attributed.uses.iter().filter(|used| used.grade == Grade::Possible).filter(allowed));
    let touched: BTreeSet<&str> =
        reached.iter().chain(&suspected).chain(&denied).map(|reach| reach.destination.as_str()).collect();
    let reachable =
        reachable(case, attributed).into_iter().filter(|destination| !touched.contains(destination.as_str()));
    let reachable = reachable
        .map(|destination| Reach { destination, credential: None, first: None, last: None, count: 0 })
        .collect();
    BlastRadius { reached, suspected, denied, reachable }
}

fn group<'u>(uses: impl Iterator<Item = &'u Attributed>) -> Vec<Reach> {
    let mut groups: BTreeMap<(String, Option<String>), Reach> = BTreeMap::new();
    for used in uses {
        let row = &used.row;
        let credential = row.credential_id.clone().or_else(|| row.subject.clone());
        let reach = groups.entry((row.destination.clone(), credential.clone())).or_insert_with(|| Reach {
            destination: row.destination.clone(),
            credential,
            first: Some(row.first_time),
            last: Some(row.last_time),
            count: 0,
        });
        reach.first = reach.first.min(Some(row.first_time));
        reach.last = reach.last.max(Some(row.last_time));
        reach.count += row.count;
    }
    let mut list: Vec<Reach> = groups.into_values().collect();
    list.sort_by(|a, b| {
        (a.first, &a.destination, &a.credential).cmp(&(b.first, &b.destination, &b.credential))
    });
    list
}

/// Where the workloads whose credentials may be in other hands can go: by policy, and by what they did before.
pub(super) fn reachable(case: &Case<'_>, attributed: &Attribution<'_>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for workload in &workloads(case, attributed) {
        let past = case.scene.edges.destinations(workload);
        all.extend(past.map(|name| case.scene.facts.names.text(name).to_owned()));
        for destination in &case.scene.environment.destinations {
            if case.scene.environment.may_reach(workload, &destination.name, case.end) {
                all.insert(destination.name.clone());
            }
        }
    }
    all
}

/// The incident's own workloads, and those whose credentials were exposed with theirs: whoever has a host has all that is on it.
pub(super) fn workloads(case: &Case<'_>, attributed: &Attribution<'_>) -> BTreeSet<String> {
    let exposed = attributed.exposed.iter().filter_map(|held| case.scene.text(held.subject));
    let exposed = exposed.map(|subject| case.scene.environment.canonical(subject).to_owned());
    case.workloads.iter().cloned().chain(exposed).collect()
}
