//! Small facts about the store as a whole: the watermark, the number of commits, and what a stream keeps for itself.
//!
//! In: keys and values. Out: the same. Owns: the table `meta`, and its names.
//! Law: a stream's own keys cannot reach those of the store.

use offbound_schemas::EventTime;

use crate::StoreError;
use crate::change::Change;
use crate::database::Database;
use crate::records::META;

/// Fingerprint of the event tables' columns.
pub(crate) const TABLES: &str = "event_tables";
const COMMITS: &str = "commits";
/// Number and link of the manifest's last entry.
pub(crate) const HEAD: &str = "manifest_head";
/// Link that the manifest's first entry continues.
pub(crate) const BASE: &str = "manifest_base";
const WATERMARK: &str = "watermark";
/// Begins every key that a stream chose.
const STREAM: &str = "stream.";

/// A value that a stream keeps.
pub(crate) fn of_stream(database: &Database, key: &str) -> Result<Option<String>, StoreError> {
    read(database, &format!("{STREAM}{key}"))
}

/// Sets values that a stream keeps.
pub(crate) fn put_of_stream(change: &Change<'_>, pairs: &[(String, String)]) -> rusqlite::Result<()> {
    pairs.iter().try_for_each(|(key, value)| put(change, &format!("{STREAM}{key}"), value))
}

pub(crate) fn watermark(database: &Database) -> Result<Option<EventTime>, StoreError> {
    Ok(number(database, WATERMARK)?.map(EventTime))
}

pub(crate) fn put_watermark(change: &Change<'_>, watermark: EventTime) -> rusqlite::Result<()> {
    put(change, WATERMARK, &watermark.0.to_string())
}

/// The number of the last commit.
pub(crate) fn commits(database: &Database) -> Result<u64, StoreError> {
    Ok(number(database, COMMITS)?.map_or(0, i64::cast_unsigned))
}

/// Numbers a commit, as part of it.
pub(crate) fn put_commits(change: &Change<'_>, number: u64) -> rusqlite::Result<()> {
    put(change, COMMITS, &number.to_string())
}

/// Sets a fact of the store's own.
pub(crate) fn put(change: &Change<'_>, key: &str, value: &str) -> rusqlite::Result<()> {
    META.put(change, [(key, value)]).map(|_changed| ())
}

fn number(database: &Database, key: &str) -> Result<Option<i64>, StoreError> {
    let Some(text) = read(database, key)? else { return Ok(None) };
    let number = text.parse().map_err(|_not_a_number| database.damaged(&format!("{key} is no number")));
    number.map(Some)
}

pub(crate) fn read(database: &Database, key: &str) -> Result<Option<String>, StoreError> {
    Ok(META.of_key(database, key)?.pop().map(|record| record.text))
}
