//! The scene: facts joined and compared, as the tables that rules read.
//!
//! In: facts and environment at one moment. Out: uses with their comparison, signals with their meaning, taints,
//! bindings, coverage, gaps; and the evidence behind each row.
//! Owns: the joins that every rule would otherwise repeat. Leaves to rules the judgement.
//! Law: a scene is a function of facts and environment; it keeps no state of its own.

pub(crate) mod bindings;
pub(crate) mod edges;
pub(crate) mod ending;
pub(crate) mod issues;
pub(crate) mod learned;
pub(crate) mod looked_at;
pub(crate) mod signals;
pub(crate) mod tables;
pub(crate) mod taints;
pub(crate) mod unissued;
pub(crate) mod unwatched;
pub(crate) mod uses;
pub(crate) mod whose;

use std::borrow::Cow;
use std::cell::OnceCell;

use offbound_schemas::EventTime;

use crate::asked::Key;
use crate::environment::Environment;
use crate::fact::Facts;
use crate::fact::binding::Held;
use crate::fact::placement::Before;
use crate::fact::signal::Sign;
use crate::fact::usage::Usage;
use crate::keyed::HashMap;
use crate::matching::{Bound, Ground};
use crate::names::{Id, Name};
use crate::place::{PlaceIndex, Places, PodFacts};
use crate::standing::{Index, Sought};
use learned::{Learned, Relearned};
use unwatched::Sensors;

/// Minimum history where the environment says nothing: a day, so that daily jobs are not new.
const DEFAULT_MIN_HISTORY_NANOS: i64 = 24 * 3_600 * 1_000_000_000;

/// Facts joined and compared.
pub(crate) struct Scene<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) facts: &'a Facts,
    pub(crate) places: Places<'a>,
    pub(crate) edges: edges::Edges,
    pub(crate) learned: Learned,
    /// By what uses and signs are found, where that is known.
    pub(crate) index: Option<&'a Index>,
    /// The moment at which lifetimes are judged.
    pub(crate) now: EventTime,
    /// What sensors there are, once somebody asked.
    sensors: OnceCell<Sensors>,
    /// What logs there are, once somebody asked.
    logs: OnceCell<Logs>,
}

/// The logs that tell of each destination, but for those of its callers.
type Logs = HashMap<Name, Vec<Name>>;

/// What one scene leaves to the next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past {
    pub(crate) edges: edges::Edges,
    pub(crate) learned: Learned,
    pub(crate) places: PlaceIndex,
}

impl<'a> Scene<'a> {
    /// Joins the facts, as of `now` or of the last event, whichever is later.
    pub(crate) fn new(environment: &'a Environment, facts: &'a Facts, now: Option<EventTime>) -> Self {
        let past = Past { learned: facts.past.learned.clone(), ..Past::default() };
        let mut scene = Self::with_past(environment, facts, now, (past, &Before::default()));
        scene.learn(0..facts.signals.all().len());
        let workload = |usage: &Usage| scene.workload_by(usage, scene.held(usage).as_ref());
        let uses = facts.uses.iter().filter_map(|usage| Some((workload(&usage)?, usage)));
        scene.edges = facts.past.edges.clone().learn_all(uses);
        scene
    }

    /// The same with what an earlier scene knew; stays changed since then as `touched` says. What signs teach is still
    /// to be learned.
    pub(crate) fn with_past(
        environment: &'a Environment,
        facts: &'a Facts,
        now: Option<EventTime>,
        (past, touched): (Past, &Before),
    ) -> Self {
        let Past { edges, learned, places } = past;
        let places = Places::new(environment, &facts.names, &facts.placements, (places, touched));
        let now = facts.end.max(now).unwrap_or_default();
        Self {
            environment,
            facts,
            places,
            edges,
            index: None,
            learned,
            now,
            sensors: OnceCell::new(),
            logs: OnceCell::new(),
        }
    }

    /// The sensors of each host, by its one name.
    pub(crate) fn sensors(&self) -> &Sensors {
        self.sensors.get_or_init(|| unwatched::sensors(self))
    }

