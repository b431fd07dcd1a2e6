//! Rows of a segment of which nothing but texts is asked: a text that stands in many rows is looked at once.
//!
//! In: a segment that shares no event with others, columns of texts, a filter of texts. Out: batches of these columns; rows
//! alone are counted. Owns: what is left unread: rows of a row group in which no text is one that is asked for.
//! Bound: one row group. Law: the rows are those that the footer's readers would give; a segment without a directory of its
//! texts is left to those.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use parquet::bloom_filter::Sbbf;

use crate::directory::Directory;
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::page::Unpacker;
use crate::scan::RowFilter;
use crate::sealed::SealedFile;
use crate::texts::{Places, Texts};
use crate::{EventTable, StoreError};

/// A scan of texts.
pub(crate) struct TextScan<'a> {
    table: EventTable,
    whole: SchemaRef,
    /// The columns that are asked for.
    schema: SchemaRef,
    filter: &'a RowFilter,
    unpacker: Unpacker,
    /// The end of the segment that was opened last, and what is read of a row group, by column: room that is used again.
    tail: Vec<u8>,
    buffers: Vec<Vec<u8>>,
}

/// A segment of which some row groups are read.
pub(crate) struct TextRows {
    file: SealedFile,
    directory: Directory,
    /// Columns of the directory, by name.
    columns: Vec<String>,
    /// How many of them, the first, the filter looks at.
    looked_at: usize,
    groups: std::vec::IntoIter<usize>,
}

/// What opening a segment gave.
pub(crate) enum Opened {
    /// It is to be read in another way.
    Otherwise,
    /// No row group of it may hold such a row.
    Nothing,
    /// Its rows, out of so many row groups.
    Rows(usize, Box<TextRows>),
}

/// What a row group gave.
pub(crate) enum Given {
    /// Rows of which nothing is asked but their number.
    Count(u64),
    Rows(RecordBatch),
}

impl<'a> TextScan<'a> {
    /// A scan of the columns of that schema; none where one of them holds something else than texts.
    pub(crate) fn new(table: EventTable, schema: SchemaRef, filter: &'a RowFilter) -> Option<Self> {
        let whole = table.schema();
        let all = schema.fields().iter().all(|field| is_text(&whole, field.name()));
        let (unpacker, tail) = (Unpacker::new().ok()?, Vec::new());
        all.then_some(Self { table, whole, schema, filter, unpacker, tail, buffers: Vec::new() })
    }

    /// Opens a segment, as far as its directory.
    pub(crate) fn open(&mut self, folder: &Folder, entry: &Entry) -> Result<Opened, StoreError> {
        let mut columns: Vec<String> = Vec::new();
        let mut add = |name: &str| {
            if !columns.iter().any(|known| known == name) {
                columns.push(name.to_owned());
            }
            columns.len()
        };
        let looked_at = self.filter.columns(entry.from, entry.to);
        if !looked_at.iter().all(|name| is_text(&self.whole, name)) {
            return Ok(Opened::Otherwise);
        }
        let looked_at = looked_at.into_iter().map(&mut add).last().unwrap_or_default();
        self.schema.fields().iter().for_each(|field| {
            add(field.name());
        });
        let path = folder.segment(entry.seq, entry.table.name());
        let file = SealedFile::open_unread(path, entry, &mut self.tail)?;
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        let Some(directory) = Directory::in_tail(&self.tail, &names) else { return Ok(Opened::Otherwise) };
        let mut rows = TextRows { file, directory, columns, looked_at, groups: Vec::new().into_iter() };
        let groups = rows.groups_for(self.filter, self.table)?;
        let count = groups.len();
        rows.groups = groups.into_iter();
        Ok(if count == 0 { Opened::Nothing } else { Opened::Rows(count, Box::new(rows)) })
    }

    /// The rows of the next row group; none at the end.
    pub(crate) fn next(&mut self, rows: &mut TextRows) -> Result<Option<Given>, StoreError> {
        let Some(number) = rows.groups.next() else { return Ok(None) };
        let Some(count) = rows.directory.groups.get(number).map(|group| group.rows) else { return Ok(None) };
        let mut buffers = std::mem::take(&mut self.buffers);
        buffers.resize_with(rows.columns.len(), Vec::new);
        let group = RowGroup { rows, number, count };
        let (looked_at, others) = buffers.split_at_mut(rows.looked_at);
        let (kept, mut read) = group.kept(self.filter, looked_at, &mut self.unpacker)?;
        let kept_rows = kept.as_ref().map_or(count, Vec::len);
        let given = if self.schema.fields().is_empty() || kept_rows == 0 {
            Given::Count(kept_rows as u64)
        } else {
            for (column, buffer) in (rows.looked_at..).zip(others) {
                let texts = group.texts(column, buffer, &mut self.unpacker)?;
                let places = group.places(&texts, &mut self.unpacker)?;
                read.push((texts, places));
            }
            let arrays = group.arrays(&self.schema, &read, kept.as_deref())?;
            let options = RecordBatchOptions::new().with_row_count(Some(kept_rows));
            let batch = RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), arrays, &options);
            Given::Rows(batch.map_err(StoreError::rows("decode", self.table.name()))?)
        };
        drop(read);
        self.buffers = buffers;
        Ok(Some(given))
    }
}

