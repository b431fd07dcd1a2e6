//! Rows: which uses and signs read otherwise now, and what they are about.
//!
//! In: what folding touched, a scene. Out: the changed rows, and the groups of rules that they are in.
//! Owns: the closure: from touched facts to every row that is made from them.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;

use offbound_schemas::EventTime;
use offbound_schemas::table::Signal;
use offbound_schemas::vocabulary::SignalKind;

use super::{Changed, Index, Standing};
use crate::asked::{About, Key};
use crate::fact::touched::Touched;
use crate::fact::usage::Usage;
use crate::finding::Found;
use crate::names::Id;
use crate::rule::{Entity, Marks};
use crate::scene::edges::Learned as LearnedUse;
use crate::scene::learned::Relearned;
use crate::scene::unissued::Wait;
use crate::scene::uses::{Reading, Readings};
use crate::scene::{Scene, signals};

const NANOS_PER_SEC: i64 = 1_000_000_000;
/// All of time.
const ALWAYS: (EventTime, EventTime) = (EventTime::MIN, EventTime::MAX);

/// What a use is about, as of its last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UseState {
    workload: Option<Arc<str>>,
    pub(super) holder: Key,
    pub(super) subject: Key,
    pub(super) who: Key,
    scopes: Ends,
    /// What it called, where some rule may ask for it by that.
    destination: Option<NonZeroU64>,
    /// The host where it belongs, if it is rare.
    host: Option<NonZeroU64>,
    /// Where it was refused, and when, by each of the rules' stretches of time.
    pub(super) refused: Box<[Key]>,
    /// What rules may ask of it.
    pub(super) marks: Marks,
    /// Where it was seen, as far as that is a place.
    seen_at: Ends,
    /// In which environments, and with whom, as far as that tells who shares its account.
    environments: Ends,
    callers: Ends,
}

/// A key of a use's first moment, and one of its last where that is another: every use has these, so that they take no more
/// room than they must.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ends([Option<NonZeroU64>; 2]);

impl Ends {
    fn add(&mut self, key: Option<Key>) {
        let key = key.and_then(NonZeroU64::new).filter(|key| !self.0.contains(&Some(*key)));
        let free = self.0.iter_mut().find(|end| end.is_none());
        if let (Some(end), Some(_)) = (free, key) {
            *end = key;
        }
    }

    fn iter(self) -> impl DoubleEndedIterator<Item = Key> + Clone {
        self.0.into_iter().flatten().map(NonZeroU64::get)
    }
}

impl UseState {
    /// Its group in rules of an entity, at its first moment …
    pub(super) fn group(&self, entity: Entity) -> Option<Key> {
        match entity {
            Entity::Credential => Some(self.holder),
            Entity::Subject => Some(self.subject),
            Entity::Workload => Some(self.who),
            Entity::Scope => self.scopes.iter().next(),
            Entity::Destination => self.destination.map(NonZeroU64::get),
            Entity::Host => self.host.map(NonZeroU64::get),
        }
    }

    /// … and at its last.
    pub(super) fn last_group(&self, entity: Entity) -> Option<Key> {
        if entity == Entity::Scope { self.scopes.iter().next_back() } else { self.group(entity) }
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = Key> + use<> {
        self.scopes.iter()
    }

    /// Where it is off its place, after its end, not meant for, or never issued: what incidents find it by.
    fn keys_of_off(&self) -> impl Iterator<Item = Key> + '_ {
        let made = self.workload.iter().map(|workload| About::MadeBy(workload).key());
        made.chain([self.holder]).filter(|_| self.marks.meets(Marks::ASTRAY))
    }

