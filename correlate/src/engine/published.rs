//! What was published, and what is therefore different now.
//!
//! In: judgements of the sealed events and of all events at hand; the watermark. Out: changes.
//! Owns: revisions and states, the rule of who has the last word. Knows nothing of facts.
//! Law: what was said ahead of the watermark stands until its own evidence is sealed; then the sealed events decide.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::record::{Finding, Gap, Incident, Reach};
use offbound_schemas::vocabulary::FindingState;
use offbound_schemas::{EventTime, FindingId, IncidentId};

use super::Changes;
use super::ledger::Ledger;
use crate::standing::Renewed;

/// A record as it was last told.
#[derive(Debug)]
struct Told<T> {
    record: T,
    /// The last moment of its evidence, where it was told ahead of the watermark.
    ahead_until: Option<EventTime>,
    /// Told by an earlier run, and not yet found again by this one.
    restored: bool,
}

impl<T> Told<T> {
    /// Part of its evidence is not sealed: the sealed events have no say yet.
    fn is_open(&self, sealed: Sealed) -> bool {
        self.ahead_until.is_some_and(|until| !sealed.covers(until))
    }
}

/// Everything that was told.
#[derive(Debug, Default)]
pub(super) struct Published {
    findings: BTreeMap<FindingId, Told<Finding>>,
    incidents: BTreeMap<IncidentId, Told<Incident>>,
    /// What the sealed events will have the last word on, by the last moment of its evidence: then it is looked at
    /// again, whether they have changed it or not.
    open_findings: BTreeSet<(EventTime, FindingId)>,
    open_incidents: BTreeSet<(EventTime, IncidentId)>,
    /// What an earlier run told and rests on events from before the first of this one; looked at again when there are
    /// earlier ones.
    beyond_findings: BTreeSet<FindingId>,
    beyond_incidents: BTreeSet<IncidentId>,
    begin: Option<EventTime>,
    /// What was told for good: the facts no longer hold what it rests on. Sixteen bytes each.
    closed_findings: BTreeSet<FindingId>,
    closed_incidents: BTreeSet<IncidentId>,
    /// Findings of which the sealed events have spoken since the events at hand were last looked at.
    settled: BTreeSet<FindingId>,
    /// What the events at hand last said of each incident: only what differs from it is news.
    seen_ahead: BTreeMap<IncidentId, Incident>,
    gaps: BTreeSet<Gap>,
    late: u64,
}

/// What the sealed events cover.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sealed {
    /// Everything before it is folded; `None` where nothing is yet.
    pub(super) watermark: Option<EventTime>,
    /// The first event of all.
    pub(super) begin: Option<EventTime>,
}

impl Sealed {
    fn covers(self, moment: EventTime) -> bool {
        self.watermark.is_some_and(|watermark| moment < watermark)
    }

    /// Whether events from before the first one of this run are part of something.
    fn begins_after(self, moment: EventTime) -> bool {
        self.begin.is_none_or(|begin| moment < begin)
    }
}

impl Published {
    /// Takes over what an earlier run has told.
    pub(super) fn restore(&mut self, findings: &[Finding], incidents: &[Incident]) {
        for finding in findings {
            let provisional = finding.state == FindingState::Provisional;
            let ahead_until = provisional.then(|| latest_of(finding));
            let told = Told { record: finding.clone(), ahead_until, restored: true };
            self.open_findings.insert((ahead_until.unwrap_or(EventTime::MIN), finding.id));
            self.findings.insert(finding.id, told);
        }
        for incident in incidents {
            let told = Told { record: incident.clone(), ahead_until: None, restored: true };
            self.open_incidents.insert((EventTime::MIN, incident.id));
            self.incidents.insert(incident.id, told);
        }
    }

    /// The revision of a finding that was told last; the highest where that was for good.
    pub(super) fn revision(&self, id: &FindingId) -> Option<u32> {
        let told = self.findings.get(id).map(|told| told.record.revision);
        if self.closed_findings.contains(id) { Some(u32::MAX) } else { told }
    }

