//! Coverage: which source was heard about which scope, and when.
//!
//! In: what was heard of whom, and when. Out: stretches per (scope, source), broken where a source was silent too long.
//! Owns: the bounds on silence. Law: silence longer than the bound is not coverage.

use std::collections::BTreeMap;

use offbound_schemas::EventTime;

use super::activity::Activity;
use super::keep::Moves;
use crate::keyed::HashMap;
use crate::names::{Name, Named, Renaming};

/// A source that is silent about a scope for longer than this does not cover the silence.
pub(crate) const MAX_SILENCE_NANOS: i64 = 15 * 60 * 1_000_000_000;

/// One stretch in which a source was heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    pub(crate) from: EventTime,
    pub(crate) to: EventTime,
    pub(crate) rows: u64,
}

/// What a stretch is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) scope: Name,
    pub(crate) source: Name,
}

/// Kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Host events of a host.
    Host,
    /// Assertions about a destination.
    Destination,
}

/// What is around a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    /// It was heard then, or near enough.
    pub(crate) is_covered: bool,
    /// The end of the last stretch before.
    pub(crate) before: Option<EventTime>,
    /// The beginning of the first stretch after.
    pub(crate) after: Option<EventTime>,
}

/// All stretches.
#[derive(Debug, Clone, Default)]
pub(crate) struct CoverageFacts {
    stretches: HashMap<Subject, Vec<Stretch>>,
    /// How many stretches there are.
    parts: usize,
    /// When each log told of any use.
    logs: BTreeMap<Name, Activity>,
}

/// Logs of uses that are told apart; a label is written by the operator, not by who is logged.
const MAX_LOGS: usize = 4_096;

/// Logical size of a subject without its names.
const SUBJECT_BYTES: usize = size_of::<(Subject, Vec<Stretch>)>();

impl Named for Subject {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        visit(&mut self.scope);
        visit(&mut self.source);
    }
}

impl CoverageFacts {
    /// A source was heard about something.
    pub(crate) fn hear(&mut self, subject: Subject, time: EventTime) {
        let stretches = self.stretches.entry(subject).or_default();
        match stretches.last_mut() {
            Some(last) if time.nanos_since(last.to) <= MAX_SILENCE_NANOS => {
                last.to = last.to.max(time);
                last.from = last.from.min(time);
                last.rows += 1;
            }
            _ => {
                self.parts += 1;
                stretches.push(Stretch { from: time, to: time, rows: 1 });
            }
        }
    }

    /// A log told of a use.
    pub(crate) fn tell(&mut self, source: Name, time: EventTime) {
        if self.logs.len() < MAX_LOGS || self.logs.contains_key(&source) {
            self.logs.entry(source).or_default().hear(time);
        }
    }

    /// Whether a log told of uses from one moment to another, without a rest.
    pub(crate) fn told(&self, source: Name, (from, to): (EventTime, EventTime)) -> bool {
        self.logs.get(&source).is_some_and(|log| log.covers(from, to))
    }

    /// All logs of uses.
    pub(crate) fn logs(&self) -> impl Iterator<Item = Name> {
        self.logs.keys().copied()
    }

    /// The stretch of a log without a rest that a moment is in, or near.
    pub(crate) fn log_around(&self, source: Name, time: EventTime) -> Option<(EventTime, EventTime)> {
        self.logs.get(&source)?.around(time, MAX_SILENCE_NANOS)
    }

    /// Shows the names of all logs.
    pub(crate) fn each_log_name(&self, visit: &mut impl FnMut(&mut Name)) {
        for mut source in self.logs.keys().copied() {
            visit(&mut source);
        }
    }