    /// What incidents ask for when they ask whether it is their business: its credential, and its workload at a place. A
    /// credential without end may be theirs wherever it is used.
    fn concerns(&self) -> impl Iterator<Item = Key> + '_ {
        let workload = self.workload.as_deref().unwrap_or_default();
        let from = self.scopes.iter().map(move |scope| About::OffFrom(workload, scope).key());
        let is_astray = self.marks.meets(Marks::ASTRAY);
        let holder = Some(self.holder).filter(|_| is_astray || self.marks.meets(Marks::LASTING));
        from.filter(move |_| is_astray).chain(holder)
    }

    /// The groups that it may be in.
    fn groups(&self) -> impl Iterator<Item = Key> + '_ {
        [self.holder, self.subject, self.who].into_iter().chain(self.places())
    }

    /// Where it was made from, where it belongs, and what it called, as far as that is asked for.
    fn places(&self) -> impl Iterator<Item = Key> + use<> {
        let others = self.host.into_iter().chain(self.destination).map(NonZeroU64::get);
        self.scopes.iter().chain(others)
    }

    /// No rule sees a row of it.
    fn ask_nothing(&mut self) {
        self.marks = Marks::default();
        self.destination = None;
        self.refused = Box::default();
        self.host = None;
        (self.seen_at, self.environments, self.callers) = Default::default();
    }

    /// Where and with whom it was seen counts in its groups …
    fn count(&self, index: &mut Index) {
        self.groups().for_each(|key| index.mark(key, self.marks));
        self.seen_at.iter().for_each(|at| index.places.add(self.holder, at));
        self.environments.iter().for_each(|one| index.environments.add(self.subject, one));
        self.callers.iter().for_each(|one| index.callers.add(self.subject, one));
    }

    /// … or does no more.
    fn uncount(&self, index: &mut Index) {
        self.groups().for_each(|key| index.unmark(key, self.marks));
        self.seen_at.iter().for_each(|at| index.places.remove(self.holder, at));
        self.environments.iter().for_each(|one| index.environments.remove(self.subject, one));
        self.callers.iter().for_each(|one| index.callers.remove(self.subject, one));
    }

    /// Everything that it can be found by.
    fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let made = self.workload.iter().map(|workload| About::MadeBy(workload).key());
        let lists = self.places().chain(self.refused.iter().copied());
        [self.holder, self.subject, self.who].into_iter().chain(made).chain(lists)
    }
}

/// What a sign is about, as of its last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignState {
    pub(super) scope: Option<Key>,
    pub(super) who: Key,
    host: Option<Key>,
    workload: Option<Key>,
    /// It may make its place suspect.
    notable: bool,
    marks: Marks,
}

impl SignState {
    fn of(row: &Signal) -> Self {
        Self {
            scope: row.scope.as_deref().map(|scope| About::Scope(scope).key()),
            who: whose(row),
            host: row.host.as_deref().map(|host| About::On(host).key()),
            workload: row.workload.as_deref().map(|workload| About::MadeBy(workload).key()),
            notable: row.strong || matches!(row.kind, SignalKind::CredentialRead | SignalKind::MemoryRead),
            marks: signals::marks(row),
        }
    }

    /// Its group in rules of an entity.
    pub(super) fn group(&self, entity: Entity) -> Option<Key> {
        match entity {
            Entity::Scope => self.scope,
            Entity::Host => self.host,
            Entity::Credential | Entity::Subject | Entity::Workload => Some(self.who),
            Entity::Destination => None,
        }
    }

    /// The groups that it may be in.
    fn groups(&self) -> impl Iterator<Item = Key> {
        [Some(self.who), self.scope, self.host].into_iter().flatten()
    }

    fn keys(&self) -> impl Iterator<Item = Key> {
        [Some(self.who), self.scope, self.host, self.workload].into_iter().flatten()
    }
}

/// The credential of a use; its subject, where it shows none.
fn holder_of(scene: &Scene<'_>, reading: &Reading<'_>) -> Key {
    let holder = reading.credential().or(reading.subject().map(Id::from));
    About::Holder(&scene.id_text(holder).unwrap_or_default()).key()
}

/// The subject of a use; its credential, where none is told.
fn subject_of(scene: &Scene<'_>, reading: &Reading<'_>) -> Key {
    let subject = reading.subject().map(Id::from).or(reading.credential());
    About::Subject(&scene.id_text(subject).unwrap_or_default()).key()
}

/// Who used it: the workload; subject or address, where it is not known.
fn who_of(scene: &Scene<'_>, reading: &Reading<'_>) -> Key {
    if let Some(who) = reading.workload().or_else(|| scene.text(reading.subject())) {
        return About::Who(who).key();
    }
    let address = reading.address(scene).map(|address| format!("address:{address}"));
    About::Who(&address.unwrap_or_default()).key()
}

/// Whose a sign is: the workload's, or its place's.
pub(super) fn whose(row: &Signal) -> Key {
    About::Who(row.workload.as_deref().or(row.scope.as_deref()).unwrap_or_default()).key()
}

