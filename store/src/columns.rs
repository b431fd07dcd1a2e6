//! Which columns a scan reads, and what stands in the others.
//!
//! In: a batch with some of a table's columns. Out: one with all of them, the absent ones blank.
//! Law: blank means null where the column allows it, else the empty text, the empty list, zero or false.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, ListArray, RecordBatch, RecordBatchOptions, StringViewArray, new_empty_array,
    new_null_array,
};
use arrow::buffer::{BooleanBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::{EventTable, StoreError};

/// The columns that a scan reads from disk.
///
/// The columns that order and locate a row (`event_id`, `event_time`, `source`, `location`) are always read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// By table.
    left_out: [BTreeSet<String>; 3],
    extent: Extent,
}

/// What becomes of columns that are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Extent {
    /// They are blank, but for those that order and locate a row.
    #[default]
    Whole,
    /// They are not there, but for those that order a row, and, blank, those that tell copies apart.
    Narrow,
    /// They are not there, whatever they are for.
    Bare,
}

impl Columns {
    /// Every column.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// All but the records' own text (`raw`, `unmapped`), which is most of the bytes.
    #[must_use]
    pub fn without_text() -> Self {
        let names = EventTable::ALL.map(|table| [table.key_columns().raw, table.key_columns().unmapped]);
        Self::without(names.as_flattened())
    }

    /// All but those of that name, in any table.
    #[must_use]
    pub fn without(names: &[&str]) -> Self {
        let left_out: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Self { left_out: EventTable::ALL.map(|_| left_out.clone()), extent: Extent::Whole }
    }

    /// Only these columns of each table.
    #[must_use]
    pub fn those(wanted: impl Fn(EventTable) -> &'static [&'static str]) -> Self {
        Self { left_out: EventTable::ALL.map(|table| others(table, wanted(table))), extent: Extent::Whole }
    }

    /// The same where columns that are not read are missing instead of blank.
    pub(crate) fn narrowed(&self) -> Self {
        let left_out = EventTable::ALL.map(|table| {
            let names = self.left_out(table).iter();
            names.filter(|name| !self.reads(table, name)).cloned().collect()
        });
        Self { left_out, extent: Extent::Narrow }
    }

    /// Only these columns of a table, and those that order a row; the others are not there at all.
    pub(crate) fn only(table: EventTable, names: &[&str]) -> Self {
        Self { left_out: EventTable::ALL.map(|_| others(table, names)), extent: Extent::Narrow }
    }

    /// Only these columns of a table, not even those that order a row.
    pub(crate) fn bare(table: EventTable, names: &[&str]) -> Self {
        Self { extent: Extent::Bare, ..Self::only(table, names) }
    }

    fn left_out(&self, table: EventTable) -> &BTreeSet<String> {
        let [host_events, identity_assertions, placements] = &self.left_out;
        match table {
            EventTable::HostEvents => host_events,
            EventTable::IdentityAssertions => identity_assertions,
            EventTable::Placements => placements,
        }
    }

    /// The columns that a batch of the table has.
    pub(crate) fn schema(&self, table: EventTable) -> SchemaRef {
        let whole = table.schema();
        if self.extent == Extent::Whole || self.left_out(table).is_empty() {
            return whole;
        }
        let keys = table.key_columns();
        let blank =
            |name: &str| self.extent == Extent::Narrow && [keys.source, keys.location].contains(&name);
        let there = |name: &str| self.reads(table, name) || blank(name);
        let fields = whole.fields().iter().filter(|field| there(field.name())).cloned();
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Only the columns that order and locate a row.
    pub(crate) fn keys() -> Self {
        Self::those(|_| &[])
    }

    /// Whether the records' own text is read.
    pub(crate) fn with_text(&self) -> bool {
        EventTable::ALL.into_iter().any(|table| self.reads(table, table.key_columns().raw))
    }

    pub(crate) fn reads(&self, table: EventTable, column: &str) -> bool {
        let keys = table.key_columns();
        let orders = self.extent != Extent::Bare && [keys.event_id, keys.event_time].contains(&column);
        let locates = self.extent == Extent::Whole && [keys.source, keys.location].contains(&column);
        orders || locates || !self.left_out(table).contains(column)
    }
}

/// The names of a table's columns but for some.
fn others(table: EventTable, names: &[&str]) -> BTreeSet<String> {
    let schema = table.schema();
    let fields = schema.fields().iter().map(|field| field.name());
    fields.filter(|name| !names.contains(&name.as_str())).cloned().collect()
}

/// Puts the columns of `batch` where `schema` has them and fills the others with blanks.
pub(crate) fn complete(
    table: EventTable,
    schema: &SchemaRef,
    batch: &RecordBatch,
) -> Result<RecordBatch, StoreError> {
    let rows = batch.num_rows();
    let arrays = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(array) => Arc::clone(array),
        None => blank(field, rows),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays.collect(), &options)
        .map_err(StoreError::rows("complete", table.name()))
}

/// `rows` blank cells of a column.
pub(crate) fn blank(field: &Field, rows: usize) -> ArrayRef {
    if field.is_nullable() {
        return new_null_array(field.data_type(), rows);
    }
    match field.data_type() {
        DataType::Utf8View => {
            let views = ScalarBuffer::from(vec![0_u128; rows]);
            Arc::new(StringViewArray::new(views, Vec::new(), None))
        }
        DataType::List(item) => {
            let values = new_empty_array(item.data_type());
            Arc::new(ListArray::new(Arc::clone(item), OffsetBuffer::new_zeroed(rows), values, None))
        }
        DataType::Boolean => Arc::new(BooleanArray::new(BooleanBuffer::new_unset(rows), None)),
        // A null array of a fixed-width type has zeros below its nulls.
        other => without_nulls(&new_null_array(other, rows)),
    }
}

fn without_nulls(array: &ArrayRef) -> ArrayRef {
    let data = array.to_data().into_builder().nulls(None).build();
    arrow::array::make_array(data.expect("a fixed-width array is valid without its nulls"))
}
