//! Rows as Parquet: exact values with their types.
//!
//! In: columns and rows. Out: one file. Bound: a row group of [`ROW_GROUP_ROWS`] rows or [`ROW_GROUP_BYTES`] bytes.
//! Law: a file that was not ended has no footer, so that nobody takes it for whole.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::RowWriter;

/// Rows of a row group.
const ROW_GROUP_ROWS: usize = 65_536;
/// Bytes of a row group, for rows that hold records' own text.
const ROW_GROUP_BYTES: usize = 32 * 1024 * 1024;

/// Writes one file.
#[derive(Debug, Default)]
pub(super) struct Parquet(Option<(SchemaRef, ArrowWriter<Vec<u8>>)>);

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(format!("as Parquet: {error}"))
}

impl RowWriter for Parquet {
    fn begin(&mut self, schema: &SchemaRef, _to: &mut dyn Write) -> io::Result<()> {
        let level = ZstdLevel::try_new(1).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_created_by("offbound".to_owned())
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .build();
        let writer =
            ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties)).map_err(failed)?;
        self.0 = Some((Arc::clone(schema), writer));
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, to: &mut dyn Write) -> io::Result<()> {
        let Some((schema, writer)) = &mut self.0 else { return Ok(()) };
        // The names may differ from the batch's: see `session::named_apart`.
        let named = RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec());
        writer.write(&named.map_err(io::Error::other)?).map_err(failed)?;
        to.write_all(&std::mem::take(writer.inner_mut()))
    }

    fn end(&mut self, to: &mut dyn Write) -> io::Result<()> {
        let Some((_, writer)) = self.0.take() else { return Ok(()) };
        to.write_all(&writer.into_inner().map_err(failed)?)
    }
}
