//! One finding: why, the records it rests on, who and where; the selected record beside it where there is room.

use offbound_schemas::record::{Evidence, Finding};
use offbound_schemas::{EventId, FindingId, IncidentId};
use ratatui::layout::Rect;

use super::canvas::{Canvas, Target};
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::{View, facts, is_wide, peek, split, table};
use crate::list::{Motion, Row};
use crate::location::{Location, Subject, Within};
use crate::model::{Look, Model};
use crate::port::Entity;
use crate::question::Question;
use crate::theme::Role;

/// The view.
pub(crate) struct OneFinding;

/// A line of it.
#[derive(Debug, Clone)]
pub(crate) enum FindingLine {
    /// The beginning of a section.
    Heading(&'static str, &'static str),
    /// Text, and its number in its section.
    Text(&'static str, usize, Line),
    /// A record that the finding rests on.
    Evidence(Evidence),
}

impl Row for FindingLine {
    fn id(&self) -> String {
        match self {
            Self::Heading(title, _) => format!("heading {title}"),
            Self::Text(section, number, _) => format!("{section} {number}"),
            Self::Evidence(evidence) => format!("evidence {}", evidence.event_id),
        }
    }

    fn selectable(&self) -> bool {
        !matches!(self, Self::Heading(..))
    }
}

/// Columns in a hundred that the finding keeps beside a record.
const PERCENT: u16 = 58;
/// Lines of the head.
const HEAD: u16 = 3;

/// The head, the rows, and the record beside them where there is room.
fn layout(size: (u16, u16)) -> (Rect, Rect, Option<Rect>) {
    let body = body_area(size);
    let head = Rect { height: HEAD.min(body.height), ..body };
    let rest = Rect { y: head.bottom(), height: body.height - head.height, ..body };
    if !is_wide(size) {
        return (head, rest, None);
    }
    let (rows, record) = split(rest, PERCENT);
    (head, rows, Some(record))
}

/// The finding that a place is about.
fn subject(model: &Model) -> Option<FindingId> {
    match model.here().subject {
        Subject::Finding(id) => Some(id),
        _ => None,
    }
}

fn ready(model: &Model) -> Option<&Finding> {
    match model.look_finding(subject(model)?) {
        Look::Ready(finding) => Some(finding),
        _ => None,
    }
}

/// The record that is shown for the selected line: its own, or the most telling one.
fn shown(model: &Model) -> Option<EventId> {
    match model.finding_lines.selected() {
        Some(FindingLine::Evidence(evidence)) => Some(evidence.event_id),
        _ => ready(model).and_then(peek::telling),
    }
}

fn rows(finding: &Finding, room: u16) -> Vec<FindingLine> {
    let text = |section: &'static str, lines: Vec<Line>| {
        lines.into_iter().enumerate().map(move |(at, line)| FindingLine::Text(section, at, line))
    };
    let mut rows = vec![FindingLine::Heading("why", "")];
    rows.extend(text("why", facts::steps(finding, room)));
    rows.extend(text("missing", facts::not_observed(finding)));
    rows.push(FindingLine::Heading("evidence", "Enter shows the record"));
    rows.extend(finding.evidence.iter().cloned().map(FindingLine::Evidence));
    rows.push(FindingLine::Heading("who and where", ""));
    rows.extend(text("fact", facts::facts(finding, room)));
    rows
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
        let records = ready(model).map(|finding| finding.evidence.len() as u64);
        records
            .map(|count| vec![Ink::count(count, "record", "records"), Ink::fixed(" of evidence")])
            .unwrap_or_default()
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        let mut wants: Vec<Question> = subject(model).map(Question::Finding).into_iter().collect();
        if is_wide(model.size) {
            wants.extend(shown(model).map(Question::Record));
        }
        wants
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.finding_lines)
    }
    fn body(&self, model: &Model) -> u16 {
        layout(model.size).1.height
    }
    fn fill(&self, model: &mut Model) {
        let room = layout(model.size).1.width.saturating_sub(3);
        match ready(model).map(|finding| rows(finding, room)) {
            Some(rows) => model.finding_lines.fill(rows),
            None => model.finding_lines.empty(),
        }
    }
    fn open(&self, model: &Model) -> Option<Location> {
        self.evidence(model).map(|(event, within)| Location::new("record", Subject::Record(event, within)))
    }
    fn evidence(&self, model: &Model) -> Option<(EventId, Within)> {
        Some((shown(model)?, Within::Finding(subject(model)?)))
    }
    fn entities(&self, model: &Model) -> Vec<Entity> {
        ready(model).map(Entity::of_finding).unwrap_or_default()
    }
    fn timeline_of(&self, model: &Model) -> Option<Subject> {
        subject(model).map(Subject::Finding)
    }
    fn incident(&self, model: &Model) -> Option<IncidentId> {
        ready(model)?.incident
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "to-incident", "timeline", "to-entity", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, _area: Rect) {
        let (head, list, record) = layout(model.size);
        let inner = Rect { x: head.x + 1, width: head.width.saturating_sub(2), ..head };
        let lines = match subject(model).map(|id| model.look_finding(id)) {
            Some(Look::Ready(finding)) => facts::head(finding),
            Some(other) => vec![peek::missing(&other, "finding")],
            None => Vec::new(),
        };
        facts::draw_lines(canvas, inner, &lines);
        draw_rows(model, canvas, list);
        if let Some(area) = record {
            canvas.divider(area.x - 1, area.y, area.bottom());
            peek::draw(model, canvas, area, shown(model));
        }
    }
}

fn draw_rows(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    for (line, visible) in model.finding_lines.visible(area.height) {
        let row = Rect { y: area.y + line, height: 1, ..area };
        let room = row.width.saturating_sub(3);
        match visible.row {
            FindingLine::Heading(title, hint) => {
                let hint = if hint.is_empty() { Line::new() } else { vec![Ink::fixed(hint).role(Role::Dim)] };
                canvas.rule(row, row.y, &[Ink::fixed(title).role(Role::Strong)], &hint);
                continue;
            }
            FindingLine::Text(_, _, text) => canvas.line(row.x + 2, row.y, room, text),
            FindingLine::Evidence(evidence) => {
                canvas.line(row.x + 2, row.y, room, &facts::evidence_columns(evidence))
            }
        };
        table::mark(canvas, row, visible.selected, visible.gone);
        canvas.hit(row, Target::Row(visible.index));
    }
}
