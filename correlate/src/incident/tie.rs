//! What ties a finding to others.
//!
//! In: a finding with its uses and signs. Out: its keys, each with the time for which it ties, and where it stands in time.
//! Owns: the typed edges and their windows, what a posture is. Law: the same finding has the same ties.

use offbound_schemas::vocabulary::Match;
use offbound_schemas::{EventTime, FindingId};

use crate::finding::Found;

const HOUR_NANOS: i64 = 3_600 * 1_000_000_000;

/// Of what kind a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// Same credential: as long as it is valid.
    Credential,
    /// Same process lineage: 24 hours.
    Process,
    /// Same pod or, where there are no pods, same host: one hour.
    Scope,
    /// Same foreign address: 24 hours.
    Foreign,
}

impl Kind {
    pub(super) fn window_nanos(self) -> i64 {
        match self {
            Self::Credential => i64::MAX,
            Self::Process | Self::Foreign => 24 * HOUR_NANOS,
            Self::Scope => HOUR_NANOS,
        }
    }
}

/// What can tie findings together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key<'f> {
    pub(super) kind: Kind,
    pub(super) text: &'f str,
}

/// A finding as its neighbours see it.
#[derive(Debug, Clone)]
pub(super) struct Ties<'f> {
    pub(super) id: FindingId,
    pub(super) first: EventTime,
    pub(super) last: EventTime,
    pub(super) workload: Option<&'f str>,
    pub(super) is_posture: bool,
    /// Each once.
    pub(super) keys: Vec<Key<'f>>,
}

impl<'f> Ties<'f> {
    pub(super) fn of(found: &'f Found) -> Self {
        let finding = &found.finding;
        let mut keys: Vec<Key<'_>> = keys(found).collect();
        keys.sort_unstable();
        keys.dedup();
        Self {
            id: finding.id,
            first: finding.first_time,
            last: finding.last_time,
            workload: finding.workload.as_deref(),
            is_posture: is_posture(&finding.rule),
            keys,
        }
    }
}

/// Rules that describe a state rather than an act: they attach to an incident, and never make or join one.
pub(super) fn is_posture(rule: &str) -> bool {
    let number = rule.strip_prefix("CT-").and_then(|number| number.parse::<u32>().ok());
    number.is_some_and(|number| (303..=308).contains(&number) || (400..500).contains(&number))
}

/// Findings that tell of acts: all but postures.
pub(super) fn acts<'f>(members: &[&'f Found]) -> impl Iterator<Item = &'f Found> {
    members.iter().copied().filter(|member| !is_posture(&member.finding.rule))
}

/// Places that a finding is about.
pub(super) fn scopes(found: &Found) -> impl Iterator<Item = &str> {
    let signals = found.signals.iter().filter_map(|signal| signal.scope.as_deref());
    let uses = found.uses.iter().filter_map(|row| row.scope.as_deref());
    signals.chain(uses)
}

/// Keys of a finding; some may come several times.
fn keys(found: &Found) -> impl Iterator<Item = Key<'_>> {
    let key = |kind| move |text| Key { kind, text };
    let processes = found.signals.iter().flat_map(|signal| &signal.lineage_keys).map(String::as_str);
    let shown = found.uses.iter().filter_map(|row| row.credential_id.as_deref());
    let issued = found.issues.iter().map(|row| row.credential_id.as_str());
    let off = found.uses.iter().filter(|row| row.place_match == Match::Mismatch);
    let foreign = off.filter_map(|row| row.src_addr.as_deref());
    processes
        .map(key(Kind::Process))
        .chain(shown.chain(issued).map(key(Kind::Credential)))
        .chain(foreign.map(key(Kind::Foreign)))
        .chain(scopes(found).map(key(Kind::Scope)))
}
