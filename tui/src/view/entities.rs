//! Every host, workload and credential: those of the weightiest findings first.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::table::{Column, Rows, fixed, flexible, number};
use super::{View, peek, table, words};
use crate::event_filter::EventFilter;
use crate::filter::FilterError;
use crate::list::Motion;
use crate::location::{Location, Subject};
use crate::model::Model;
use crate::port::{Entity, EntityRow};
use crate::question::{Question, Slot};
use crate::theme::Role;

/// The fields of its filter: kinds.
const FIELDS: &[&str] = &["host", "workload", "credential"];

/// The view.
pub(crate) struct Entities;

impl View for Entities {
    fn name(&self) -> &'static str {
        "entities"
    }
    fn tab(&self) -> Option<(char, &'static str, &'static str)> {
        Some(('4', "Entities", "Ent"))
    }
    fn crumb(&self, _place: &Location) -> Line {
        vec![Ink::fixed("Entities")]
    }
    fn status(&self, model: &Model) -> Line {
        let (total, unfiltered) = model.entities.totals();
        let mut line = vec![Ink::count(total, "entity", "entities")];
        if total != unfiltered {
            line.extend([Ink::fixed(" of "), Ink::number(unfiltered)]);
        }
        line
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        let (request, turn) = model.entities.request();
        vec![Question::Entities(request, turn)]
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.entities)
    }
    fn body(&self, model: &Model) -> u16 {
        body_area(model.size).height.saturating_sub(3)
    }
    fn filters(&self) -> bool {
        true
    }
    fn sorts(&self) -> bool {
        false
    }
    fn check_filter(&self, text: &str) -> Result<(), FilterError> {
        let filter = EventFilter::parse(text)?;
        let other = filter.terms.iter().filter_map(|term| term.field).find(|field| !FIELDS.contains(field));
        other.map_or(Ok(()), |field| Err(FilterError::UnknownEntityField(field.to_owned())))
    }
    fn fields(&self) -> &'static [&'static str] {
        FIELDS
    }
    fn open(&self, model: &Model) -> Option<Location> {
        model.entities.selected().map(|row| Location::new("entity", Subject::Entity(row.entity.clone())))
    }
    fn entities(&self, model: &Model) -> Vec<Entity> {
        model.entities.selected().map(|row| row.entity.clone()).into_iter().collect()
    }
    fn timeline_of(&self, model: &Model) -> Option<Subject> {
        model.entities.selected().map(|row| Subject::Entity(row.entity.clone()))
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "timeline", "filter"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        // The whole name of the selected one, which its column may be too narrow for.
        let list = Rect { height: area.height.saturating_sub(2), ..area };
        table::draw(canvas, list, &model.entities, &EntityRows);
        if model.entities.totals().0 == 0 {
            let reason = peek::why_empty(
                model.desk.status(Slot::Entities),
                model.entities.totals(),
                "no event names anybody",
            );
            canvas.line(list.x + 2, list.y + 2, list.width.saturating_sub(4), &reason);
        }
        if let Some(row) = model.entities.selected().filter(|_| area.height > 3) {
            canvas.rule(area, list.bottom(), &[Ink::fixed(row.entity.kind.name())], &[]);
            let name = [Ink::outside(&row.entity.name)];
            canvas.line(area.x + 1, list.bottom() + 1, area.width.saturating_sub(2), &name);
        }
    }
}

struct EntityRows;

impl Rows<EntityRow> for EntityRows {
    fn columns(&self, width: u16) -> Vec<Column> {
        let time = if width < 100 { 11 } else { 23 };
        vec![
            fixed("SEV", 3),
            fixed("KIND", 10),
            flexible("NAME", 16, 1),
            number("FIND", 5),
            number("RECORDS", 9),
            fixed("FIRST", time),
            fixed("LAST", time),
        ]
    }

    fn cells(&self, row: &EntityRow, width: u16) -> Vec<Line> {
        // Of a long name the end, which differs where beginnings are alike.
        let fixed_columns: u16 = if width < 100 { 62 } else { 86 };
        let room = usize::from(width.saturating_sub(fixed_columns).max(16));
        let time = |time: Option<_>| match time {
            Some(time) if width < 100 => vec![Ink::minute(time)],
            Some(time) => vec![Ink::moment(time)],
            None => vec![Ink::fixed("-").role(Role::Dim)],
        };
        vec![
            row.worst.map_or_else(Line::new, |worst| vec![words::severity(worst)]),
            vec![Ink::fixed(row.entity.kind.name()).role(Role::Dim)],
            vec![Ink::outside(&row.entity.name).end(room)],
            vec![Ink::number(row.findings)],
            vec![Ink::number(row.records)],
            time(row.first),
            time(row.last),
        ]
    }
}
