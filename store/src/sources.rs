//! The account of each source: read = decoded + skipped + dead-lettered (law FLOW-1).
//!
//! In: counts from ingest. Out: the same, by location. Owns: the table `sources`.
//! Law: the later count of a location replaces the earlier one.

use offbound_schemas::record::SourceCount;

use crate::StoreError;
use crate::change::Change;
use crate::conclusions::{from_json, to_json};
use crate::database::Database;
use crate::records::SOURCES;

const KIND: &str = "source count";

/// A source's account on its way into the table: its location, and itself.
pub(crate) type SourceRow = (String, String);

/// The accounts as they are stored, made before a transaction begins.
pub(crate) fn rows(sources: &[SourceCount]) -> Result<Vec<SourceRow>, StoreError> {
    let row = |source: &SourceCount| Ok((source.location.clone(), to_json(KIND, &source.location, source)?));
    sources.iter().map(row).collect()
}

/// Puts accounts into the table, as part of a transaction.
pub(crate) fn put(change: &Change<'_>, rows: &[SourceRow]) -> rusqlite::Result<()> {
    SOURCES.put(change, rows.iter().map(|(key, text)| (key.as_str(), text.as_str()))).map(|_changed| ())
}

/// By location.
pub(crate) fn read(database: &Database) -> Result<Vec<SourceCount>, StoreError> {
    let mut records = SOURCES.all(database)?;
    records.sort_by(|one, other| one.key.cmp(&other.key));
    records.iter().map(|record| from_json(KIND, &record.text)).collect()
}
