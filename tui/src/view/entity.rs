//! One entity: what it is, where it was used, what was found, who recorded it.
//!
//! In: what conclusions and events say of it. Out: rows, each of which opens what is behind it.
//! Law: a use without a finding is said to have none; that it matched is not claimed.

mod rows;

use offbound_schemas::FindingId;
use ratatui::layout::Rect;

use super::canvas::{Canvas, Target};
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::{View, facts, table};
use crate::filter::exactly;
use crate::list::{Motion, Row, WINDOW_ROWS};
use crate::location::{Location, Subject};
use crate::model::Model;
use crate::port::{At, Entity, PageRequest, Sort};
use crate::question::{Question, Slot};

pub(crate) use rows::EntityLine;

/// The view.
pub(crate) struct OneEntity;

/// Lines of the pane below: a rule, and the selected row in full.
const PANE: u16 = 8;

/// The rows, and the pane below them.
fn layout(model: &Model) -> (Rect, Rect) {
    let body = body_area(model.size);
    let height = if body.height >= 2 * PANE { PANE } else { 0 };
    let rows = Rect { height: body.height - height, ..body };
    (rows, Rect { y: rows.bottom(), height, ..body })
}

fn subject(model: &Model) -> Option<&Entity> {
    match &model.here().subject {
        Subject::Entity(entity) => Some(entity),
        _ => None,
    }
}

/// The filter for the findings that name an entity.
pub(crate) fn findings_of(entity: &Entity) -> String {
    exactly(entity.kind.name(), &entity.name)
}

fn findings_wanted(entity: &Entity) -> Question {
    let page = PageRequest {
        filter: findings_of(entity),
        sort: Sort::Severity,
        at: At::Offset(0),
        limit: WINDOW_ROWS,
    };
    Question::FindingsOf(entity.clone(), page)
}

impl View for OneEntity {
    fn name(&self) -> &'static str {
        "entity"
    }
    fn crumb(&self, place: &Location) -> Line {
        match &place.subject {
            Subject::Entity(entity) => {
                vec![Ink::fixed(entity.kind.name()), Ink::fixed(" "), Ink::outside(&entity.name)]
            }
            _ => vec![Ink::fixed("entity")],
        }
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        let Some(entity) = subject(model) else { return Vec::new() };
        vec![Question::Note(entity.clone()), findings_wanted(entity), Question::Facts(entity.clone())]
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.entity_lines)
    }
    fn body(&self, model: &Model) -> u16 {
        layout(model).0.height
    }
    fn fill(&self, model: &mut Model) {
        let Some(entity) = subject(model).cloned() else { return model.entity_lines.empty() };
        let found = model.found_of.as_ref().filter(|(of, _)| *of == entity).map(|(_, page)| page);
        let lines = rows::of(
            &entity,
            model.note.as_deref().filter(|note| note.entity == entity),
            found,
            model.facts.as_deref().filter(|facts| facts.entity == entity),
            model.desk.status(Slot::Facts),
            body_area(model.size).width.saturating_sub(3),
        );
        model.entity_lines.fill(lines);
    }
    fn open(&self, model: &Model) -> Option<Location> {
        model.entity_lines.selected()?.leads_to(subject(model)?)
    }
    fn finding(&self, model: &Model) -> Option<FindingId> {
        model.entity_lines.selected()?.finding()
    }
    fn entities(&self, model: &Model) -> Vec<Entity> {
        model.entity_lines.selected().map(EntityLine::entities).unwrap_or_default()
    }
    fn timeline_of(&self, model: &Model) -> Option<Subject> {
        subject(model).cloned().map(Subject::Entity)
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "timeline", "events", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, _area: Rect) {
        let (area, pane) = layout(model);
        for (line, visible) in model.entity_lines.visible(area.height) {
            let row = Rect { y: area.y + line, height: 1, ..area };
            visible.row.draw(canvas, row);
            if visible.row.selectable() {
                table::mark(canvas, row, visible.selected, visible.gone);
                canvas.hit(row, Target::Row(visible.index));
            }
        }
        if let Some(row) = model.entity_lines.selected().filter(|_| pane.height > 0) {
            canvas.rule(pane, pane.y, &[Ink::fixed("selected")], &[]);
            let inner = Rect {
                x: pane.x + 1,
                y: pane.y + 1,
                width: pane.width.saturating_sub(2),
                height: pane.height - 1,
            };
            facts::draw_lines(canvas, inner, &row.details(inner.width));
        }
    }
}
