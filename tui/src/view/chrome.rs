//! What surrounds every view: tabs, the trail, the message line, the footer.
//!
//! In: the model. Out: the frame, with the view inside. Law: below the smallest size one line says so.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Target};
use super::ink::{Ink, Line, width};
use super::{SMALLEST, VIEWS, WIDE_COLUMNS};
use crate::action::{self, Action};
use crate::model::Model;
use crate::prompt::{Prompt, Purpose};
use crate::theme::Role;

/// Lines above and below the view.
const LINES_ABOVE: u16 = 2;
const LINES_BELOW: u16 = 2;

/// The area of the view itself.
pub(crate) fn body_area(size: (u16, u16)) -> Rect {
    Rect { x: 0, y: LINES_ABOVE, width: size.0, height: size.1.saturating_sub(LINES_ABOVE + LINES_BELOW) }
}

/// Draws everything.
pub(crate) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let area = canvas.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let line = [Ink::fixed("needs 40x10; q quits")];
        canvas.line(0, 0, area.width, &line);
        return;
    }
    tabs(model, canvas, area);
    trail(model, canvas, area);
    model.view().draw(model, canvas, body_area((area.width, area.height)));
    message(model, canvas, area);
    footer(model, canvas, area);
}

fn tabs(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let mut x = 0;
    let root = tab_of(model);
    for view in VIEWS {
        let Some((key, long, short)) = view.tab() else { continue };
        let title = if area.width >= WIDE_COLUMNS { long } else { short };
        let role = if root == view.name() { Role::Tab } else { Role::Plain };
        let key = Ink::key(crate::keymap::Key::Char(key)).role(if root == view.name() {
            Role::Tab
        } else {
            Role::Key
        });
        let tab = [Ink::fixed(" ").role(role), key, Ink::fixed(" ").role(role), Ink::fixed(title).role(role)];
        let used = canvas.line(x, 0, area.width.saturating_sub(x), &tab);
        canvas.line(x + used, 0, 1, &[Ink::fixed(" ").role(role)]);
        canvas.hit(Rect { x, y: 0, width: used + 1, height: 1 }, Target::Action(view.name()));
        x += used + 2;
    }
    let room = area.width.saturating_sub(x + 1);
    canvas.line_to(area.width.saturating_sub(1), 0, room, &about(model, room));
}

/// The tab that the way one came began with, most recently.
fn tab_of(model: &Model) -> &'static str {
    let has_tab = |name: &&str| super::by_name(name).tab().is_some();
    let trail = model.history.trail().iter().rev().map(|place| place.view);
    std::iter::once(model.here().view).chain(trail).find(|name| has_tab(name)).unwrap_or_default()
}

/// What is being looked at, as long as there is room.
fn about(model: &Model, room: u16) -> Line {
    let Some(header) = &model.header else { return vec![Ink::fixed("loading").role(Role::Dim)] };
    let mut line = vec![Ink::outside(&header.title).role(Role::Strong)];
    let mut span = Line::new();
    if let (Some(from), Some(to)) = (header.from, header.to) {
        let gap = Ink::fixed("  ");
        span.extend([gap, Ink::short_moment(from).role(Role::Dim), Ink::fixed(" to ").role(Role::Dim)]);
        span.extend([Ink::short_moment(to).role(Role::Dim), Ink::fixed(" UTC").role(Role::Dim)]);
    }
    if width(&line) + width(&span) + 8 <= usize::from(room) {
        line.extend(span);
    }
    if let Some(news) = news(model) {
        line.extend([Ink::fixed("  "), news]);
    } else if header.live {
        line.push(Ink::fixed("  LIVE").role(Role::Good));
    }
    line
}

/// Whether there is more than what is shown.
fn news(model: &Model) -> Option<Ink> {
    let (now, seen) = (model.header.as_ref()?, model.header_seen.as_ref()?);
    let changed = (now.findings, now.incidents) != (seen.findings, seen.incidents);
    changed.then(|| Ink::fixed("NEW: R").role(Role::Warn))
}

fn trail(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let view = model.view();
    let status = view.status(model);
    let begins = canvas.line_to(area.width.saturating_sub(1), 1, area.width / 2, &status);
    let mut line = vec![Ink::fixed(" ")];
    // A tab is a beginning; everything else says where one came from.
    if let Some(before) = model.history.trail().last().filter(|_| view.tab().is_none()) {
        line.extend(super::by_name(before.view).crumb(before));
        line.push(Ink::fixed(" > ").role(Role::Dim));
    }
    line.extend(view.crumb(model.here()).into_iter().map(|ink| ink.role(Role::Strong)));
    if !model.here().filter.is_empty() && !view.types_to_search() {
        line.extend([Ink::fixed("  / ").role(Role::Key), Ink::part(&model.here().filter)]);
    }
    canvas.line(0, 1, begins.saturating_sub(1), &line);
}

fn message(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let y = area.height.saturating_sub(2);
    if let Some(prompt) = &model.prompt {
        let used = draw_prompt(prompt, canvas, y, area.width);
        if let Some(notice) = &model.notice {
            let room = area.width.saturating_sub(used + 2);
            canvas.line_to(area.width.saturating_sub(1), y, room, &[notice.text.clone().role(Role::Warn)]);
        }
    } else if let Some(notice) = &model.notice {
        let role = if notice.is_error { Role::Warn } else { Role::Plain };
        canvas.line(1, y, area.width.saturating_sub(2), &[notice.text.clone().role(role)]);
    }
}

fn draw_prompt(prompt: &Prompt, canvas: &mut Canvas<'_>, y: u16, room: u16) -> u16 {
    let sign = Ink::fixed(match prompt.purpose {
        Purpose::Filter => "/",
        Purpose::Command => ":",
    });
    let (before, after) = prompt.halves();
    let (before, after) = (Ink::part(&before), Ink::part(&after));
    // What does not fit is cut at the beginning: the end is where one types.
    let shown = usize::from(room.saturating_sub(4));
    let before = before.wrap(shown, true).pop().unwrap_or(before);
    let at = 1 + u16::try_from(before.width()).unwrap_or(0);
    let used = canvas.line(0, y, room, &[sign.role(Role::Key), before, after]);
    canvas.cursor = Some((at.min(room.saturating_sub(1)), y));
    used
}

fn footer(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let y = area.height.saturating_sub(1);
    let mut x = 1;
    for (key, word) in model.view().typing_hints(model) {
        let hint = [Ink::fixed(key).role(Role::Key), Ink::fixed(" "), Ink::fixed(word).role(Role::Dim)];
        if x + u16::try_from(width(&hint)).unwrap_or(u16::MAX) >= area.width {
            break;
        }
        x += canvas.line(x, y, area.width.saturating_sub(x), &hint) + 2;
    }
    if x > 1 {
        return;
    }
    let own = model.view().hints().iter().copied();
    let common: &[&str] = if model.view().types_to_search() { &[] } else { &["command", "help"] };
    for action in own.chain(common.iter().copied()).filter_map(action::by_name) {
        if !(action.applies)(model) {
            continue;
        }
        let hint = hint(action);
        let wide = u16::try_from(width(&hint)).unwrap_or(u16::MAX);
        if x + wide >= area.width {
            break;
        }
        canvas.line(x, y, wide, &hint);
        canvas.hit(Rect { x, y, width: wide, height: 1 }, Target::Action(action.name));
        x += wide + 2;
    }
}

fn hint(action: &Action) -> Line {
    let key = action.keys.first().map_or(Ink::fixed(":"), |key| Ink::key(*key));
    vec![key, Ink::fixed(" "), Ink::fixed(action.short).role(Role::Dim)]
}
