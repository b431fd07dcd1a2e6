//! A frame being drawn.
//!
//! In: lines of [`Ink`]. Out: cells, and what a click on them means. Owns: cutting text to its room.
//! Law: nothing is drawn outside the area given; what is cut ends in `..`.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::ink::{Ink, width};
use crate::theme::{Role, Theme};

/// What a click means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The row with this index.
    Row(u64),
    /// The row with this index, and in it the cell so far right of this column.
    Cells(u64, u16),
    /// The action of this name.
    Action(&'static str),
}

/// What was drawn where, for clicks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hits(Vec<(Rect, Target)>);

impl Hits {
    /// What a click at this position means.
    pub(crate) fn at(&self, x: u16, y: u16) -> Option<Target> {
        let position = Position { x, y };
        self.0.iter().rev().find(|(area, _)| area.contains(position)).map(|(_, target)| *target)
    }
}

/// A frame being drawn.
pub(crate) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    /// The look.
    pub(crate) theme: Theme,
    /// What clicks mean.
    pub(crate) hits: Hits,
    /// Where the cursor of a prompt is.
    pub(crate) cursor: Option<(u16, u16)>,
}

impl<'a> Canvas<'a> {
    /// Draws into `buffer`.
    pub(crate) fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        Self { buffer, theme, hits: Hits::default(), cursor: None }
    }

    /// The whole area.
    pub(crate) fn area(&self) -> Rect {
        self.buffer.area
    }

    /// Draws a line from (x, y), at most `room` columns; returns the columns used.
    pub(crate) fn line(&mut self, x: u16, y: u16, room: u16, line: &[Ink]) -> u16 {
        let too_long = width(line) > usize::from(room);
        let limit = if too_long { room.saturating_sub(2) } else { room };
        let mut used = 0;
        'all: for ink in line {
            for (cluster, width, role) in ink.pieces() {
                let width = u16::try_from(width).unwrap_or(1);
                if used + width > limit {
                    break 'all;
                }
                self.put(x + used, y, cluster, width, role);
                used += width;
            }
        }
        if too_long {
            for _ in 0..room.min(2) {
                self.put(x + used, y, ".", 1, Role::Dim);
                used += 1;
            }
        }
        used
    }

    /// Draws a line that ends at column `right` (exclusive); returns where it begins.
    pub(crate) fn line_to(&mut self, right: u16, y: u16, room: u16, line: &[Ink]) -> u16 {
        let wide = u16::try_from(width(line)).unwrap_or(room).min(room);
        let x = right.saturating_sub(wide);
        self.line(x, y, wide, line);
        x
    }

    fn put(&mut self, x: u16, y: u16, cluster: &str, width: u16, role: Role) {
        let style = self.theme.style(role);
        let Some(cell) = self.buffer.cell_mut((x, y)) else { return };
        // A wide cluster that the edge would cut is not drawn at all.
        cell.set_symbol(cluster).set_style(style);
        for covered in 1..width {
            if let Some(cell) = self.buffer.cell_mut((x + covered, y)) {
                cell.reset();
            }
        }
    }

    /// A horizontal rule with a title, and something at its right end.
    pub(crate) fn rule(&mut self, area: Rect, y: u16, title: &[Ink], right: &[Ink]) {
        let (line, role) = (self.theme.horizontal(), Role::Rule);
        for x in area.left()..area.right() {
            self.put(x, y, line, 1, role);
        }
        if !title.is_empty() {
            let used = self.titled(area.left() + 2, y, area.width.saturating_sub(4), title);
            let room = area.width.saturating_sub(used + 6);
            if !right.is_empty() && usize::from(room) >= width(right) + 2 {
                let wide = u16::try_from(width(right)).unwrap_or(room) + 2;
                self.titled(area.right().saturating_sub(wide + 2), y, wide, right);
            }
        }
    }

    fn titled(&mut self, x: u16, y: u16, room: u16, title: &[Ink]) -> u16 {
        let mut padded = vec![Ink::fixed(" ")];
        padded.extend_from_slice(title);
        padded.push(Ink::fixed(" "));
        self.line(x, y, room, &padded)
    }

    /// A vertical rule.
    pub(crate) fn divider(&mut self, x: u16, top: u16, bottom: u16) {
        let line = self.theme.vertical();
        for y in top..bottom {
            self.put(x, y, line, 1, Role::Rule);
        }
    }

    /// Gives a whole row one role, such as that of the selection.
    pub(crate) fn paint(&mut self, area: Rect, role: Role) {
        let style = self.theme.style(role);
        let bounds = area.intersection(self.buffer.area);
        for position in bounds.positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                (cell.fg, cell.modifier) = (ratatui::style::Color::Reset, ratatui::style::Modifier::empty());
                cell.set_style(style);
            }
        }
    }

    /// Says what a click on `area` means.
    pub(crate) fn hit(&mut self, area: Rect, target: Target) {
        self.hits.0.push((area, target));
    }
}
