//! Rows for people: aligned columns, or one block a row where no screen is wide enough.
//!
//! In: columns, rows, a look. Out: lines. Owns: the choice between the two, by the rows that come first.
//! Bound: [`HELD_ROWS`] rows of at most [`HELD_BYTES`] bytes are held to find the widths.
//! Law: every text passes the gate; nothing is cut off.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use offbound_schemas::untrusted::safe;

use super::cell::Cell;
use super::{RowWriter, names};
use crate::output::layout::{pad, width, wrap};
use crate::output::{Look, Tone, count};

/// Spaces between two columns.
const GUTTER: &str = "  ";
/// Rows by which widths are found.
const HELD_ROWS: usize = 1_000;
/// Bytes of text by which widths are found, whatever the number of rows.
const HELD_BYTES: usize = 4 * 1024 * 1024;
/// Widest column, in columns of the screen; a longer cell pushes the rest of its row aside.
const MAX_WIDTH: usize = 60;
/// Room that the last column needs at least on a screen, where it is wrapped.
const LAST_WIDTH: usize = 24;

/// Writes a table.
#[derive(Debug)]
pub(super) struct Table {
    look: Look,
    is_terminal: bool,
    names: Vec<String>,
    held: Vec<Vec<String>>,
    held_bytes: usize,
    form: Option<Form>,
    rows: u64,
}

/// How rows are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// A line each, by the widths of the columns.
    Lines(Vec<usize>),
    /// A block each.
    Blocks,
}

impl Table {
    pub(super) fn new(look: Look, is_terminal: bool) -> Self {
        let (names, held) = (Vec::new(), Vec::new());
        Self { look, is_terminal, names, held, held_bytes: 0, form: None, rows: 0 }
    }

    /// Lays out what is held, and what follows in the same way.
    fn settle(&mut self, to: &mut dyn Write) -> io::Result<Form> {
        if let Some(form) = &self.form {
            return Ok(form.clone());
        }
        let form = self.choose();
        self.form = Some(form.clone());
        if let Form::Lines(widths) = &form {
            self.write_line(&self.names, widths, Tone::Strong, to)?;
        }
        for (index, row) in std::mem::take(&mut self.held).iter().enumerate() {
            self.write_row(row, index as u64 + 1, &form, to)?;
        }
        Ok(form)
    }

    fn choose(&self) -> Form {
        let mut widths: Vec<usize> = self.names.iter().map(|name| width(name)).collect();
        for row in &self.held {
            for (column, cell) in widths.iter_mut().zip(row) {
                *column = (*column).max(width(cell).min(MAX_WIDTH));
            }
        }
        let last = widths.last().copied().unwrap_or_default();
        let before: usize = widths.iter().map(|width| width + GUTTER.len()).sum::<usize>() - last;
        let fits = before.saturating_sub(GUTTER.len()) + last.min(LAST_WIDTH) <= self.look.width;
        if self.is_terminal && !fits { Form::Blocks } else { Form::Lines(widths) }
    }

    fn write_row(&self, row: &[String], number: u64, form: &Form, to: &mut dyn Write) -> io::Result<()> {
        match form {
            Form::Lines(widths) => self.write_line(row, widths, Tone::Plain, to),
            Form::Blocks => self.write_block(row, number, to),
        }
    }

    fn write_line(&self, row: &[String], widths: &[usize], tone: Tone, to: &mut dyn Write) -> io::Result<()> {
        let Some((last, first)) = row.split_last() else { return writeln!(to) };
        let padded: String =
            first.iter().zip(widths).map(|(cell, width)| format!("{}{GUTTER}", pad(cell, *width))).collect();
        let used = width(&padded);
        let room = if self.is_terminal { self.look.width.saturating_sub(used) } else { usize::MAX };
        let mut start = padded;
        for line in wrap(last, room) {
            writeln!(to, "{}", self.look.paint.tone(tone, format!("{start}{line}").trim_end()))?;
            start = " ".repeat(used);
        }
        Ok(())
    }

    /// A line for each column that says something.
    fn write_block(&self, row: &[String], number: u64, to: &mut dyn Write) -> io::Result<()> {
        let label = self.names.iter().map(|name| width(name)).max().unwrap_or_default();
        let room = self.look.width.saturating_sub(label + GUTTER.len());
        writeln!(to, "{}", self.look.paint.tone(Tone::Strong, format!("row {}", count(number))))?;
        for (name, cell) in self.names.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
            let mut name = self.look.paint.tone(Tone::Dim, pad(name, label));
            for line in wrap(cell, room) {
                writeln!(to, "{name}{GUTTER}{line}")?;
                name = " ".repeat(label);
            }
        }
        writeln!(to)
    }
}

impl RowWriter for Table {
    fn begin(&mut self, schema: &SchemaRef, _to: &mut dyn Write) -> io::Result<()> {
        self.names = names(schema).iter().map(|name| safe::cell(name).into_owned()).collect();
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, to: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|values| Cell::of(values.as_ref(), row).text());
            let cells: Vec<String> = cells.map(|cell| safe::cell(&cell).into_owned()).collect();
            self.rows += 1;
            if self.form.is_none() && self.held.len() < HELD_ROWS && self.held_bytes < HELD_BYTES {
                self.held_bytes += cells.iter().map(String::len).sum::<usize>();
                self.held.push(cells);
            } else {
                let form = self.settle(to)?;
                self.write_row(&cells, self.rows, &form, to)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, to: &mut dyn Write) -> io::Result<()> {
        self.settle(to)?;
        let rows = if self.rows == 1 { "1 row".to_owned() } else { format!("{} rows", count(self.rows)) };
        writeln!(to, "{}", self.look.paint.tone(Tone::Dim, rows))
    }
}
