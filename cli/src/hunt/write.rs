//! Rows to bytes: one file per form.
//!
//! In: columns and batches of any types. Out: a table, JSON, NDJSON, CSV or Parquet.
//! Owns: the list of forms. Law: tables and CSV show outside text through the gate only; JSON and Parquet carry exact
//! values.

mod cell;
mod csv;
mod json;
mod parquet;
mod table;

use std::io::{self, Write};

pub(crate) use cell::Cell;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::args::{ColorWhen, Format};
use crate::output::Look;

/// Writes the rows of one answer.
pub(super) trait RowWriter {
    /// What stands before the first row; always called, and first.
    fn begin(&mut self, schema: &SchemaRef, to: &mut dyn Write) -> io::Result<()>;
    /// Some rows.
    fn rows(&mut self, batch: &RecordBatch, to: &mut dyn Write) -> io::Result<()>;
    /// What stands after the last row.
    fn end(&mut self, to: &mut dyn Write) -> io::Result<()>;
}

/// Who writes that form.
pub(super) fn writer(format: Format, look: Look, is_terminal: bool) -> Box<dyn RowWriter> {
    match format {
        Format::Table => Box::new(table::Table::new(look, is_terminal)),
        Format::Json => Box::new(json::Json::array()),
        Format::Ndjson => Box::new(json::Json::lines()),
        Format::Csv => Box::new(csv::Csv),
        Format::Parquet => Box::new(parquet::Parquet::default()),
    }
}

/// Writes a whole answer, as to a file: nobody looks at it as it is written.
pub(crate) fn write_all(
    format: Format,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut writer = writer(format, Look::of(ColorWhen::Never, false), false);
    writer.begin(schema, to)?;
    for batch in batches {
        writer.rows(batch, to)?;
    }
    writer.end(to)?;
    to.flush()
}

fn names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

#[cfg(test)]
mod tests;
