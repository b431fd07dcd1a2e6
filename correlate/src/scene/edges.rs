//! Edges: which workload called which destination first, did which sensitive thing first, and how long it had been known by then.
//!
//! In: uses, with the workload that made each. Out: for each use, whether it is the first ever to its destination, or of its action.
//! Owns: the learned set of edges. Law: before the minimum history of a workload, "first ever" is not claimed; a caller's
//! own word that it was let in makes no edge.

use std::collections::BTreeMap;

use offbound_schemas::EventTime;
use offbound_schemas::vocabulary::Decision;

use crate::fact::activity::{Activity, Rest};
use crate::fact::keep::Moves;
use crate::fact::usage::Usage;
use crate::keyed::HashMap;
use crate::names::{Name, Named, Renaming};

/// First calls that are remembered of a workload, beyond what facts that are still held say: what calls more than that
/// calls anything, and nothing is new of it.
const MAX_REMEMBERED: usize = 4_096;

/// First calls of one workload.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    started: EventTime,
    first: BTreeMap<Name, EventTime>,
    /// When it was first let in to each sensitive action.
    acts: BTreeMap<Name, EventTime>,
    /// When it was active.
    activity: Activity,
    /// Since when which logs tell of it.
    logs: BTreeMap<Name, EventTime>,
    /// Its last use.
    pub(crate) seen: EventTime,
    /// It called, or did, more than is remembered.
    is_cut: bool,
}

impl Past {
    /// Logical size, without its names.
    pub(crate) fn bytes(&self) -> usize {
        let named = self.first.len() + self.acts.len() + self.logs.len();
        size_of::<(String, Self)>() + named * size_of::<(Name, EventTime)>() + self.activity.bytes()
    }

    /// Keeps the first calls that are longest known.
    fn cut(&mut self) {
        self.activity.cut();
        for known in [&mut self.first, &mut self.acts] {
            if known.len() <= MAX_REMEMBERED {
                continue;
            }
            let mut calls: Vec<(EventTime, Name)> = known.iter().map(|(name, time)| (*time, *name)).collect();
            calls.sort_unstable();
            *known = calls.into_iter().take(MAX_REMEMBERED).map(|(time, name)| (name, time)).collect();
            self.is_cut = true;
        }
    }

    /// It was active, as a log tells; says whether its rests are others now than they were.
    fn stir(&mut self, log: Name, time: EventTime) -> bool {
        let is_newest = self.activity.is_over_by(time);
        let since = self.logs.entry(log).or_insert(EventTime::MAX);
        let is_earlier = time < *since;
        *since = time.min(*since);
        self.activity.hear(time) || (is_earlier && !is_newest)
    }
}

impl Named for Past {
    fn each_name(&mut self, visit: &mut impl FnMut(&mut Name)) {
        for known in [&mut self.first, &mut self.acts, &mut self.logs] {
            let renamed = std::mem::take(known).into_iter().map(|(mut name, time)| {
                visit(&mut name);
                (name, time)
            });
            *known = renamed.collect();
        }
    }
}

/// First calls by workload and destination.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edges {
    by_workload: HashMap<String, Past>,
}

/// What a use changed of what was known of its workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learned {
    /// Nothing.
    Nothing,
    /// It is the first to its destination.
    Edge,
    /// Something is older than was known: other uses may have been taken for the first.
    Past,
}

