//! An investigation whose findings and incidents lie in memory, as after a replay of files.
//!
//! In: records, and a way to look one up. Out: answers. Owns: nothing that is not given to it.
//! Law: the same filter and order as every other holder of data: [`crate::Filter`] and [`Sort`].

mod timeline;

use std::str::FromStr;

use offbound_schemas::record::{Finding, Gap, Incident, SourceCount};
use offbound_schemas::{EventId, FindingId, IncidentId};

use super::{
    At, Entity, EntityNote, EvidenceRecord, FindingRow, Header, IncidentRow, Investigation, Judged, Page,
    PageRequest, PortError, Sort, SourceRow, Timeline, TimelineRequest,
};
use crate::filter::Filter;
use crate::list::Row;

/// Findings that speak of uses of one entity and are told with it: more than its uses have kinds.
const JUDGED_MAX: usize = 4_096;

/// How a record is found by its id.
pub type Lookup = Box<dyn FnMut(EventId) -> Result<Option<EvidenceRecord>, PortError> + Send>;

/// Findings, incidents and counts in memory.
pub struct Recorded {
    /// What is being looked at.
    pub header: Header,
    /// Findings.
    pub findings: Vec<Finding>,
    /// Incidents.
    pub incidents: Vec<Incident>,
    /// Sources.
    pub sources: Vec<SourceCount>,
    /// Gaps.
    pub gaps: Vec<Gap>,
    /// Looks up a record.
    pub record: Lookup,
}

impl Investigation for Recorded {
    fn header(&mut self) -> Result<Header, PortError> {
        Ok(self.header.clone())
    }

    fn findings(&mut self, request: &PageRequest) -> Result<Page<FindingRow>, PortError> {
        let filter = read(&request.filter)?;
        let mut rows: Vec<&Finding> =
            self.findings.iter().filter(|finding| filter.passes_finding(finding)).collect();
        rows.sort_by(|a, b| finding_order(a, b, request.sort));
        let found = window(&rows, request, |id: FindingId, finding| finding.id == id);
        Ok(page(rows, found, request.limit, self.findings.len(), |finding| FindingRow::from(*finding)))
    }

    fn finding(&mut self, id: FindingId) -> Result<Option<Finding>, PortError> {
        Ok(self.findings.iter().find(|finding| finding.id == id).cloned())
    }

    fn incidents(&mut self, request: &PageRequest) -> Result<Page<IncidentRow>, PortError> {
        let filter = read(&request.filter)?;
        let mut rows: Vec<&Incident> =
            self.incidents.iter().filter(|one| filter.passes_incident(one)).collect();
        rows.sort_by(|a, b| incident_order(a, b, request.sort));
        let found = window(&rows, request, |id: IncidentId, incident| incident.id == id);
        Ok(page(rows, found, request.limit, self.incidents.len(), |incident| IncidentRow::from(*incident)))
    }

    fn incident(&mut self, id: IncidentId) -> Result<Option<Incident>, PortError> {
        Ok(self.incidents.iter().find(|incident| incident.id == id).cloned())
    }

    fn record(&mut self, id: EventId) -> Result<Option<EvidenceRecord>, PortError> {
        (self.record)(id)
    }

    fn sources(&mut self, request: &PageRequest) -> Result<Page<SourceRow>, PortError> {
        let mut rows: Vec<SourceRow> = self.sources.iter().cloned().map(SourceRow::Source).collect();
        rows.extend(self.gaps.iter().cloned().map(SourceRow::Gap));
        let all = rows.len();
        let found = window(&rows, request, |id: String, row| row.id() == id);
        Ok(page(rows, found, request.limit, all, SourceRow::clone))
    }

    fn note(&mut self, entity: &Entity) -> Result<EntityNote, PortError> {
        let incidents =
            self.incidents.iter().filter(|incident| Entity::of_incident(incident).contains(entity));
        let judged = self.findings.iter().filter(|finding| entity.is_in(finding)).filter_map(Judged::of);
        Ok(EntityNote {
            entity: entity.clone(),
            incidents: incidents.map(IncidentRow::from).collect(),
            judged: judged.take(JUDGED_MAX).collect(),
        })
    }

    fn timeline(&mut self, request: &TimelineRequest) -> Result<Timeline, PortError> {
        timeline::answer(self, request)
    }
}

fn read(filter: &str) -> Result<Filter, PortError> {
    Filter::parse(filter).map_err(|error| PortError::new(error.to_string()))
}

fn finding_order(a: &Finding, b: &Finding, sort: Sort) -> std::cmp::Ordering {
    let latest = b.last_time.cmp(&a.last_time).then(a.id.cmp(&b.id));
    match sort {
        Sort::Severity => b.severity.cmp(&a.severity).then(latest),
        Sort::Time => latest,
        Sort::Rule => a.rule.cmp(&b.rule).then(latest),
    }
}

fn incident_order(a: &Incident, b: &Incident, sort: Sort) -> std::cmp::Ordering {
    let latest = b.onset.cmp(&a.onset).then(a.id.cmp(&b.id));
    match sort {
        Sort::Severity => b.severity.cmp(&a.severity).then(latest),
        Sort::Time | Sort::Rule => latest,
    }
}

/// Where the window begins.
fn window<R, I: FromStr + Clone>(rows: &[R], request: &PageRequest, is: impl Fn(I, &R) -> bool) -> usize {
    let start = match &request.at {
        At::Offset(offset) => *offset,
        At::Around { id, before, otherwise } => {
            let id = id.parse::<I>().ok();
            let found = id.and_then(|id| rows.iter().position(|row| is(id.clone(), row)));
            found.map_or(*otherwise, |index| (index as u64).saturating_sub(*before))
        }
    };
    usize::try_from(start).unwrap_or(usize::MAX).min(rows.len())
}

fn page<T, R>(rows: Vec<T>, start: usize, limit: usize, all: usize, row: impl Fn(&T) -> R) -> Page<R> {
    let total = rows.len() as u64;
    let rows = rows.iter().skip(start).take(limit).map(row).collect();
    Page { rows, offset: start as u64, total, unfiltered: all as u64 }
}
