//! Groups: rules run anew over those groups of rows that changed, and over nothing else.
//!
//! In: what changed of the rows. Out: the findings of these groups, in place of their earlier ones.
//! Owns: which rows a group needs beside its own. Law: a group is given whole, or its candidates are not believed.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use offbound_schemas::EventId;
use offbound_schemas::table::{issues, signals, taints, uses};

use super::{Changed, Index, Standing};
use crate::asked::{About, Key};
use crate::engine::EngineError;
use crate::fact::signal::Sign;
use crate::fact::touched::Touched;
use crate::finding::{Found, Members, findings};
use crate::keyed::HashMap;
use crate::rule::{Entity, Marks, Rule};
use crate::scene::{Scene, tables, taints as taint_rows};
use crate::session::Session;

/// The group of rules that look at everything at once.
const EVERYTHING: Key = 0;

/// Groups to look at again, with the marks of what changed in them.
#[derive(Debug, Default)]
pub(super) struct Touch {
    credentials: BTreeMap<Key, Marks>,
    subjects: BTreeMap<Key, Marks>,
    workloads: BTreeMap<Key, Marks>,
    scopes: BTreeMap<Key, Marks>,
    destinations: BTreeMap<Key, Marks>,
    hosts: BTreeMap<Key, Marks>,
    /// Places that may be suspect since another moment.
    pub(super) suspected: BTreeSet<Key>,
    /// Destinations and stretches of time with other refusals.
    pub(super) refused: BTreeSet<Key>,
}

impl Touch {
    /// A row with these marks changed in a group, or what the group is joined with: then all of them.
    pub(super) fn add(&mut self, entity: Entity, group: Key, marks: Marks) {
        let known = self.of(entity).entry(group).or_default();
        *known = known.and(marks);
    }

    fn of(&mut self, entity: Entity) -> &mut BTreeMap<Key, Marks> {
        match entity {
            Entity::Credential => &mut self.credentials,
            Entity::Subject => &mut self.subjects,
            Entity::Workload => &mut self.workloads,
            Entity::Scope => &mut self.scopes,
            Entity::Destination => &mut self.destinations,
            Entity::Host => &mut self.hosts,
        }
    }

    fn is_empty(&self) -> bool {
        let lists = [
            &self.credentials,
            &self.subjects,
            &self.workloads,
            &self.scopes,
            &self.hosts,
            &self.destinations,
        ];
        lists.iter().all(|groups| groups.is_empty())
    }
}

/// The rows that the rules of one entity are given.
#[derive(Default)]
struct Given<'a> {
    /// By their places.
    uses: Vec<usize>,
    signs: Vec<&'a Sign>,
    /// Places of credentials that were issued for too long.
    issues: Vec<usize>,
    /// The groups that a candidate may be of, by the event that it starts from.
    groups: HashMap<EventId, Key>,
}

impl Standing {
    /// Adds groups whose own rows are as they were, but not what they are joined with.
    pub(super) fn touch_findings(
        &self,
        scene: &Scene<'_>,
        session: &Session,
        touched: &Touched,
        changed: &mut Changed,
    ) {
        let Some(index) = scene.index else { return };
        let Changed { groups, questions, .. } = changed;
        let joined = joined(session);
        for scope in std::mem::take(&mut groups.suspected) {
            for state in index.uses.of(scope).filter_map(|place| self.uses.get(place)?.as_ref()) {
                for (entity, _) in joined.iter().filter(|(_, marks)| state.marks.meets(*marks)) {
                    state.group(*entity).into_iter().for_each(|key| groups.add(*entity, key, Marks::ALL));
                }
            }
            let issues = index.issues.of(scope).filter_map(|place| self.issues.get(&place));
            issues.for_each(|keys| groups.add(Entity::Subject, keys.subject, Marks::ALL));
            let signs = index.signs.of(scope).filter_map(|place| self.signs.get(place)?.as_ref());
            signs.for_each(|state| groups.add(Entity::Workload, state.who, Marks::ALL));
        }
        for refused in std::mem::take(&mut groups.refused) {
            let others = index.uses.of(refused).filter_map(|place| self.uses.get(place)?.as_ref());
            others.for_each(|state| groups.add(Entity::Workload, state.who, Marks::ALL));
        }
        let asked = questions.keys().filter_map(|key| self.by_question.get(key)).flatten();
        let hosts = touched.heard.keys().map(|host| About::On(scene.facts.names.text(*host)).key());
        let may_be = hosts.filter_map(|host| self.unheard.get(&host)).flatten();
        let heard = may_be.filter(|group| {
            let mut found =
                self.by_group.get(group).into_iter().flatten().filter_map(|id| self.found.get(id));
            found.any(|found| is_heard(scene, touched, found))
        });
        for (rule, key) in asked.chain(heard) {
            if let Some(entity) = session.rule(*rule).and_then(|rule| rule.entity) {
                groups.add(entity, *key, Marks::ALL);
            }
        }
    }

