//! One incident: the containment verdict, and everything it rests on.
//!
//! In: an incident and its findings. Out: the verdict, the controls in order of time, the blast radius, what stolen
//! credentials are still good for, the findings. Law: what was not observed is said, never taken for held.

mod rows;
mod verdict;

use offbound_schemas::{EventId, IncidentId};
use ratatui::layout::Rect;

use super::canvas::{Canvas, Target};
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::{LIST_PERCENT, View, facts, is_vast, peek, split, table};
use crate::list::{List, Motion, Row, WINDOW_ROWS};
use crate::location::{Location, Subject, Within};
use crate::model::{Look, Model};
use crate::port::{At, Entity, PageRequest, Sort};
use crate::question::Question;

pub(crate) use rows::VerdictRow;
pub(crate) use verdict::verdict_lines;

/// The view.
pub(crate) struct OneIncident;

/// The list side, and the record side where there is room for it.
fn sides(size: (u16, u16)) -> (Rect, Option<Rect>) {
    let body = body_area(size);
    if !is_vast(size) {
        return (body, None);
    }
    let (left, right) = split(body, LIST_PERCENT);
    (left, Some(right))
}

/// The verdict, the rows below it, the record. The verdict stays in sight while there is room for both; else its
/// lines are rows like the others, so that none of them is ever hidden.
fn layout(model: &Model, verdict: usize) -> (Rect, Rect, Option<Rect>) {
    let (left, record) = sides(model.size);
    let height = u16::try_from(verdict).unwrap_or(u16::MAX);
    let height = if height <= left.height * 3 / 5 { height } else { 0 };
    let top = Rect { height, ..left };
    (top, Rect { y: top.bottom(), height: left.height - height, ..left }, record)
}

fn subject(model: &Model) -> Option<IncidentId> {
    match model.here().subject {
        Subject::Incident(id) => Some(id),
        _ => None,
    }
}

/// The lines of the verdict of the incident at hand.
fn lines(model: &Model) -> Vec<Line> {
    let room = sides(model.size).0.width.saturating_sub(2);
    match subject(model).map(|id| model.look_incident(id)) {
        Some(Look::Ready(incident)) => verdict_lines(incident, room),
        Some(other) => vec![peek::missing(&other, "incident")],
        None => Vec::new(),
    }
}

/// The findings of an incident: those that name it.
pub(crate) fn members(id: IncidentId) -> Question {
    let filter = format!("incident:{id}");
    Question::Members(id, PageRequest { filter, sort: Sort::Time, at: At::Offset(0), limit: WINDOW_ROWS })
}

impl View for OneIncident {
    fn name(&self) -> &'static str {
        "incident"
    }
    fn crumb(&self, place: &Location) -> Line {
        match place.subject {
            Subject::Incident(id) => vec![Ink::fixed("incident "), Ink::short_id(&id)],
            _ => vec![Ink::fixed("incident")],
        }
    }
    fn status(&self, model: &Model) -> Line {
        match subject(model).map(|id| model.look_incident(id)) {
            Some(Look::Ready(incident)) => {
                vec![Ink::count(incident.findings.len() as u64, "finding", "findings")]
            }
            _ => Line::new(),
        }
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        let Some(id) = subject(model) else { return Vec::new() };
        let mut wants = vec![Question::Incident(id), members(id)];
        if is_vast(model.size) {
            wants.extend(self.evidence(model).map(|(event, _)| Question::Record(event)));
        }
        wants
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.verdict)
    }
    fn body(&self, model: &Model) -> u16 {
        layout(model, lines(model).len()).1.height
    }
    fn fill(&self, model: &mut Model) {
        let rows = match subject(model).map(|id| model.look_incident(id)) {
            Some(Look::Ready(incident)) => {
                let verdict = lines(model);
                let pinned = layout(model, verdict.len()).0.height > 0;
                let above = if pinned { Vec::new() } else { verdict };
                Some(rows::of(incident, &model.members, above))
            }
            _ => None,
        };
        match rows {
            Some(rows) => model.verdict.fill(rows),
            None => model.verdict.empty(),
        }
    }
    fn open(&self, model: &Model) -> Option<Location> {
        let id = subject(model)?;
        let row = model.verdict.selected()?;
        row.leads_to(id)
    }
    fn entities(&self, model: &Model) -> Vec<Entity> {
        if let Some(entity) = model.verdict.selected().and_then(VerdictRow::entity) {
            return vec![entity];
        }
        match subject(model).map(|id| model.look_incident(id)) {
            Some(Look::Ready(incident)) => Entity::of_incident(incident),
            _ => Vec::new(),
        }
    }
    fn timeline_of(&self, model: &Model) -> Option<Subject> {
        subject(model).map(Subject::Incident)
    }
    fn evidence(&self, model: &Model) -> Option<(EventId, Within)> {
        let event = model.verdict.selected()?.record()?;
        subject(model).map(|id| (event, Within::Incident(id)))
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "evidence", "timeline", "to-entity", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, _area: Rect) {
        let verdict = lines(model);
        let (top, list, record) = layout(model, verdict.len());
        let inner = Rect { x: top.x + 1, width: top.width.saturating_sub(2), ..top };
        facts::draw_lines(canvas, inner, &verdict);
        draw_rows(canvas, list, &model.verdict);
        if let Some(area) = record {
            canvas.divider(area.x - 1, area.y, area.bottom());
            peek::draw(model, canvas, area, self.evidence(model).map(|(event, _)| event));
        }
    }
}

fn draw_rows(canvas: &mut Canvas<'_>, area: Rect, list: &List<VerdictRow>) {
    for (line, visible) in list.visible(area.height) {
        let row = Rect { y: area.y + line, height: 1, ..area };
        visible.row.draw(canvas, row);
        if visible.row.selectable() {
            table::mark(canvas, row, visible.selected, visible.gone);
            canvas.hit(row, Target::Row(visible.index));
        }
    }
}
