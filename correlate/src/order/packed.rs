//! Packed batches: rows that wait for long, in a fraction of the room.
//!
//! In: a batch. Out: the same batch again, when its rows are folded. Owns: the form, which is Arrow's IPC stream of the tables
//! that have rows and the columns that have values, as one block of LZ4: as frames of single columns it takes longer. Law: what
//! is unpacked is what was packed; it never leaves this process.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};
use offbound_schemas::EventBatch;

/// A table in packed form; none where it has no rows.
type Table = Option<Box<[u8]>>;

/// The three tables of a batch.
#[derive(Debug)]
pub(super) struct Packed([Table; 3]);

impl Packed {
    /// The packed form of a batch.
    pub(super) fn of(batch: &EventBatch) -> Result<Self, ArrowError> {
        let EventBatch { host_events, identity_assertions, placements } = batch;
        Ok(Self([table(host_events)?, table(identity_assertions)?, table(placements)?]))
    }

    /// The batch again; its columns without values are those of `absent`, which has at least as many rows.
    pub(super) fn batch(&self, absent: &EventBatch) -> Result<EventBatch, ArrowError> {
        let Self([host_events, identity_assertions, placements]) = self;
        Ok(EventBatch {
            host_events: rows(host_events, &absent.host_events)?,
            identity_assertions: rows(identity_assertions, &absent.identity_assertions)?,
            placements: rows(placements, &absent.placements)?,
        })
    }
}

fn table(batch: &RecordBatch) -> Result<Table, ArrowError> {
    if batch.num_rows() == 0 {
        return Ok(None);
    }
    let columns = batch.columns().iter().enumerate();
    let present: Vec<usize> =
        columns.filter(|(_, column)| column.null_count() < column.len()).map(|(place, _)| place).collect();
    let batch = batch.project(&present)?;
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref())?;
    writer.write(&batch)?;
    Ok(Some(compress_prepend_size(&writer.into_inner()?).into_boxed_slice()))
}

fn rows(packed: &Table, absent: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let Some(packed) = packed else { return Ok(absent.slice(0, 0)) };
    let bytes =
        decompress_size_prepended(packed).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
    let batch = StreamReader::try_new(&*bytes, None)?.next();
    let batch = batch.unwrap_or_else(|| Err(ArrowError::IpcError("a packed batch has no rows".into())))?;
    let schema = absent.schema();
    let columns = schema.fields().iter().zip(absent.columns()).map(|(field, nothing)| {
        let column = batch.column_by_name(field.name()).map(Arc::clone);
        column.unwrap_or_else(|| nothing.slice(0, batch.num_rows()))
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect())
}
