//! Rows as CSV (RFC 4180): one header line, one line a row, lists as JSON.
//!
//! In: columns and rows. Out: comma-separated text that a spreadsheet opens without running any of it.
//! Law: every text passes the gate, formula starts included; numbers stay numbers.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use offbound_schemas::untrusted::safe;

use super::cell::Cell;
use super::{RowWriter, names};

/// Writes lines.
#[derive(Debug)]
pub(super) struct Csv;

impl RowWriter for Csv {
    fn begin(&mut self, schema: &SchemaRef, to: &mut dyn Write) -> io::Result<()> {
        let names: Vec<String> = names(schema).iter().map(|name| safe::csv_cell(name).into_owned()).collect();
        write!(to, "{}\r\n", names.join(","))
    }

    fn rows(&mut self, batch: &RecordBatch, to: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            for (index, values) in batch.columns().iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                let cell = Cell::of(values.as_ref(), row);
                let is_number = cell.is_number();
                let text = cell.text();
                match is_number {
                    true => write!(to, "{comma}{text}")?,
                    false => write!(to, "{comma}{}", safe::csv_cell(&text))?,
                }
            }
            write!(to, "\r\n")?;
        }
        Ok(())
    }

    fn end(&mut self, _to: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
