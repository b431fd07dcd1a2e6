//! Rows as JSON objects: in one array, or one a line.
//!
//! In: columns and rows. Out: exact values, with what does not show written as `\uXXXX`; unknown values are null.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::cell::Cell;
use super::{RowWriter, names};
use crate::output::json::write_line;

/// Writes objects.
#[derive(Debug)]
pub(super) struct Json {
    in_array: bool,
    names: Vec<String>,
    is_first: bool,
}

impl Json {
    /// One array.
    pub(super) fn array() -> Self {
        Self { in_array: true, names: Vec::new(), is_first: true }
    }

    /// One object a line.
    pub(super) fn lines() -> Self {
        Self { in_array: false, ..Self::array() }
    }
}

impl RowWriter for Json {
    fn begin(&mut self, schema: &SchemaRef, to: &mut dyn Write) -> io::Result<()> {
        self.names = names(schema);
        if self.in_array { write!(to, "[") } else { Ok(()) }
    }

    fn rows(&mut self, batch: &RecordBatch, to: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            if self.in_array && !self.is_first {
                write!(to, ",")?;
            }
            self.is_first = false;
            write_line(&Row { names: &self.names, batch, row }, to)?;
        }
        Ok(())
    }

    fn end(&mut self, to: &mut dyn Write) -> io::Result<()> {
        if self.in_array { writeln!(to, "]") } else { Ok(()) }
    }
}

/// One row.
struct Row<'a> {
    names: &'a [String],
    batch: &'a RecordBatch,
    row: usize,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut object = to.serialize_map(Some(self.names.len()))?;
        for (name, values) in self.names.iter().zip(self.batch.columns()) {
            object.serialize_entry(name, &Cell::of(values.as_ref(), self.row))?;
        }
        object.end()
    }
}