    /// What was told for good is not told again, whatever is still known of it: where more was told ahead of the watermark
    /// and has not come to be sealed, this is the last word all the same, since its rows are gone.
    pub(super) fn close(&mut self, changes: &mut Changes, findings: Vec<Finding>, incidents: Vec<Incident>) {
        for finding in findings {
            self.closed_findings.insert(finding.id);
            let told = self.findings.remove(&finding.id);
            if let Some(ahead) = told.filter(|told| told.ahead_until.is_some()) {
                let revision = ahead.record.revision.saturating_add(1);
                changes.findings.push(Finding { state: FindingState::Confirmed, revision, ..finding });
            }
        }
        changes.findings.sort_by_key(|finding| (finding.first_time, finding.id));
        for incident in incidents {
            let id = incident.id;
            self.seen_ahead.remove(&id);
            self.closed_incidents.insert(id);
            let is_ahead =
                |told: &Told<Incident>| told.ahead_until.is_some() && !is_same(&told.record, &incident);
            if self.incidents.get(&id).is_some_and(is_ahead) {
                changes.incidents.push(self.tell(incident, &[], None));
            }
            self.incidents.remove(&id);
        }
        changes.incidents.sort_by_key(|incident| (incident.onset, incident.id));
    }

    /// What the sealed events change: what they say otherwise now, and what they may speak about only now.
    pub(super) fn confirm(&mut self, ledger: &Ledger, renewed: Renewed, sealed: Sealed) -> Changes {
        let mut changes = Changes::default();
        let Renewed { mut findings, mut incidents } = renewed;
        findings.extend(due(&mut self.open_findings, sealed));
        incidents.extend(due(&mut self.open_incidents, sealed));
        if self.begin != sealed.begin {
            self.begin = sealed.begin;
            findings.append(&mut self.beyond_findings);
            incidents.append(&mut self.beyond_incidents);
        }
        findings.retain(|id| !self.closed_findings.contains(id));
        incidents.retain(|id| !self.closed_incidents.contains(id));
        for id in &findings {
            let told = match ledger.finding(id) {
                Some(finding) => self.confirm_finding(finding, sealed),
                None => self.withdraw(id, sealed),
            };
            changes.findings.extend(told);
        }
        changes.findings.sort_by_key(|finding| (finding.first_time, finding.id));
        self.settled.extend(changes.findings.iter().map(|finding| finding.id));
        let is_gone = |id: &IncidentId, told: &Told<Incident>| {
            let beyond = told.restored && sealed.begins_after(told.record.onset);
            !(ledger.incident(id).is_some() || told.is_open(sealed) || beyond)
        };
        let gone = self.dissolve(&incidents, is_gone);
        let mut standing: Vec<&Incident> = incidents.iter().filter_map(|id| ledger.incident(id)).collect();
        standing.sort_by_key(|incident| (incident.onset, incident.id));
        for incident in standing {
            changes.incidents.extend(self.confirm_incident(incident.clone(), &gone, sealed));
        }
        changes.dissolved = gone.into_iter().map(|(id, _)| id).collect();
        findings.retain(|id| self.findings.get(id).is_some_and(|told| told.restored));
        incidents.retain(|id| self.incidents.get(id).is_some_and(|told| told.restored));
        self.beyond_findings.append(&mut findings);
        self.beyond_incidents.append(&mut incidents);
        changes
    }

    /// Adds the gaps that were not told before, and how many more events were late.
    pub(super) fn tell_rest(&mut self, changes: &mut Changes, gaps: Vec<Gap>, late: u64) {
        changes.gaps = gaps.into_iter().filter(|gap| self.gaps.insert(gap.clone())).collect();
        changes.late = late.saturating_sub(self.late);
        self.late = late;
    }

