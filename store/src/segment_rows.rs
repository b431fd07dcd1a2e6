//! Reading segments: all rows in order, or single rows.
//!
//! In: a committed segment. Out: batches with the table's full schema.
//! Owns: the checks before any row is decoded. Law STORE-2: a changed file is refused, never decoded.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use offbound_schemas::EventId;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::data_type::FixedLenByteArray;

use crate::columns::{Columns, complete};
use crate::digest::{check_file, check_length};
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::{EventTable, StoreError};

/// A segment whose footer has been read. It holds no open file.
#[derive(Debug)]
pub(crate) struct OpenSegment {
    pub(crate) table: EventTable,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl OpenSegment {
    /// Checks the segment's length and every byte of it, then reads its footer.
    pub(crate) fn open(folder: &Folder, entry: &Entry) -> Result<Self, StoreError> {
        let path = folder.segment(entry.seq, entry.table.name());
        check_file(&path, entry.bytes, &entry.digest)?;
        Self::read_footer(path, entry.table)
    }

    /// Checks the segment's length only, for a look at its filters; see [`OpenSegment::open`] before reading rows.
    pub(crate) fn peek(folder: &Folder, entry: &Entry) -> Result<Self, StoreError> {
        let path = folder.segment(entry.seq, entry.table.name());
        check_length(&path, entry.bytes)?;
        Self::read_footer(path, entry.table)
    }

    fn read_footer(path: PathBuf, table: EventTable) -> Result<Self, StoreError> {
        let failed = StoreError::segment("read", &path);
        let metadata = ArrowReaderMetadata::load(&open(&path)?, ArrowReaderOptions::new()).map_err(failed)?;
        Ok(Self { table, path, metadata })
    }

    pub(crate) fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// All rows in order, `batch_rows` at once.
    pub(crate) fn rows(&self, columns: &Columns, batch_rows: usize) -> Result<SegmentRows, StoreError> {
        self.build(self.builder(columns)?.with_batch_size(batch_rows))
    }

    /// The rows of one row group, from row `from` on, at most `most`.
    pub(crate) fn some_rows(
        &self,
        columns: &Columns,
        row_group: usize,
        from: usize,
        most: usize,
    ) -> Result<SegmentRows, StoreError> {
        let held =
            usize::try_from(self.metadata.metadata().row_group(row_group).num_rows()).unwrap_or(usize::MAX);
        let rows = most.min(held);
        let builder = self.builder(columns)?.with_row_groups(vec![row_group]);
        self.build(builder.with_offset(from).with_limit(rows).with_batch_size(rows.max(1)))
    }

    /// The ids that the row group may hold; those left out it certainly does not.
    pub(crate) fn may_hold(&self, row_group: usize, ids: &[EventId]) -> Result<Vec<EventId>, StoreError> {
        let failed = StoreError::segment("read", &self.path);
        let name = self.table.key_columns().event_id;
        let column = self.metadata.parquet_schema().columns().iter().position(|column| column.name() == name);
        let Some(column) = column else { return Ok(ids.to_vec()) };
        let builder = self.builder(&Columns::all())?;
        let Some(filter) = builder.get_row_group_column_bloom_filter(row_group, column).map_err(failed)?
        else {
            return Ok(ids.to_vec());
        };
        let held = |id: &&EventId| filter.check(&FixedLenByteArray::from(id.0.to_vec()));
        Ok(ids.iter().filter(held).copied().collect())
    }

    fn builder(&self, columns: &Columns) -> Result<ParquetRecordBatchReaderBuilder<File>, StoreError> {
        let roots = self.metadata.schema().fields().iter().enumerate();
        let roots =
            roots.filter(|(_, field)| columns.reads(self.table, field.name())).map(|(index, _)| index);
        let wanted = ProjectionMask::roots(self.metadata.parquet_schema(), roots);
        let file = open(&self.path)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        Ok(builder.with_projection(wanted))
    }

    fn build(&self, builder: ParquetRecordBatchReaderBuilder<File>) -> Result<SegmentRows, StoreError> {
        let reader = builder.build().map_err(StoreError::segment("read", &self.path))?;
        Ok(SegmentRows { table: self.table, schema: self.table.schema(), path: self.path.clone(), reader })
    }
}

/// Rows of a segment, in order.
pub(crate) struct SegmentRows {
    pub(crate) table: EventTable,
    schema: SchemaRef,
    path: PathBuf,
    reader: ParquetRecordBatchReader,
}

impl SegmentRows {
    /// The next rows; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        let damaged = |error: ArrowError| StoreError::damaged(&self.path, error.to_string());
        match self.reader.next().transpose().map_err(damaged)? {
            Some(batch) => complete(self.table, &self.schema, &batch).map(Some),
            None => Ok(None),
        }
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(StoreError::io("open", path))
}
