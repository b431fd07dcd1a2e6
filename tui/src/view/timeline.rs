//! The timeline: who did what when, in lanes.
//!
//! In: lanes with findings, and how much was recorded in each cell. Out: a line per lane, and the cell under the cursor
//! in words. Owns: which cell is selected. Laws: what nobody could see is drawn, and is no quiet; the selection is a lane
//! and a moment, whatever the size of the screen.

mod cell;
mod glyph;
mod lane;

use offbound_schemas::{EventTime, IncidentId};
use ratatui::layout::Rect;

use super::canvas::{Canvas, Target};
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::{View, facts, peek, table};
use crate::desk::Status;
use crate::list::Motion;
use crate::location::{Location, Subject};
use crate::model::Model;
use crate::port::{
    CountsRequest, Entity, FindingRow, LaneOf, Scope, Span, Timeline, TimelineRequest, Window,
};
use crate::question::{Question, Slot};
use crate::theme::Role;

pub(crate) use lane::{LaneRow, lane_name};

/// The view.
pub(crate) struct Lanes;

/// Lines above the lanes: a rule, the axis, the cursor's moment.
const LINES_ABOVE: u16 = 3;
/// Lines that the pane below needs at least: a rule, the cell, its findings, the legend.
const PANE_MIN: u16 = 7;

/// Where the lanes are, and the pane below them.
struct Layout {
    /// The whole body.
    body: Rect,
    /// Names of lanes end before this column.
    cells_from: u16,
    /// Cells of a line.
    cells: u16,
    /// Lanes.
    lanes: Rect,
    /// What is said of the selected cell.
    pane: Rect,
}

fn layout(model: &Model) -> Layout {
    let body = body_area(model.size);
    let label = match body.width {
        0..=99 => 20,
        100..=179 => 30,
        _ => 44,
    };
    let cells_from = (label + 2).min(body.width);
    let wanted = u16::try_from(model.lanes.total().max(3)).unwrap_or(u16::MAX);
    let most = body.height.saturating_sub(LINES_ABOVE + PANE_MIN).max(1);
    let height = wanted.min(most).min(body.height.saturating_sub(LINES_ABOVE));
    let lanes = Rect { y: body.y + LINES_ABOVE.min(body.height), height, ..body };
    let pane = Rect { y: lanes.bottom(), height: body.bottom().saturating_sub(lanes.bottom()), ..body };
    Layout { body, cells_from, cells: body.width.saturating_sub(cells_from + 1), lanes, pane }
}

/// What a place is about.
fn scope(place: &Location) -> Scope {
    match &place.subject {
        Subject::Finding(id) => Scope::Finding(*id),
        Subject::Incident(id) => Scope::Incident(*id),
        Subject::Entity(entity) | Subject::Lane(LaneOf::Entity(entity)) => Scope::Entity(entity.clone()),
        Subject::All | Subject::Record(..) | Subject::Lane(_) => Scope::All,
    }
}

fn request(model: &Model) -> TimelineRequest {
    let here = model.here();
    let cells = u32::from(layout(model).cells.max(1));
    TimelineRequest { scope: scope(here), filter: here.filter.clone(), span: here.span, cells }
}

/// The timeline of the place one is at, as far as it is there.
fn shown(model: &Model) -> Option<&Timeline> {
    model.timeline.as_deref().filter(|timeline| timeline.scope == scope(model.here()))
}

/// The window on the screen.
pub(crate) fn window(model: &Model) -> Option<Window> {
    shown(model).map(|timeline| timeline.window)
}

/// The selected cell.
fn cell_of(model: &Model, timeline: &Timeline) -> u32 {
    let chosen = model.here().moment.and_then(|moment| timeline.window.cell_of(moment));
    let first = || timeline.lanes.iter().flat_map(|lane| &lane.found).map(|found| found.cell).min();
    chosen.or_else(first).unwrap_or(0).min(timeline.window.cells.saturating_sub(1))
}

/// The selected moment.
pub(crate) fn moment(model: &Model) -> Option<EventTime> {
    let timeline = shown(model)?;
    let cell = timeline.window.cell(cell_of(model, timeline));
    Some(model.here().moment.filter(|moment| (cell.from..cell.to).contains(moment)).unwrap_or(cell.from))
}

