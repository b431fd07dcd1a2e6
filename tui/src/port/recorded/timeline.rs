//! Lanes with the findings and marks on them, from findings and incidents in memory.
//!
//! In: what a timeline is about. Out: its lanes. Owns: which lanes there are, and in which order.
//! Law: a finding stands where it began, on every lane whose entity it names; what has no room is counted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::vocabulary::{LayerVerdict, Severity};
use offbound_schemas::{EventTime, FindingId};

use super::{Recorded, read};
use crate::port::timeline::{FINDINGS_OF_A_CELL, Found, LANES_MAX, Lane, LaneOf, Mark, Scope};
use crate::port::{Entity, FindingRow, PortError, Span, Timeline, TimelineRequest, Window};

/// Stretch that is shown where nothing says when anything was.
const NOTHING: Span = Span { from: EventTime(0), to: EventTime(1) };

/// Answers a request.
pub(super) fn answer(recorded: &Recorded, request: &TimelineRequest) -> Result<Timeline, PortError> {
    let filter = read(&request.filter)?;
    let of_scope = |finding: &&Finding| is_about(finding, &request.scope, recorded);
    let findings: Vec<&Finding> =
        recorded.findings.iter().filter(|finding| filter.passes_finding(finding)).filter(of_scope).collect();
    let span = match request.span {
        Some(span) => span,
        None => own_span(recorded, &request.scope, &findings).with_margins(),
    };
    let window = Window::over(span, request.cells);
    let mut lanes = lanes(recorded, &request.scope, &findings);
    let more = lanes.len().saturating_sub(LANES_MAX) as u64;
    lanes.truncate(LANES_MAX);
    let begin = |finding: &&&Finding| window.cell_of(finding.first_time).is_some();
    let times = || findings.iter().map(|finding| finding.first_time);
    Ok(Timeline {
        scope: request.scope.clone(),
        window,
        findings: findings.iter().filter(begin).count() as u64,
        before: times().filter(|time| *time < window.span().from).max(),
        after: times().filter(|time| *time >= window.span().to).min(),
        lanes: lanes.into_iter().map(|of| lane(recorded, of, &findings, window)).collect(),
        more,
    })
}

fn is_about(finding: &Finding, scope: &Scope, recorded: &Recorded) -> bool {
    match scope {
        Scope::All => true,
        Scope::Incident(id) => finding.incident == Some(*id),
        Scope::Entity(entity) => entity.is_in(finding),
        // What happened to the same entities is what one asks for.
        Scope::Finding(id) => named_by(recorded, *id).iter().any(|entity| entity.is_in(finding)),
    }
}

fn named_by(recorded: &Recorded, id: FindingId) -> Vec<Entity> {
    let finding = recorded.findings.iter().find(|finding| finding.id == id);
    finding.map(Entity::of_finding).unwrap_or_default()
}

/// The stretch that a scope has of its own.
fn own_span(recorded: &Recorded, scope: &Scope, findings: &[&Finding]) -> Span {
    let mut moments: Vec<EventTime> = Vec::new();
    match scope {
        Scope::All => {}
        Scope::Finding(id) => {
            let found = recorded.findings.iter().find(|finding| finding.id == *id);
            moments.extend(found.into_iter().flat_map(moments_of));
        }
        Scope::Incident(id) => {
            let incident = recorded.incidents.iter().find(|incident| incident.id == *id);
            moments.extend(incident.into_iter().flat_map(|incident| [incident.onset, incident.end]));
            moments.extend(incident.and_then(|incident| incident.contained_at));
            moments.extend(findings.iter().flat_map(|finding| [finding.first_time, finding.last_time]));
        }
        Scope::Entity(_) => {
            moments.extend(findings.iter().flat_map(|finding| [finding.first_time, finding.last_time]));
        }
    }
    if moments.is_empty() {
        moments.extend([recorded.header.from, recorded.header.to].into_iter().flatten());
    }
    match (moments.iter().min(), moments.iter().max()) {
        (Some(from), Some(to)) => Span { from: *from, to: EventTime(to.0.saturating_add(1)) },
        _ => NOTHING,
    }
}

fn moments_of(finding: &Finding) -> Vec<EventTime> {
    let evidence = finding.evidence.iter().map(|evidence| evidence.time);
    evidence.chain([finding.first_time, finding.last_time]).collect()
}

/// Every lane of a scope, most telling first.
fn lanes(recorded: &Recorded, scope: &Scope, findings: &[&Finding]) -> Vec<LaneOf> {
    let own = |entities: Vec<Entity>| entities.into_iter().map(LaneOf::Entity).collect::<Vec<_>>();
    match scope {
        Scope::All => {
            let mut lanes = vec![LaneOf::HostEvents, LaneOf::Assertions];
            lanes.extend(own(by_weight(findings)));
            lanes
        }
        Scope::Finding(id) => {
            let mut entities = named_by(recorded, *id);
            entities.sort_by_key(|entity| entity.kind);
            own(entities)
        }
        Scope::Incident(id) => {
            let incident = recorded.incidents.iter().find(|incident| incident.id == *id);
            let mut lanes = vec![LaneOf::Incident(*id)];
            lanes.extend(own(incident.map(Entity::of_incident).unwrap_or_default()));
            lanes
        }
        Scope::Entity(entity) => {
            let mut entities = by_weight(findings);
            entities.retain(|other| other != entity);
            entities.insert(0, entity.clone());
            own(entities)
        }
    }
}