impl Index {
    /// Where the uses and signs are that incidents of these findings may be about.
    pub(crate) fn of_incidents(scene: &Scene<'_>, found: &[Found]) -> Self {
        let mut index = Self::default();
        if found.is_empty() {
            return index;
        }
        for (place, sign) in scene.facts.signals.all().iter().enumerate() {
            let state = SignState::of(&signals::row(scene, sign));
            state.keys().for_each(|key| index.signs.add(key, place));
        }
        let workloads: BTreeSet<&str> =
            found.iter().filter_map(|found| found.finding.workload.as_deref()).collect();
        let shown = found.iter().flat_map(|found| &found.uses).filter_map(|row| row.credential_id.as_deref());
        let credentials: BTreeSet<Id> = shown.filter_map(|id| scene.facts.names.known_id(id)).collect();
        let is_about = |usage: &Usage| {
            let held = scene.held(usage);
            let names = held.iter().flat_map(|held| held.id).chain(usage.key.credential);
            names.into_iter().any(|name| credentials.contains(&name))
                || scene
                    .workload_by(usage, held.as_ref())
                    .is_some_and(|workload| workloads.contains(workload))
        };
        for (place, usage) in scene.facts.uses.iter().enumerate().filter(|(_, usage)| is_about(usage)) {
            let state = state_of(scene, &Reading::briefly(scene, &usage), &BTreeSet::new());
            state.keys().for_each(|key| index.uses.add(key, place));
            state.keys_of_off().for_each(|key| index.off.add(key, place));
        }
        index
    }
}

impl Standing {
    /// Looks again at every sign that may read otherwise.
    pub(super) fn renew_signs(&mut self, scene: &Scene<'_>, relearned: Relearned, changed: &mut Changed) {
        let Relearned { commands, whose } = relearned;
        for whose in whose {
            changed.signs.extend(self.index.signs.of(About::Who(&whose).key()));
        }
        let all = scene.facts.signals.all().iter().enumerate().filter(|_| !commands.is_empty());
        let of_flipped = all.filter(|(_, sign)| {
            sign.kind == SignalKind::ServerShell
                && sign.exe.zip(sign.cmd_line).is_some_and(|command| commands.contains(&command))
        });
        changed.signs.extend(of_flipped.map(|(place, _)| place));
        self.signs.resize(scene.facts.signals.all().len(), None);
        for place in changed.signs.clone() {
            self.renew_sign(scene, place, changed);
        }
    }

    fn renew_sign(&mut self, scene: &Scene<'_>, place: usize, changed: &mut Changed) {
        let Some(sign) = scene.facts.signals.all().get(place) else { return };
        let (row, questions) = scene.places.asked.during(|| signals::row(scene, sign));
        questions.into_iter().for_each(|key| self.index.signs_by_question.add(key, place));
        let state = SignState::of(&row);
        let Some(known) = self.signs.get_mut(place) else { return };
        let before = known.replace(state.clone());
        for state in before.iter().chain([&state]) {
            changed.groups.add(Entity::Workload, state.who, state.marks);
            for entity in [Entity::Scope, Entity::Host] {
                state.group(entity).into_iter().for_each(|key| changed.groups.add(entity, key, state.marks));
            }
            // A strong sign says since when a place is an attacker's, however late it comes.
            let span = (sign.first.time, sign.last.time);
            let span = if state.marks.meets(Marks::STRONG) { ALWAYS } else { span };
            state.scope.into_iter().for_each(|scope| changed.at(scope, span));
            changed.groups.suspected.extend(state.scope.filter(|_| state.notable));
        }
        if before.as_ref() == Some(&state) {
            return;
        }
        if let Some(before) = &before {
            before.keys().for_each(|key| self.index.signs.remove(key, place));
            before.groups().for_each(|key| self.index.unmark(key, before.marks));
        }
        state.keys().for_each(|key| self.index.signs.add(key, place));
        state.groups().for_each(|key| self.index.mark(key, state.marks));
    }

    /// Looks again at every use that may read otherwise.
    pub(super) fn renew_uses(&mut self, scene: &mut Scene<'_>, touched: &Touched, changed: &mut Changed) {
        changed.uses.clone_from(&touched.uses);
        changed.uses.extend(self.take_heard(scene));
        changed.uses.extend(self.of_silent_hosts(scene, touched));
        for (key, since) in &changed.questions {
            let asked = self.index.uses_by_question.of(*key);
            changed.uses.extend(asked.filter(|place| reaches(scene, *place, *since)));
        }
        for place in &touched.credentials {
            let Some(held) = scene.facts.bindings.at(*place) else { continue };
            for name in held.id.iter().chain(&held.aliases) {
                changed.uses.extend(self.index.uses.of(About::Credential(*name).key()));
            }
            let bound = scene.bound_held(&held, None);
            let scope = scene.scope_text(held.pod_uid, bound.host);
            let scope = scope.map(|scope| About::Scope(&scope).key());
            let host = scene.host_of(&held).map(|host| About::On(scene.facts.names.text(host)).key());
            scope.into_iter().chain(host).for_each(|key| changed.at(key, ALWAYS));
        }
        self.uses.resize(scene.facts.uses.len(), None);
        self.learn_edges(scene, changed);
        let mut places: Vec<usize> = changed.uses.iter().copied().collect();
        while !places.is_empty() {
            let next = places.into_iter().flat_map(|place| self.renew_use(scene, place, changed)).collect();
            places = next;
        }
    }