    /// Runs the rules over the groups that changed.
    pub(super) async fn renew_findings(
        &mut self,
        scene: &Scene<'_>,
        session: &Session,
        changed: &mut Changed,
    ) -> Result<(), EngineError> {
        let all = changed.groups.is_empty() && changed.edges.is_empty();
        for entity in Entity::ALL {
            let touched = std::mem::take(changed.groups.of(entity));
            self.renew_entity(scene, session, entity, &touched, changed).await?;
        }
        if all {
            return Ok(());
        }
        for (number, rule) in session.rules().filter(|(_, rule)| rule.entity.is_none()) {
            let answer = session.answer_with(number, |table| tables::batches(scene, table)).await?;
            let (uses, signs) =
                ((0..scene.facts.uses.len()).collect(), scene.facts.signals.all().iter().collect());
            let issues = scene.facts.bindings.overlong().collect();
            let given = Given { uses, signs, issues, groups: HashMap::default() };
            let found = given.found(scene, rule, answer)?;
            self.replace(number, &BTreeSet::from([EVERYTHING]), found, changed);
        }
        Ok(())
    }

    /// Runs those rules of an entity that may answer otherwise.
    async fn renew_entity(
        &mut self,
        scene: &Scene<'_>,
        session: &Session,
        entity: Entity,
        touched: &BTreeMap<Key, Marks>,
        changed: &mut Changed,
    ) -> Result<(), EngineError> {
        let Some(index) = scene.index else { return Ok(()) };
        let rules = session.rules().filter(|(_, rule)| rule.entity == Some(entity));
        let awake = rules.map(|(number, rule)| {
            let concerned = touched.iter().filter(|(key, marks)| {
                rule.is_concerned(**marks)
                    && (self.by_group.contains_key(&(number, **key)) || rule.can_speak(index.marks_of(**key)))
            });
            (number, rule, concerned.map(|(key, _)| *key).collect::<BTreeSet<Key>>())
        });
        let awake: Vec<(usize, &Rule, BTreeSet<Key>)> =
            awake.filter(|(_, _, keys)| !keys.is_empty()).collect();
        // What the rules look at, by group: rows that none of them looks at are not made.
        let mut wanted: BTreeMap<Key, Marks> = BTreeMap::new();
        for (_, rule, keys) in &awake {
            for key in keys {
                let known = wanted.entry(*key).or_default();
                *known = known.and(rule.uses.unwrap_or(Marks::USE));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let given = self.given(scene, entity, &wanted);
        let tables = given.tables(scene);
        for (number, rule, keys) in awake {
            let answer = session.answer_with(number, |table| tables.get(table).cloned().unwrap_or_default());
            let found = given.found(scene, rule, answer.await?)?;
            let believed = found.into_iter().filter(|(key, ..)| keys.contains(key));
            self.replace(number, &keys, believed.collect(), changed);
        }
        Ok(())
    }

    fn given<'a>(&self, scene: &Scene<'a>, entity: Entity, wanted: &BTreeMap<Key, Marks>) -> Given<'a> {
        let Some(index) = scene.index else {
            return Given::default();
        };
        let own = self.places(index, entity, wanted);
        let states = own.iter().filter_map(|place| self.uses.get(*place)?.as_ref());
        let mut scopes: BTreeSet<Key> = states.flat_map(|state| state.scopes()).collect();
        let issues = if entity == Entity::Subject { issues_of(index, wanted) } else { Vec::new() };
        scopes.extend(issues.iter().filter_map(|place| self.issues.get(place)?.scope));
        let mut signs: BTreeSet<usize> = BTreeSet::new();
        match entity {
            Entity::Credential | Entity::Subject | Entity::Destination => {}
            Entity::Workload | Entity::Host => {
                signs.extend(wanted.keys().flat_map(|key| index.signs.of(*key)));
            }
            Entity::Scope => scopes.extend(wanted.keys()),
        }
        scopes.extend(signs.iter().filter_map(|place| self.signs.get(*place)?.as_ref()?.scope));
        signs.extend(scopes.iter().flat_map(|scope| index.signs.of(*scope)));
        let mut groups = HashMap::default();
        for place in &issues {
            let overlong = scene.facts.bindings.at(*place).and_then(|held| held.overlong);
            let group = overlong.zip(self.issues.get(place));
            groups.extend(group.map(|(overlong, keys)| (overlong.by.id, keys.subject)));
        }
        let mut given = Given { issues, ..Given::default() };
        for place in own {
            let (Some(usage), Some(Some(state))) = (scene.facts.uses.get(place), self.uses.get(place)) else {
                continue;
            };
            for (id, key) in
                [(usage.last.id, state.last_group(entity)), (usage.first.id, state.group(entity))]
            {
                groups.extend(key.map(|key| (id, key)));
            }
            given.uses.push(place);
        }
        for place in signs {
            let (Some(sign), Some(Some(state))) =
                (scene.facts.signals.all().get(place), self.signs.get(place))
            else {
                continue;
            };
            groups.extend(state.group(entity).map(|key| (sign.first.id, key)));
            given.signs.push(sign);
        }
        Given { groups, ..given }
    }

