//! The tables that a statement may read, and their columns, with what they mean.
//!
//! In: the tables. Out: a line for each table, and for each column of those that are unfolded.
//! Law: the words are those of the holder of the tables.

use ratatui::layout::Rect;

use crate::console::Console;
use crate::list::Row;
use crate::model::Model;
use crate::port::{ColumnNote, TableNote};
use crate::question::Slot;
use crate::theme::Role;
use crate::view::canvas::Canvas;
use crate::view::facts::draw_lines;
use crate::view::ink::{Ink, Line};
use crate::view::peek;
use crate::view::table::{self, Column, Rows, fixed, flexible};

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SchemaRow {
    /// A table, how many columns it has, and whether they are shown.
    Table {
        /// Its name.
        name: String,
        /// What its rows are.
        meaning: String,
        /// How many columns.
        columns: u64,
        /// Whether they are shown.
        unfolded: bool,
    },
    /// A column of the table of that name.
    Column(String, ColumnNote),
}

impl Row for SchemaRow {
    fn id(&self) -> String {
        match self {
            Self::Table { name, .. } => name.clone(),
            Self::Column(table, column) => format!("{table}.{}", column.name),
        }
    }
}

/// Makes the lines of what is unfolded.
pub(super) fn fill(console: &mut Console) {
    let Some(tables) = &console.tables else { return };
    let mut rows = Vec::new();
    for TableNote { name, meaning, columns } in tables {
        let unfolded = console.unfolded.contains(name);
        let count = columns.len() as u64;
        rows.push(SchemaRow::Table {
            name: name.clone(),
            meaning: meaning.clone(),
            columns: count,
            unfolded,
        });
        if unfolded {
            rows.extend(columns.iter().map(|column| SchemaRow::Column(name.clone(), column.clone())));
        }
    }
    console.schema.fill(rows);
}

/// Unfolds or folds the selected table; puts the name of the selected column into the statement.
pub(super) fn take(console: &mut Console) -> bool {
    match console.schema.selected().cloned() {
        Some(SchemaRow::Table { name, .. }) => {
            console.fold(&name);
            fill(console);
        }
        Some(SchemaRow::Column(_, column)) => console.insert_name(&column.name),
        None => return false,
    }
    true
}

/// Draws the lines, and all that is said of the selected one.
pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>, list: Rect, detail: Rect) {
    let hint = Ink::fixed("Enter unfolds a table, takes a column").role(Role::Dim);
    canvas.rule(list, list.y, &[Ink::fixed("tables").role(Role::Strong)], &[hint]);
    let body = Rect { y: list.y + 1, height: list.height.saturating_sub(1), ..list };
    let console = &model.console;
    if console.tables.is_none() {
        let why = peek::why_empty(model.desk.status(Slot::Tables), (0, 0), "no tables");
        canvas.line(body.x + 2, body.y, body.width.saturating_sub(4), &why);
        return;
    }
    table::draw(canvas, body, &console.schema, &SchemaRows);
    let Some(row) = console.schema.selected().filter(|_| detail.height > 1) else { return };
    let (name, meaning) = match row {
        SchemaRow::Table { name, meaning, .. } => (name.clone(), meaning),
        SchemaRow::Column(table, column) => (format!("{table}.{}", column.name), &column.meaning),
    };
    canvas.rule(detail, detail.y, &[Ink::outside(&name).role(Role::Strong)], &[]);
    let inner = Rect {
        x: detail.x + 1,
        y: detail.y + 1,
        width: detail.width.saturating_sub(2),
        height: detail.height - 1,
    };
    let lines: Vec<Line> =
        Ink::outside(meaning).wrap(inner.width.into(), false).into_iter().map(|line| vec![line]).collect();
    draw_lines(canvas, inner, &lines);
}

struct SchemaRows;

impl Rows<SchemaRow> for SchemaRows {
    fn columns(&self, width: u16) -> Vec<Column> {
        if width < 100 {
            return vec![fixed("NAME", 25), fixed("TYPE", 12), flexible("MEANING", 20, 1)];
        }
        vec![fixed("NAME", 30), fixed("TYPE", 14), fixed("NULL", 4), flexible("MEANING", 20, 1)]
    }

    fn cells(&self, row: &SchemaRow, width: u16) -> Vec<Line> {
        let (name, kind, null, meaning) = match row {
            SchemaRow::Table { name, meaning, columns, unfolded } => {
                let mark = Ink::fixed(if *unfolded { "- " } else { "+ " }).role(Role::Dim);
                let name = vec![mark, Ink::outside(name).role(Role::Strong)];
                (name, vec![Ink::count(*columns, "column", "columns")], Line::new(), meaning)
            }
            SchemaRow::Column(_, column) => {
                let null = Ink::fixed(if column.nullable { "yes" } else { "no" }).role(Role::Dim);
                let kind = vec![Ink::outside(&column.kind).role(Role::Dim)];
                (vec![Ink::fixed("    "), Ink::outside(&column.name)], kind, vec![null], &column.meaning)
            }
        };
        let meaning = vec![Ink::outside(meaning)];
        if width < 100 { vec![name, kind, meaning] } else { vec![name, kind, null, meaning] }
    }
}
