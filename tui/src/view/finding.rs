//! One finding: why, who and where, and the records it rests on.

use offbound_schemas::record::{Evidence, Finding};
use offbound_schemas::{EventId, FindingId, IncidentId};
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::table::{Column, Rows, fixed, flexible};
use super::{View, facts, is_vast, is_wide, peek, table};
use crate::list::{Motion, Row};
use crate::location::{Location, Subject, Within};
use crate::model::{Look, Model};
use crate::question::Question;

/// The view.
pub(crate) struct OneFinding;

impl Row for Evidence {
    fn id(&self) -> String {
        self.event_id.to_string()
    }
}

struct Layout {
    head: Rect,
    why: Rect,
    facts: Rect,
    evidence: Rect,
    record: Option<Rect>,
}

fn layout(size: (u16, u16)) -> Layout {
    let body = body_area(size);
    let left_width = if is_vast(size) { body.width / 100 * 62 } else { body.width };
    let left = Rect { width: left_width, ..body };
    let record =
        is_vast(size).then(|| Rect { x: left_width + 1, width: body.width - left_width - 1, ..body });
    let head = Rect { height: left.height.min(2), ..left };
    let rest = left.height - head.height;
    let evidence_height = (rest * 2 / 5).max(rest.min(4));
    let text = Rect { y: head.bottom(), height: rest - evidence_height, ..left };
    let evidence = Rect { y: text.bottom(), height: evidence_height, ..left };
    let (why, facts) = if is_wide(size) {
        let why = Rect { width: text.width / 2, ..text };
        (why, Rect { x: why.right() + 1, width: text.width - why.width - 1, ..text })
    } else {
        (text, Rect { height: 0, ..text })
    };
    Layout { head, why, facts, evidence, record }
}

/// The finding that a place is about.
fn subject(model: &Model) -> Option<FindingId> {
    match model.here().subject {
        Subject::Finding(id) => Some(id),
        _ => None,
    }
}

impl View for OneFinding {
    fn name(&self) -> &'static str {
        "finding"
    }
    fn crumb(&self, place: &Location) -> Line {
        match place.subject {
            Subject::Finding(id) => vec![Ink::fixed("finding "), Ink::short_id(&id)],
            _ => vec![Ink::fixed("finding")],
        }
    }
    fn status(&self, model: &Model) -> Line {
        vec![Ink::number(model.evidence.total()), Ink::fixed(" records of evidence")]
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        let mut wants: Vec<Question> = subject(model).map(Question::Finding).into_iter().collect();
        if is_vast(model.size) {
            wants.extend(model.evidence.selected().map(|evidence| Question::Record(evidence.event_id)));
        }
        wants
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.evidence)
    }
    fn body(&self, model: &Model) -> u16 {
        layout(model.size).evidence.height.saturating_sub(2)
    }
    fn fill(&self, model: &mut Model) {
        let rows = match subject(model).map(|id| model.look_finding(id)) {
            Some(Look::Ready(finding)) => finding.evidence.clone(),
            _ => Vec::new(),
        };
        model.evidence.fill(rows);
    }
    fn open(&self, model: &Model) -> Option<Location> {
        self.evidence(model).map(|(event, within)| Location::new("record", Subject::Record(event, within)))
    }
    fn evidence(&self, model: &Model) -> Option<(EventId, Within)> {
        let event = model.evidence.selected()?.event_id;
        subject(model).map(|id| (event, Within::Finding(id)))
    }
    fn incident(&self, model: &Model) -> Option<IncidentId> {
        match model.look_finding(subject(model)?) {
            Look::Ready(finding) => finding.incident,
            _ => None,
        }
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "to-incident", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let Some(id) = subject(model) else { return };
        let finding = match model.look_finding(id) {
            Look::Ready(finding) => finding,
            other => {
                let line = peek::missing(&other, "finding");
                canvas.line(area.x + 1, area.y, area.width.saturating_sub(2), &line);
                return;
            }
        };
        let layout = layout(model.size);
        facts::draw_lines(canvas, inner(layout.head, 0), &facts::head(finding));
        draw_text(finding, canvas, &layout);
        draw_evidence(model, canvas, layout.evidence);
        if let Some(area) = layout.record {
            canvas.divider(area.x - 1, area.y, area.bottom());
            peek::draw(model, canvas, area, model.evidence.selected().map(|evidence| evidence.event_id));
        }
    }
}

/// The area without its margin, and without `above` lines.
fn inner(area: Rect, above: u16) -> Rect {
    Rect {
        x: area.x + 1,
        y: area.y + above,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(above),
    }
}

fn draw_text(finding: &Finding, canvas: &mut Canvas<'_>, layout: &Layout) {
    let why = inner(layout.why, 1);
    let mut lines = facts::steps(finding, why.width);
    lines.extend(facts::not_observed(finding));
    let beside = layout.facts;
    if beside.height == 0 {
        lines.extend(facts::facts(finding, why.width));
    } else {
        let ruled = Rect { x: beside.x - 1, width: beside.width + 1, ..beside };
        canvas.rule(ruled, beside.y, &[Ink::fixed("who and where")], &[]);
        canvas.divider(beside.x - 1, beside.y + 1, beside.bottom());
        let area = inner(beside, 1);
        facts::draw_lines(canvas, area, &facts::facts(finding, area.width));
    }
    canvas.rule(layout.why, layout.why.y, &[Ink::fixed("why")], &[]);
    facts::draw_lines(canvas, why, &lines);
}

fn draw_evidence(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    canvas.rule(area, area.y, &[Ink::fixed("evidence")], &[Ink::fixed("Enter shows the record")]);
    let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    table::draw(canvas, rows, &model.evidence, &EvidenceRows);
}

struct EvidenceRows;

impl Rows<Evidence> for EvidenceRows {
    fn columns(&self, width: u16) -> Vec<Column> {
        let table = if width < 100 { 0 } else { 20 };
        vec![
            fixed("TIME", 12),
            flexible("WHAT", 10, 1),
            flexible("SOURCE", 12, 1),
            flexible("RECORD", 20, 3),
            fixed(if table > 0 { "TABLE" } else { "" }, table),
        ]
    }

    fn cells(&self, row: &Evidence, _width: u16) -> Vec<Line> {
        vec![
            vec![Ink::clock(row.time)],
            vec![Ink::outside(&row.role)],
            vec![Ink::outside(&row.source)],
            vec![Ink::outside(&row.location)],
            vec![Ink::outside(&row.table)],
        ]
    }
}
