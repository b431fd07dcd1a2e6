//! Events as they were recorded, in order of time: all, or those of a lane and a stretch of time.

use offbound_schemas::{EventId, table};
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::table::{Column, Rows, fixed, flexible};
use super::timeline::lane_name;
use super::{LIST_PERCENT, View, is_vast, pane_below, peek, split, table as rows};
use crate::desk::Status;
use crate::event_filter::{EVENT_FIELDS, EventFilter};
use crate::filter::FilterError;
use crate::list::Motion;
use crate::location::{Location, Subject, Within};
use crate::model::{Look, Model};
use crate::port::{Entity, EventRow, EventsRequest, LaneOf, Span};
use crate::question::{Question, Slot};
use crate::theme::Role;

/// The view.
pub(crate) struct Events;

/// The list, and the record of the selected event beside or below it.
fn layout(model: &Model) -> (Rect, Rect) {
    let body = body_area(model.size);
    if is_vast(model.size) {
        return split(body, LIST_PERCENT);
    }
    let pane = pane_below(body.height, model.events.totals().1);
    (Rect { height: body.height - pane, ..body }, Rect { y: body.bottom() - pane, height: pane, ..body })
}

fn lane(place: &Location) -> Option<LaneOf> {
    match &place.subject {
        Subject::Lane(of) => Some(of.clone()),
        Subject::Entity(entity) => Some(LaneOf::Entity(entity.clone())),
        _ => None,
    }
}

impl View for Events {
    fn name(&self) -> &'static str {
        "events"
    }
    fn tab(&self) -> Option<(char, &'static str, &'static str)> {
        Some(('6', "Events", "Ev"))
    }
    fn crumb(&self, place: &Location) -> Line {
        let mut line = vec![Ink::fixed("Events")];
        if let Some((kind, name)) = lane(place).as_ref().map(lane_name) {
            line.extend([Ink::fixed(" of "), Ink::fixed(kind)]);
            line.extend(name.iter().flat_map(|name| [Ink::fixed(" "), Ink::outside(name)]));
        }
        if let Some(Span { from, to }) = place.span {
            line.extend([Ink::fixed("  "), Ink::short_moment(from), Ink::fixed(" for ")]);
            line.push(Ink::duration(to.nanos_since(from) as f64 / 1e9));
        }
        line
    }
    fn status(&self, model: &Model) -> Line {
        let mut line = vec![
            Ink::count(model.events.totals().0, "event", "events"),
            Ink::fixed("  by time").role(Role::Dim),
        ];
        if model.desk.status(Slot::Events) == Some(&Status::Waiting) {
            line.push(Ink::fixed("  reading").role(Role::Dim));
        }
        line
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        let (page, turn) = model.events.request();
        let here = model.here();
        let mut wants = vec![Question::Events(EventsRequest { of: lane(here), span: here.span, page }, turn)];
        wants.extend(model.events.selected().map(|row| Question::Record(row.id)));
        wants
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.events)
    }
    fn body(&self, model: &Model) -> u16 {
        layout(model).0.height.saturating_sub(1)
    }
    fn filters(&self) -> bool {
        true
    }
    fn sorts(&self) -> bool {
        false
    }
    fn check_filter(&self, text: &str) -> Result<(), FilterError> {
        EventFilter::parse(text).map(|_| ())
    }
    fn fields(&self) -> &'static [&'static str] {
        EVENT_FIELDS
    }
    fn fill(&self, model: &mut Model) {
        let now = Some((lane(model.here()), model.here().span));
        if model.events_of != now {
            model.events_of = now;
            // Events of something else are not to be seen under this heading, not even for a moment.
            model.events.empty();
        }
    }
    fn open(&self, model: &Model) -> Option<Location> {
        let (event, within) = self.evidence(model)?;
        Some(Location::new("record", Subject::Record(event, within)))
    }
    fn evidence(&self, model: &Model) -> Option<(EventId, Within)> {
        model.events.selected().map(|row| (row.id, Within::Alone))
    }
    fn entities(&self, model: &Model) -> Vec<Entity> {
        match model.events.selected().map(|row| model.look_record(row.id)) {
            Some(Look::Ready(record)) => Entity::of_columns(&record.columns),
            _ => Vec::new(),
        }
    }
    fn timeline_of(&self, model: &Model) -> Option<Subject> {
        match &model.here().subject {
            Subject::Entity(entity) | Subject::Lane(LaneOf::Entity(entity)) => {
                Some(Subject::Entity(entity.clone()))
            }
            _ => None,
        }
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "filter", "to-entity", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, _area: Rect) {
        let (list, pane) = layout(model);
        rows::draw(canvas, list, &model.events, &EventRows);
        if model.events.totals().0 == 0 {
            let reason =
                peek::why_empty(model.desk.status(Slot::Events), model.events.totals(), "no events here");
            canvas.line(list.x + 2, list.y + 2, list.width.saturating_sub(4), &reason);
        }
        if pane.height > 0 && pane.width > 0 {
            if is_vast(model.size) {
                canvas.divider(pane.x - 1, pane.y, pane.bottom());
            }
            peek::draw(model, canvas, pane, model.events.selected().map(|row| row.id));
        }
    }
}

struct EventRows;

impl Rows<EventRow> for EventRows {
    fn columns(&self, width: u16) -> Vec<Column> {
        if width < 100 {
            return vec![
                fixed("TIME", 14),
                fixed("T", 1),
                flexible("WHO", 12, 1),
                flexible("WHAT", 12, 1),
                flexible("TO", 10, 1),
                fixed("OUTCOME", 8),
            ];
        }
        vec![
            fixed("TIME", 23),
            fixed("T", 1),
            fixed("SOURCE", 14),
            flexible("PLACE", 10, 1),
            flexible("WHO", 16, 2),
            flexible("WHAT", 14, 1),
            flexible("TO", 14, 2),
            fixed("OUTCOME", 8),
        ]
    }

    fn cells(&self, row: &EventRow, width: u16) -> Vec<Line> {
        let one = |text: &str| vec![Ink::outside(text)];
        let kind = match row.table.as_str() {
            name if name == table::host_events::SPEC.name => Ink::fixed("H"),
            name if name == table::identity_assertions::SPEC.name => Ink::fixed("I"),
            name if name == table::placements::SPEC.name => Ink::fixed("P"),
            _ => Ink::fixed("-"),
        };
        let (who, what, to, outcome) = (one(&row.who), one(&row.what), one(&row.to), one(&row.outcome));
        if width < 100 {
            return vec![vec![Ink::short_moment(row.time)], vec![kind], who, what, to, outcome];
        }
        let (source, place) = (one(&row.source), one(&row.place));
        vec![vec![Ink::moment(row.time)], vec![kind], source, place, who, what, to, outcome]
    }
}
