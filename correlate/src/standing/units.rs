//! Units: judgements that stay or go together, with the rows that they rest on.
//!
//! In: what stands. Out: one unit for each incident with its findings, and for each finding without one.
//! Owns: which rows a judgement would read otherwise without. Law: a unit is kept with all of its rows, or told for good.

use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::{EventId, EventTime, FindingId};

use super::Standing;
use super::cases::Case;
use crate::fact::Facts;
use crate::fact::keep::Remembered;
use crate::finding::Found;
use crate::incident::ConcernKeys;

/// Judgements that stay or go together.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    pub(crate) findings: Vec<Finding>,
    pub(crate) incident: Option<Incident>,
    /// The last moment of its own evidence.
    pub(crate) until: EventTime,
    /// Places of the uses that it rests on, or looked at.
    pub(crate) uses: BTreeSet<usize>,
    /// The same of signs.
    pub(crate) signs: BTreeSet<usize>,
    pub(crate) credentials: BTreeSet<String>,
    pub(crate) workloads: BTreeSet<String>,
    pub(crate) hosts: BTreeSet<String>,
}

/// Places of the rows that findings name.
#[derive(Debug, Default)]
struct Named {
    uses: BTreeMap<EventId, Vec<usize>>,
    signs: BTreeMap<EventId, Vec<usize>>,
}

impl Standing {
    /// Everything that stands, by what it rests on.
    pub(crate) fn units(&self, facts: &Facts) -> Vec<Unit> {
        let named = self.named(facts);
        let mut alone: BTreeMap<FindingId, Finding> =
            self.found.keys().filter_map(|id| Some((*id, self.finding(id)?))).collect();
        let mut units = Vec::new();
        for case in self.cases.values() {
            let members = case.incident.findings.iter().filter_map(|id| alone.remove(id));
            let mut unit = Unit { findings: members.collect(), ..Unit::default() };
            unit.until = case.incident.end;
            self.rest_on_case(facts, case, &mut unit);
            unit.incident = Some(case.incident.clone());
            units.push(unit);
        }
        units.extend(alone.into_values().map(|finding| Unit { findings: vec![finding], ..Unit::default() }));
        for unit in &mut units {
            for id in unit.findings.iter().map(|finding| finding.id).collect::<Vec<_>>() {
                if let Some(found) = self.found.get(&id) {
                    unit.rest_on(found, &named);
                }
            }
        }
        units.sort_by_key(|unit| (unit.until, unit.findings.first().map(|finding| finding.id)));
        units
    }

    /// What was normal, for when its rows are gone.
    pub(crate) fn into_past(self) -> Remembered {
        Remembered::of(self.past.edges, self.past.learned)
    }

    fn named(&self, facts: &Facts) -> Named {
        let mut named = Named::default();
        for found in self.found.values() {
            let uses = found.uses.iter().flat_map(|row| [&row.use_id, &row.last_id]);
            named.uses.extend(uses.filter_map(|id| Some((id.parse().ok()?, Vec::new()))));
            let signs =
                found.signals.iter().filter_map(|row| Some((row.signal_id.parse().ok()?, Vec::new())));
            named.signs.extend(signs);
        }
        for (place, usage) in facts.uses.iter().enumerate() {
            for id in [usage.first.id, usage.last.id] {
                if let Some(places) = named.uses.get_mut(&id) {
                    places.push(place);
                }
            }
        }
        for (place, sign) in facts.signals.all().iter().enumerate() {
            if let Some(places) = named.signs.get_mut(&sign.first.id) {
                places.push(place);
            }
        }
        named
    }

    /// Everything that the judgement of an incident looked at, in the time that it looked at.
    fn rest_on_case(&self, facts: &Facts, case: &Case, unit: &mut Unit) {
        let concern = case.concern();
        let ConcernKeys { scopes, made, held, off: _, on: _ } = &concern.keys;
        for key in scopes.iter().chain(made).chain(held).copied() {
            unit.uses.extend(self.index.uses.of(key).filter(|place| {
                facts
                    .uses
                    .get(*place)
                    .is_some_and(|usage| usage.first.time <= concern.until && usage.last.time >= concern.from)
            }));
            unit.signs.extend(self.index.signs.of(key).filter(|place| {
                facts
                    .signals
                    .all()
                    .get(*place)
                    .is_some_and(|sign| sign.first.time <= concern.until && sign.last.time >= concern.from)
            }));
        }
        unit.credentials.extend(concern.credentials.iter().cloned());
        unit.workloads.extend(concern.workloads.iter().cloned());
        unit.hosts.extend(concern.hosts.iter().cloned());
    }
}

impl Unit {
    fn rest_on(&mut self, found: &Found, named: &Named) {
        let Found { finding, uses, signals, issues, anchor: _ } = found;
        for row in issues {
            // How grave it is depends on where its minter belongs.
            self.credentials.extend(row.parent_id.clone().into_iter().chain([row.credential_id.clone()]));
        }
        let times = uses.iter().map(|row| row.last_time).chain(signals.iter().map(|row| row.last_time));
        self.until = times.fold(self.until.max(finding.last_time), EventTime::max);
        for row in uses {
            let ids = [&row.use_id, &row.last_id].into_iter().filter_map(|id| id.parse().ok());
            self.uses.extend(ids.filter_map(|id: EventId| named.uses.get(&id)).flatten());
            self.credentials.extend(row.credential_id.clone());
            self.workloads.extend(row.workload.clone());
        }
        for row in signals {
            let id = row.signal_id.parse::<EventId>().ok();
            self.signs.extend(id.and_then(|id| named.signs.get(&id)).into_iter().flatten());
        }
        let bound = finding.bound.as_ref().and_then(|bound| bound.host.clone());
        let observed = finding.observed.as_ref().and_then(|observed| observed.host.clone());
        self.hosts.extend(bound.into_iter().chain(observed));
    }
}
