//! Writing one segment: sorted rows become an immutable Parquet file.
//!
//! In: rows in canonical order. Out: a durable file under its final name, and what the manifest needs to know.
//! Owns: encodings, compression, statistics, bloom filter. Law: temporary name, fsync, rename, fsync folder.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use offbound_schemas::EventTime;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::copies::{self, Keys, Known};
use crate::digest::{Hashed, HashingFile};
use crate::entity_filters::Gathering;
use crate::event_table::{KeyColumns, RowKeys};
use crate::folder::Folder;
use crate::manifest::{Entry, Kind, UNLINKED};
use crate::options::{PAGE_ROWS, Packing, ROW_GROUP_BYTES};
use crate::steps::Step;
use crate::{EventTable, Options, StoreError, directory, sealed};

/// Level 1 writes at memory speed; higher levels save little on log text and cost several times as much.
const ZSTD_LEVEL: i32 = 1;
/// Share of absent values for which the bloom filter says "perhaps": one needless row group in a thousand.
const BLOOM_FALSE_POSITIVES: f64 = 0.001;

/// What a new segment is.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seq: u64,
    pub(crate) table: EventTable,
    pub(crate) packing: Packing,
    /// Segments whose rows it takes over.
    pub(crate) replaces: Vec<u64>,
    /// Segments with which it is compared: of those up to that number, all that may share an event with it.
    pub(crate) known: Vec<Known>,
    pub(crate) known_up_to: u64,
}

/// Writes sorted rows, which have the columns of a schema, as a segment and gives it its name; it counts only once the
/// manifest says so, which also links its entry to those before it.
pub(crate) fn write(
    folder: &Folder,
    (plan, schema): (Plan, SchemaRef),
    rows: impl Iterator<Item = Result<RecordBatch, StoreError>>,
    options: &Options,
) -> Result<(Entry, Keys), StoreError> {
    let (entry, keys) = write_unnamed(folder, (plan, schema), rows, options)?;
    folder.name_segment(entry.seq, entry.seq, entry.table.name())?;
    Ok((entry, keys))
}

/// The same without the name. After an error no unfinished file keeps its space.
pub(crate) fn write_unnamed(
    folder: &Folder,
    (plan, schema): (Plan, SchemaRef),
    rows: impl Iterator<Item = Result<RecordBatch, StoreError>>,
    options: &Options,
) -> Result<(Entry, Keys), StoreError> {
    let (seq, table) = (plan.seq, plan.table);
    let written = encode(folder, (plan, schema), rows, options);
    if written.is_err() {
        folder.discard_segment(seq, table.name());
    }
    written
}

fn encode(
    folder: &Folder,
    (plan, schema): (Plan, SchemaRef),
    rows: impl Iterator<Item = Result<RecordBatch, StoreError>>,
    options: &Options,
) -> Result<(Entry, Keys), StoreError> {
    let Plan { seq, table, packing, replaces, known, known_up_to: _ } = plan;
    let path = folder.segment(seq, table.name());
    let failed = StoreError::segment("write", &path);
    let file = HashingFile::new(folder.begin_segment(seq, table.name())?);
    let mut keys = Keys::default();
    let (hashed, span, filters) = folder.watch().step(Step::WriteSegment, &path, || {
        let properties = properties(table, packing, options).map_err(&failed)?;
        let how = ArrowWriterOptions::new().with_properties(properties);
        // Readers know the columns of a table, and their types.
        let how = how.with_skip_arrow_metadata(schema == table.schema());
        let mut writer = ArrowWriter::try_new_with_options(file, schema, how).map_err(&failed)?;
        let mut span = Span::default();
        let mut entities = Gathering::new(table, options).map_err(&failed)?;
        for batch in rows {
            let batch = batch?;
            entities.add(&batch);
            let added = RowKeys::new(table, &batch)?;
            span.add(&added);
            keys.add(&added);
            writer.write(&batch).map_err(&failed)?;
        }
        Ok((seal(writer, table).map_err(&failed)?, span, entities.finish().map_err(&failed)?))
    })?;
    let Hashed { file, bytes, tail_at, digest } = hashed;
    folder.sync_segment(seq, table.name(), &file)?;
    let Span { rows, from, to } = span;
    let copied_in =
        copies::found_in(folder, &keys, &known, if options.indexed { options.compared } else { 0 });
    let entry = Entry {
        seq,
        kind: Kind::Rows,
        table,
        rows,
        bytes,
        from,
        to,
        tail_at,
        digest,
        replaces,
        copied_in,
        chain: UNLINKED,
        filters,
    };
    Ok((entry, keys))
}

/// Writes the footer, with a directory of the texts and the digests of all that stands before it.
fn seal(mut writer: ArrowWriter<HashingFile>, table: EventTable) -> Result<Hashed, ParquetError> {
    writer.flush()?;
    writer.sync()?;
    if let Some(directory) = directory::footer_pair(writer.flushed_row_groups(), table) {
        writer.append_key_value_metadata(directory);
    }
    let blocks = sealed::footer_pair(writer.inner_mut().end_blocks());
    writer.append_key_value_metadata(blocks);
    Ok(writer.into_inner()?.finish())
}

/// How many rows were written, and from when to when.
#[derive(Debug, Default)]
struct Span {
    rows: u64,
    from: EventTime,
    to: EventTime,
}

impl Span {
    /// Adds rows that come after those added before.
    fn add(&mut self, keys: &RowKeys) {
        let Some(last) = keys.len().checked_sub(1) else { return };
        if self.rows == 0 {
            self.from = EventTime(keys.time(0));
        }
        self.to = EventTime(keys.time(last));
        self.rows += keys.len() as u64;
    }
}

/// Parquet settings. Columns whose values hardly repeat go without dictionary; only the ordering columns
/// need statistics for each page.
fn properties(
    table: EventTable,
    packing: Packing,
    options: &Options,
) -> Result<WriterProperties, ParquetError> {
    let KeyColumns { event_id, event_time, source: _, location, unmapped, raw } = table.key_columns();
    let column = |name: &str| ColumnPath::from(name);
    let compression = match packing {
        Packing::Quick => Compression::LZ4_RAW,
        Packing::Dense => Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?),
    };
    let mut builder = WriterProperties::builder()
        .set_created_by("offbound".to_owned())
        .set_compression(compression)
        .set_max_row_group_row_count(Some(options.row_group_rows))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for name in table.entity_columns().iter().chain(&[event_id]).filter(|_| options.indexed) {
        builder = builder
            .set_column_bloom_filter_enabled(column(name), true)
            .set_column_bloom_filter_fpp(column(name), BLOOM_FALSE_POSITIVES)
            .set_column_bloom_filter_max_ndv(column(name), options.row_group_rows as u64);
    }
    for name in [event_id, event_time, location, unmapped, raw] {
        builder = builder.set_column_dictionary_enabled(column(name), false);
    }
    // Every scan reads these two. Ids are hashes, which nothing makes smaller; sorted times are small as differences.
    for name in [event_id, event_time] {
        builder = builder
            .set_column_statistics_enabled(column(name), EnabledStatistics::Page)
            .set_column_compression(column(name), Compression::UNCOMPRESSED);
    }
    builder = builder.set_column_encoding(column(event_time), Encoding::DELTA_BINARY_PACKED);
    for name in [unmapped, raw] {
        builder = builder.set_column_statistics_enabled(column(name), EnabledStatistics::None);
    }
    Ok(builder.build())
}