    /// The logs that ever told of uses of a destination.
    #[allow(
        clippy::iter_over_hash_type,
        reason = "each log goes to its destination, and whether any was heard is asked"
    )]
    pub(crate) fn logs_of(&self, destination: Name) -> &[Name] {
        let logs = self.logs.get_or_init(|| {
            let mut logs = Logs::default();
            for subject in self.facts.coverage.of_destinations() {
                logs.entry(subject.scope).or_default().push(subject.source);
            }
            logs
        });
        logs.get(&destination).map(Vec::as_slice).unwrap_or_default()
    }

    /// Learns from signs that are new or others now; tells whose habits that changes.
    pub(crate) fn learn(&mut self, signs: impl IntoIterator<Item = usize>) -> Relearned {
        let mut learned = std::mem::take(&mut self.learned);
        let relearned = learned.renew(self, signs);
        self.learned = learned;
        relearned
    }

    /// What was learned, for the next scene.
    pub(crate) fn into_past(self) -> Past {
        Past { edges: self.edges, learned: self.learned, places: self.places.into_index() }
    }

    /// What is known of a pod.
    pub(crate) fn pod(&self, uid: Name) -> Option<&PodFacts> {
        self.places.pod_facts(uid)
    }

    /// What a comparison may look at.
    pub(crate) fn ground(&self) -> Ground<'_> {
        Ground {
            environment: self.environment,
            places: &self.places,
            names: &self.facts.names,
            lost_stays: self.facts.lost_stays,
        }
    }

    /// The text of an optional name.
    pub(crate) fn text(&self, name: Option<Name>) -> Option<&str> {
        self.facts.names.text_of(name)
    }

    /// The text of an optional id.
    pub(crate) fn id_text(&self, id: Option<Id>) -> Option<Cow<'_, str>> {
        id.map(|id| self.facts.names.id_text(id))
    }

    /// Uses that somebody looks for, in the order of the facts; all uses where nothing says which.
    pub(crate) fn uses_of(&self, sought: &Sought) -> impl Iterator<Item = Usage> + use<'a> {
        let all = &self.facts.uses;
        let places = self.index.map_or_else(|| (0..all.len()).collect(), |index| index.uses_of(sought));
        places.into_iter().filter_map(|place| all.get(place)).filter(Usage::stands)
    }

    /// Signs about any of some keys, in the order of the facts; all signs where nothing says which.
    pub(crate) fn signs_about(&self, keys: &[Key]) -> Vec<&'a Sign> {
        let all = self.facts.signals.all();
        let Some(index) = self.index else { return all.iter().collect() };
        index.signs_of_any(keys).into_iter().filter_map(|place| all.get(place)).collect()
    }

    /// The credential of a use, where it has an id.
    pub(crate) fn held(&self, usage: &Usage) -> Option<Held> {
        self.facts.bindings.get(usage.key.credential?)
    }

    /// The workload that a use's credential stands for.
    pub(crate) fn workload_of(&self, usage: &Usage) -> Option<String> {
        self.workload_by(usage, self.held(usage).as_ref()).map(str::to_owned)
    }

    /// The same, of a credential that was looked up.
    pub(crate) fn workload_by(&self, usage: &Usage, held: Option<&Held>) -> Option<&str> {
        let subject = self.text(usage.key.subject.or_else(|| held?.subject))?;
        Some(self.environment.canonical(subject))
    }

    /// What the credential of a use is bound to, and how well that is known.
    pub(crate) fn bound_of(&self, usage: &Usage, held: Option<&Held>) -> Bound {
        let workload = self.workload_by(usage, held).map(str::to_owned);
        let Some(held) = held else {
            let grade = if self.placed(workload.as_deref()) { 3 } else { 0 };
            return Bound { workload, grade, ..Bound::default() };
        };
        self.bound_held(held, workload)
    }

    /// What a credential is bound to.
    pub(crate) fn bound_held(&self, held: &Held, workload: Option<String>) -> Bound {
        let claimed = held.instance.or(held.host).or(held.host_uid).map(|host| self.places.host_name(host));
        let issued = || self.issued_host(held, workload.as_deref());
        let by_claim = claimed.is_some() || held.pod_uid.is_some();
        let host = claimed.or_else(issued);
        let placed = by_claim || host.is_some();
        let grade = match (placed, by_claim, held.key_bound) {
            (true, _, true) => 4,
            (true, true, false) => 3,
            (true, false, false) => 2,
            (false, ..) if self.placed(workload.as_deref()) => 3,
            (false, ..) if held.first_address.is_some() => 1,
            _ => 0,
        };
        Bound { workload, host, pod_uid: held.pod_uid, first_address: held.first_address, grade }
    }

    /// The one name of the host where a credential belongs, by itself or by its pod.
    pub(crate) fn host_of(&self, held: &Held) -> Option<Name> {
        let by_pod = || self.pod(held.pod_uid?)?.host;
        let host = self.bound_held(held, None).host.or_else(by_pod)?;
        Some(self.places.host_name(host))
    }

    /// When the credential of a use, or whoever it belongs to, was gone.
    pub(crate) fn ending_of(&self, usage: &Usage) -> Option<ending::Ending> {
        let held = self.held(usage)?;
        ending::of(self, &held, &self.bound_of(usage, Some(&held)))
    }

    /// Whether any placement knows that workload.
    fn placed(&self, workload: Option<&str>) -> bool {
        workload.is_some_and(|workload| self.places.knows_workload(workload))
    }

    /// The host of the agent that a credential was issued to: by the issuing record, else by its only entry.
    fn issued_host(&self, held: &Held, workload: Option<&str>) -> Option<Name> {
        if let Some(host) = held.agent.and_then(|agent| self.places.host_of_agent(agent)) {
            return Some(host);
        }
        held.issue?;
        match self.places.entry_parents(workload?) {
            [parent] => self.places.host_of_agent(*parent),
            _ => None,
        }
    }

    /// Clock error of a source, in nanoseconds.
    pub(crate) fn skew(&self, source: Name) -> i64 {
        self.environment.clock_error_nanos(self.facts.names.text(source), None)
    }

    /// How long a workload must have been seen before anything is "the first ever" of it.
    pub(crate) fn min_history_nanos(&self) -> i64 {
        self.environment.learning.min_history_nanos.unwrap_or(DEFAULT_MIN_HISTORY_NANOS)
    }

    /// The one name of a host.
    pub(crate) fn host_text(&self, host: Option<Name>) -> Option<String> {
        self.text(host.map(|host| self.places.host_name(host))).map(str::to_owned)
    }

    /// `pod:UID`, else `host:NAME`.
    pub(crate) fn scope_text(&self, pod: Option<Name>, host: Option<Name>) -> Option<String> {
        let pod = self.text(pod).map(|pod| format!("pod:{pod}"));
        pod.or_else(|| self.host_text(host).map(|host| format!("host:{host}")))
    }
}
