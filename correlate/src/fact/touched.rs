//! What folding changed: where to look again.
//!
//! In: indexes into the fact tables, as folds change them. Out: the same, each once.
//! Owns: nothing but the notes, and none where nobody follows them. Law: what is not noted here is as it was.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::EventTime;

use super::coverage::MAX_SILENCE_NANOS;
use super::placement::Before;
use crate::names::Name;

/// Places in fact tables that changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Touched {
    pub(crate) uses: BTreeSet<usize>,
    pub(crate) credentials: BTreeSet<usize>,
    pub(crate) signs: BTreeSet<usize>,
    /// With what they were before, where they were at all.
    pub(crate) stays: Before,
    /// Hosts that were heard: the first and the last moment.
    pub(crate) heard: BTreeMap<Name, (EventTime, EventTime)>,
    /// What issuing logs tell of uses since that moment may be otherwise.
    pub(crate) issuing: Option<EventTime>,
    /// An assertion is older than the first that was known.
    pub(crate) begins_earlier: bool,
    /// A source told of a gap.
    pub(crate) gaps: bool,
    /// Somebody wants to know.
    pub(crate) is_followed: bool,
}

impl Touched {
    /// A use is new, or was repeated.
    pub(crate) fn usage(&mut self, place: Option<usize>) {
        self.uses.extend(place.filter(|_| self.is_followed));
    }

    /// More is known of a credential.
    pub(crate) fn credential(&mut self, place: Option<usize>) {
        self.credentials.extend(place.filter(|_| self.is_followed));
    }

    /// An issuing log was heard of a time of which it was not, or tells of more.
    pub(crate) fn issuing(&mut self, since: Option<EventTime>) {
        if let Some(since) = since.filter(|_| self.is_followed) {
            self.issuing = Some(self.issuing.map_or(since, |known| known.min(since)));
        }
    }

    /// Where stays are noted as they were before, if they are.
    pub(crate) fn stays(&mut self) -> Option<&mut Before> {
        Some(&mut self.stays).filter(|_| self.is_followed)
    }

    /// The time that a host's new records speak for.
    pub(crate) fn heard_around(&self, host: Name) -> Option<(EventTime, EventTime)> {
        let (from, to) = self.heard.get(&host)?;
        Some((from.plus_nanos(-MAX_SILENCE_NANOS), to.plus_nanos(MAX_SILENCE_NANOS)))
    }

    /// A host was heard.
    pub(crate) fn heard(&mut self, host: Name, time: EventTime) {
        if !self.is_followed {
            return;
        }
        let (from, to) = self.heard.entry(host).or_insert((time, time));
        (*from, *to) = ((*from).min(time), (*to).max(time));
    }
}
