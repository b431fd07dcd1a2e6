//! The sources: what was read of each, what could not be, and where telemetry is missing.

use std::collections::BTreeMap;

use offbound_schemas::record::{Gap, SourceCount};
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::table::{Column, Rows, fixed, flexible, number};
use super::{View, facts, pane_below, peek, table};
use crate::desk::Status;
use crate::list::Motion;
use crate::location::Location;
use crate::model::{Look, Model};
use crate::port::SourceRow;
use crate::question::{Question, Slot};
use crate::theme::Role;

/// The view.
pub(crate) struct Sources;

/// The list, and the pane below it.
fn layout(model: &Model) -> (Rect, Rect) {
    let body = body_area(model.size);
    let pane = pane_below(body.height, model.sources.totals().1);
    (Rect { height: body.height - pane, ..body }, Rect { y: body.bottom() - pane, height: pane, ..body })
}

impl View for Sources {
    fn name(&self) -> &'static str {
        "sources"
    }
    fn tab(&self) -> Option<(char, &'static str, &'static str)> {
        Some(('8', "Sources", "Src"))
    }
    fn crumb(&self, _place: &Location) -> Line {
        vec![Ink::fixed("Sources")]
    }
    fn status(&self, model: &Model) -> Line {
        let records = model.header.as_ref().map_or(0, |header| header.records);
        vec![Ink::number(records), Ink::fixed(" records read")]
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        let (request, turn) = model.sources.request();
        vec![Question::Sources(request, turn)]
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.sources)
    }
    fn body(&self, model: &Model) -> u16 {
        layout(model).0.height.saturating_sub(1)
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "refresh", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, _area: Rect) {
        let (list, pane) = layout(model);
        table::draw(canvas, list, &model.sources, &SourceRows);
        if model.sources.totals().0 == 0 {
            let reason = match model.desk.status(Slot::Sources) {
                Some(Status::Failed(why)) => peek::missing(&Look::<()>::Failed(why), "list"),
                Some(Status::Ready) => vec![Ink::fixed("no source was read")],
                _ => vec![Ink::fixed("loading").role(Role::Dim)],
            };
            canvas.line(list.x + 2, list.y + 2, list.width.saturating_sub(4), &reason);
        }
        if pane.height > 0 {
            canvas.rule(pane, pane.y, &[Ink::fixed("selected")], &[]);
            let area =
                Rect { x: 1, y: pane.y + 1, width: pane.width.saturating_sub(2), height: pane.height - 1 };
            let lines = match model.sources.selected() {
                Some(SourceRow::Source(source)) => source_lines(source, area.width),
                Some(SourceRow::Gap(gap)) => gap_lines(gap, area.width),
                None => Vec::new(),
            };
            facts::draw_lines(canvas, area, &lines);
        }
    }
}

fn sum(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().sum()
}

fn source_lines(source: &SourceCount, room: u16) -> Vec<Line> {
    let mut lines = facts::labelled("location", &Ink::outside(&source.location), room);
    lines.extend(facts::labelled("format", &Ink::outside(&source.format), room));
    let accounted = source.decoded + sum(&source.skipped) + sum(&source.dead_lettered);
    if accounted != source.read {
        lines.push(vec![Ink::fixed("the counts do not add up: ").role(Role::Bad), Ink::number(accounted)]);
    }
    let kinds = [
        ("dead letter", &source.dead_lettered, Role::Warn),
        ("skipped", &source.skipped, Role::Plain),
        ("new field", &source.unmapped, Role::Doubt),
    ];
    for (label, counts, role) in kinds {
        for (reason, count) in counts {
            let gap = facts::pad(facts::LABEL.saturating_sub(label.len()));
            let count = Ink::number(*count).role(role);
            lines.push(vec![
                Ink::fixed(label).role(Role::Dim),
                gap,
                count,
                Ink::fixed("  "),
                Ink::outside(reason),
            ]);
        }
    }
    lines
}

fn gap_lines(gap: &Gap, room: u16) -> Vec<Line> {
    let mut lines = facts::labelled("source", &Ink::outside(&gap.source), room);
    lines.extend(facts::labelled("affects", &Ink::outside(&gap.scope), room));
    lines.extend(facts::labelled("known by", &Ink::outside(&gap.reason), room));
    let seconds = gap.to.nanos_since(gap.from) as f64 / 1e9;
    lines.push(vec![
        Ink::fixed("when").role(Role::Dim),
        facts::pad(facts::LABEL - 4),
        Ink::moment(gap.from),
        Ink::fixed(" to "),
        Ink::moment(gap.to),
        Ink::fixed("  "),
        Ink::duration(seconds),
    ]);
    let lost = gap.lost.map_or(Ink::fixed("unknown").role(Role::Doubt), Ink::number);
    lines.push(vec![Ink::fixed("lost").role(Role::Dim), facts::pad(facts::LABEL - 4), lost]);
    lines.push(vec![Ink::fixed("an absence in this time proves nothing").role(Role::Doubt)]);
    lines
}

struct SourceRows;

impl Rows<SourceRow> for SourceRows {
    fn columns(&self, width: u16) -> Vec<Column> {
        let narrow = width < 100;
        vec![
            fixed("", 4),
            flexible("SOURCE", 18, 3),
            flexible("FORMAT", if narrow { 10 } else { 20 }, 1),
            number("READ", if narrow { 9 } else { 12 }),
            number("DECODED", if narrow { 9 } else { 12 }),
            number("SKIPPED", 8),
            number("DEAD", 7),
        ]
    }

    fn cells(&self, row: &SourceRow, _width: u16) -> Vec<Line> {
        match row {
            SourceRow::Source(source) => source_cells(source),
            SourceRow::Gap(gap) => gap_cells(gap),
        }
    }
}

fn source_cells(source: &SourceCount) -> Vec<Line> {
    let dead = sum(&source.dead_lettered);
    vec![
        vec![Ink::fixed("file").role(Role::Dim)],
        vec![Ink::outside(&source.location)],
        vec![Ink::outside(&source.format)],
        vec![Ink::number(source.read)],
        vec![Ink::number(source.decoded)],
        vec![Ink::number(sum(&source.skipped))],
        vec![Ink::number(dead).role(if dead > 0 { Role::Warn } else { Role::Dim })],
    ]
}

fn gap_cells(gap: &Gap) -> Vec<Line> {
    let what = vec![
        Ink::outside(&gap.source),
        Ink::fixed(" "),
        Ink::outside(&gap.scope),
        Ink::fixed(" "),
        Ink::clock(gap.from),
        Ink::fixed(" to "),
        Ink::clock(gap.to),
    ];
    let lost = gap.lost.map_or(Ink::fixed("?").role(Role::Doubt), Ink::number);
    vec![
        vec![Ink::fixed("GAP").role(Role::Doubt)],
        what,
        vec![Ink::outside(&gap.reason)],
        vec![Ink::fixed("lost").role(Role::Dim)],
        vec![lost],
        Line::new(),
        Line::new(),
    ]
}