impl Edges {
    /// Learns from uses, beyond what is remembered of earlier ones.
    pub(super) fn learn_all<'w>(mut self, uses: impl Iterator<Item = (&'w str, Usage)>) -> Self {
        for (workload, usage) in uses {
            self.learn(workload, &usage);
        }
        self
    }

    /// Workloads with what is known of their past, by name.
    pub(crate) fn sorted(&self) -> Vec<(&str, &Past)> {
        let mut all: Vec<_> = self.by_workload.iter().map(|(name, past)| (name.as_str(), past)).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }

    /// Logical size of one workload's past, with what `names` says of its names.
    pub(crate) fn measure(&mut self, workload: &str, names: impl FnOnce(&mut Past) -> usize) -> usize {
        let past = self.by_workload.get_mut(workload);
        past.map_or(0, |past| workload.len() + past.bytes() + names(past))
    }

    /// Shows every name that the past of a workload has.
    pub(crate) fn each_name_of(&mut self, workload: &str, visit: &mut impl FnMut(&mut Name)) {
        if let Some(past) = self.by_workload.get_mut(workload) {
            past.each_name(visit);
        }
    }

    /// Keeps what is worth remembering of any past.
    pub(crate) fn cut(&mut self) {
        self.by_workload.values_mut().for_each(Past::cut);
    }

    /// Keeps some workloads, given in the order of [`Self::sorted`], under their new names.
    pub(crate) fn keep(&mut self, moves: &Moves, renaming: &Renaming) {
        let gone = self.sorted().into_iter().enumerate().filter(|(place, _)| !moves.keeps(*place));
        let gone: Vec<String> = gone.map(|(_, (name, _))| name.to_owned()).collect();
        for workload in gone {
            self.by_workload.remove(&workload);
        }
        self.by_workload.values_mut().for_each(|past| renaming.rename(past));
    }

    /// Logical size in bytes, without the names of destinations.
    pub(crate) fn bytes(&self) -> usize {
        self.by_workload.iter().map(|(name, past)| name.len() + past.bytes()).sum()
    }

    /// Learns from a use of a workload.
    pub(crate) fn learn(&mut self, workload: &str, usage: &Usage) -> Learned {
        let time = usage.first.time;
        let allowed = is_let_in(usage);
        let Some(past) = self.by_workload.get_mut(workload) else {
            let first = allowed.then_some((usage.key.destination, time)).into_iter().collect();
            let acts = sensitive_act(usage).filter(|_| allowed).map(|act| (act, time)).into_iter().collect();
            let mut activity = Activity::default();
            activity.hear(time);
            let logs = BTreeMap::from([(usage.key.source, time)]);
            let seen = usage.last.time;
            let past = Past { started: time, first, acts, activity, logs, seen, is_cut: false };
            self.by_workload.insert(workload.to_owned(), past);
            return Learned::Edge;
        };
        let is_old = past.stir(usage.key.source, time) || time < past.started;
        let mut learned = if is_old { Learned::Past } else { Learned::Nothing };
        past.started = past.started.min(time);
        past.seen = past.seen.max(usage.last.time);
        if !allowed {
            return learned;
        }
        if let Some(act) = sensitive_act(usage) {
            let first = past.acts.entry(act).or_insert(EventTime::MAX);
            if time < *first {
                // What was refused before may have been read as news.
                (*first, learned) = (time, Learned::Past);
            }
        }
        match past.first.get_mut(&usage.key.destination) {
            Some(first) if time < *first => (*first, learned) = (time, Learned::Past),
            Some(_) => {}
            None => {
                past.first.insert(usage.key.destination, time);
                learned = if learned == Learned::Past { learned } else { Learned::Edge };
            }
        }
        learned
    }

    /// Forgets a workload, but for what is remembered: its uses turned out to be others'.
    pub(crate) fn forget(&mut self, workload: &str, remembered: &Self) {
        match remembered.by_workload.get(workload) {
            Some(past) => self.by_workload.insert(workload.to_owned(), past.clone()),
            None => self.by_workload.remove(workload),
        };
    }

    /// History of the workload before a use, in nanoseconds.
    pub(crate) fn history(&self, workload: &str, time: EventTime) -> i64 {
        self.by_workload.get(workload).map_or(0, |past| time.nanos_since(past.started).max(0))
    }

    /// Whether the workload had been allowed to a destination before a moment.
    pub(crate) fn reached_before(&self, workload: &str, destination: Name, time: EventTime) -> bool {
        let past = self.by_workload.get(workload);
        past.and_then(|past| past.first.get(&destination)).is_some_and(|first| *first < time)
    }

    /// Whether a use does, or tries, a sensitive action to which its workload had not been let in before that moment.
    pub(crate) fn is_new_act(&self, workload: &str, usage: &Usage, time: EventTime) -> bool {
        let Some(past) = self.by_workload.get(workload).filter(|past| !past.is_cut) else { return false };
        let was_let_in = |act| past.acts.get(&act).is_some_and(|first| *first < time);
        let is_tried = matches!(usage.key.decision, Decision::Allow | Decision::Deny) && !usage.key.is_sent;
        is_tried && sensitive_act(usage).is_some_and(|act| !was_let_in(act))
    }

    /// The rest of a workload that has just ended at a moment, with how long it was known before, and the logs that told of it.
    pub(crate) fn rest(&self, workload: &str, time: EventTime) -> Option<(Rest, i64, Vec<Name>)> {
        let past = self.by_workload.get(workload)?;
        let rest = past.activity.rest_before(time)?;
        let logs = past.logs.iter().filter(|(_, since)| **since <= rest.since).map(|(log, _)| *log);
        Some((rest, rest.since.nanos_since(past.started), logs.collect()))
    }

    /// Destinations that a workload was ever allowed to.
    pub(crate) fn destinations(&self, workload: &str) -> impl Iterator<Item = Name> {
        self.by_workload.get(workload).into_iter().flat_map(|past| past.first.keys().copied())
    }

    /// Whether a use is the first allowed one of its workload to its destination.
    pub(crate) fn is_first(&self, workload: &str, usage: &Usage) -> bool {
        let past = self.by_workload.get(workload);
        let first = past.filter(|past| !past.is_cut).and_then(|past| past.first.get(&usage.key.destination));
        is_let_in(usage) && first == Some(&usage.first.time)
    }
}

/// A sensitive action; others are not kept apart, and none of them is news.
fn sensitive_act(usage: &Usage) -> Option<Name> {
    usage.first_action.filter(|_| usage.sensitive_action)
}

fn is_let_in(usage: &Usage) -> bool {
    usage.key.is_let_in() && !usage.key.is_sent
}
