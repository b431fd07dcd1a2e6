//! What a statement is answered with: rows in columns, and the selected row below them.
//!
//! In: columns and rows of any types. Out: lines. Owns: how wide a column is, and which ones are on the screen.
//! Laws: the selected column is on the screen; what is unknown looks different from an empty text.

use ratatui::layout::Rect;

use crate::console::{Console, Standing};
use crate::desk::Status;
use crate::model::Model;
use crate::port::{AnswerColumn, AnswerRow, Value};
use crate::question::Slot;
use crate::theme::Role;
use crate::view::canvas::Canvas;
use crate::view::facts::{draw_lines, pad};
use crate::view::ink::{Ink, Line};
use crate::view::table::{self, Column, Rows};

/// Narrowest and widest column, in columns of the screen.
const WIDTHS: (usize, usize) = (3, 40);
/// Characters of a value that are looked at where it is cut at the edge of a column anyway.
const GLANCE_CHARS: usize = 256;
/// Values by which widths are found: however many columns there are, a page costs no more.
const MEASURED: usize = 20_000;
/// Columns of the names in the pane of a row.
const NAME_COLUMNS: usize = 22;
/// Columns of the types there.
const KIND_COLUMNS: usize = 12;

/// How wide the columns are that show these rows.
pub(crate) fn widths(columns: &[AnswerColumn], rows: &[AnswerRow]) -> Vec<u16> {
    let measured = (MEASURED / columns.len().max(1)).max(16);
    let width = |(at, column): (usize, &AnswerColumn)| {
        let values = rows.iter().take(measured).filter_map(|row| row.values.get(at));
        let widest = values.map(|value| glance(value).iter().map(Ink::width).sum()).max().unwrap_or(0);
        let needed = widest.max(Ink::outside(&column.name).width());
        u16::try_from(needed.clamp(WIDTHS.0, WIDTHS.1)).unwrap_or(u16::MAX)
    };
    columns.iter().enumerate().map(width).collect()
}

/// A value where there is little room.
fn glance(value: &Value) -> Line {
    match value {
        Value::Null => Line::new(),
        // Underlined, as only what we write for something else is: two quotation marks of a log are not.
        Value::Known { text, .. } if text.is_empty() => vec![Ink::fixed("''").role(Role::Token)],
        Value::Known { text, left_out } => match text.char_indices().nth(GLANCE_CHARS) {
            Some((end, _)) => vec![Ink::outside(text.get(..end).unwrap_or(text)), Ink::fixed("..")],
            None if *left_out > 0 => vec![Ink::outside(text), Ink::fixed("..")],
            None => vec![Ink::outside(text)],
        },
    }
}

/// Draws the answer, and the selected row.
pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>, list: Rect, detail: Rect) {
    let console = &model.console;
    let rows = AnswerRows { console };
    let shown = rows.shown(list.width);
    let title = [Ink::fixed("answer")];
    canvas.rule(list, list.y, &title, &which_columns(console.columns().len(), &shown));
    let body = Rect { y: list.y + 1, height: list.height.saturating_sub(1), ..list };
    if let Some(lines) = instead(model, list.width.saturating_sub(4)) {
        draw_lines(canvas, Rect { x: body.x + 2, width: body.width.saturating_sub(4), ..body }, &lines);
        return;
    }
    table::draw(canvas, body, &console.rows, &rows);
    if detail.height > 0 {
        draw_row(console, canvas, detail);
    }
}

/// What is said where there are no rows.
fn instead(model: &Model, room: u16) -> Option<Vec<Line>> {
    let one = |text: &'static str, role: Role| {
        let lines = Ink::fixed(text).role(role).wrap(room.into(), false);
        Some(lines.into_iter().map(|line| vec![line]).collect())
    };
    let refused = |why: &str| {
        let lines = Ink::outside(why).role(Role::Warn).wrap(room.into(), false);
        Some(lines.into_iter().map(|line| vec![line]).collect())
    };
    match &model.console.standing {
        Standing::None => one(
            "; types a statement, Enter runs it: one SELECT, EXPLAIN, DESCRIBE or SHOW TABLES. Tab shows the tables.",
            Role::Dim,
        ),
        Standing::Running => one("running; Ctrl-c calls it off", Role::Dim),
        Standing::CalledOff => one("called off; R runs it again", Role::Dim),
        Standing::Refused(why) => refused(why),
        Standing::Answered(answered) if answered.rows == 0 => one("no rows", Role::Plain),
        Standing::Answered(_) => match model.desk.status(Slot::AnswerRows) {
            Some(Status::Failed(why)) => refused(why),
            _ if model.console.total() == 0 => one("reading", Role::Dim),
            _ => None,
        },
    }
}