/// Shows another stretch of time.
pub(crate) fn look_at(model: &mut Model, span: Span, moment: EventTime) {
    let here = model.history.here_mut();
    (here.span, here.moment) = (Some(span), Some(moment));
}

/// To the next cell with a finding in that direction; into the stretch of the next finding where the window has none.
pub(crate) fn step_to_finding(model: &mut Model, forwards: bool) -> Result<(), String> {
    let timeline = shown(model).ok_or("the timeline is not there yet")?;
    let now = cell_of(model, timeline);
    let is_ahead = |cell: u32| if forwards { cell > now } else { cell < now };
    let found =
        timeline.lanes.iter().flat_map(|lane| lane.found.iter().map(move |found| (found.cell, &lane.of)));
    let ahead = found.filter(|(cell, _)| is_ahead(*cell));
    let next =
        if forwards { ahead.min_by_key(|(cell, _)| *cell) } else { ahead.max_by_key(|(cell, _)| *cell) };
    let outside = if forwards { timeline.after } else { timeline.before };
    match (next, outside) {
        (Some((cell, of)), _) => {
            let (moment, of) = (timeline.window.cell(cell).from, of.clone());
            let has_it = model.lanes.selected().is_some_and(|row| row.has_finding(cell));
            model.history.here_mut().moment = Some(moment);
            if !has_it {
                select_lane(model, &of);
            }
            Ok(())
        }
        (None, Some(time)) => {
            let span = Span::around(time, timeline.window.span().nanos());
            look_at(model, span, time);
            Ok(())
        }
        (None, None) => Err(if forwards { "no later finding" } else { "no earlier finding" }.to_owned()),
    }
}

fn select_lane(model: &mut Model, of: &LaneOf) {
    let index = shown(model).and_then(|timeline| timeline.lanes.iter().position(|lane| lane.of == *of));
    let height = Lanes.body(model);
    if let Some(index) = index {
        model.lanes.go(index as u64, height);
    }
}

/// The findings that begin in the selected cell of the selected lane.
fn findings_here(model: &Model) -> &[FindingRow] {
    let Some(timeline) = shown(model) else { return &[] };
    let cell = cell_of(model, timeline);
    model.lanes.selected().map(|row| row.findings(cell)).unwrap_or_default()
}

