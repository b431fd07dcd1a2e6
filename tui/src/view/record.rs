//! One record: what was understood of it, where it lies, and the original.

use offbound_schemas::{EventId, IncidentId};
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::{View, incident, is_wide, peek};
use crate::location::{Location, Subject, Within};
use crate::model::{Look, Model};
use crate::port::{Entity, EvidenceRecord};
use crate::question::Question;
use crate::theme::Role;

/// The view.
pub(crate) struct Record;

fn subject(model: &Model) -> Option<(EventId, Within)> {
    match model.here().subject {
        Subject::Record(event, within) => Some((event, within)),
        _ => None,
    }
}

/// What was understood, and the original: beside each other, or one below the other.
struct Text {
    left: Vec<Line>,
    right: Option<Vec<Line>>,
    left_width: u16,
}

fn text(model: &Model, record: &EvidenceRecord) -> Text {
    let width = body_area(model.size).width;
    let beside = is_wide(model.size);
    let left_width = if beside { width / 2 } else { width };
    let room = left_width.saturating_sub(2);
    let mut left = peek::provenance(record, room);
    left.push(vec![Ink::fixed("understood as").role(Role::Strong)]);
    left.extend(peek::columns(record, room));
    let raw_room = if beside { width - left_width - 3 } else { room };
    let original = peek::original(record, raw_room, model.wrap, model.sideways);
    if beside {
        return Text { left, right: Some(original), left_width };
    }
    left.push(vec![Ink::fixed("original, exactly as it was read").role(Role::Strong)]);
    left.extend(original);
    Text { left, right: None, left_width }
}

impl View for Record {
    fn name(&self) -> &'static str {
        "record"
    }
    fn crumb(&self, place: &Location) -> Line {
        match place.subject {
            Subject::Record(event, _) => vec![Ink::fixed("record "), Ink::short_id(&event)],
            _ => vec![Ink::fixed("record")],
        }
    }
    fn status(&self, model: &Model) -> Line {
        let siblings = self.siblings(model);
        let at = subject(model).and_then(|(event, _)| siblings.iter().position(|sibling| *sibling == event));
        match at {
            Some(at) => vec![
                Ink::fixed("record "),
                Ink::number(at as u64 + 1),
                Ink::fixed(" of "),
                Ink::number(siblings.len() as u64),
                Ink::fixed("  n N").role(Role::Dim),
            ],
            None => Line::new(),
        }
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        let Some((event, within)) = subject(model) else { return Vec::new() };
        let mut wants = vec![Question::Record(event)];
        match within {
            Within::Finding(id) => wants.push(Question::Finding(id)),
            Within::Incident(id) => wants.extend([Question::Incident(id), incident::members(id)]),
            Within::Alone => {}
        }
        wants
    }
    fn body(&self, model: &Model) -> u16 {
        body_area(model.size).height.saturating_sub(1)
    }
    fn has_text(&self) -> bool {
        true
    }
    fn text_lines(&self, model: &Model) -> usize {
        match subject(model).map(|(event, _)| model.look_record(event)) {
            Some(Look::Ready(record)) => {
                let text = text(model, record);
                text.left.len().max(text.right.map_or(0, |right| right.len()))
            }
            _ => 0,
        }
    }
    fn incident(&self, model: &Model) -> Option<IncidentId> {
        match subject(model)?.1 {
            Within::Incident(id) => Some(id),
            Within::Finding(id) => match model.look_finding(id) {
                Look::Ready(finding) => finding.incident,
                _ => None,
            },
            Within::Alone => None,
        }
    }
    fn entities(&self, model: &Model) -> Vec<Entity> {
        match subject(model).map(|(event, _)| model.look_record(event)) {
            Some(Look::Ready(record)) => Entity::of_columns(&record.columns),
            _ => Vec::new(),
        }
    }
    fn timeline_of(&self, model: &Model) -> Option<Subject> {
        match subject(model)?.1 {
            Within::Finding(id) => Some(Subject::Finding(id)),
            Within::Incident(id) => Some(Subject::Incident(id)),
            Within::Alone => None,
        }
    }
    fn siblings(&self, model: &Model) -> Vec<EventId> {
        match subject(model).map(|(_, within)| within) {
            Some(Within::Finding(id)) => match model.look_finding(id) {
                Look::Ready(finding) => finding.evidence.iter().map(|evidence| evidence.event_id).collect(),
                _ => Vec::new(),
            },
            Some(Within::Incident(id)) => match model.look_incident(id) {
                Look::Ready(incident) => incident_records(incident),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
    fn hints(&self) -> &'static [&'static str] {
        &["next", "previous", "to-incident", "to-entity", "wrap", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let Some((event, _)) = subject(model) else { return };
        match model.look_record(event) {
            Look::Ready(record) => draw_record(model, canvas, area, record),
            other => {
                let line = peek::missing(&other, "record");
                canvas.line(area.x + 1, area.y + 1, area.width.saturating_sub(2), &line);
            }
        }
    }
}

/// The records that an incident's controls show, by control in order of time.
fn incident_records(incident: &offbound_schemas::record::Incident) -> Vec<EventId> {
    let mut controls: Vec<_> =
        incident.host_layer.controls.iter().chain(&incident.identity_layer.controls).collect();
    controls.sort_by_key(|control| (control.time.is_none(), control.time, control.control));
    let mut records: Vec<EventId> = Vec::new();
    for event in controls.iter().flat_map(|control| &control.evidence) {
        if !records.contains(event) {
            records.push(*event);
        }
    }
    records
}

fn draw_record(model: &Model, canvas: &mut Canvas<'_>, area: Rect, record: &EvidenceRecord) {
    let text = text(model, record);
    let left = Rect { width: text.left_width, ..area };
    canvas.rule(left, area.y, &[Ink::fixed("record")], &position(model, text.left.len(), area.height));
    scrolled(canvas, left, &text.left, model.here().scroll);
    if let Some(original) = &text.right {
        let right = Rect { x: left.right(), width: area.width - left.width, ..area };
        let title = [Ink::fixed("original, exactly as it was read")];
        canvas.rule(right, area.y, &title, &position(model, original.len(), area.height));
        canvas.divider(right.x, area.y + 1, area.bottom());
        scrolled(
            canvas,
            Rect { x: right.x + 1, width: right.width - 1, ..right },
            original,
            model.here().scroll,
        );
    }
}

/// Which lines are shown, when not all are.
pub(super) fn position(model: &Model, lines: usize, height: u16) -> Line {
    let shown = usize::from(height.saturating_sub(1));
    if lines <= shown {
        return Line::new();
    }
    let first = model.here().scroll.min(lines - shown);
    let numbers = [first + 1, first + shown, lines].map(|number| Ink::number(number as u64));
    let [from, to, of] = numbers;
    vec![Ink::fixed("lines "), from, Ink::fixed("-"), to, Ink::fixed(" of "), of]
}

/// Draws the lines from that one on.
pub(super) fn scrolled(canvas: &mut Canvas<'_>, area: Rect, lines: &[Line], scroll: usize) {
    let height = usize::from(area.height.saturating_sub(1));
    let first = scroll.min(lines.len().saturating_sub(height));
    for (y, line) in (area.y + 1..).zip(lines.iter().skip(first).take(height)) {
        canvas.line(area.x + 1, y, area.width.saturating_sub(2), line);
    }
}
