//! Cases: incidents judged again when something changed that their judgement looked at.
//!
//! In: the findings that stand, what changed. Out: incidents, judged anew only where needed.
//! Owns: the test of what concerns an incident. Law: membership is that of all findings, since hubs are global; it is followed
//! as findings come, and only made anew where one goes or ties less.

use std::collections::BTreeSet;

use offbound_schemas::record::Incident;
use offbound_schemas::{FindingId, IncidentId};

use super::{Again, Changed, Look, Standing};
use crate::asked::Key;
use crate::fact::touched::Touched;
use crate::finding::Found;
use crate::incident::{self, Concern, ConcernKeys, Graph, GroupNumber, News};
use crate::scene::Scene;

/// An incident, with what its judgement looked at.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) incident: Incident,
    concern: Concern,
    questions: Vec<Key>,
}

/// What is done of incidents in one look.
struct Round {
    /// Those whose turn it is.
    stale: BTreeSet<IncidentId>,
    /// Of how many findings a known one waits for its turn.
    at_most: usize,
    /// Those whose findings may be others: in the end, those that are gone.
    before: BTreeSet<IncidentId>,
    judged: BTreeSet<IncidentId>,
    /// Known ones with other findings, which are judged again in the next round.
    waiting: BTreeSet<IncidentId>,
}

impl Standing {
    /// Judges those incidents again that something concerns; gives those that may be others now, or are gone, and adds
    /// to what changed the findings that belong to another incident.
    pub(super) fn renew_incidents(
        &mut self,
        scene: &Scene<'_>,
        (touched, look): (&Touched, Look),
        changed: &mut Changed,
    ) -> BTreeSet<IncidentId> {
        let now = self.now;
        let concerned = self.cases.iter().filter(|(id, case)| {
            !(self.stale.contains(id) || self.due.contains(id))
                && (now < scene.now && ends_between(case, now, scene)
                    || case.is_concerned(scene, touched, changed))
        });
        let concerned: Vec<IncidentId> = concerned.map(|(id, _)| *id).collect();
        self.stale.extend(concerned);
        let mut round = Round {
            stale: self.take_stale(look.again),
            at_most: look.again.at_most,
            before: BTreeSet::new(),
            judged: BTreeSet::new(),
            waiting: BTreeSet::new(),
        };
        let news = self.regroup(changed, &mut round);
        for group in &news.groups {
            let before = self.case_of.get(group).copied();
            let known = self.renew_case(scene, *group, changed, &mut round);
            let all = self.graph.members(*group);
            let others: Vec<FindingId> = if known.is_some() && known == before {
                all.filter(|id| news.moved.contains(id)).collect()
            } else {
                all.collect()
            };
            self.belong(&others, known, changed);
        }
        let alone = news.moved.iter().filter(|id| self.graph.group_of(id).is_none());
        self.belong(&alone.copied().collect::<Vec<_>>(), None, changed);
        self.end(scene, round)
    }

    /// Follows the findings that are others into their groups; those whose incidents may be others are told.
    fn regroup(&mut self, changed: &Changed, round: &mut Round) -> News {
        let mut news = News::default();
        let follows =
            |id: &FindingId| self.found.get(id).is_some_and(|found| self.graph.follow(found, &mut news));
        if !changed.found.iter().all(follows) {
            self.graph = Graph::of(self.found.values());
            round.before.extend(self.cases.keys());
            self.case_of.clear();
            let moved = self.found.keys().chain(self.incident_of.keys()).copied().collect();
            return News { groups: self.graph.numbers().collect(), moved, ..News::default() };
        }
        round.before.extend(news.gone.iter().filter_map(|group| self.case_of.remove(group)));
        round.before.extend(news.groups.iter().filter_map(|group| self.case_of.get(group)));
        news
    }

    /// Makes the incident of a group true, where it is one.
    fn renew_case(
        &mut self,
        scene: &Scene<'_>,
        group: GroupNumber,
        changed: &Changed,
        round: &mut Round,
    ) -> Option<IncidentId> {
        let members = self.graph.members(group).filter_map(|id| self.found.get(&id));
        if !incident::opens(members.clone()) {
            self.case_of.remove(&group);
            return None;
        }
        let known = incident::id_of(members.clone().next());
        let ids: Vec<FindingId> = self.graph.members(group).collect();
        let before = self.cases.remove(&known).filter(|_| !round.stale.contains(&known));
        let case = match before {
            Some(case) if case.has(&ids, changed) => case,
            Some(case) if ids.len() > round.at_most => {
                round.waiting.insert(known);
                case.with(ids)
            }
            _ => {
                round.judged.insert(known);
                Case::judge(scene, &members.collect::<Vec<_>>())
            }
        };
        round.before.remove(&known);
        self.cases.insert(known, case);
        self.case_of.insert(group, known);
        Some(known)
    }

