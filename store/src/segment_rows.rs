//! Reading segments: all rows in order, or single rows.
//!
//! In: a committed segment. Out: batches with the table's full schema.
//! Owns: which row groups, columns and rows of a segment are read. Leaves the check of every byte to `sealed`.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use offbound_schemas::{EventId, EventTime};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowFilter as ParquetRowFilter,
};
use parquet::bloom_filter::Sbbf;
use parquet::data_type::FixedLenByteArray;
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;

use crate::columns::{Columns, complete};
use crate::folder::Folder;
use crate::manifest::Entry;
use crate::scan::RowFilter;
use crate::sealed::{SealedFile, Shared};
use crate::{EventTable, StoreError};

/// Rows whose keys are compared at once.
const COMPARED_ROWS: usize = 8_192;

/// A segment whose footer has been read.
#[derive(Debug)]
pub(crate) struct OpenSegment {
    pub(crate) table: EventTable,
    file: Arc<SealedFile>,
    metadata: ArrowReaderMetadata,
    from: EventTime,
    to: EventTime,
}

impl OpenSegment {
    /// Opens a segment and reads its footer.
    pub(crate) fn open(folder: &Folder, entry: &Entry) -> Result<Self, StoreError> {
        let path = folder.segment(entry.seq, entry.table.name());
        let (file, metadata) = SealedFile::open(path, entry)?;
        Ok(Self { table: entry.table, file: Arc::new(file), metadata, from: entry.from, to: entry.to })
    }

    /// The rows that pass the filter, in order, `batch_rows` at once, and how many row groups are read for them; no
    /// byte but the footer and its filters is read where they say that there are none.
    pub(crate) fn begin(
        folder: &Folder,
        entry: &Entry,
        columns: &Columns,
        batch_rows: usize,
        filter: Option<&RowFilter>,
    ) -> Result<(usize, Option<SegmentRows>), StoreError> {
        let segment = Self::open(folder, entry)?;
        let groups = match filter {
            Some(filter) => segment.row_groups_for(filter)?,
            None => (0..segment.row_groups()).collect(),
        };
        let count = groups.len();
        if count == 0 {
            return Ok((0, None));
        }
        segment.rows(columns, batch_rows, groups, filter).map(|rows| (count, Some(rows)))
    }

    pub(crate) fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// The rows of these row groups that pass the filter, in order, `batch_rows` at once.
    fn rows(
        &self,
        columns: &Columns,
        batch_rows: usize,
        groups: Vec<usize>,
        filter: Option<&RowFilter>,
    ) -> Result<SegmentRows, StoreError> {
        let mut builder = self.builder(columns).with_batch_size(batch_rows).with_row_groups(groups);
        if let Some(filter) = filter {
            let looked_at = filter.columns(self.from, self.to);
            if !looked_at.is_empty() {
                let mask = self.mask(|name| looked_at.contains(&name));
                let filter = filter.clone();
                let predicate = ArrowPredicateFn::new(mask, move |batch| filter.keeps(&batch));
                builder = builder.with_row_filter(ParquetRowFilter::new(vec![Box::new(predicate)]));
            }
        }
        self.build(columns, builder)
    }

    /// The keys of the row groups whose stretch of time, its ends included, is wanted; none where no group's is.
    pub(crate) fn keys_where(
        &self,
        wanted: impl Fn(EventTime, EventTime) -> bool,
    ) -> Result<Option<SegmentRows>, StoreError> {
        let groups: Vec<usize> = (0..self.row_groups())
            .filter(|group| self.span_of(*group).is_none_or(|(from, to)| wanted(from, to)))
            .collect();
        if groups.is_empty() {
            return Ok(None);
        }
        let columns = Columns::only(self.table, &[]);
        let builder = self.builder(&columns).with_row_groups(groups).with_batch_size(COMPARED_ROWS);
        self.build(&columns, builder).map(Some)
    }

    /// The row groups that may hold a row that passes the filter.
    fn row_groups_for(&self, filter: &RowFilter) -> Result<Vec<usize>, StoreError> {
        let mut groups = Vec::new();
        for group in 0..self.row_groups() {
            if self.time_meets(group, filter) && self.filters_allow(group, filter)? {
                groups.push(group);
            }
        }
        Ok(groups)
    }

