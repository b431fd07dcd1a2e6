//! Statements of the analyst, as the SQL console of the screens asks them.
//!
//! In: a statement. Out: what it is answered with, page by page; a file with it. Owns: the answer to the last statement.
//! Bound: [`ROOM`] of an answer is held, and a page of it has [`PAGE_BYTES`] of text.
//! Law: as for any hunt: a statement only reads; one that is called off ends soon; no file is written over.

use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use offbound_schemas::ColumnSpec;
use offbound_tui::{
    AnswerColumn, AnswerRequest, AnswerRow, Answered, ColumnNote, Console, ExportRequest, Exported, Page,
    PortError, Statement, Stop, TableNote, Value,
};

use super::told;
use crate::args::Format;
use crate::clock::Stopwatch;
use crate::exit::Failure;
use crate::hunt::{self, Asker, Beginning, Cell, Room};
use crate::interrupt::Interrupt;

/// What is held of an answer: more than anybody reads, and little beside what the query engine may hold.
const ROOM: Room = Room { rows: 10_000, bytes: 64 * 1024 * 1024 };
/// Columns of an answer: more than any table has.
const COLUMNS_MAX: usize = 256;
/// Bytes of one value that a page tells: a line of a log, and not a document.
const VALUE_BYTES: usize = 4 * 1024;
/// Bytes of text of a page; what comes behind them is told by its first [`GLANCE_BYTES`].
const PAGE_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of a value that is told where there is little room.
const GLANCE_BYTES: usize = 128;

/// Who asks, and what was answered last.
pub(crate) struct Asked {
    asker: Asker,
    held: Option<(u64, Beginning)>,
}

impl Asked {
    /// Of the store in that folder.
    pub(crate) fn of(folder: &Path, environment: Option<PathBuf>, facts: offbound_correlate::Bounds) -> Self {
        Self { asker: Asker::of(folder, environment, facts), held: None }
    }

    /// The answer to that statement.
    fn answer(&self, statement: u64) -> Result<&Beginning, PortError> {
        let held = self.held.as_ref().filter(|(held, _)| *held == statement);
        let gone = || PortError::new("the answer is no longer held; R runs the statement again");
        held.map(|(_, beginning)| beginning).ok_or_else(gone)
    }
}

impl Console for Asked {
    fn tables(&mut self) -> Result<Vec<TableNote>, PortError> {
        let column = |(spec, kind): (ColumnSpec, String)| ColumnNote {
            name: spec.name.to_owned(),
            kind,
            nullable: spec.nullable,
            meaning: spec.doc.trim().to_owned(),
        };
        let table = |table: &hunt::Table| TableNote {
            name: table.spec.name.to_owned(),
            meaning: table.spec.doc.trim().to_owned(),
            columns: hunt::columns_of(table).map(column).collect(),
        };
        Ok(hunt::TABLES.iter().map(table).collect())
    }

    fn ask(&mut self, statement: &Statement, stop: &Stop) -> Result<Answered, PortError> {
        // Let go of first: two answers are never held.
        self.held = None;
        let watch = Stopwatch::start();
        let stop = Interrupt::of(stop.flag());
        let beginning = self.asker.beginning(statement.text.clone(), ROOM, &stop).map_err(told)?;
        let columns = beginning.schema.fields();
        if columns.len() > COLUMNS_MAX {
            let found = columns.len();
            let said =
                format!("the answer has {found} columns, and a screen takes {COLUMNS_MAX}; name fewer");
            return Err(PortError::new(said));
        }
        let column = |field: &arrow::datatypes::FieldRef| AnswerColumn {
            name: field.name().clone(),
            kind: hunt::in_words(field.data_type()),
            is_number: field.data_type().is_numeric(),
        };
        let answered = Answered {
            columns: columns.iter().map(column).collect(),
            rows: beginning.rows(),
            is_cut: beginning.is_cut,
            seconds: watch.seconds(),
        };
        self.held = Some((statement.number, beginning));
        Ok(answered)
    }

    fn rows(&mut self, request: &AnswerRequest) -> Result<Page<AnswerRow>, PortError> {
        let beginning = self.answer(request.statement)?;
        let total = beginning.rows();
        let mut page = Page { rows: Vec::new(), offset: request.offset, total, unfiltered: total };
        let mut room = PAGE_BYTES;
        let mut index = 0_u64;
        let end = request.offset.saturating_add(request.limit as u64);
        for batch in &beginning.batches {
            for row in 0..batch.num_rows() {
                if (request.offset..end).contains(&index) {
                    let value =
                        |array: &arrow::array::ArrayRef| value(Cell::of(array.as_ref(), row), &mut room);
                    let values = batch.columns().iter().map(value).collect();
                    page.rows.push(AnswerRow { statement: request.statement, index, values });
                }
                index += 1;
            }
        }
        Ok(page)
    }

    fn export(&mut self, request: &ExportRequest) -> Result<Exported, PortError> {
        let beginning = self.answer(request.statement)?;
        let format = Format::from_str(&request.format, true).map_err(|_unknown| {
            let format = &request.format;
            PortError::new(format!(
                "there is no form {format}; forms are csv, json, ndjson, parquet and table"
            ))
        })?;
        write(format, beginning, &request.file).map_err(told)?;
        let file = request.file.display().to_string();
        Ok(Exported { rows: beginning.rows(), is_cut: beginning.is_cut, file })
    }
}

/// A value, or as much of it as there is room for.
fn value(cell: Cell<'_>, room: &mut usize) -> Value {
    if matches!(cell, Cell::Null) {
        return Value::Null;
    }
    let text = cell.text();
    let most = if *room > 0 { VALUE_BYTES } else { GLANCE_BYTES };
    let end = text.floor_char_boundary(most);
    *room = room.saturating_sub(end);
    let left_out = (text.len() - end) as u64;
    Value::Known { text: text.get(..end).unwrap_or_default().to_owned(), left_out }
}

/// Writes to a file that is not there yet, and that nobody else may read; one that is not whole does not stay.
fn write(format: Format, answer: &Beginning, path: &Path) -> Result<(), Failure> {
    let name = path.display().to_string();
    let file: File =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                return Failure::could_not(format!("{name} is there already; name another file"));
            }
            Failure::could_not(format!("cannot write {name}: {error}; name another file, or make the folder"))
        })?;
    let mut to = BufWriter::new(file);
    hunt::write_all(format, &answer.schema, &answer.batches, &mut to).map_err(|error| {
        // What cannot be removed either stays, as the message says.
        let stays = if std::fs::remove_file(path).is_err() { "; what stands there is not whole" } else { "" };
        Failure::could_not(format!("cannot write {name}: {error}{stays}"))
    })
}

#[cfg(test)]
mod tests;
