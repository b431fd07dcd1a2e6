//! The incidents list, with the verdict on the selected one below.

use offbound_schemas::IncidentId;
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::table::{Column, Rows, fixed, flexible, number};
use super::{View, facts, incident, pane_below, peek, table, words};
use crate::desk::Status;
use crate::list::Motion;
use crate::location::{Location, Subject};
use crate::model::{Look, Model};
use crate::port::{Entity, IncidentRow};
use crate::question::{Question, Slot};
use crate::theme::Role;

/// The view.
pub(crate) struct Incidents;

/// The list, and the pane below it.
fn layout(model: &Model) -> (Rect, Rect) {
    let body = body_area(model.size);
    let pane = pane_below(body.height, model.incidents.totals().1);
    (Rect { height: body.height - pane, ..body }, Rect { y: body.bottom() - pane, height: pane, ..body })
}

impl View for Incidents {
    fn name(&self) -> &'static str {
        "incidents"
    }
    fn tab(&self) -> Option<(char, &'static str, &'static str)> {
        Some(('2', "Incidents", "Inc"))
    }
    fn crumb(&self, _place: &Location) -> Line {
        vec![Ink::fixed("Incidents")]
    }
    fn status(&self, model: &Model) -> Line {
        table::count(model.incidents.totals(), model.here().sort)
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        let (request, turn) = model.incidents.request();
        let mut wants = vec![Question::Incidents(request, turn)];
        wants.extend(model.incidents.selected().map(|row| Question::Incident(row.id)));
        wants
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.incidents)
    }
    fn body(&self, model: &Model) -> u16 {
        layout(model).0.height.saturating_sub(1)
    }
    fn filters(&self) -> bool {
        true
    }
    fn open(&self, model: &Model) -> Option<Location> {
        self.incident(model).map(|id| Location::new("incident", Subject::Incident(id)))
    }
    fn incident(&self, model: &Model) -> Option<IncidentId> {
        model.incidents.selected().map(|row| row.id)
    }
    fn entities(&self, model: &Model) -> Vec<Entity> {
        match model.incidents.selected().map(|row| model.look_incident(row.id)) {
            Some(Look::Ready(incident)) => Entity::of_incident(incident),
            _ => Vec::new(),
        }
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "filter", "sort"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, _area: Rect) {
        let (list, pane) = layout(model);
        table::draw(canvas, list, &model.incidents, &IncidentRows);
        if model.incidents.totals().0 == 0 {
            let reason = match model.desk.status(Slot::Incidents) {
                Some(Status::Failed(why)) => peek::missing(&Look::<()>::Failed(why), "list"),
                Some(Status::Ready) => table::nothing(model.incidents.totals(), "no incidents in this data"),
                _ => vec![Ink::fixed("loading").role(Role::Dim)],
            };
            canvas.line(list.x + 2, list.y + 2, list.width.saturating_sub(4), &reason);
        }
        if pane.height > 0 {
            draw_pane(model, canvas, pane);
        }
    }
}

fn draw_pane(model: &Model, canvas: &mut Canvas<'_>, pane: Rect) {
    canvas.rule(pane, pane.y, &[Ink::fixed("verdict")], &[Ink::fixed("Enter shows all").role(Role::Dim)]);
    let Some(row) = model.incidents.selected() else { return };
    let area = Rect { x: 1, y: pane.y + 1, width: pane.width.saturating_sub(2), height: pane.height - 1 };
    let lines = match model.look_incident(row.id) {
        Look::Ready(incident) => incident::verdict_lines(incident, area.width),
        other => vec![peek::missing(&other, "incident")],
    };
    facts::draw_lines(canvas, area, &lines);
}

struct IncidentRows;

impl Rows<IncidentRow> for IncidentRows {
    fn columns(&self, width: u16) -> Vec<Column> {
        if width < 100 {
            return vec![
                fixed("SEV", 3),
                fixed("ONSET", 14),
                fixed("OUTCOME", 13),
                flexible("", 10, 1),
                fixed("HOST", 6),
                fixed("IDENT", 6),
                number("FIND", 4),
            ];
        }
        vec![
            fixed("SEV", 3),
            fixed("ONSET", 14),
            fixed("OUTCOME", 21),
            fixed("STRENGTH", 8),
            flexible("", 16, 1),
            fixed("HOST", 14),
            fixed("IDENTITY", 14),
            number("FIND", 5),
            number("REACHED", 7),
            number("UNSEEN", 6),
        ]
    }

    fn cells(&self, row: &IncidentRow, width: u16) -> Vec<Line> {
        let one = |ink: Ink| vec![ink];
        let (severity, onset) = (one(words::severity(row.severity)), one(Ink::short_moment(row.onset)));
        let (outcome, title) = (one(words::outcome(row.outcome)), one(Ink::outside(&row.title)));
        let findings = one(Ink::number(row.findings));
        if width < 100 {
            let host = one(words::verdict_short(row.host));
            return vec![
                severity,
                onset,
                outcome,
                title,
                host,
                one(words::verdict_short(row.identity)),
                findings,
            ];
        }
        vec![
            severity,
            onset,
            outcome,
            one(words::strength(row.strength)),
            title,
            one(words::verdict(row.host)),
            one(words::verdict(row.identity)),
            findings,
            one(Ink::number(row.reached)),
            one(Ink::number(row.missing)),
        ]
    }
}
