//! The account of each source: read = decoded + skipped + dead-lettered (law FLOW-1).
//!
//! In: counts from ingest. Out: the same, by location. Owns: the table `sources`.
//! Law: the later count of a location replaces the earlier one.

use offbound_schemas::record::SourceCount;
use rusqlite::Transaction;

use crate::StoreError;
use crate::conclusions::{from_json, records, to_json};
use crate::database::Database;

const KIND: &str = "source count";

/// A source's account on its way into the table.
pub(crate) struct SourceRow {
    location: String,
    format: String,
    record: String,
}

/// The accounts as they are stored, made before a transaction begins.
pub(crate) fn rows(sources: &[SourceCount]) -> Result<Vec<SourceRow>, StoreError> {
    let to_row = |source: &SourceCount| {
        let record = to_json(KIND, &source.location, source)?;
        Ok(SourceRow { location: source.location.clone(), format: source.format.clone(), record })
    };
    sources.iter().map(to_row).collect()
}

/// Puts accounts into the table, as part of a transaction.
pub(crate) fn put(transaction: &Transaction<'_>, rows: &[SourceRow]) -> rusqlite::Result<()> {
    let insert = "INSERT INTO sources (location, format, record) VALUES (?1, ?2, ?3)
                  ON CONFLICT (location) DO UPDATE SET format = excluded.format, record = excluded.record";
    let mut statement = transaction.prepare(insert)?;
    for SourceRow { location, format, record } in rows {
        statement.execute((location, format, record))?;
    }
    Ok(())
}

pub(crate) fn read(database: &Database) -> Result<Vec<SourceCount>, StoreError> {
    let texts = records(database, "SELECT record FROM sources ORDER BY location", [])?;
    texts.iter().map(|text| from_json(KIND, text)).collect()
}
