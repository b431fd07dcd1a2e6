//! Silences: which uses were made while their host was silent, and which have to be looked at again when it is heard, or
//! when it has not been for too long.
//!
//! In: what is known of the telemetry around each use. Out: the uses to look at again; of each workload on a host in a
//! silence, the first. Owns: the lists. Law: a use is in them as it was looked at last, and no more than once.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::{EventId, EventTime};

use super::Standing;
use crate::asked::{About, Key};
use crate::fact::touched::Touched;
use crate::fact::usage::Usage;
use crate::names::Name;
use crate::scene::Scene;
use crate::scene::unwatched::Watch;
use crate::scene::uses::{Reading, Readings};

/// A moment of a use at which its host was silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    time: EventTime,
    id: EventId,
    host: Key,
    /// The workload's silence on that host, or until when nobody can say.
    silence: Result<Key, EventTime>,
}

/// Uses while hosts were silent.
#[derive(Debug, Clone, Default)]
pub(super) struct Silences {
    known: BTreeMap<usize, Vec<Moment>>,
    by_host: BTreeSet<(Key, EventTime, usize)>,
    by_deadline: BTreeSet<(EventTime, usize)>,
    of_silence: BTreeMap<Key, BTreeSet<(EventTime, EventId, usize)>>,
    /// What sensors call each host, with its one name.
    hosts: BTreeMap<Name, Name>,
}

/// The moments of a use at which its host was silent.
#[derive(Debug, Default)]
pub(super) struct Moments(Vec<Moment>);

impl Moments {
    /// Those of a use that was looked at.
    pub(super) fn of(scene: &Scene<'_>, readings: &Readings<'_>) -> Self {
        if scene.environment.telemetry.max_silence_nanos.is_none() {
            return Self::default();
        }
        let moment = |reading: &Reading<'_>| {
            let first = reading.first_record();
            let (host, silence) = match reading.watch(scene) {
                Watch::Unasked => return None,
                Watch::Open(host, deadline) => (host, Err(deadline)),
                Watch::Missing(host, _) => (host, Ok(reading.silence(scene)?)),
            };
            let host = About::On(scene.facts.names.text(host)).key();
            Some(Moment { time: first.time, id: first.id, host, silence })
        };
        Self(readings.iter().filter_map(moment).collect())
    }
}

impl Silences {
    /// What a use's moments are now. Gives uses that are the first of their silence since this one is not, or were.
    pub(super) fn renew(&mut self, place: usize, Moments(moments): Moments) -> Vec<usize> {
        let mut next = Vec::new();
        for moment in self.known.remove(&place).into_iter().flatten() {
            self.by_host.remove(&(moment.host, moment.time, place));
            match moment.silence {
                Err(deadline) => {
                    self.by_deadline.remove(&(deadline, place));
                }
                Ok(silence) => next.extend(self.leave(silence, (moment.time, moment.id, place))),
            }
        }
        for moment in &moments {
            self.by_host.insert((moment.host, moment.time, place));
            match moment.silence {
                Err(deadline) => {
                    self.by_deadline.insert((deadline, place));
                }
                Ok(silence) => {
                    let uses = self.of_silence.entry(silence).or_default();
                    let before = uses.first().map(|(.., place)| *place);
                    uses.insert((moment.time, moment.id, place));
                    // Whoever was the first of it is no more.
                    next.extend(before.filter(|_| uses.first().is_some_and(|(.., first)| *first == place)));
                }
            }
        }
        if !moments.is_empty() {
            self.known.insert(place, moments);
        }
        next.retain(|next| *next != place);
        next
    }

    fn leave(&mut self, silence: Key, used: (EventTime, EventId, usize)) -> Option<usize> {
        let uses = self.of_silence.get_mut(&silence)?;
        let was_first = uses.first() == Some(&used);
        uses.remove(&used);
        let next = uses.first().map(|(.., place)| *place);
        if next.is_none() {
            self.of_silence.remove(&silence);
        }
        next.filter(|_| was_first)
    }

    /// Whether a use is the first of its workload in some silence of its host.
    pub(super) fn is_first(&self, place: usize) -> bool {
        let moments = self.known.get(&place).into_iter().flatten();
        moments
            .filter_map(|moment| self.of_silence.get(&moment.silence.ok()?))
            .any(|uses| uses.first().is_some_and(|(.., first)| *first == place))
    }

    /// The hosts that are watched by others now, since some name means another host.
    fn renamed_hosts(&mut self, scene: &Scene<'_>, touched: &Touched) -> Vec<Name> {
        let heard: Vec<Name> = if scene.places.renamed.is_empty() {
            touched.heard.keys().copied().collect()
        } else {
            scene.facts.coverage.of_hosts().map(|subject| subject.scope).collect()
        };
        let mut others = Vec::new();
        for called in heard {
            let host = scene.places.host_name(called);
            let before = self.hosts.insert(called, host).unwrap_or(called);
            others.extend([before, host].into_iter().filter(|_| before != host));
        }
        others
    }

    /// The uses at whose host nobody was heard of which something else may be said now.
    fn due(&self, scene: &Scene<'_>, touched: &Touched) -> BTreeSet<usize> {
        let Some(most) = scene.environment.telemetry.max_silence_nanos else { return BTreeSet::new() };
        if touched.gaps {
            return self.known.keys().copied().collect();
        }
        let end = scene.facts.end.unwrap_or_default();
        let late = self.by_deadline.iter().take_while(|(deadline, _)| *deadline < end);
        let mut due: BTreeSet<usize> = late.map(|(_, place)| *place).collect();
        for (host, (from, _)) in &touched.heard {
            let host = scene.facts.names.text(scene.places.host_name(*host));
            let key = About::On(host).key();
            let since = (key, from.plus_nanos(-most), 0)..=(key, EventTime::MAX, usize::MAX);
            due.extend(self.by_host.range(since).map(|(.., place)| *place));
        }
        due
    }
}

impl Standing {
    /// The uses whose hosts were heard, or were not for too long now, since they were looked at.
    pub(super) fn of_silent_hosts(&mut self, scene: &Scene<'_>, touched: &Touched) -> BTreeSet<usize> {
        if scene.environment.telemetry.max_silence_nanos.is_none() {
            return BTreeSet::new();
        }
        let renamed = self.silences.renamed_hosts(scene, touched);
        if touched.begins_earlier {
            return (0..scene.facts.uses.len()).collect();
        }
        let mut due = self.silences.due(scene, touched);
        for host in renamed {
            due.extend(self.index.uses_by_question.of(About::Watched(host).key()));
        }
        due
    }

    /// A use that stands for nothing was made in no silence.
    pub(super) fn moments(scene: &Scene<'_>, usage: &Usage, readings: &Readings<'_>) -> Moments {
        if usage.stands() { Moments::of(scene, readings) } else { Moments::default() }
    }
}
