//! The answer on its way out: rows in the form that was asked for.
//!
//! In: columns, rows. Out: bytes on standard output or in the file of `--out`.
//! Owns: which form is written by whom. Law: rows go out as they come, so that any number of them can be given.

use std::io::IsTerminal as _;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::write::{self, RowWriter};
use crate::args::{ColorWhen, Format};
use crate::exit::Failure;
use crate::output::{Look, Sink};

/// Where the answer goes.
pub(super) struct Answer {
    sink: Sink,
    writer: Box<dyn RowWriter>,
}

impl Answer {
    /// Opens the place; binary rows are not for a terminal.
    pub(super) fn open(format: Format, out: Option<&Path>, color: ColorWhen) -> Result<Self, Failure> {
        if format == Format::Parquet && out.is_none() && std::io::stdout().is_terminal() {
            return Err(Failure::usage("Parquet is not for a terminal; name a file with --out"));
        }
        let sink = Sink::open(out)?;
        let is_terminal = sink.is_terminal();
        let writer = write::writer(format, Look::of(color, is_terminal), is_terminal);
        Ok(Self { sink, writer })
    }

    /// The columns, before the first row.
    pub(super) fn begin(&mut self, schema: &SchemaRef) -> Result<(), Failure> {
        self.sink.write(|to| self.writer.begin(schema, to))
    }

    /// Some rows.
    pub(super) fn rows(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.sink.write(|to| self.writer.rows(batch, to))
    }

    /// The end.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        self.sink.write(|to| self.writer.end(to))
    }
}
