//! Rows in columns, drawn from a window.
//!
//! In: a list's visible rows, and how a row becomes cells. Out: a header line and one line per row.
//! Owns: dividing the width. Law: only what is on the screen is formatted.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Target};
use super::ink::{Ink, Line};
use crate::list::{List, Row};
use crate::port::Sort;
use crate::theme::Role;

/// Room between columns.
const GAP: u16 = 1;

/// Room for the mark of the selection at the left, and for a border at the right.
const MARGINS: u16 = 3;

/// A column.
pub(crate) struct Column {
    /// Its heading.
    pub(crate) title: Ink,
    /// Columns of the terminal that it needs.
    pub(crate) width: u16,
    /// Its share of what is left over; 0 keeps it at `width`.
    pub(crate) share: u16,
    /// Whether it is set to the right, as numbers are.
    pub(crate) right: bool,
    /// Whether it is selected.
    pub(crate) marked: bool,
}

/// A column that is as wide as it needs.
pub(crate) const fn fixed(title: &'static str, width: u16) -> Column {
    Column { title: Ink::fixed(title), width, share: 0, right: false, marked: false }
}

/// A column of numbers.
pub(crate) const fn number(title: &'static str, width: u16) -> Column {
    Column { title: Ink::fixed(title), width, share: 0, right: true, marked: false }
}

/// A column that takes its share of what is left over.
pub(crate) const fn flexible(title: &'static str, width: u16, share: u16) -> Column {
    Column { title: Ink::fixed(title), width, share, right: false, marked: false }
}

/// A list's rows as lines of cells: what every kind of list says about itself.
pub(crate) trait Rows<R> {
    /// Its columns at this width.
    fn columns(&self, width: u16) -> Vec<Column>;
    /// The cells of a row, one per column.
    fn cells(&self, row: &R, width: u16) -> Vec<Line>;
}

/// Columns of the screen that the columns of a list of that width share.
pub(crate) fn room(width: u16) -> u16 {
    width.saturating_sub(MARGINS)
}

/// Draws a header and the rows below it.
pub(crate) fn draw<R: Row>(canvas: &mut Canvas<'_>, area: Rect, list: &List<R>, rows: &dyn Rows<R>) {
    if area.height == 0 {
        return;
    }
    let columns = rows.columns(area.width);
    let widths = divide(room(area.width), &columns);
    let title = |column: &Column| {
        let role = if column.marked { Role::Strong } else { Role::Dim };
        vec![column.title.clone().role(role)]
    };
    let titles: Vec<Line> = columns.iter().map(title).collect();
    draw_cells(canvas, Rect { height: 1, ..area }, &columns, &widths, &titles);
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    for (line, visible) in list.visible(body.height) {
        let row = Rect { y: body.y + line, height: 1, ..body };
        draw_cells(canvas, row, &columns, &widths, &rows.cells(visible.row, area.width));
        mark(canvas, row, visible.selected, visible.gone);
        if !visible.gone {
            canvas.hit(row, Target::Row(visible.index));
        }
    }
}

/// How many rows there are, and in which order.
pub(crate) fn count((total, unfiltered): (u64, u64), sort: Sort) -> Line {
    let mut line = vec![Ink::number(total)];
    if total != unfiltered {
        line.extend([Ink::fixed(" of "), Ink::number(unfiltered)]);
    }
    line.extend([Ink::fixed("  by ").role(Role::Dim), Ink::fixed(sort.name()).role(Role::Dim)]);
    line
}

/// Why a list is empty.
pub(crate) fn nothing((_, unfiltered): (u64, u64), none: &'static str) -> Line {
    if unfiltered == 0 {
        return vec![Ink::fixed(none)];
    }
    vec![Ink::fixed("none of "), Ink::number(unfiltered), Ink::fixed(" passes the filter; / changes it")]
}

/// Marks a row as selected, or as no longer listed.
pub(crate) fn mark(canvas: &mut Canvas<'_>, row: Rect, selected: bool, gone: bool) {
    if gone {
        canvas.paint(row, Role::Dim);
        let note = [Ink::fixed(" no longer listed ").role(Role::Doubt)];
        canvas.line_to(row.right(), row.y, row.width, &note);
    } else if selected {
        canvas.paint(row, Role::Selected);
    }
    if selected {
        canvas.line(row.x, row.y, 1, &[Ink::fixed(">").role(if gone { Role::Dim } else { Role::Selected })]);
    }
}

fn draw_cells(canvas: &mut Canvas<'_>, row: Rect, columns: &[Column], widths: &[u16], cells: &[Line]) {
    let mut x = row.x + 2;
    for ((column, width), cell) in columns.iter().zip(widths).zip(cells) {
        if *width > 0 {
            if column.right {
                canvas.line_to(x + width, row.y, *width, cell);
            } else {
                canvas.line(x, row.y, *width, cell);
            }
            x += width + GAP;
        }
    }
}

/// Widths of columns that together fill `room`; when there is too little, the last ones get nothing.
fn divide(room: u16, columns: &[Column]) -> Vec<u16> {
    let gaps = GAP * u16::try_from(columns.len().saturating_sub(1)).unwrap_or(0);
    let needed: u16 = columns.iter().map(|column| column.width).sum::<u16>() + gaps;
    let shares: u16 = columns.iter().map(|column| column.share).sum();
    let spare = room.saturating_sub(needed);
    let mut left = room;
    let mut spare_left = spare;
    let mut shares_left = shares;
    let mut widths = Vec::with_capacity(columns.len());
    for column in columns {
        let extra = (spare_left * column.share).checked_div(shares_left).unwrap_or(0);
        spare_left -= extra;
        shares_left -= column.share;
        let width = (column.width + extra).min(left);
        left = left.saturating_sub(width + GAP);
        widths.push(width);
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: room enough, and too little. Guarantees: the whole width is used, and never more.
    #[test]
    fn widths_fill_the_room() {
        let columns = [fixed("A", 3), flexible("B", 10, 2), flexible("C", 10, 1), number("N", 4)];
        for room in [0, 5, 20, 30, 31, 80, 200] {
            let widths = divide(room, &columns);
            let used: u16 = widths.iter().sum::<u16>() + 3;
            assert!(used <= room.max(30), "{room}: {widths:?}");
            if room >= 30 {
                assert_eq!(used, room, "{widths:?}");
            }
        }
    }
}
