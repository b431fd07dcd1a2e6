//! What was told for good: judgements whose rows the facts hold no more.
//!
//! In: units that were released, judgements of what is held. Out: judgements with both.
//! Owns: which of two words on one id counts. Law: giving up rows never takes back or weakens what stood on them.

use std::collections::BTreeMap;

use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::{EventTime, FindingId, IncidentId};

use super::Judgement;
use crate::standing::Unit;

/// Findings and incidents that stay as they were.
#[derive(Debug, Clone, Default)]
pub(super) struct Settled {
    findings: BTreeMap<FindingId, Finding>,
    incidents: BTreeMap<IncidentId, Incident>,
}

impl Settled {
    /// Takes judgements over whose rows are gone.
    pub(super) fn add(&mut self, units: Vec<Unit>) {
        for Unit { findings, incident, .. } in units {
            for finding in findings {
                let finding = self.rather(finding);
                self.findings.insert(finding.id, finding);
            }
            if let Some(incident) = incident {
                let known = self.incidents.get(&incident.id);
                if known.is_none_or(|known| known.end < incident.end) {
                    self.incidents.insert(incident.id, incident);
                }
            }
        }
    }

    /// A judgement of what is held, with what was told before.
    pub(super) fn join(&self, judged: Judgement) -> Judgement {
        if self.findings.is_empty() {
            return judged;
        }
        let mut findings = self.findings.clone();
        for finding in judged.findings {
            findings.insert(finding.id, self.rather(finding));
        }
        let mut incidents = self.incidents.clone();
        for incident in judged.incidents {
            if incidents.get(&incident.id).is_none_or(|known| known.end < incident.end) {
                incidents.insert(incident.id, incident);
            }
        }
        let mut findings: Vec<Finding> = findings.into_values().collect();
        findings.sort_by_key(|finding| (finding.first_time, finding.id));
        let mut incidents: Vec<Incident> = incidents.into_values().collect();
        incidents.sort_by_key(|incident| (incident.onset, incident.id));
        Judgement { findings, incidents, ..judged }
    }

    /// What is told of a finding, given what stands of it.
    pub(super) fn finding(&self, id: &FindingId, standing: Option<Finding>) -> Option<Finding> {
        match standing {
            Some(finding) => Some(self.rather(finding)),
            None => self.findings.get(id).cloned(),
        }
    }

    /// What is told of an incident, given what stands of it.
    pub(super) fn incident<'a>(
        &'a self,
        id: &IncidentId,
        standing: Option<&'a Incident>,
    ) -> Option<&'a Incident> {
        let known = self.incidents.get(id);
        let is_newer = |incident: &&Incident| known.is_none_or(|known| known.end < incident.end);
        standing.filter(is_newer).or(known)
    }

    /// A finding, or what was told of it where that says more.
    fn rather(&self, finding: Finding) -> Finding {
        match self.findings.get(&finding.id) {
            None => finding,
            Some(known) if known.last_time >= finding.last_time => known.clone(),
            Some(known) => Finding {
                severity: finding.severity.max(known.severity),
                count: finding.count.max(known.count),
                first_time: finding.first_time.min(known.first_time),
                ..finding
            },
        }
    }

    /// Forgets what ended before a moment.
    pub(super) fn forget_before(&mut self, moment: EventTime) {
        self.findings.retain(|_, finding| finding.last_time >= moment);
        self.incidents.retain(|_, incident| incident.end >= moment);
    }

    /// Takes out everything that was told for good, but for what still stands.
    pub(super) fn take(
        &mut self,
        finds: impl Fn(&FindingId) -> bool,
        holds: impl Fn(&IncidentId) -> bool,
    ) -> (Vec<Finding>, Vec<Incident>) {
        let findings = self.findings.extract_if(.., |id, _| !finds(id)).map(|(_, finding)| finding);
        let incidents = self.incidents.extract_if(.., |id, _| !holds(id)).map(|(_, incident)| incident);
        (findings.collect(), incidents.collect())
    }
}
