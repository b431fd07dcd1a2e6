//! Small batches, of which one is made.
//!
//! In: batches of few rows. Out: batches of [`MADE_ROWS`] with the same rows, in the same order.
//! Owns: the copying. An Arrow batch of few rows holds far more memory than its rows need; here each column of texts gets
//! a block of the length of its texts, and columns without values share their memory. Bound: [`MADE_ROWS`] and as many rows
//! more as a small batch has, in [`MOST_BATCHES`].

use std::mem::take;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::error::ArrowError;
use offbound_schemas::compact;

use crate::columns::blank;

/// Rows up to which a batch is copied together with others.
pub(crate) const SMALL_ROWS: usize = 256;
/// Rows of a batch that is made of others.
const MADE_ROWS: usize = 1_024;
/// Batches that wait for each other: one row with a hundred columns takes tens of kilobytes.
const MOST_BATCHES: usize = 64;

/// Small batches that wait for each other.
#[derive(Debug)]
pub(crate) struct SmallBatches {
    schema: SchemaRef,
    waiting: Vec<RecordBatch>,
    blanks: Blanks,
}

impl SmallBatches {
    /// None yet; they will have these columns.
    pub(crate) fn new(schema: SchemaRef) -> Self {
        Self { schema, waiting: Vec::new(), blanks: Blanks::default() }
    }

    /// Adds rows; gives those of all batches, once there are enough.
    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>, ArrowError> {
        self.waiting.push(batch);
        if self.waiting.iter().map(RecordBatch::num_rows).sum::<usize>() >= MADE_ROWS {
            return self.take();
        }
        if self.waiting.len() >= MOST_BATCHES {
            let made = self.take()?;
            self.waiting.extend(made);
        }
        Ok(None)
    }

    /// Takes all rows out as one batch; none when there are none.
    pub(crate) fn take(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let mut batches = take(&mut self.waiting);
        if batches.len() < 2 {
            return Ok(batches.pop());
        }
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let columns = self.schema.fields().iter().enumerate().map(|(place, field)| {
            let parts: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(place)).collect();
            if parts.iter().all(|part| is_blank(field, part)) {
                return Ok(self.blanks.of(field, rows));
            }
            let parts: Vec<&dyn Array> = parts.into_iter().map(AsRef::as_ref).collect();
            Ok(compact(concat(&parts)?))
        });
        let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map(Some)
    }
}

/// Whether a column is what [`blank`] makes of it, as far as that is told without looking at its values.
pub(crate) fn is_blank(field: &Field, column: &ArrayRef) -> bool {
    if field.is_nullable() {
        return column.null_count() == column.len();
    }
    let offsets = column.as_list_opt::<i32>().filter(|_| column.null_count() == 0).map(|list| list.offsets());
    offsets.is_some_and(|offsets| offsets.first() == offsets.last())
}

/// Columns without values: those of a type share one. Bound: one for each type of column, as long as the longest batch.
#[derive(Debug, Default)]
pub(crate) struct Blanks(Vec<(DataType, bool, ArrayRef)>);

impl Blanks {
    /// So many blank cells of a column.
    pub(crate) fn of(&mut self, field: &Field, rows: usize) -> ArrayRef {
        let is_of =
            |of: &DataType, nullable: bool| of == field.data_type() && nullable == field.is_nullable();
        let known = self.0.iter().position(|(of, nullable, _)| is_of(of, *nullable));
        if let Some((_, _, column)) = known.and_then(|known| self.0.get(known))
            && column.len() >= rows
        {
            return column.slice(0, rows);
        }
        let column = blank(field, rows);
        match known.and_then(|known| self.0.get_mut(known)) {
            Some((_, _, shorter)) => *shorter = Arc::clone(&column),
            None => self.0.push((field.data_type().clone(), field.is_nullable(), Arc::clone(&column))),
        }
        column
    }
}

#[cfg(test)]
mod tests {
    use offbound_schemas::table::IdentityAssertion;
    use offbound_schemas::{EventId, EventRows};

    use super::*;
    use crate::EventTable;

    fn batch(number: usize) -> RecordBatch {
        let row = |row: usize| IdentityAssertion {
            event_id: EventId::of(&[&number.to_le_bytes(), &row.to_le_bytes()]),
            subject: row.is_multiple_of(2).then(|| format!("a subject that is longer than a view, {number}")),
            dst: (number > 200).then(|| "d".to_owned()),
            trust_flags: (0..number % 3)
                .map(|flag| format!("a flag that is longer than a view {flag}"))
                .collect(),
            ..IdentityAssertion::default()
        };
        let rows =
            EventRows { identity_assertions: (0..1 + number % 7).map(row).collect(), ..EventRows::default() };
        rows.to_batch().identity_assertions
    }

    /// Scenario: five hundred batches of one to seven rows, some of whose columns have values in all, in some, in none.
    /// Guarantees: the batches that are made have the same rows in the same order, a thousand or more but for the last.
    #[test]
    fn the_same_rows_in_fewer_batches() {
        let mut small = SmallBatches::new(EventTable::IdentityAssertions.schema());
        let batches: Vec<RecordBatch> = (0..500).map(batch).collect();
        let mut made: Vec<RecordBatch> = Vec::new();
        for batch in &batches {
            made.extend(small.push(batch.clone()).expect("sound rows"));
        }
        assert!(made.len() == 1 && made.iter().all(|batch| batch.num_rows() >= MADE_ROWS));
        made.extend(small.take().expect("sound rows"));
        assert_eq!(small.take().expect("nothing is left"), None);
        let schema = EventTable::IdentityAssertions.schema();
        let all =
            |batches: &[RecordBatch]| arrow::compute::concat_batches(&schema, batches).expect("one schema");
        assert_eq!(all(&made), all(&batches));
    }
}