impl View for Lanes {
    fn name(&self) -> &'static str {
        "timeline"
    }
    fn tab(&self) -> Option<(char, &'static str, &'static str)> {
        Some(('3', "Timeline", "Time"))
    }
    fn crumb(&self, place: &Location) -> Line {
        let mut line = vec![Ink::fixed("Timeline")];
        match &place.subject {
            Subject::Finding(id) => line.extend([Ink::fixed(" of finding "), Ink::short_id(id)]),
            Subject::Incident(id) => line.extend([Ink::fixed(" of incident "), Ink::short_id(id)]),
            Subject::Entity(entity) | Subject::Lane(LaneOf::Entity(entity)) => {
                line.extend([Ink::fixed(" of "), Ink::fixed(entity.kind.name()), Ink::fixed(" ")]);
                line.push(Ink::outside(&entity.name));
            }
            Subject::All | Subject::Record(..) | Subject::Lane(_) => line.push(Ink::fixed(" of everything")),
        }
        line
    }
    fn status(&self, model: &Model) -> Line {
        let Some(timeline) = shown(model) else { return Line::new() };
        let mut line = vec![Ink::count(timeline.findings, "finding", "findings"), Ink::fixed("  1 cell = ")];
        line.push(Ink::duration(timeline.window.cell_nanos as f64 / 1e9));
        if timeline.more > 0 {
            line.extend([
                Ink::fixed("  ").role(Role::Doubt),
                Ink::count(timeline.more, "more lane", "more lanes"),
            ]);
        }
        if model.desk.status(Slot::Counts) == Some(&Status::Waiting) {
            line.push(Ink::fixed("  counting").role(Role::Dim));
        }
        line
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        let mut wants = vec![Question::Timeline(request(model))];
        if let (Some(timeline), Some(Status::Ready)) = (shown(model), model.desk.status(Slot::Timeline)) {
            let lanes = timeline.lanes.iter().map(|lane| lane.of.clone()).collect();
            wants.push(Question::Counts(CountsRequest { window: timeline.window, lanes }));
        }
        wants
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.lanes)
    }
    fn body(&self, model: &Model) -> u16 {
        layout(model).lanes.height
    }
    fn filters(&self) -> bool {
        true
    }
    fn sorts(&self) -> bool {
        false
    }
    fn has_columns(&self) -> bool {
        true
    }
    fn step_sideways(&self, model: &mut Model, columns: i64) -> bool {
        let Some(timeline) = shown(model) else { return true };
        let cell = i64::from(cell_of(model, timeline)).saturating_add(columns);
        let window = timeline.window;
        let index = u32::try_from(cell).ok().filter(|cell| *cell < window.cells);
        match index {
            Some(index) => model.history.here_mut().moment = Some(window.cell(index).from),
            None => shift(model, window, columns < 0),
        }
        true
    }
    fn pick_column(&self, model: &mut Model, column: u16) {
        let window = shown(model).map(|timeline| timeline.window);
        if let Some(window) = window.filter(|window| u32::from(column) < window.cells) {
            model.history.here_mut().moment = Some(window.cell(column.into()).from);
        }
    }
    fn fill(&self, model: &mut Model) {
        let counts = |timeline: &Timeline| {
            model.counts.as_deref().filter(|counts| {
                counts.window == timeline.window && counts.lanes.len() == timeline.lanes.len()
            })
        };
        let rows = shown(model).map(|timeline| lane::rows(timeline, counts(timeline)));
        match rows {
            Some(rows) => model.lanes.fill(rows),
            None => model.lanes.empty(),
        }
    }
    fn open(&self, model: &Model) -> Option<Location> {
        let timeline = shown(model)?;
        let of = &model.lanes.selected()?.of;
        if let LaneOf::Incident(id) = of {
            return Some(Location::new("incident", Subject::Incident(*id)));
        }
        let mut place = Location::new("events", Subject::Lane(of.clone()));
        place.span = Some(timeline.window.cell(cell_of(model, timeline)));
        Some(place)
    }
    fn finding(&self, model: &Model) -> Option<offbound_schemas::FindingId> {
        findings_here(model).first().map(|row| row.id)
    }
    fn entities(&self, model: &Model) -> Vec<Entity> {
        match model.lanes.selected().map(|row| &row.of) {
            Some(LaneOf::Entity(entity)) => vec![entity.clone()],
            _ => Vec::new(),
        }
    }
    fn incident(&self, model: &Model) -> Option<IncidentId> {
        match (findings_here(model).first(), &model.here().subject) {
            (Some(row), _) if row.incident.is_some() => row.incident,
            (_, Subject::Incident(id)) => Some(*id),
            _ => None,
        }
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "to-finding", "zoom-in", "zoom-out", "next-finding", "to-entity", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, _area: Rect) {
        let layout = layout(model);
        let hint = [Ink::fixed("z Z zoom  < > shift  @ time  { } finding").role(Role::Dim)];
        canvas.rule(layout.body, layout.body.y, &[Ink::fixed("lanes").role(Role::Strong)], &hint);
        let Some(timeline) = shown(model) else {
            let line = match model.desk.status(Slot::Timeline) {
                Some(Status::Failed(why)) => {
                    peek::missing(&crate::model::Look::<()>::Failed(why), "timeline")
                }
                _ => vec![Ink::fixed("loading").role(Role::Dim)],
            };
            canvas.line(layout.body.x + 2, layout.body.y + 1, layout.body.width.saturating_sub(3), &line);
            return;
        };
        let cursor = cell_of(model, timeline);
        draw_axis(canvas, &layout, timeline.window, cursor);
        for (line, visible) in model.lanes.visible(layout.lanes.height) {
            let row = Rect { y: layout.lanes.y + line, height: 1, ..layout.lanes };
            draw_lane(canvas, &layout, row, visible.row, visible.selected.then_some(cursor));
            canvas.hit(row, Target::Cells(visible.index, layout.cells_from));
        }
        draw_pane(model, canvas, layout.pane, timeline, cursor);
    }
}