    /// Whether the row group's event times may pass the filter; they may where the footer does not tell them.
    fn time_meets(&self, row_group: usize, filter: &RowFilter) -> bool {
        self.span_of(row_group).is_none_or(|(first, last)| filter.meets(first, last))
    }

    /// The earliest and the latest event of a row group, where the footer tells them.
    fn span_of(&self, row_group: usize) -> Option<(EventTime, EventTime)> {
        let time = self.column(self.table.key_columns().event_time)?;
        let chunk = self.metadata.metadata().row_group(row_group).columns().get(time)?;
        let Some(Statistics::Int64(times)) = chunk.statistics() else { return None };
        let (first, last) = times.min_opt().zip(times.max_opt())?;
        Some((EventTime(*first), EventTime(*last)))
    }

    /// Whether the row group's bloom filters allow all values that are asked for.
    fn filters_allow(&self, row_group: usize, filter: &RowFilter) -> Result<bool, StoreError> {
        for (name, text) in filter.equals() {
            if !self.table.entity_columns().contains(&name.as_str()) {
                continue;
            }
            if let Some(bloom) = self.bloom_filter(row_group, name)?
                && !bloom.check(text.as_str())
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Number of the column of that name in the file.
    fn column(&self, name: &str) -> Option<usize> {
        self.metadata.parquet_schema().columns().iter().position(|column| column.name() == name)
    }

    fn bloom_filter(&self, row_group: usize, name: &str) -> Result<Option<Sbbf>, StoreError> {
        let Some(column) = self.column(name) else { return Ok(None) };
        let builder = self.builder(&Columns::keys());
        builder.get_row_group_column_bloom_filter(row_group, column).map_err(|error| self.unreadable(error))
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
        let builder = self.builder(columns).with_row_groups(vec![row_group]);
        self.build(columns, builder.with_offset(from).with_limit(rows).with_batch_size(rows.max(1)))
    }

    /// The ids that the row group may hold; those left out it certainly does not.
    pub(crate) fn may_hold(&self, row_group: usize, ids: &[EventId]) -> Result<Vec<EventId>, StoreError> {
        let Some(filter) = self.bloom_filter(row_group, self.table.key_columns().event_id)? else {
            return Ok(ids.to_vec());
        };
        let held = |id: &&EventId| filter.check(&FixedLenByteArray::from(id.0.to_vec()));
        Ok(ids.iter().filter(held).copied().collect())
    }

    fn builder(&self, columns: &Columns) -> ParquetRecordBatchReaderBuilder<Shared> {
        let file = Shared(Arc::clone(&self.file));
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        builder.with_projection(self.mask(|name| columns.reads(self.table, name)))
    }

    fn unreadable(&self, error: ParquetError) -> StoreError {
        self.file.failed(StoreError::segment("read", self.file.path())(error))
    }

    fn mask(&self, wanted: impl Fn(&str) -> bool) -> ProjectionMask {
        let roots = self.metadata.schema().fields().iter().enumerate();
        let roots = roots.filter(|(_, field)| wanted(field.name())).map(|(index, _)| index);
        ProjectionMask::roots(self.metadata.parquet_schema(), roots)
    }

    fn build(
        &self,
        columns: &Columns,
        builder: ParquetRecordBatchReaderBuilder<Shared>,
    ) -> Result<SegmentRows, StoreError> {
        let reader = builder.build().map_err(|error| self.unreadable(error))?;
        let (schema, file) = (columns.schema(self.table), Arc::clone(&self.file));
        Ok(SegmentRows { table: self.table, schema, file, reader })
    }
}

/// Rows of a segment, in order.
pub(crate) struct SegmentRows {
    pub(crate) table: EventTable,
    schema: SchemaRef,
    file: Arc<SealedFile>,
    reader: ParquetRecordBatchReader,
}

impl SegmentRows {
    /// The next rows; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        let damaged =
            |error: ArrowError| self.file.failed(StoreError::damaged(self.file.path(), error.to_string()));
        match self.reader.next().transpose().map_err(damaged)? {
            Some(batch) => complete(self.table, &self.schema, &batch).map(Some),
            None => Ok(None),
        }
    }
}
