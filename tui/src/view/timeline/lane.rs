//! A lane as a row: what it follows, what was found and what was recorded on it.

use super::super::facts;
use super::super::ink::{Ink, Line};
use crate::list::Row;
use crate::port::window::{DAY, SECOND};
use crate::port::{
    Count, Counts, EntityKind, FindingRow, Found, Lane, LaneCounts, LaneOf, Mark, Timeline, Window,
};
use crate::theme::Role;

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct LaneRow {
    /// What it follows.
    pub(super) of: LaneOf,
    /// Cells of its line.
    pub(super) cells: u32,
    found: Vec<Found>,
    marks: Vec<(u32, Mark)>,
    /// What was recorded, once that is known.
    pub(super) counts: Option<LaneCounts>,
}

impl Row for LaneRow {
    fn id(&self) -> String {
        let (kind, name) = lane_name(&self.of);
        format!("{kind} {}", name.unwrap_or_default())
    }
}

/// The rows of a timeline.
pub(super) fn rows(timeline: &Timeline, counts: Option<&Counts>) -> Vec<LaneRow> {
    let row = |(at, lane): (usize, &Lane)| LaneRow {
        of: lane.of.clone(),
        cells: timeline.window.cells,
        found: lane.found.clone(),
        marks: lane.marks.clone(),
        counts: counts.and_then(|counts| counts.lanes.get(at)).cloned(),
    };
    timeline.lanes.iter().enumerate().map(row).collect()
}

/// What a lane follows: a word of ours, and a name.
pub(crate) fn lane_name(of: &LaneOf) -> (&'static str, Option<String>) {
    match of {
        LaneOf::Incident(id) => ("incident", Some(id.to_string())),
        LaneOf::HostEvents => ("all host events", None),
        LaneOf::Assertions => ("all assertions", None),
        LaneOf::Entity(entity) => (entity.kind.name(), Some(entity.name.clone())),
    }
}

impl LaneRow {
    /// Its name in `room` columns: of a long one the end, which differs where beginnings are alike.
    pub(super) fn label(&self, room: usize) -> Line {
        let (kind, name) = match &self.of {
            LaneOf::Incident(id) => return vec![Ink::fixed("incident "), Ink::short_id(id)],
            LaneOf::HostEvents => return vec![Ink::fixed("all host events")],
            LaneOf::Assertions => return vec![Ink::fixed("all assertions")],
            LaneOf::Entity(entity) => (entity.kind, &entity.name),
        };
        let word = match kind {
            EntityKind::Host => "host ",
            EntityKind::Workload => "wl   ",
            EntityKind::Credential => "cred ",
        };
        vec![Ink::fixed(word).role(Role::Dim), Ink::outside(name).end(room.saturating_sub(word.len()))]
    }

    /// The findings that begin in a cell.
    pub(super) fn found(&self, cell: u32) -> Option<&Found> {
        self.found.iter().find(|found| found.cell == cell)
    }

    /// Those of them that are named.
    pub(super) fn findings(&self, cell: u32) -> &[FindingRow] {
        self.found(cell).map(|found| found.findings.as_slice()).unwrap_or_default()
    }

    /// Whether a finding begins in a cell.
    pub(super) fn has_finding(&self, cell: u32) -> bool {
        self.found(cell).is_some()
    }

    /// The moments of an incident in a cell.
    pub(super) fn marks(&self, cell: u32) -> impl Iterator<Item = Mark> {
        self.marks.iter().filter(move |(at, _)| *at == cell).map(|(_, mark)| *mark)
    }

    /// What was recorded in a cell; nothing while that is not known.
    pub(super) fn count(&self, cell: u32) -> Option<Count> {
        let counts = self.counts.as_ref()?;
        let at = counts.counts.binary_search_by_key(&cell, |(at, _)| *at);
        Some(at.ok().and_then(|at| counts.counts.get(at)).map(|(_, count)| *count).unwrap_or_default())
    }

    /// Whether not all of a cell could be seen.
    pub(super) fn is_unseen(&self, cell: u32) -> bool {
        let stretches = self.counts.iter().flat_map(|counts| &counts.unseen);
        stretches.into_iter().any(|(first, last)| (*first..=*last).contains(&cell))
    }

    /// Whether it has records of its own.
    pub(super) fn is_recorded(&self) -> bool {
        !matches!(self.of, LaneOf::Incident(_))
    }

    /// Its whole name, for the pane.
    pub(super) fn title(&self, room: u16) -> Vec<Line> {
        let (kind, name) = lane_name(&self.of);
        match name {
            Some(name) => facts::labelled(kind, &Ink::outside(&name).role(Role::Strong), room),
            None => vec![vec![Ink::fixed(kind).role(Role::Strong)]],
        }
    }
}

/// The moment where a cell begins, as exactly as cells are long.
pub(super) fn tick(window: Window, cell: u32) -> Ink {
    let time = window.cell(cell).from;
    match window.cell_nanos {
        DAY.. => Ink::date(time),
        // Fourteen cells of this length are more than a day.
        nanos if nanos * 14 >= DAY / 2 => Ink::minute(time),
        SECOND.. => Ink::short_clock(time),
        _ => Ink::clock(time),
    }
}