    /// Logical size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.stretches.len() * SUBJECT_BYTES + self.parts * size_of::<Stretch>()
    }

    /// Logical size of one subject, without its names.
    pub(crate) fn bytes_of(&self, subject: Subject) -> usize {
        SUBJECT_BYTES + self.stretches.get(&subject).map_or(0, |list| size_of_val(list.as_slice()))
    }

    /// When the first of a subject's stretches begins.
    pub(crate) fn begin(&self, subject: Subject) -> Option<EventTime> {
        self.stretches.get(&subject)?.first().map(|part| part.from)
    }

    /// What is around a moment in the stretches of a subject.
    pub(crate) fn around(&self, subject: Subject, time: EventTime) -> Around {
        let parts = self.stretches.get(&subject).map(Vec::as_slice).unwrap_or_default();
        let near = |part: &Stretch| {
            part.from.plus_nanos(-MAX_SILENCE_NANOS) <= time && time <= part.to.plus_nanos(MAX_SILENCE_NANOS)
        };
        Around {
            is_covered: parts.iter().any(near),
            before: parts.iter().map(|part| part.to).filter(|to| *to < time).max(),
            after: parts.iter().map(|part| part.from).filter(|from| *from > time).min(),
        }
    }

    /// The subjects that are hosts.
    pub(crate) fn of_hosts(&self) -> impl Iterator<Item = Subject> {
        self.stretches.keys().copied().filter(|subject| subject.kind == Kind::Host)
    }

    /// The subjects that are destinations: each by one of the logs that tell of it.
    pub(crate) fn of_destinations(&self) -> impl Iterator<Item = Subject> {
        self.stretches.keys().copied().filter(|subject| subject.kind == Kind::Destination)
    }

    /// The sensors that were heard of a host.
    pub(crate) fn sensors_of(&self, host: Name) -> impl Iterator<Item = Name> {
        let of_host = self.of_hosts().filter(move |subject| subject.scope == host);
        of_host.map(|subject| subject.source)
    }

    /// Forgets stretches of a subject that were over before `horizon`, but for the last of them: what was silent since then
    /// is known.
    pub(crate) fn trim(&mut self, subject: Subject, horizon: EventTime) {
        if let Some(list) = self.stretches.get_mut(&subject) {
            let last = list.iter().map(|part| part.to).filter(|to| *to < horizon).max();
            list.retain(|part| part.to >= horizon || Some(part.to) == last);
        }
    }

    /// Keeps some subjects, given in the order of [`Self::sorted`], under their new names.
    pub(crate) fn keep(&mut self, moves: &Moves, renaming: &Renaming) {
        let kept = self.sorted().into_iter().map(|(subject, _)| subject).enumerate();
        let kept: Vec<Subject> =
            kept.filter(|(place, _)| moves.keeps(*place)).map(|(_, kept)| kept).collect();
        let mut before = std::mem::take(&mut self.stretches);
        for mut subject in kept {
            let stretches = before.remove(&subject).unwrap_or_default();
            renaming.rename(&mut subject);
            self.stretches.insert(subject, stretches);
        }
        self.parts = self.stretches.values().map(Vec::len).sum();
        let logs = std::mem::take(&mut self.logs).into_iter().map(|(mut source, mut log)| {
            renaming.rename(&mut source);
            log.cut();
            (source, log)
        });
        self.logs = logs.collect();
    }

    /// All stretches, sorted by subject.
    pub(crate) fn sorted(&self) -> Vec<(Subject, &[Stretch])> {
        let mut all: Vec<_> =
            self.stretches.iter().map(|(subject, list)| (*subject, list.as_slice())).collect();
        all.sort_unstable_by_key(|(subject, _)| *subject);
        all
    }

    /// Which part (0 to 1) of the stretch `from..to` any source covers for a host.
    pub(crate) fn host_share(&self, scope: Name, from: EventTime, to: EventTime) -> f64 {
        let mut parts: Vec<(i64, i64)> = self
            .stretches
            .iter()
            .filter(|(subject, _)| subject.kind == Kind::Host && subject.scope == scope)
            .flat_map(|(_, stretches)| stretches)
            // Being heard covers the silence that is allowed after it, and before the first word of a sensor.
            .map(|part| {
                (part.from.0.saturating_sub(MAX_SILENCE_NANOS), part.to.0.saturating_add(MAX_SILENCE_NANOS))
            })
            .map(|(start, end)| (start.max(from.0), end.min(to.0)))
            .filter(|(start, end)| start <= end)
            .collect();
        parts.sort_unstable();
        share(&parts, from.0, to.0)
    }
}

/// Share of `from..to` that the sorted `parts` cover.
fn share(parts: &[(i64, i64)], from: i64, to: i64) -> f64 {
    if to <= from {
        return if parts.is_empty() { 0.0 } else { 1.0 };
    }
    let mut reached = from;
    let mut covered: i64 = 0;
    for (start, end) in parts {
        let start = (*start).max(reached);
        if *end > start {
            covered += end - start;
            reached = *end;
        }
    }
    // Precision of a share of a stretch of time: 53 bits are plenty.
    #[allow(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
    let share = covered as f64 / (to - from) as f64;
    share
}

#[cfg(test)]
mod tests {
    use super::share;

    /// Scenario: overlapping and broken stretches. Guarantees: no second is counted twice.
    #[test]
    fn shares() {
        assert!((share(&[(0, 40), (20, 50)], 0, 100) - 0.5).abs() < 1e-9);
        assert!((share(&[], 0, 100)).abs() < 1e-9);
        assert!((share(&[(0, 100)], 0, 100) - 1.0).abs() < 1e-9);
    }
}