/// Whether a column holds texts.
fn is_text(schema: &Schema, name: &str) -> bool {
    schema.field_with_name(name).is_ok_and(|field| *field.data_type() == DataType::Utf8View)
}

impl TextRows {
    /// The row groups that may hold a row that passes the filter.
    fn groups_for(&self, filter: &RowFilter, table: EventTable) -> Result<Vec<usize>, StoreError> {
        let mut groups = Vec::new();
        for (number, group) in self.directory.groups.iter().enumerate() {
            let (first, last) = group.span;
            if filter.meets(first, last) && self.filters_allow(number, filter, table)? {
                groups.push(number);
            }
        }
        Ok(groups)
    }

    /// Whether a row group's bloom filters allow all values that are asked for.
    fn filters_allow(
        &self,
        number: usize,
        filter: &RowFilter,
        table: EventTable,
    ) -> Result<bool, StoreError> {
        for (name, text) in filter.equals() {
            let column = self.columns.iter().position(|known| known == name);
            let column = column.and_then(|column| self.directory.columns.get(column));
            let Some(place) = column.and_then(|column| column.places.get(number)) else { continue };
            if place.filter.is_empty() || !table.entity_columns().contains(&name.as_str()) {
                continue;
            }
            let mut buffer = Vec::new();
            let range = self.file.range(&place.filter, &mut buffer)?;
            let bloom = Sbbf::from_bytes(buffer.get(range).unwrap_or_default());
            if !bloom.map_err(|error| self.file.misfit(&error.to_string()))?.check(text.as_str()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// One row group of a segment.
#[derive(Clone, Copy)]
struct RowGroup<'r> {
    rows: &'r TextRows,
    number: usize,
    count: usize,
}

/// A column of a row group.
type Read<'b> = (Texts<'b>, Places);

impl RowGroup<'_> {
    /// The rows that are asked for, in order; none where it is all of them. And the columns that the filter looked at; not
    /// all of them where no row is asked for.
    fn kept<'b>(
        self,
        filter: &RowFilter,
        buffers: &'b mut [Vec<u8>],
        unpacker: &mut Unpacker,
    ) -> Result<(Option<Vec<usize>>, Vec<Read<'b>>), StoreError> {
        let (mut kept, mut read): (Option<Vec<usize>>, Vec<Read<'b>>) = (None, Vec::new());
        for (column, buffer) in buffers.iter_mut().enumerate() {
            let name = self.rows.columns.get(column).map(String::as_str).unwrap_or_default();
            let texts = self.texts(column, buffer, unpacker)?;
            let marks = filter.marks(name, texts.values());
            let marks = marks.map_err(|error| self.rows.file.misfit(&error.to_string()))?;
            if !marks.contains(&true) {
                return Ok((Some(Vec::new()), read));
            }
            let places = self.places(&texts, unpacker)?;
            let is_kept = |row: &usize| places.is_marked(*row, &marks);
            kept = Some(match kept {
                Some(rows) => rows.into_iter().filter(is_kept).collect(),
                None => (0..self.count).filter(is_kept).collect(),
            });
            read.push((texts, places));
        }
        Ok((kept, read))
    }

    /// The columns of the schema, of some rows or of all.
    fn arrays(
        self,
        schema: &Schema,
        read: &[Read<'_>],
        kept: Option<&[usize]>,
    ) -> Result<Vec<ArrayRef>, StoreError> {
        let array = |field: &FieldRef| {
            let column = self.rows.columns.iter().position(|known| known == field.name());
            let (texts, places) = column.and_then(|column| read.get(column)).ok_or_else(|| self.misfit())?;
            let array = match kept {
                Some(rows) => places.of_rows(rows, texts.values()),
                None => places.of_all(texts.values()),
            };
            array.map_err(|error| self.rows.file.misfit(&error.to_string()))
        };
        schema.fields().iter().map(array).collect()
    }

    /// The texts of a column.
    fn texts<'b>(
        self,
        column: usize,
        buffer: &'b mut Vec<u8>,
        unpacker: &mut Unpacker,
    ) -> Result<Texts<'b>, StoreError> {
        let column = self.rows.directory.columns.get(column).ok_or_else(|| self.misfit())?;
        let place = column.places.get(self.number).ok_or_else(|| self.misfit())?;
        let range = self.rows.file.range(&place.pages, buffer)?;
        let pages = buffer.get(range).unwrap_or_default();
        let texts = Texts::read(pages, (place.packed, column.nullable), unpacker);
        texts.filter(|texts| texts.rows() == self.count).ok_or_else(|| self.misfit())
    }

    fn places(self, texts: &Texts<'_>, unpacker: &mut Unpacker) -> Result<Places, StoreError> {
        texts.places(unpacker).ok_or_else(|| self.misfit())
    }

    fn misfit(self) -> StoreError {
        self.rows.file.misfit("its pages are not as segments have them")
    }
}

#[cfg(test)]
mod tests;
