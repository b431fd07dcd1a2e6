//! The findings list, with why the selected one was made.

use offbound_schemas::{EventId, FindingId, IncidentId};
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::table::{Column, Rows, fixed, flexible, number};
use super::{LIST_PERCENT, View, facts, is_vast, is_wide, pane_below, peek, split, table, words};
use crate::desk::Status;
use crate::list::Motion;
use crate::location::{Location, Subject, Within};
use crate::model::{Look, Model};
use crate::port::{Entity, FindingRow};
use crate::question::{Question, Slot};
use crate::theme::Role;

/// The view.
pub(crate) struct Findings;

struct Layout {
    list: Rect,
    why: Option<Rect>,
    facts: Option<Rect>,
    record: Option<Rect>,
}

fn layout(model: &Model) -> Layout {
    let body = body_area(model.size);
    let (left, record) = if is_vast(model.size) {
        let (left, right) = split(body, LIST_PERCENT);
        (left, Some(right))
    } else {
        (body, None)
    };
    let (_, unfiltered) = model.findings.totals();
    let height = pane_below(left.height, unfiltered);
    let list = Rect { height: left.height - height, ..left };
    let pane = Rect { y: list.bottom(), height, ..left };
    if height == 0 {
        return Layout { list, why: None, facts: None, record };
    }
    if !is_wide(model.size) {
        return Layout { list, why: Some(pane), facts: None, record };
    }
    let (why, facts) = split(pane, 56);
    Layout { list, why: Some(why), facts: Some(facts), record }
}

/// Whether the data spans more than one day, so that times need their date.
fn spans_days(model: &Model) -> bool {
    let span = model.header.as_ref().and_then(|header| header.from.zip(header.to));
    span.is_some_and(|(from, to)| Ink::date(from) != Ink::date(to))
}

impl View for Findings {
    fn name(&self) -> &'static str {
        "findings"
    }
    fn tab(&self) -> Option<(char, &'static str, &'static str)> {
        Some(('1', "Findings", "Find"))
    }
    fn crumb(&self, _place: &Location) -> Line {
        vec![Ink::fixed("Findings")]
    }
    fn status(&self, model: &Model) -> Line {
        table::count(model.findings.totals(), model.here().sort)
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        let (request, turn) = model.findings.request();
        let mut wants = vec![Question::Findings(request, turn)];
        if let Some(row) = model.findings.selected() {
            wants.push(Question::Finding(row.id));
            let event = telling(model, row.id).filter(|_| is_vast(model.size));
            wants.extend(event.map(Question::Record));
        }
        wants
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.findings)
    }
    fn body(&self, model: &Model) -> u16 {
        layout(model).list.height.saturating_sub(1)
    }
    fn filters(&self) -> bool {
        true
    }
    fn open(&self, model: &Model) -> Option<Location> {
        model.findings.selected().map(|row| Location::new("finding", Subject::Finding(row.id)))
    }
    fn evidence(&self, model: &Model) -> Option<(EventId, Within)> {
        let id = model.findings.selected()?.id;
        telling(model, id).map(|event| (event, Within::Finding(id)))
    }
    fn incident(&self, model: &Model) -> Option<IncidentId> {
        model.findings.selected()?.incident
    }
    fn entities(&self, model: &Model) -> Vec<Entity> {
        match model.findings.selected().map(|row| model.look_finding(row.id)) {
            Some(Look::Ready(finding)) => Entity::of_finding(finding),
            _ => Vec::new(),
        }
    }
    fn timeline_of(&self, model: &Model) -> Option<Subject> {
        model.findings.selected().map(|row| Subject::Finding(row.id))
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "evidence", "to-incident", "filter", "sort"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, _area: Rect) {
        let layout = layout(model);
        table::draw(canvas, layout.list, &model.findings, &FindingRows { dates: spans_days(model) });
        if model.findings.totals().0 == 0 {
            nothing(model, canvas, layout.list);
        }
        let selected = model.findings.selected();
        if let Some(area) = layout.why {
            draw_why(model, canvas, area, selected, layout.facts.is_none());
        }
        if let Some(area) = layout.facts {
            draw_facts(model, canvas, area, selected);
        }
        if let Some(area) = layout.record {
            canvas.divider(area.x - 1, area.y, area.bottom());
            peek::draw(model, canvas, area, selected.and_then(|row| telling(model, row.id)));
        }
    }
}