/// The entities that findings name: those of the weightiest findings first, then those of most of them, by kind.
fn by_weight(findings: &[&Finding]) -> Vec<Entity> {
    let mut weights: BTreeMap<Entity, (Severity, u64)> = BTreeMap::new();
    for finding in findings {
        for entity in Entity::of_finding(finding) {
            let weight = weights.entry(entity).or_insert((finding.severity, 0));
            *weight = (weight.0.max(finding.severity), weight.1 + 1);
        }
    }
    let mut entities: Vec<(Entity, (Severity, u64))> = weights.into_iter().collect();
    entities.sort_by_key(|(entity, weight)| (Reverse(*weight), entity.clone()));
    entities.truncate(LANES_MAX);
    entities.sort_by_key(|(entity, weight)| (entity.kind, Reverse(*weight)));
    entities.into_iter().map(|(entity, _)| entity).collect()
}

fn lane(recorded: &Recorded, of: LaneOf, findings: &[&Finding], window: Window) -> Lane {
    let mut cells: BTreeMap<u32, Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| is_on(&of, finding)) {
        if let Some(cell) = window.cell_of(finding.first_time) {
            cells.entry(cell).or_default().push(finding);
        }
    }
    let incident = match &of {
        LaneOf::Incident(id) => recorded.incidents.iter().find(|incident| incident.id == *id),
        _ => None,
    };
    let found = cells.into_iter().map(|(cell, findings)| found(cell, findings)).collect();
    Lane { marks: incident.map(|incident| marks(incident, window)).unwrap_or_default(), found, of }
}

fn is_on(lane: &LaneOf, finding: &Finding) -> bool {
    use crate::port::Layer;
    match lane {
        LaneOf::Incident(_) => false,
        LaneOf::HostEvents => matches!(Layer::of(finding), Layer::Host | Layer::Both),
        LaneOf::Assertions => matches!(Layer::of(finding), Layer::Identity | Layer::Both),
        LaneOf::Entity(entity) => entity.is_in(finding),
    }
}

fn found(cell: u32, mut findings: Vec<&Finding>) -> Found {
    findings.sort_by_key(|finding| (Reverse(finding.severity), finding.first_time, finding.id));
    Found {
        cell,
        count: findings.len() as u64,
        worst: findings.first().map(|finding| finding.severity).unwrap_or_default(),
        findings: findings.into_iter().take(FINDINGS_OF_A_CELL).map(FindingRow::from).collect(),
    }
}

/// What happened in an incident, by cell: each kind of moment once a cell.
fn marks(incident: &Incident, window: Window) -> Vec<(u32, Mark)> {
    let mut moments = vec![(incident.onset, Mark::Onset)];
    moments.extend(incident.contained_at.map(|time| (time, Mark::Contained)));
    let layers = [&incident.host_layer, &incident.identity_layer];
    for control in layers.into_iter().flat_map(|layer| &layer.controls) {
        let mark = match control.verdict {
            LayerVerdict::Bypassed | LayerVerdict::NotEnforced => Mark::Failed,
            LayerVerdict::Held => Mark::Held,
            LayerVerdict::Blind | LayerVerdict::NotChallenged => continue,
        };
        moments.extend(control.time.map(|time| (time, mark)));
    }
    let marks: BTreeSet<(u32, Mark)> =
        moments.into_iter().filter_map(|(time, mark)| Some((window.cell_of(time)?, mark))).collect();
    marks.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::EntityKind;
    use crate::testing::fixture;

    fn request(scope: Scope) -> TimelineRequest {
        TimelineRequest { scope, filter: String::new(), span: None, cells: 60 }
    }

    /// Scenario: the timeline of an incident. Guarantees: a lane for it and for each of its hosts, workloads and
    /// credentials; every finding of it is counted once, and stands on each lane that it names; onset and failures are
    /// marked.
    #[test]
    fn an_incident_has_its_lanes() {
        let recorded = fixture::investigation();
        let incident = &recorded.incidents[0];
        let timeline = answer(&recorded, &request(Scope::Incident(incident.id))).expect("an answer");
        assert_eq!(timeline.lanes.len(), 1 + Entity::of_incident(incident).len());
        assert_eq!(timeline.findings, incident.findings.len() as u64);
        let marks: Vec<Mark> = timeline.lanes[0].marks.iter().map(|(_, mark)| *mark).collect();
        assert!(marks.contains(&Mark::Onset) && marks.contains(&Mark::Failed) && marks.contains(&Mark::Held));
        let host = LaneOf::Entity(Entity::new(EntityKind::Host, "node-22"));
        let lane = timeline.lanes.iter().find(|lane| lane.of == host).expect("the host has a lane");
        let count: u64 = lane.found.iter().map(|found| found.count).sum();
        let named = recorded.findings.iter().filter(|finding| finding.incident.is_some());
        let named = named.filter(|finding| Entity::new(EntityKind::Host, "node-22").is_in(finding)).count();
        assert_eq!(count, named as u64);
    }

    /// Scenario: a stretch after everything. Guarantees: no finding in it, and the last one before it is told.
    #[test]
    fn what_lies_outside_is_told() {
        let recorded = fixture::investigation();
        let to = recorded.header.to.expect("there is an end");
        let span = Some(Span { from: to, to: EventTime(to.0 + 1_000_000_000) });
        let timeline =
            answer(&recorded, &TimelineRequest { span, ..request(Scope::All) }).expect("an answer");
        assert_eq!((timeline.findings, timeline.after), (0, None));
        assert_eq!(timeline.before, recorded.findings.iter().map(|finding| finding.first_time).max());
    }
}