    /// Ends a round of looking again; gives the incidents that may be others, or are gone.
    fn end(&mut self, scene: &Scene<'_>, round: Round) -> BTreeSet<IncidentId> {
        let Round { stale, before: gone, mut judged, waiting, at_most: _ } = round;
        gone.iter().for_each(|id| drop(self.cases.remove(id)));
        for id in stale.iter().filter(|id| !judged.contains(id)) {
            self.judge_again(scene, id);
        }
        judged.extend(stale);
        judged.extend(gone);
        self.stale.retain(|id| !judged.contains(id));
        self.due.retain(|id| !judged.contains(id));
        self.stale.extend(waiting.iter().filter(|id| !self.due.contains(id)));
        judged
    }

    /// Takes out the incidents that are judged again in this look.
    fn take_stale(&mut self, again: Again) -> BTreeSet<IncidentId> {
        if again == Again::ALL || (again.begins_round && self.due.is_empty()) {
            self.due.append(&mut self.stale);
        }
        let mut taken = BTreeSet::new();
        let mut room = again.at_most;
        while room > 0
            && let Some(id) = self.due.pop_first()
        {
            room = room.saturating_sub(self.cases.get(&id).map_or(0, |case| case.incident.findings.len()));
            taken.insert(id);
        }
        taken
    }

    /// Judges an incident again that has the members that it had.
    fn judge_again(&mut self, scene: &Scene<'_>, id: &IncidentId) {
        let Some(case) = self.cases.get_mut(id) else { return };
        let members: Vec<&Found> =
            case.incident.findings.iter().filter_map(|finding| self.found.get(finding)).collect();
        *case = Case::judge(scene, &members);
    }

    /// These findings belong to an incident, or to none; those for which that is new are told.
    fn belong(&mut self, findings: &[FindingId], incident: Option<IncidentId>, changed: &mut Changed) {
        for id in findings {
            let before = match incident {
                Some(incident) => self.incident_of.insert(*id, incident),
                None => self.incident_of.remove(id),
            };
            if before != incident {
                changed.found.insert(*id);
            }
        }
    }
}

/// Whether something that it holds ended since the last look.
fn ends_between(case: &Case, before: offbound_schemas::EventTime, scene: &Scene<'_>) -> bool {
    case.concern.ends.iter().any(|end| before < *end && *end <= scene.now)
}

impl Case {
    fn judge(scene: &Scene<'_>, members: &[&Found]) -> Self {
        let ((incident, concern), questions) = scene.places.asked.during(|| incident::judge(scene, members));
        Self { incident, concern, questions }
    }

    /// Whether it is of these findings, and none of them changed.
    fn has(&self, ids: &[FindingId], changed: &Changed) -> bool {
        self.incident.findings == ids && !ids.iter().any(|id| changed.found.contains(id))
    }

    /// The same, of other findings: it is told with them when it is judged again.
    fn with(mut self, ids: Vec<FindingId>) -> Self {
        self.incident.findings = ids;
        self
    }

    pub(super) fn concern(&self) -> &Concern {
        &self.concern
    }

    fn is_concerned(&self, scene: &Scene<'_>, touched: &Touched, changed: &Changed) -> bool {
        let Concern { keys, credentials, from, end, until, .. } = &self.concern;
        let ConcernKeys { scopes, made, held, off, on } = keys;
        let used =
            |key: &Key| changed.used.get(key).is_some_and(|(first, last)| first <= until && from <= last);
        let seen =
            |key: &Key| changed.scopes.get(key).is_some_and(|(first, last)| first <= end && from <= last);
        let named = |place: &usize| {
            let Some(held) = scene.facts.bindings.at(*place) else { return false };
            let mut names = held.id.iter().chain(&held.aliases);
            names.any(|name| credentials.contains(&*scene.facts.names.id_text(*name)))
        };
        touched.gaps
            || scopes.iter().chain(on).any(seen)
            || (self.concern.looks_at_its_places && scopes.iter().any(used))
            || made.iter().any(|key| changed.edges.contains(key))
            // What a workload does elsewhere is another incident's business.
            || off.iter().chain(held).any(used)
            || touched.credentials.iter().any(named)
            || self.concern.is_covered_otherwise(scene, touched)
            || changed.questions.keys().any(|key| self.questions.binary_search(key).is_ok())
    }
}
