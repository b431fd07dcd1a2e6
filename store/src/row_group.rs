//! Reading segments: one row group at a time, or single rows.
//!
//! In: a committed segment. Out: batches with the table's full schema.
//! Owns: the checks before any byte is decoded. Law STORE-2: a changed file is refused, never decoded.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use offbound_schemas::EventId;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::data_type::FixedLenByteArray;

use crate::columns::{Columns, complete};
use crate::digest::check_file;
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::{EventTable, StoreError};

/// A segment that was found whole, ready to be read. It holds no open file between two reads.
#[derive(Debug)]
pub(crate) struct OpenSegment {
    pub(crate) table: EventTable,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    schema: SchemaRef,
    wanted: ProjectionMask,
}

impl OpenSegment {
    /// Checks the segment's length and digest, then reads its footer.
    pub(crate) fn open(folder: &Folder, entry: &Entry, columns: &Columns) -> Result<Self, StoreError> {
        let table = entry.table;
        let path = folder.segment(entry.seq, table.name());
        check_file(&path, entry.bytes, &entry.digest)?;
        Self::open_unchecked(&path, table, columns)
    }

    /// Reads the footer only.
    fn open_unchecked(path: &Path, table: EventTable, columns: &Columns) -> Result<Self, StoreError> {
        let file = open(path)?;
        let failed = StoreError::segment("read", path);
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(failed)?;
        let roots = metadata.schema().fields().iter().enumerate();
        let roots = roots.filter(|(_, field)| columns.reads(table, field.name())).map(|(index, _)| index);
        let wanted = ProjectionMask::roots(metadata.parquet_schema(), roots);
        Ok(Self { table, path: path.to_owned(), schema: table.schema(), metadata, wanted })
    }

    pub(crate) fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Reads one row group.
    pub(crate) fn read(&self, row_group: usize) -> Result<RecordBatch, StoreError> {
        let rows = self.metadata.metadata().row_group(row_group).num_rows();
        self.read_rows(row_group, 0, usize::try_from(rows).unwrap_or(usize::MAX))
    }

    /// Reads some rows of one row group.
    pub(crate) fn read_rows(
        &self,
        row_group: usize,
        from: usize,
        rows: usize,
    ) -> Result<RecordBatch, StoreError> {
        let failed = StoreError::segment("read", &self.path);
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(open(&self.path)?, self.metadata.clone())
                .with_projection(self.wanted.clone())
                .with_row_groups(vec![row_group])
                .with_batch_size(rows)
                .with_offset(from)
                .with_limit(rows)
                .build()
                .map_err(failed)?;
        let rows_error = StoreError::rows("read", self.table.name());
        let part = reader.collect::<Result<Vec<_>, _>>().map_err(&rows_error)?;
        let part = match <[RecordBatch; 1]>::try_from(part) {
            Ok([one]) => one,
            Err(_) => {
                return Err(StoreError::damaged(&self.path, format!("row group {row_group} is not whole")));
            }
        };
        let batch = complete(self.table, &self.schema, &part)?;
        Ok(batch)
    }

    /// Whether the row group may hold the event; false is certain.
    pub(crate) fn may_hold(&self, row_group: usize, ids: &[EventId]) -> Result<Vec<EventId>, StoreError> {
        let failed = StoreError::segment("read", &self.path);
        let name = self.table.key_columns().event_id;
        let schema = self.metadata.parquet_schema();
        let column = schema.columns().iter().position(|column| column.name() == name);
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(open(&self.path)?, self.metadata.clone());
        let Some(column) = column else { return Ok(ids.to_vec()) };
        let Some(filter) = builder.get_row_group_column_bloom_filter(row_group, column).map_err(failed)?
        else {
            return Ok(ids.to_vec());
        };
        let held = |id: &&EventId| filter.check(&FixedLenByteArray::from(id.0.to_vec()));
        Ok(ids.iter().filter(held).copied().collect())
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(StoreError::io("open", path))
}
