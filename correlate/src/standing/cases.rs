//! Cases: incidents judged again when something changed that their judgement looked at.
//!
//! In: the findings that stand, what changed. Out: incidents, judged anew only where needed.
//! Owns: the test of what concerns an incident. Law: membership is decided over all findings, since hubs are global.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::record::Incident;
use offbound_schemas::{FindingId, IncidentId};

use super::{Again, Changed, Look, Standing};
use crate::asked::Key;
use crate::fact::touched::Touched;
use crate::finding::Found;
use crate::incident::{self, Concern, ConcernKeys};
use crate::scene::Scene;

/// An incident, with what its judgement looked at.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) incident: Incident,
    concern: Concern,
    questions: Vec<Key>,
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
        let stale = self.take_stale(look.again);
        if changed.found.is_empty() {
            stale.iter().for_each(|id| self.judge_again(scene, id));
            return stale;
        }
        let mut before = std::mem::take(&mut self.cases);
        let mut standing = BTreeMap::new();
        let (mut judged, mut waiting) = (BTreeSet::new(), BTreeSet::new());
        let mut found: Vec<&Found> = self.found.values().collect();
        found.sort_by_key(|found| (found.finding.first_time, found.finding.id));
        for group in incident::groups(&found) {
            let members: Vec<&Found> = group.iter().filter_map(|place| found.get(*place).copied()).collect();
            let ids: Vec<FindingId> = members.iter().map(|member| member.finding.id).collect();
            let known = incident::id_of(&members);
            let case = match before.remove(&known).filter(|_| !stale.contains(&known)) {
                Some(case) if case.has(&ids, changed) => case,
                Some(case) if members.len() > look.again.at_most => {
                    waiting.insert(known);
                    case.with(ids)
                }
                _ => {
                    judged.insert(known);
                    Case::judge(scene, &members)
                }
            };
            standing.insert(case.incident.id, case);
        }
        self.cases = standing;
        let is_left = |id: &IncidentId| !(judged.contains(id) || before.contains_key(id));
        self.stale.retain(is_left);
        self.due.retain(is_left);
        self.stale.extend(waiting.iter().filter(|id| !self.due.contains(id)));
        self.renew_membership(changed);
        judged.into_iter().chain(before.into_keys()).collect()
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

    /// Which finding belongs to which incident, after incidents were judged.
    fn renew_membership(&mut self, changed: &mut Changed) {
        let of_case = |case: &Case| {
            let id = case.incident.id;
            case.incident.findings.iter().map(move |finding| (*finding, id)).collect::<Vec<_>>()
        };
        let incident_of: BTreeMap<FindingId, IncidentId> = self.cases.values().flat_map(of_case).collect();
        let moved = incident_of.iter().filter(|(finding, id)| self.incident_of.get(finding) != Some(id));
        changed.found.extend(moved.map(|(finding, _)| *finding));
        let left = self.incident_of.keys().filter(|finding| !incident_of.contains_key(finding));
        changed.found.extend(left.copied());
        self.incident_of = incident_of;
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
