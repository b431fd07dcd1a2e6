//! A record beside a list: what was understood of it, then the original.
//!
//! In: a record. Out: lines. Law: at most [`RAW_SHOWN_BYTES`] of the original are laid out, and it says so.

use offbound_schemas::record::Finding;
use offbound_schemas::{EventId, safe};
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::facts::{draw_lines, pad};
use super::ink::{Ink, Line};
use super::table;
use crate::desk::Status;
use crate::model::{Look, Model};
use crate::port::EvidenceRecord;
use crate::theme::Role;

/// Bytes of an original record that are laid out: far more than a log line has, little enough for every frame.
pub(crate) const RAW_SHOWN_BYTES: usize = 256 * 1024;
/// Columns of column names, at most.
const NAME_COLUMNS: usize = 22;

/// Where the record is.
pub(crate) fn provenance(record: &EvidenceRecord, room: u16) -> Vec<Line> {
    let facts = [
        ("table", record.table.as_str()),
        ("source", record.source.as_str()),
        ("location", record.location.as_str()),
    ];
    let mut lines: Vec<Line> = facts
        .iter()
        .flat_map(|(label, value)| super::facts::labelled(label, &Ink::outside(value), room))
        .collect();
    lines.extend(super::facts::labelled("event id", &Ink::outside(&record.event_id.to_string()), room));
    let escaped = safe::count_escaped(&record.raw.replace('\n', ""));
    let mut bytes = vec![Ink::fixed("bytes").role(Role::Dim), pad(7), Ink::number(record.raw.len() as u64)];
    if escaped > 0 {
        bytes.extend([Ink::fixed("  !! ").role(Role::Warn), Ink::number(escaped as u64).role(Role::Warn)]);
        bytes.push(Ink::fixed(" characters spelled out").role(Role::Warn));
    }
    lines.push(bytes);
    lines
}

/// What was understood.
pub(crate) fn columns(record: &EvidenceRecord, room: u16) -> Vec<Line> {
    let longest = record.columns.iter().map(|(name, _)| Ink::outside(name).width()).max().unwrap_or(0);
    let name_room = longest.min(NAME_COLUMNS).min(usize::from(room) / 2);
    let value_room = usize::from(room).saturating_sub(name_room + 2).max(8);
    let mut lines = Vec::new();
    for (name, value) in &record.columns {
        let mut name = Ink::outside(name).role(Role::Dim).wrap(name_room.max(1), true).into_iter();
        for part in Ink::outside(value).wrap(value_room, false) {
            let label = name.next().unwrap_or(Ink::fixed(""));
            let gap = pad((name_room + 2).saturating_sub(label.width()));
            lines.push(vec![label, gap, part]);
        }
        lines.extend(name.map(|rest| vec![rest]));
    }
    lines
}

/// The original, control characters spelled out. Without `wrap`, lines begin `sideways` columns in.
pub(crate) fn original(record: &EvidenceRecord, room: u16, wrap: bool, sideways: usize) -> Vec<Line> {
    let end = record.raw.floor_char_boundary(RAW_SHOWN_BYTES);
    let shown = record.raw.get(..end).unwrap_or_default();
    let mut lines: Vec<Line> = Vec::new();
    for line in shown.strip_suffix('\n').unwrap_or(shown).split('\n') {
        let ink = Ink::part(line);
        if wrap {
            lines.extend(ink.wrap(room.into(), true).into_iter().map(|part| vec![part]));
        } else if sideways > 0 {
            lines.push(ink.wrap(sideways, true).into_iter().skip(1).collect());
        } else {
            lines.push(vec![ink]);
        }
    }
    if end < record.raw.len() {
        let hidden = (record.raw.len() - end) as u64;
        lines.push(vec![Ink::number(hidden), Ink::fixed(" more bytes are not shown").role(Role::Warn)]);
    }
    lines
}

/// Draws the record behind something beside it.
pub(crate) fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect, event: Option<EventId>) {
    canvas.rule(area, area.y, &[Ink::fixed("record")], &[Ink::fixed("e opens")]);
    let inner = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(1),
    };
    let lines = match event.map(|event| model.look_record(event)) {
        None => vec![vec![Ink::fixed("no record behind this").role(Role::Dim)]],
        Some(look) => match look {
            Look::Ready(record) => whole(record, inner.width),
            other => vec![missing(&other, "record")],
        },
    };
    draw_lines(canvas, inner, &lines);
}

fn whole(record: &EvidenceRecord, room: u16) -> Vec<Line> {
    let mut lines = provenance(record, room);
    lines.push(Line::new());
    lines.extend(columns(record, room));
    lines.push(Line::new());
    lines.extend(original(record, room, true, 0));
    lines
}

/// Why a list of what was asked is empty.
pub(crate) fn why_empty(status: Option<&Status>, totals: (u64, u64), none: &'static str) -> Line {
    match status {
        Some(Status::Failed(why)) => missing(&Look::<()>::Failed(why), "list"),
        Some(Status::Ready) => table::nothing(totals, none),
        _ => vec![Ink::fixed("reading").role(Role::Dim)],
    }
}

/// What to say when there is nothing to show.
pub(crate) fn missing<T>(look: &Look<'_, T>, what: &'static str) -> Line {
    match look {
        Look::Loading => vec![Ink::fixed("loading").role(Role::Dim)],
        Look::Missing => vec![
            Ink::fixed("this ").role(Role::Doubt),
            Ink::fixed(what).role(Role::Doubt),
            Ink::fixed(" is not in the data at hand").role(Role::Doubt),
        ],
        Look::Failed(why) => {
            vec![Ink::fixed("could not ask: ").role(Role::Warn), Ink::outside(why).role(Role::Warn)]
        }
        Look::Ready(_) => Line::new(),
    }
}

/// The record that says most about a finding: the last one it rests on.
pub(crate) fn telling(finding: &Finding) -> Option<EventId> {
    finding.evidence.last().map(|evidence| evidence.event_id)
}