    fn confirm_finding(&mut self, mut finding: Finding, sealed: Sealed) -> Option<Finding> {
        finding.state = FindingState::Confirmed;
        if let Some(told) = self.findings.get_mut(&finding.id) {
            finding.revision = told.record.revision;
            told.restored = false;
            if told.record == finding {
                return None;
            }
            let record = Finding { state: told.record.state, ..finding.clone() };
            if record != told.record && told.is_open(sealed) {
                return None;
            }
            finding.revision = finding.revision.saturating_add(1);
        }
        let told = Told { record: finding.clone(), ahead_until: None, restored: false };
        self.findings.insert(finding.id, told);
        Some(finding)
    }

    /// Takes a finding back that the sealed events do not say.
    fn withdraw(&mut self, id: &FindingId, sealed: Sealed) -> Option<Finding> {
        let told = self.findings.get_mut(id)?;
        let beyond = told.restored && sealed.begins_after(earliest_of(&told.record));
        if told.is_open(sealed) || beyond || told.record.state == FindingState::Withdrawn {
            return None;
        }
        told.record.state = FindingState::Withdrawn;
        told.record.incident = None;
        told.record.revision = told.record.revision.saturating_add(1);
        told.ahead_until = None;
        Some(told.record.clone())
    }

    /// Takes out those of some incidents that are gone.
    fn dissolve(
        &mut self,
        ids: &BTreeSet<IncidentId>,
        is_gone: impl Fn(&IncidentId, &Told<Incident>) -> bool,
    ) -> Vec<(IncidentId, Incident)> {
        let gone = ids.iter().filter(|id| self.incidents.get(id).is_some_and(|told| is_gone(id, told)));
        let gone: Vec<IncidentId> = gone.copied().collect();
        gone.into_iter().filter_map(|id| Some((id, self.incidents.remove(&id)?.record))).collect()
    }

    fn confirm_incident(
        &mut self,
        incident: Incident,
        gone: &[(IncidentId, Incident)],
        sealed: Sealed,
    ) -> Option<Incident> {
        if let Some(told) = self.incidents.get_mut(&incident.id) {
            told.restored = false;
            if is_same(&told.record, &incident) {
                told.ahead_until = None;
                return None;
            }
            if told.is_open(sealed) {
                return None;
            }
        }
        Some(self.tell(incident, gone, None))
    }

    /// Publishes an incident; those that went into it are named in it.
    fn tell(
        &mut self,
        mut incident: Incident,
        gone: &[(IncidentId, Incident)],
        ahead_until: Option<EventTime>,
    ) -> Incident {
        let shares = |other: &Incident| other.findings.iter().any(|id| incident.findings.contains(id));
        let merged = gone.iter().filter(|(_, other)| shares(other)).map(|(id, _)| *id);
        let known = self.incidents.get(&incident.id).map(|told| told.record.merged_from.as_slice());
        let all: BTreeSet<IncidentId> = merged.chain(known.unwrap_or_default().iter().copied()).collect();
        incident.merged_from = all.into_iter().collect();
        let told = Told { record: incident.clone(), ahead_until, restored: false };
        self.incidents.insert(incident.id, told);
        incident
    }

    /// Nobody looks ahead: what was noted for the next look is of no use.
    pub(super) fn forget_looks(&mut self) {
        self.settled.clear();
        self.seen_ahead.clear();
    }

    /// What the events at hand add to what was told; what is sealed already is not theirs to tell.
    pub(super) fn look_ahead(&mut self, ahead: &Ledger, renewed: Renewed, sealed: Sealed) -> Changes {
        let mut changes = Changes::default();
        let Renewed { mut findings, mut incidents } = renewed;
        findings.extend(std::mem::take(&mut self.settled));
        findings.retain(|id| !self.closed_findings.contains(id));
        incidents.retain(|id| !self.closed_incidents.contains(id));
        for finding in findings.iter().filter_map(|id| ahead.finding(id)) {
            changes.findings.extend(self.foresee_finding(finding, sealed));
        }
        changes.findings.sort_by_key(|finding| (finding.first_time, finding.id));
        let gone =
            self.dissolve(&incidents, |id, told| told.ahead_until.is_some() && ahead.incident(id).is_none());
        let mut standing = Vec::new();
        for id in &incidents {
            match ahead.incident(id) {
                Some(incident) => standing.push(incident),
                None => drop(self.seen_ahead.remove(id)),
            }
        }
        standing.sort_by_key(|incident| (incident.onset, incident.id));
        for incident in standing {
            changes.incidents.extend(self.foresee_incident(incident, &gone, sealed));
        }
        changes.dissolved = gone.into_iter().map(|(id, _)| id).collect();
        changes
    }