    /// The uses that some groups need: those of their own that are looked at, and what was refused beside them.
    fn places(&self, index: &Index, entity: Entity, wanted: &BTreeMap<Key, Marks>) -> BTreeSet<usize> {
        // Uses at a place matter to those who look at its signs.
        let is_place = matches!(entity, Entity::Scope | Entity::Host);
        let asked = wanted.iter().filter(|(key, _)| !is_place || index.signs.has_any(**key));
        let state = |place: &usize| self.uses.get(*place)?.as_ref();
        let mut places: BTreeSet<usize> = BTreeSet::new();
        for (key, marks) in asked {
            let looked_at = |place: &usize| state(place).is_some_and(|state| state.marks.meets(*marks));
            places.extend(index.uses.of(*key).filter(looked_at));
        }
        if entity == Entity::Workload {
            let refused: BTreeSet<Key> =
                places.iter().filter_map(state).flat_map(|state| &state.refused).copied().collect();
            places.extend(refused.iter().flat_map(|key| index.uses.of(*key)));
        }
        places
    }

    /// Puts findings in the place of the earlier ones of their groups.
    fn replace(
        &mut self,
        rule: usize,
        keys: &BTreeSet<Key>,
        found: Vec<(Key, Found, Vec<Key>)>,
        changed: &mut Changed,
    ) {
        let mut before = BTreeMap::new();
        for key in keys {
            for id in self.by_group.remove(&(rule, *key)).into_iter().flatten() {
                before.extend(self.found.remove(&id).map(|found| (id, found)));
            }
        }
        for (key, found, questions) in found {
            let id = found.finding.id;
            if before.remove(&id).as_ref() != Some(&found) {
                changed.found.insert(id);
            }
            self.by_group.entry((rule, key)).or_default().insert(id);
            if let Some(host) = own_host(&found).filter(|_| !found.finding.missing_sources.is_empty()) {
                self.unheard.entry(About::On(host).key()).or_default().insert((rule, key));
            }
            self.found.insert(id, found);
            for question in questions {
                self.by_question.entry(question).or_default().insert((rule, key));
            }
        }
        changed.found.extend(before.into_keys());
    }
}

