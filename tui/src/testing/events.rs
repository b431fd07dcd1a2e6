//! Events in memory, for tests of the screens.
//!
//! In: rows with the entities that they name, gaps. Out: answers. Law: as whoever holds a store: in order of time, counted
//! by lane and cell.

use std::collections::BTreeMap;

use offbound_schemas::record::Gap;
use offbound_schemas::table;

use crate::event_filter::{EventFilter, EventTerm};
use crate::port::{
    Archive, At, Count, Counts, CountsRequest, EntitiesRequest, Entity, EntityFacts, EntityKind, EntityRow,
    EventRow, EventsRequest, LaneCounts, LaneOf, Page, PortError, Stop, Telemetry, Use, Window,
};

/// Events in memory.
pub struct RecordedEvents {
    /// The events, in order of time, with what they name.
    pub events: Vec<(EventRow, Vec<Entity>)>,
    /// Stretches in which not all was heard.
    pub gaps: Vec<Gap>,
}

fn is_of(lane: &LaneOf, (row, entities): &(EventRow, Vec<Entity>)) -> bool {
    match lane {
        LaneOf::Incident(_) => false,
        LaneOf::HostEvents => row.table == table::host_events::SPEC.name,
        LaneOf::Assertions => row.table == table::identity_assertions::SPEC.name,
        LaneOf::Entity(entity) => entities.contains(entity),
    }
}

fn passes(row: &EventRow, term: &EventTerm) -> bool {
    let texts = [&row.table, &row.source, &row.who, &row.what, &row.to, &row.outcome, &row.place];
    texts.iter().any(|text| text.contains(&term.text)) != term.negated
}

impl RecordedEvents {
    fn lane(&self, of: &LaneOf, window: Window) -> LaneCounts {
        let mut counts: BTreeMap<u32, Count> = BTreeMap::new();
        for (row, _) in self.events.iter().filter(|event| is_of(of, event)) {
            let Some(cell) = window.cell_of(row.time) else { continue };
            let count = counts.entry(cell).or_default();
            count.records += 1;
            count.issued += u64::from(row.what == "issue");
        }
        let affected = |gap: &&Gap| match of {
            LaneOf::Entity(Entity { kind: EntityKind::Host, name }) => gap.scope == format!("host:{name}"),
            _ => false,
        };
        let gaps: Vec<&Gap> = self.gaps.iter().filter(affected).collect();
        LaneCounts {
            counts: counts.into_iter().collect(),
            unseen: gaps.iter().filter_map(|gap| window.cells_of(gap.from, gap.to)).collect(),
            why_unseen: gaps.iter().map(|gap| format!("{}: {}", gap.source, gap.reason)).collect(),
        }
    }
}

impl Archive for RecordedEvents {
    fn counts(&mut self, request: &CountsRequest, _stop: &Stop) -> Result<Counts, PortError> {
        let lanes = request.lanes.iter().map(|of| self.lane(of, request.window)).collect();
        Ok(Counts { window: request.window, lanes })
    }

    fn events(&mut self, request: &EventsRequest, _stop: &Stop) -> Result<Page<EventRow>, PortError> {
        let filter =
            EventFilter::parse(&request.page.filter).map_err(|error| PortError::new(error.to_string()))?;
        let inside =
            |row: &EventRow| request.span.is_none_or(|span| (span.from..span.to).contains(&row.time));
        let wanted = self.events.iter().filter(|event| request.of.as_ref().is_none_or(|of| is_of(of, event)));
        let of_lane: Vec<&EventRow> = wanted.map(|(row, _)| row).filter(|row| inside(row)).collect();
        let rows: Vec<&EventRow> =
            of_lane.iter().filter(|row| filter.terms.iter().all(|term| passes(row, term))).copied().collect();
        let offset = match &request.page.at {
            At::Offset(offset) => *offset,
            At::Around { id, before, otherwise } => {
                let at = rows.iter().position(|row| row.id.to_string() == *id);
                at.map_or(*otherwise, |at| (at as u64).saturating_sub(*before))
            }
        };
        let (total, unfiltered) = (rows.len() as u64, of_lane.len() as u64);
        let first = usize::try_from(offset).unwrap_or(usize::MAX);
        let rows = rows.into_iter().skip(first).take(request.page.limit).cloned().collect();
        Ok(Page { rows, offset, total, unfiltered })
    }

    fn entities(&mut self, request: &EntitiesRequest, _stop: &Stop) -> Result<Page<EntityRow>, PortError> {
        let filter =
            EventFilter::parse(&request.filter).map_err(|error| PortError::new(error.to_string()))?;
        let mut rows: BTreeMap<Entity, EntityRow> = BTreeMap::new();
        for (event, entities) in &self.events {
            for entity in entities {
                let row = rows.entry(entity.clone()).or_insert_with(|| EntityRow {
                    entity: entity.clone(),
                    first: Some(event.time),
                    ..EntityRow::default()
                });
                row.records += 1;
                row.last = Some(event.time);
            }
        }
        let unfiltered = rows.len() as u64;
        let met = |row: &EntityRow, term: &EventTerm| {
            let is_kind = term.field.is_none_or(|field| field == row.entity.kind.name());
            (is_kind && row.entity.name.contains(&term.text)) != term.negated
        };
        let rows: Vec<EntityRow> =
            rows.into_values().filter(|row| filter.terms.iter().all(|term| met(row, term))).collect();
        Ok(Page { total: rows.len() as u64, offset: 0, unfiltered, rows })
    }

    fn facts(&mut self, entity: &Entity, stop: &Stop) -> Result<EntityFacts, PortError> {
        let related = self.entities(&EntitiesRequest::default(), stop)?.rows;
        let of_it = self.events.iter().filter(|(_, entities)| entities.contains(entity));
        let rows: Vec<&EventRow> = of_it.map(|(row, _)| row).collect();
        let assertions = rows.iter().filter(|row| row.table == table::identity_assertions::SPEC.name);
        let mut uses: BTreeMap<(String, String), Use> = BTreeMap::new();
        for row in assertions {
            let one = uses.entry((row.place.clone(), row.to.clone())).or_insert_with(|| Use {
                address: Some(row.place.clone()),
                destination: Some(row.to.clone()),
                hosts: self
                    .gaps
                    .iter()
                    .filter_map(|gap| gap.scope.strip_prefix("host:"))
                    .map(str::to_owned)
                    .collect(),
                first: row.time,
                ..Use::default()
            });
            one.count += 1;
            one.last = row.time;
        }
        let mut telemetry: BTreeMap<(String, String), Telemetry> = BTreeMap::new();
        for row in &rows {
            let one = telemetry.entry((row.table.clone(), row.source.clone())).or_insert_with(|| Telemetry {
                table: row.table.clone(),
                source: row.source.clone(),
                first: row.time,
                ..Telemetry::default()
            });
            one.records += 1;
            one.last = row.time;
        }
        Ok(EntityFacts {
            entity: entity.clone(),
            facts: rows.iter().take(1).map(|row| ("subject", row.who.clone())).collect(),
            uses: uses.into_values().collect(),
            related: related.into_iter().filter(|row| row.entity != *entity).collect(),
            telemetry: telemetry.into_values().collect(),
            is_cut: false,
        })
    }
}
