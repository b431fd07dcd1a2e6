//! Credentials without end that nothing binds to a place, and that were taken at one: where they came from afterwards.
//!
//! In: a case. Out: for each of them, since when it may be in other hands, and where it had been seen before.
//! Owns: what a new place is. Law: a place is only new where the history is long enough, and whole; what runs the workload
//! that always used it is none.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::EventTime;
use offbound_schemas::table::Use;
use offbound_schemas::vocabulary::{Match, Phase};

use super::{Case, attribution};
use crate::asked::{About, Key};
use crate::fact::usage::Usage;
use crate::names::Name;
use crate::scene::uses;
use crate::standing::Sought;

/// Addresses that are looked up for where a credential had been; whoever shares a key among more has no place of it.
const MAX_ADDRESSES: usize = 64;

/// Where such a credential had been seen when it was taken.
#[derive(Debug, Default)]
struct Past {
    since: EventTime,
    places: BTreeSet<String>,
    workloads: BTreeSet<String>,
}

/// The credentials of a case that were taken so.
#[derive(Debug, Default)]
pub(super) struct Taken {
    by_credential: BTreeMap<String, Past>,
}

impl Taken {
    /// Those that were shown where credentials were taken.
    pub(super) fn of(case: &Case<'_>) -> Self {
        let mut since: BTreeMap<&str, EventTime> = BTreeMap::new();
        // Most cases show no such credential, and have much else.
        let mut shown = shown(case).peekable();
        let thefts = if shown.peek().is_some() { attribution::thefts(case) } else { Vec::new() };
        for (row, id) in shown.filter_map(|row| Some((row, row.credential_id.as_deref()?))) {
            let here = thefts.iter().filter(|(scope, _)| row.scope.as_ref() == Some(scope));
            for (_, time) in here {
                since.entry(id).and_modify(|known| *known = (*known).min(*time)).or_insert(*time);
            }
        }
        let known =
            since.into_iter().filter_map(|(id, since)| Some((id.to_owned(), Past::of(case, id, since)?)));
        Self { by_credential: known.collect() }
    }

    /// Whether a use is from a place where its credential had never been seen before it was taken.
    pub(super) fn is_moved(&self, row: &Use) -> bool {
        let past = row.credential_id.as_ref().and_then(|id| self.by_credential.get(id));
        past.zip(row.place_key.as_ref()).is_some_and(|(past, place)| {
            row.first_time >= past.since
                && row.phase != Phase::Verify
                && row.place_match == Match::Undetermined
                && !past.places.contains(place)
                && row.observed_workload.as_ref().is_none_or(|workload| !past.workloads.contains(workload))
        })
    }
}

impl Past {
    /// None where it is not known well enough where the credential had been.
    fn of(case: &Case<'_>, id: &str, since: EventTime) -> Option<Self> {
        let name = case.scene.facts.names.known_id(id)?;
        let held = case.scene.facts.bindings.get(name)?;
        let sought = Sought { loose: vec![About::Holder(id).key()], ..Sought::default() };
        let is_before = |usage: &Usage| usage.key.credential == Some(name) && usage.first.time < since;
        let mut by_address: BTreeMap<Option<Name>, Usage> = BTreeMap::new();
        let mut earliest = since;
        for usage in case.scene.uses_of(&sought).filter(is_before) {
            earliest = earliest.min(usage.first.time);
            by_address.entry(usage.key.address).or_insert(usage);
            if by_address.len() > MAX_ADDRESSES {
                return None;
            }
        }
        let is_whole = held.first_use.is_none_or(|first| first.time >= earliest);
        if !is_whole || since.nanos_since(earliest) < case.scene.min_history_nanos() {
            return None;
        }
        let mut past = Self { since, ..Self::default() };
        for row in by_address.values().flat_map(|usage| uses::rows(case.scene, usage)) {
            past.places.extend(row.place_key);
            past.workloads.extend(row.observed_workload);
        }
        Some(past)
    }
}

/// Uses of the case's findings that show a credential without end, of which no more than its first use says where it belongs.
fn shown<'c>(case: &'c Case<'_>) -> impl Iterator<Item = &'c Use> {
    let shown = case.members.iter().flat_map(|member| &member.uses);
    shown.filter(|row| row.is_static && row.binding_grade <= 1)
}

/// By what all uses of those credentials are found, where credentials were taken.
pub(super) fn keys(case: &Case<'_>) -> Vec<Key> {
    let ids: BTreeSet<&str> = shown(case).filter_map(|row| row.credential_id.as_deref()).collect();
    if ids.is_empty() || attribution::thefts(case).is_empty() {
        return Vec::new();
    }
    ids.into_iter().map(|id| About::Holder(id).key()).collect()
}