/// Which columns are on the screen, where not all are.
fn which_columns(all: usize, shown: &[(usize, u16)]) -> Line {
    match (shown.first(), shown.last()) {
        (Some((first, _)), Some((last, _))) if shown.len() < all => {
            let numbers = [first + 1, last + 1, all].map(|number| Ink::number(number as u64));
            let [from, to, of] = numbers;
            vec![
                Ink::fixed("columns "),
                from,
                Ink::fixed("-"),
                to,
                Ink::fixed(" of "),
                of,
                Ink::fixed("  h l").role(Role::Dim),
            ]
        }
        _ => Line::new(),
    }
}

struct AnswerRows<'a> {
    console: &'a Console,
}

impl AnswerRows<'_> {
    /// The columns on a screen of that width, each with its own: the selected one is among them.
    fn shown(&self, width: u16) -> Vec<(usize, u16)> {
        let room = usize::from(table::room(width));
        let widths: Vec<usize> = self.console.widths.iter().map(|width| usize::from(*width) + 1).collect();
        let selected = self.console.column;
        let mut first = 0;
        let used = |first: usize| widths.iter().take(selected + 1).skip(first).sum::<usize>();
        while first < selected && used(first) > room + 1 {
            first += 1;
        }
        let mut left = room + 1;
        let mut shown = Vec::new();
        for (at, needed) in widths.iter().enumerate().skip(first) {
            if *needed > left && !shown.is_empty() {
                break;
            }
            let width = (*needed).min(left);
            left -= width;
            shown.push((at, u16::try_from(width.saturating_sub(1)).unwrap_or(0)));
        }
        shown
    }
}

impl Rows<AnswerRow> for AnswerRows<'_> {
    fn columns(&self, width: u16) -> Vec<Column> {
        let shown = self.shown(width);
        let last = shown.last().map(|(at, _)| *at);
        let one = |(at, width): &(usize, u16)| {
            let column = self.console.columns().get(*at)?;
            let share = u16::from(Some(*at) == last && !column.is_number);
            let title = Ink::outside(&column.name);
            let marked = *at == self.console.column;
            Some(Column { title, width: *width, share, right: column.is_number, marked })
        };
        shown.iter().filter_map(one).collect()
    }

    fn cells(&self, row: &AnswerRow, width: u16) -> Vec<Line> {
        let cell = |(at, _): &(usize, u16)| row.values.get(*at).map(glance).unwrap_or_default();
        self.shown(width).iter().map(cell).collect()
    }
}

/// The selected row, a line for each value; that of the selected column is among them.
fn draw_row(console: &Console, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(row) = console.rows.selected() else { return };
    let title = [Ink::fixed("row "), Ink::number(row.index + 1)];
    canvas.rule(area, area.y, &title, &[Ink::fixed("Enter opens").role(Role::Dim)]);
    let height = usize::from(area.height.saturating_sub(1));
    let first = (console.column + 1).saturating_sub(height.saturating_sub(1).max(1));
    let longest = console.columns().iter().map(|column| Ink::outside(&column.name).width()).max();
    let names = longest.unwrap_or(0).min(NAME_COLUMNS);
    let values = console.columns().iter().zip(&row.values).enumerate().skip(first);
    let lines: Vec<Line> = values
        .map(|(at, (column, value))| {
            let mark = Ink::fixed(if at == console.column { "> " } else { "  " });
            [vec![mark], labelled(column, value, names)].concat()
        })
        .collect();
    let inner = Rect {
        x: area.x,
        y: area.y + 1,
        width: area.width.saturating_sub(1),
        height: area.height.saturating_sub(1),
    };
    draw_lines(canvas, inner, &lines);
}

/// Name, type and value.
fn labelled(column: &AnswerColumn, value: &Value, names: usize) -> Line {
    let name = Ink::outside(&column.name).role(Role::Dim).end(names);
    let gap = pad((names + 2).saturating_sub(name.width()));
    let kind = Ink::outside(kind_of(column, value)).role(Role::Dim);
    let after = pad((KIND_COLUMNS + 2).saturating_sub(kind.width()));
    [vec![name, gap, kind, after], glance(value)].concat()
}

/// The type of a value, in a word.
pub(in crate::view) fn kind_of<'a>(column: &'a AnswerColumn, value: &Value) -> &'a str {
    match value {
        Value::Null => "null",
        Value::Known { .. } => &column.kind,
    }
}