    /// Takes out the uses that waited for an issuer's logs to be heard until a moment, where they were.
    fn take_heard(&mut self, scene: &Scene<'_>) -> Vec<usize> {
        let mut heard = Vec::new();
        for (number, issuer) in scene.environment.issuers.iter().enumerate() {
            let Some(until) = scene.facts.issuing.heard_until(&issuer.logs) else { continue };
            let waited = (number, EventTime::MIN, 0)..=(number, until, usize::MAX);
            let due: Vec<_> = self.unheard_issues.range(waited).copied().collect();
            for one in due {
                self.unheard_issues.remove(&one);
                heard.push(one.2);
            }
        }
        heard
    }

    /// Edges first: which use was the first to a destination decides how others read.
    fn learn_edges(&mut self, scene: &mut Scene<'_>, changed: &mut Changed) {
        let all = &scene.facts.uses;
        let mut left: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut joined: Vec<(usize, String)> = Vec::new();
        for place in &changed.uses {
            let Some(usage) = all.get(*place) else { continue };
            let known = self.uses.get(*place).and_then(Option::as_ref);
            let before = known.and_then(|state| state.workload.clone());
            let workload = scene.workload_of(&usage);
            if known.is_some() && before.as_deref() == workload.as_deref() {
                continue;
            }
            left.extend(before);
            joined.extend(workload.map(|workload| (*place, workload)));
        }
        let moved: BTreeSet<usize> = joined.iter().map(|(place, _)| *place).collect();
        for workload in left {
            let stay: Vec<usize> = self.index.uses.of(About::MadeBy(&workload).key()).collect();
            scene.edges.forget(&workload, &scene.facts.past.edges);
            changed.edges.insert(About::MadeBy(&workload).key());
            for place in stay {
                let still =
                    all.get(place).filter(|usage| scene.workload_of(usage).as_deref() == Some(&*workload));
                if let Some(usage) = still.filter(|_| !moved.contains(&place)) {
                    scene.edges.learn(&workload, &usage);
                }
                changed.uses.insert(place);
            }
        }
        for (place, workload) in joined {
            let Some(usage) = all.get(place) else { continue };
            let key = About::MadeBy(&workload).key();
            match scene.edges.learn(&workload, &usage) {
                LearnedUse::Nothing => {}
                LearnedUse::Edge => {
                    changed.edges.insert(key);
                }
                LearnedUse::Past => {
                    changed.edges.insert(key);
                    changed.uses.extend(self.index.uses.of(key));
                }
            }
        }
    }

    /// A workload's name, once for all uses of it.
    fn shared(&mut self, workload: Arc<str>) -> Arc<str> {
        if let Some(known) = self.workloads.get(&workload) {
            return Arc::clone(known);
        }
        self.workloads.insert(Arc::clone(&workload));
        workload
    }