    fn foresee_incident(
        &mut self,
        incident: &Incident,
        gone: &[(IncidentId, Incident)],
        sealed: Sealed,
    ) -> Option<Incident> {
        let before = self.seen_ahead.insert(incident.id, incident.clone());
        let is_news = before.is_none_or(|known| !is_same(&known, incident));
        let until = latest_in(incident);
        let told = self.incidents.get(&incident.id);
        let differs = told.is_none_or(|told| !is_same(&told.record, incident));
        if !is_news || !differs || sealed.covers(until) {
            return None;
        }
        self.open_incidents.insert((until, incident.id));
        Some(self.tell(incident.clone(), gone, Some(until)))
    }

    fn foresee_finding(&mut self, mut finding: Finding, sealed: Sealed) -> Option<Finding> {
        let until = latest_of(&finding);
        if sealed.covers(until) {
            return None;
        }
        finding.state = FindingState::Provisional;
        if let Some(told) = self.findings.get(&finding.id) {
            let known = &told.record;
            if known.state != FindingState::Withdrawn && known.severity >= finding.severity {
                return None;
            }
            finding.revision = known.revision.saturating_add(1);
        }
        let told = Told { record: finding.clone(), ahead_until: Some(until), restored: false };
        self.open_findings.insert((until, finding.id));
        self.findings.insert(finding.id, told);
        Some(finding)
    }
}

/// Takes out what the sealed events cover by now.
fn due<Id: Ord + Copy + Default>(open: &mut BTreeSet<(EventTime, Id)>, sealed: Sealed) -> Vec<Id> {
    let Some(watermark) = sealed.watermark else { return Vec::new() };
    let rest = open.split_off(&(watermark, Id::default()));
    std::mem::replace(open, rest).into_iter().map(|(_, id)| id).collect()
}

fn latest_of(finding: &Finding) -> EventTime {
    let evidence = finding.evidence.iter().map(|evidence| evidence.time);
    evidence.max().map_or(finding.last_time, |time| time.max(finding.last_time))
}

fn earliest_of(finding: &Finding) -> EventTime {
    let evidence = finding.evidence.iter().map(|evidence| evidence.time);
    evidence.min().map_or(finding.first_time, |time| time.min(finding.first_time))
}

/// The last moment that an incident speaks of.
fn latest_in(incident: &Incident) -> EventTime {
    let blast = &incident.blast_radius;
    let lists: [&[Reach]; 3] = [&blast.reached, &blast.suspected, &blast.denied];
    let reaches = lists.into_iter().flatten().filter_map(|reach| reach.last);
    let layers = [&incident.host_layer, &incident.identity_layer];
    let controls = layers.into_iter().flat_map(|layer| &layer.controls).filter_map(|control| control.time);
    reaches.chain(controls).fold(incident.end, EventTime::max)
}

/// Whether two judgements of an incident say the same. How long a credential is still good for is told as of the
/// moment of telling: only whether and why it ends counts. What it was merged from belongs to the telling, too.
fn is_same(one: &Incident, other: &Incident) -> bool {
    let lasting = |incident: &Incident| {
        let mut incident = incident.clone();
        incident.merged_from.clear();
        for exposure in &mut incident.residual_exposure {
            exposure.seconds = exposure.seconds.map(|seconds| seconds.min(1));
        }
        incident
    };
    lasting(one) == lasting(other)
}
