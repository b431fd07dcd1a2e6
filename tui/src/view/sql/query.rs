//! The statement as it is typed.
//!
//! In: the text and its cursor. Out: lines of the screen. Law: the line with the cursor is always among them.

use ratatui::layout::Rect;

use crate::console::Pane;
use crate::editor::Editor;
use crate::model::Model;
use crate::theme::Role;
use crate::view::canvas::{Canvas, Target};
use crate::view::ink::Ink;

/// The lines of the text on a pane of that width, and line and column of the cursor in them.
pub(super) fn lines(editor: &Editor, width: u16) -> (Vec<Ink>, (usize, usize)) {
    // A margin at either side, and room for the cursor behind the text.
    let room = usize::from(width.saturating_sub(3)).max(1);
    let wrapped = |text: &str| -> Vec<Ink> {
        text.split('\n').flat_map(|line| Ink::part(line).wrap(room, true)).collect()
    };
    let before = wrapped(&editor.before());
    let column = before.last().map_or(0, Ink::width);
    (wrapped(&editor.text()), (before.len().saturating_sub(1), column))
}

/// Draws it.
pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let is_typed = model.console.pane == Pane::Query;
    let right = if is_typed { "Enter runs" } else { "; types" };
    let title = Ink::fixed("statement").role(if is_typed { Role::Strong } else { Role::Plain });
    canvas.rule(area, area.y, &[title], &[Ink::fixed(right).role(Role::Dim)]);
    let (lines, (line, column)) = lines(&model.console.editor, area.width);
    let room = usize::from(area.height.saturating_sub(1));
    let first = if is_typed { (line + 1).saturating_sub(room) } else { 0 };
    for (y, line) in (area.y + 1..area.bottom()).zip(lines.iter().skip(first)) {
        canvas.line(area.x + 1, y, area.width.saturating_sub(1), std::slice::from_ref(line));
    }
    if lines.len() > first + room {
        let more = [
            Ink::fixed("... ").role(Role::Dim),
            Ink::count((lines.len() - first - room) as u64, "more line", "more lines"),
        ];
        canvas.line_to(area.right().saturating_sub(1), area.bottom() - 1, area.width / 2, &more);
    }
    if is_typed && model.prompt.is_none() {
        let x = area.x + 1 + u16::try_from(column).unwrap_or(0);
        let y = area.y + 1 + u16::try_from(line - first).unwrap_or(0);
        canvas.cursor = Some((x.min(area.right().saturating_sub(1)), y));
    }
    canvas.hit(area, Target::Action("edit"));
}