/// Shows the stretch before or after, as far as half of the window.
pub(crate) fn shift(model: &mut Model, window: Window, back: bool) {
    let half = (window.span().nanos() / 2).max(window.cell_nanos);
    let by = if back { -half } else { half };
    let move_by = |time: EventTime| EventTime(time.0.saturating_add(by));
    let span = Span { from: move_by(window.from), to: move_by(window.span().to) };
    let moment = moment(model).unwrap_or(window.from);
    // The selected moment stays, unless it leaves the window.
    let last = EventTime(span.to.0.saturating_sub(1));
    look_at(model, span, moment.clamp(span.from, last.max(span.from)));
}

fn draw_axis(canvas: &mut Canvas<'_>, layout: &Layout, window: Window, cursor: u32) {
    let (left, y) = (layout.cells_from, layout.body.y + 1);
    if layout.body.height < LINES_ABOVE {
        return;
    }
    canvas.line(
        2,
        y,
        left.saturating_sub(3),
        &[Ink::date(window.from).role(Role::Dim), Ink::fixed(" UTC").role(Role::Dim)],
    );
    let wanted = 14;
    let mut cell = 0;
    while cell + 12 <= window.cells.min(layout.cells.into()) {
        let tick = lane::tick(window, cell);
        canvas.line(
            left + u16::try_from(cell).unwrap_or(0),
            y,
            13,
            &[Ink::fixed("|").role(Role::Rule), tick.role(Role::Dim)],
        );
        cell += wanted;
    }
    let at = left + u16::try_from(cursor).unwrap_or(0);
    let time = window.cell(cursor).from;
    let before = [Ink::moment(time), Ink::fixed(" v")];
    let after = [Ink::fixed("v "), Ink::moment(time)];
    if at + 26 < layout.body.width {
        canvas.line(at, y + 1, 26, &after);
    } else {
        canvas.line_to(at + 1, y + 1, 26, &before);
    }
}

fn draw_lane(canvas: &mut Canvas<'_>, layout: &Layout, row: Rect, lane: &LaneRow, cursor: Option<u32>) {
    let room = layout.cells_from.saturating_sub(3);
    canvas.line(row.x + 2, row.y, room, &lane.label(room.into()));
    if cursor.is_some() {
        table::mark(canvas, Rect { width: layout.cells_from.saturating_sub(1), ..row }, true, false);
    }
    for cell in 0..u32::from(layout.cells).min(lane.cells) {
        let x = layout.cells_from + u16::try_from(cell).unwrap_or(0);
        let (glyph, role) = glyph::of(lane, cell);
        let role = if cursor == Some(cell) { Role::Selected } else { role };
        canvas.line(x, row.y, 1, &[Ink::fixed(glyph).role(role)]);
    }
}

fn draw_pane(model: &Model, canvas: &mut Canvas<'_>, pane: Rect, timeline: &Timeline, cursor: u32) {
    if pane.height < 2 {
        return;
    }
    let hint = [Ink::fixed("Enter shows the records").role(Role::Dim)];
    canvas.rule(pane, pane.y, &[Ink::fixed("selected cell").role(Role::Strong)], &hint);
    let inner =
        Rect { x: pane.x + 1, y: pane.y + 1, width: pane.width.saturating_sub(2), height: pane.height - 1 };
    let legend = glyph::legend(inner.width);
    let below = u16::try_from(legend.len()).unwrap_or(0).min(inner.height.saturating_sub(3));
    let text = Rect { height: inner.height - below, ..inner };
    if let Some(row) = model.lanes.selected() {
        let counted = match model.desk.status(Slot::Counts) {
            Some(Status::Failed(why)) => Err(why.as_str()),
            _ => Ok(()),
        };
        facts::draw_lines(
            canvas,
            text,
            &cell::lines(row, timeline.window.cell(cursor), cursor, counted, text.width),
        );
    }
    facts::draw_lines(canvas, Rect { y: text.bottom(), height: below, ..inner }, &legend);
}