/// The credentials issued for too long of those groups for which somebody looks at them.
fn issues_of(index: &Index, wanted: &BTreeMap<Key, Marks>) -> Vec<usize> {
    let asked = wanted.iter().filter(|(_, marks)| marks.meets(Marks::OVERLONG));
    let places: BTreeSet<usize> = asked.flat_map(|(key, _)| index.issues.of(*key)).collect();
    places.into_iter().collect()
}

impl Given<'_> {
    fn tables(&self, scene: &Scene<'_>) -> BTreeMap<&'static str, Vec<RecordBatch>> {
        BTreeMap::from([
            (uses::NAME, tables::use_batches(scene, &self.uses)),
            (signals::NAME, tables::sign_batches(scene, &self.signs)),
            (issues::NAME, tables::issue_batches(scene, &self.issues)),
            (taints::NAME, vec![taints::to_batch(&taint_rows::rows(scene, self.signs.iter().copied()))]),
        ])
    }

    /// The findings of some candidates, with their groups and what they were looked up by.
    fn found(
        &self,
        scene: &Scene<'_>,
        rule: &Rule,
        answer: Vec<RecordBatch>,
    ) -> Result<Vec<(Key, Found, Vec<Key>)>, EngineError> {
        if answer.is_empty() {
            return Ok(Vec::new());
        }
        let members = Members::new(scene.facts, self.uses.iter().copied(), self.signs.iter().copied())
            .with_issues(scene.facts, self.issues.iter().copied());
        let mut all = Vec::new();
        for batch in &answer {
            for row in 0..batch.num_rows() {
                let one = batch.slice(row, 1);
                let (found, questions) = scene.places.asked.during(|| findings(scene, &members, rule, &one));
                for found in found? {
                    let anchor = found.anchor.parse::<EventId>().ok();
                    let key = anchor.and_then(|anchor| self.groups.get(&anchor)).copied();
                    let key = if rule.entity.is_none() { Some(EVERYTHING) } else { key };
                    all.extend(key.map(|key| (key, found, questions.clone())));
                }
            }
        }
        Ok(all)
    }
}

/// What rules of each entity join of uses with the signs at their places; what happens at a scope touches it anyway.
fn joined(session: &Session) -> Vec<(Entity, Marks)> {
    let entities = Entity::ALL.into_iter().filter(|entity| *entity != Entity::Scope);
    let marks = |entity| {
        let rules = session.rules().filter(|(_, rule)| rule.entity == Some(entity));
        (entity, rules.map(|(_, rule)| rule.joined_uses()).fold(Marks::default(), Marks::and))
    };
    entities.map(marks).collect()
}

/// Whether telemetry that was missing may be there now: its own host was heard around one of its uses.
fn is_heard(scene: &Scene<'_>, touched: &Touched, found: &Found) -> bool {
    if found.finding.missing_sources.is_empty() {
        return false;
    }
    let host = own_host(found);
    let heard =
        host.and_then(|host| scene.facts.names.known(host)).and_then(|host| touched.heard_around(host));
    heard
        .is_some_and(|(from, to)| found.uses.iter().any(|row| from <= row.first_time && row.first_time <= to))
}

/// The host that should have been heard.
fn own_host(found: &Found) -> Option<&str> {
    found.finding.bound.as_ref().and_then(|bound| bound.host.as_deref())
}