fn telling(model: &Model, id: FindingId) -> Option<EventId> {
    match model.look_finding(id) {
        Look::Ready(finding) => peek::telling(finding),
        _ => None,
    }
}

fn nothing(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let reason = match model.desk.status(Slot::Findings) {
        Some(Status::Failed(why)) => peek::missing(&Look::<()>::Failed(why), "list"),
        Some(Status::Ready) => table::nothing(model.findings.totals(), "no findings in this data"),
        _ => vec![Ink::fixed("loading").role(Role::Dim)],
    };
    canvas.line(area.x + 2, area.y + 2, area.width.saturating_sub(4), &reason);
}

fn draw_why(model: &Model, canvas: &mut Canvas<'_>, area: Rect, row: Option<&FindingRow>, alone: bool) {
    let title = row.map_or(vec![Ink::fixed("why")], |row| vec![Ink::fixed("why  "), Ink::outside(&row.rule)]);
    canvas.rule(area, area.y, &title, &[Ink::fixed("Enter shows all").role(Role::Dim)]);
    let Some(row) = row else { return };
    let inner = inner(area);
    let lines = match model.look_finding(row.id) {
        Look::Ready(finding) => {
            let mut lines = facts::why(finding, inner.width);
            if alone {
                lines.extend(facts::facts(finding, inner.width));
            }
            lines
        }
        other => vec![peek::missing(&other, "finding")],
    };
    facts::draw_lines(canvas, inner, &lines);
}

fn draw_facts(model: &Model, canvas: &mut Canvas<'_>, area: Rect, row: Option<&FindingRow>) {
    canvas.divider(area.x - 1, area.y + 1, area.bottom());
    canvas.rule(
        Rect { x: area.x - 1, width: area.width + 1, ..area },
        area.y,
        &[Ink::fixed("who and where")],
        &[],
    );
    if let Some(Look::Ready(finding)) = row.map(|row| model.look_finding(row.id)) {
        let inner = inner(area);
        facts::draw_lines(canvas, inner, &facts::facts(finding, inner.width));
    }
}

fn inner(area: Rect) -> Rect {
    Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(1),
    }
}

/// Findings as rows.
struct FindingRows {
    /// Whether times need their date.
    dates: bool,
}

impl Rows<FindingRow> for FindingRows {
    fn columns(&self, width: u16) -> Vec<Column> {
        if width < 100 {
            return vec![
                fixed("SEV", 3),
                fixed("LAST", if self.dates { 11 } else { 8 }),
                fixed("ST", 4),
                fixed("L", 1),
                fixed("RULE", 6),
                flexible("", 14, 5),
                flexible("ENTITY", 12, 5),
                number("N", 4),
            ];
        }
        vec![
            fixed("SEV", 3),
            fixed("LAST", 14),
            fixed("STATE", 5),
            fixed("CONF", 4),
            fixed("LAYER", 8),
            fixed("RULE", 7),
            flexible("", 20, 5),
            flexible("ENTITY", 16, 5),
            flexible("SEEN AT", 8, 1),
            number("N", 6),
            fixed("INC", 3),
        ]
    }

    fn cells(&self, row: &FindingRow, width: u16) -> Vec<Line> {
        let one = |ink: Ink| vec![ink];
        let (severity, state) = (one(words::severity(row.severity)), one(words::state(row.state)));
        let (rule, title) = (one(Ink::outside(&row.rule)), one(Ink::outside(&row.title)));
        let (entity, count) = (one(Ink::outside(&row.entity)), one(Ink::number(row.count)));
        if width < 100 {
            let last = one(if self.dates { Ink::minute(row.last) } else { Ink::short_clock(row.last) });
            return vec![severity, last, state, one(words::layer(row.layer)), rule, title, entity, count];
        }
        vec![
            severity,
            one(Ink::short_moment(row.last)),
            state,
            one(words::confidence(row.confidence)),
            one(words::layer_word(row.layer)),
            rule,
            title,
            entity,
            one(Ink::outside(&row.place)),
            count,
            one(Ink::fixed(if row.incident.is_some() { "inc" } else { "-" })),
        ]
    }
}