    /// Looks again at a use; gives others that are to be looked at since this one reads otherwise.
    fn renew_use(&mut self, scene: &Scene<'_>, place: usize, changed: &mut Changed) -> Vec<usize> {
        let Some(usage) = scene.facts.uses.get(place) else { return Vec::new() };
        let look = || {
            let readings = Reading::briefly(scene, &usage);
            let moments = Self::moments(scene, &usage, &readings);
            (state_of(scene, &readings, &self.crowds), moments, readings.first().waits_for_issuer(scene))
        };
        let ((mut state, moments, wait), questions) = scene.places.asked.during(look);
        let next = self.silences.renew(place, moments);
        if state.marks.meets(Marks::UNWATCHED) && !self.silences.is_first(place) {
            state.marks = state.marks.without(Marks::UNWATCHED);
        }
        if !usage.stands() {
            state.ask_nothing();
        }
        state.workload = state.workload.map(|workload| self.shared(workload));
        questions.into_iter().for_each(|key| self.index.uses_by_question.add(key, place));
        self.unheard_issues.extend(wait.map(|Wait { issuer, until }| (issuer, until, place)));
        let Some(known) = self.uses.get_mut(place) else { return next };
        let before = known.replace(state.clone());
        for state in before.iter().chain([&state]) {
            changed.groups.add(Entity::Credential, state.holder, state.marks);
            changed.groups.add(Entity::Subject, state.subject, state.marks);
            changed.groups.add(Entity::Workload, state.who, state.marks);
            state.scopes().for_each(|scope| changed.groups.add(Entity::Scope, scope, state.marks));
            for entity in [Entity::Host, Entity::Destination] {
                state.group(entity).into_iter().for_each(|key| changed.groups.add(entity, key, state.marks));
            }
            changed.groups.refused.extend(state.refused.iter().copied());
            for key in state.concerns().chain(state.scopes()) {
                span(changed, key, &usage);
            }
        }
        if before.as_ref() != Some(&state) {
            if let Some(before) = &before {
                before.keys().for_each(|key| self.index.uses.remove(key, place));
                before.keys_of_off().for_each(|key| self.index.off.remove(key, place));
                before.uncount(&mut self.index);
            }
            state.keys_of_off().for_each(|key| self.index.off.add(key, place));
            state.count(&mut self.index);
            state.keys().for_each(|key| self.index.uses.add(key, place));
            let credential = usage.key.credential.map(|name| About::Credential(name).key());
            credential.into_iter().for_each(|key| self.index.uses.add(key, place));
        }
        next
    }
}

/// Whether a use was still made at a moment, give or take its recorder's clock.
fn reaches(scene: &Scene<'_>, place: usize, moment: EventTime) -> bool {
    let usage = scene.facts.uses.get(place).filter(|_| moment > EventTime::MIN);
    usage.is_none_or(|usage| usage.last.time.plus_nanos(scene.skew(usage.key.source)) >= moment)
}

/// A use with that key changed: the time between all of them may be somebody's business.
fn span(changed: &mut Changed, key: Key, usage: &Usage) {
    let (from, to): &mut (EventTime, EventTime) =
        changed.used.entry(key).or_insert((usage.first.time, usage.last.time));
    (*from, *to) = ((*from).min(usage.first.time), (*to).max(usage.last.time));
}

/// What the rows of one use are about: they agree in all but the place. Everything is asked for that a row would tell.
fn state_of(scene: &Scene<'_>, readings: &Readings<'_>, crowds: &BTreeSet<u32>) -> UseState {
    let mut refused: Vec<Key> = Vec::new();
    let [mut scopes, mut seen_at, mut environments, mut callers] = [Ends::default(); 4];
    let mut marks = Marks::USE;
    let mut home = None;
    for reading in readings.iter() {
        let (pod, host) = reading.scope(scene);
        scopes.add(scene.scope_text(pod, host).map(|scope| About::Scope(&scope).key()));
        seen_at.add(reading.seen_at(scene).map(|at| About::Scope(&at.text(scene)).key()));
        let own = reading.marks(scene);
        marks = marks.and(own);
        if own.meets(Marks::SHARED) {
            environments.add(reading.environment().map(|name| About::Environment(name).key()));
            callers.add(reading.caller(scene).map(|name| About::Who(name).key()));
        }
        home = home.or(reading.bound_host(scene));
        let Some((destination, time)) = reading.refused() else { continue };
        let bin = |secs: &u32| time.0.div_euclid(i64::from(*secs) * NANOS_PER_SEC);
        let destination = scene.facts.names.text(destination);
        refused.extend(crowds.iter().map(|secs| About::Refused(destination, bin(secs)).key()));
    }
    refused.dedup();
    let home = home.filter(|_| marks.meets(Marks::RARE));
    let first = readings.first();
    let (holder, subject, who) = (holder_of(scene, first), subject_of(scene, first), who_of(scene, first));
    let called = marks.meets(Marks::RARE).then(|| About::Called(first.called(scene)));
    UseState {
        workload: first.workload().map(Arc::from),
        holder,
        subject,
        who,
        scopes,
        host: home.and_then(|host| NonZeroU64::new(About::On(scene.facts.names.text(host)).key())),
        destination: called.and_then(|called| NonZeroU64::new(called.key())),
        refused: refused.into_boxed_slice(),
        marks,
        seen_at,
        environments,
        callers,
    }
}
