//! One column of a batch that is being built.
//!
//! In: values with the index of their row. Out: an Arrow array. Owns: the filling of rows that were left out: most
//! columns of most rows are absent, and what is absent costs nothing until the next value comes.
//! Law: a row that was not set reads as absent.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListBuilder, StringViewBuilder};

use crate::column::{ColumnValue, Expected, text_bytes};

/// A column and how many rows it has so far.
pub struct Column<T: ColumnValue> {
    /// Of this batch; none before its first value.
    builder: Option<T::Builder>,
    len: usize,
    /// What the last batch had: the next one will have about as much.
    expected: Expected,
}

/// Arrays without any value. Columns of a type share one, over all batches, since most columns of most batches have no
/// value. Bound: one for each type of column, as long as the longest batch.
#[derive(Debug, Default)]
pub(crate) struct Absent {
    arrays: Vec<(TypeId, ArrayRef)>,
}

impl Absent {
    fn array<T: ColumnValue + 'static>(&mut self, rows: usize) -> ArrayRef {
        let id = TypeId::of::<T>();
        let known = self.arrays.iter().position(|(known, _)| *known == id);
        let long = known.and_then(|known| self.arrays.get(known)).filter(|(_, array)| array.len() >= rows);
        if let Some((_, array)) = long {
            return array.slice(0, rows);
        }
        let mut builder = T::builder(Expected { rows, text_bytes: 0 });
        T::append_absent(&mut builder, rows);
        let array = T::finish(&mut builder);
        match known.and_then(|known| self.arrays.get_mut(known)) {
            Some((_, shorter)) => *shorter = Arc::clone(&array),
            None => self.arrays.push((id, Arc::clone(&array))),
        }
        array
    }
}

impl<T: ColumnValue> Default for Column<T> {
    fn default() -> Self {
        Self { builder: None, len: 0, expected: Expected::default() }
    }
}

impl<T: ColumnValue> fmt::Debug for Column<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column({} of {})", self.len, T::data_type())
    }
}

impl<T: ColumnValue> Column<T> {
    /// Sets `row`, which comes behind every row that was set before.
    #[inline]
    pub fn put(&mut self, row: usize, value: &T) {
        if !value.is_absent() {
            value.append(self.at(row));
        }
    }

    /// Whether `row`, behind which none is set, has a value.
    #[inline]
    #[must_use]
    pub fn is_set(&self, row: usize) -> bool {
        self.len > row
    }

    /// The builder, standing at `row`; one value must be appended.
    #[inline]
    fn at(&mut self, row: usize) -> &mut T::Builder {
        let builder = self.builder.get_or_insert_with(|| T::builder(self.expected));
        if self.len < row {
            T::append_absent(builder, row - self.len);
        }
        self.len = row + 1;
        builder
    }

    /// Takes the column out, `rows` long.
    pub(crate) fn finish(&mut self, rows: usize, absent: &mut Absent) -> ArrayRef
    where
        T: 'static,
    {
        // The next batch may have a few more: room that is doubled for them would be kept with it.
        self.expected.rows = rows + rows / 8;
        let len = std::mem::take(&mut self.len);
        let Some(mut builder) = self.builder.take() else { return absent.array::<T>(rows) };
        if len < rows {
            T::append_absent(&mut builder, rows - len);
        }
        let array = T::finish(&mut builder);
        // One batch with little text says little of the next one.
        self.expected.text_bytes = text_bytes(&array).max(self.expected.text_bytes / 2);
        debug_assert_eq!(array.len(), rows, "every row is set once");
        array
    }
}

impl<T: ColumnValue<Builder = StringViewBuilder>> Column<T> {
    /// Sets the text of `row`, which comes behind every row that was set before.
    #[inline]
    pub fn put_text(&mut self, row: usize, text: &str) {
        self.at(row).append_value(text);
    }
}

impl<T: ColumnValue<Builder = ListBuilder<StringViewBuilder>>> Column<T> {
    /// Sets the texts of `row`, which comes behind every row that was set before.
    pub fn put_texts<'t>(&mut self, row: usize, texts: impl IntoIterator<Item = &'t str>) {
        let builder = self.at(row);
        for text in texts {
            builder.values().append_value(text);
        }
        builder.append(true);
    }
}
