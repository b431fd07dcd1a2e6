//! The account of a stream: what became of every record, per topic, and what was found.
//!
//! In: the counts of deliveries, published findings and incidents. Out: sources and a summary, as a replay gives them.
//! Owns: the running sums; they go on from what the store holds.
//! Law FLOW-1: read = decoded + skipped + dead-lettered, per topic and in total.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::record::{Finding, Incident, SourceCount, Summary};
use offbound_schemas::vocabulary::FindingState;
use offbound_schemas::{EventTime, FindingId, IncidentId};

use crate::judge::{Totals, add};

/// Names of unknown fields that are kept per topic; the rest is counted by the decoder's own bound.
const MAX_UNMAPPED_NAMES: usize = 1_000;

/// Running sums.
#[derive(Debug, Default)]
pub(crate) struct Account {
    sources: BTreeMap<String, SourceCount>,
    changed: BTreeSet<String>,
    findings: BTreeMap<FindingId, (String, String)>,
    /// Outcome, and the incidents that went into it.
    incidents: BTreeMap<IncidentId, (String, Vec<IncidentId>)>,
    bytes: u64,
    late: u64,
    from: Option<EventTime>,
    to: Option<EventTime>,
}

impl Account {
    /// Goes on from what an earlier run left.
    pub(crate) fn resume(
        sources: Vec<SourceCount>,
        findings: &[Finding],
        incidents: &[Incident],
        summary: Option<&Summary>,
    ) -> Self {
        let mut account = Self {
            sources: sources.into_iter().map(|count| (count.location.clone(), count)).collect(),
            bytes: summary.map_or(0, |summary| summary.bytes),
            late: summary.map_or(0, |summary| summary.late),
            from: summary.and_then(|summary| summary.from),
            to: summary.and_then(|summary| summary.to),
            ..Self::default()
        };
        findings.iter().for_each(|finding| account.finding(finding));
        incidents.iter().for_each(|incident| account.incident(incident));
        account
    }

    /// Counts a delivery.
    pub(crate) fn delivered(&mut self, topic: &str, count: &SourceCount, bytes: u64) {
        self.bytes += bytes;
        let known = self.sources.entry(topic.to_owned()).or_insert_with(|| SourceCount {
            location: topic.to_owned(),
            format: count.format.clone(),
            ..SourceCount::default()
        });
        if !count.format.is_empty() {
            known.format.clone_from(&count.format);
        }
        known.read += count.read;
        known.decoded += count.decoded;
        add(&mut known.skipped, &count.skipped);
        add(&mut known.dead_lettered, &count.dead_lettered);
        for (name, number) in &count.unmapped {
            if known.unmapped.len() < MAX_UNMAPPED_NAMES || known.unmapped.contains_key(name) {
                *known.unmapped.entry(name.clone()).or_default() += number;
            }
        }
        if !self.changed.contains(topic) {
            self.changed.insert(topic.to_owned());
        }
    }

    /// Widens the stretch of event time.
    pub(crate) fn times(&mut self, from: Option<EventTime>, to: Option<EventTime>) {
        self.from = [self.from, from].into_iter().flatten().min();
        self.to = self.to.max(to);
    }

    /// The latest event time of all, however far in the future.
    pub(crate) fn last_time(&self) -> Option<EventTime> {
        self.to
    }

    /// Counts a finding as it now is.
    pub(crate) fn finding(&mut self, finding: &Finding) {
        if finding.state == FindingState::Withdrawn {
            self.findings.remove(&finding.id);
        } else {
            self.findings.insert(finding.id, (finding.rule.clone(), finding.severity.to_string()));
        }
    }

    /// Counts an incident as it now is.
    pub(crate) fn incident(&mut self, incident: &Incident) {
        self.incidents.insert(incident.id, (incident.outcome.to_string(), incident.merged_from.clone()));
    }

    /// The incidents that went into one.
    pub(crate) fn merged_into(&self, id: &IncidentId) -> Vec<IncidentId> {
        self.incidents.get(id).map(|(_, merged)| merged.clone()).unwrap_or_default()
    }

    /// An incident is part of another now.
    pub(crate) fn dissolved(&mut self, id: &IncidentId) {
        self.incidents.remove(id);
    }

    /// Records that were read so far, decoded or not.
    pub(crate) fn read_so_far(&self) -> u64 {
        self.sources.values().map(|count| count.read).sum()
    }

    /// Counts late events.
    pub(crate) fn late(&mut self, more: u64) {
        self.late += more;
    }

    /// Late events so far.
    pub(crate) fn late_so_far(&self) -> u64 {
        self.late
    }

    /// The accounts that changed since the last call.
    pub(crate) fn take_changed(&mut self) -> Vec<SourceCount> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().filter_map(|topic| self.sources.get(topic).cloned()).collect()
    }

    /// The account of everything so far.
    pub(crate) fn summary(&self) -> Summary {
        let totals = Totals { bytes: self.bytes, late: self.late, from: self.from, to: self.to };
        let sources = self.sources.values().cloned().collect();
        let findings = self.findings.values().map(|(rule, severity)| (rule.as_str(), severity.as_str()));
        totals.sum_up(sources, findings, self.incidents.values().map(|(outcome, _)| outcome.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: two deliveries of one topic, a restart, a third. Guarantees: sums go on, only what changed is written,
    /// and the counts add up.
    #[test]
    fn sums_go_on() {
        let count = SourceCount {
            read: 10,
            decoded: 7,
            skipped: [("tombstone".to_owned(), 1)].into(),
            dead_lettered: [("empty-message".to_owned(), 2)].into(),
            ..SourceCount::default()
        };
        let mut account = Account::default();
        account.delivered("audit", &count, 100);
        account.delivered("audit", &count, 100);
        let sources = account.take_changed();
        assert_eq!(sources.len(), 1);
        assert!(account.take_changed().is_empty());
        let mut resumed = Account::resume(sources, &[], &[], Some(&account.summary()));
        resumed.delivered("audit", &count, 50);
        let summary = resumed.summary();
        assert_eq!((summary.read, summary.decoded, summary.bytes), (30, 21, 250));
        assert_eq!(resumed.read_so_far(), summary.read);
        let left: u64 = summary.skipped.values().chain(summary.dead_lettered.values()).sum();
        assert_eq!(summary.read, summary.decoded + left);
    }
}
