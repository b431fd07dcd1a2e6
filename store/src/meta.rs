//! Small facts about the store as a whole: the watermark, the number of commits, and what a stream keeps for itself.
//!
//! In: keys and values. Out: the same. Owns: the table `meta`, and its names.
//! Law: a stream's own keys cannot reach those of the store.

use offbound_schemas::EventTime;
use rusqlite::{OptionalExtension, Transaction};

use crate::StoreError;
use crate::database::Database;

/// Fingerprint of the event tables' columns.
pub(crate) const TABLES: &str = "event_tables";
const COMMITS: &str = "commits";
const WATERMARK: &str = "watermark";
/// Begins every key that a stream chose.
const STREAM: &str = "stream.";

const PUT: &str = "INSERT INTO meta (key, value) VALUES (?1, ?2)
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/// A value that a stream keeps.
pub(crate) fn of_stream(database: &Database, key: &str) -> Result<Option<String>, StoreError> {
    read(database, &format!("{STREAM}{key}"))
}

/// Sets values that a stream keeps.
pub(crate) fn put(transaction: &Transaction<'_>, pairs: &[(String, String)]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare(PUT)?;
    pairs.iter().try_for_each(|(key, value)| statement.execute((format!("{STREAM}{key}"), value)).map(|_| ()))
}

pub(crate) fn watermark(database: &Database) -> Result<Option<EventTime>, StoreError> {
    let Some(text) = read(database, WATERMARK)? else { return Ok(None) };
    text.parse()
        .map(|nanos| Some(EventTime(nanos)))
        .map_err(|_not_a_number| database.damaged(WATERMARK, &text))
}

pub(crate) fn put_watermark(transaction: &Transaction<'_>, watermark: EventTime) -> rusqlite::Result<()> {
    transaction.prepare(PUT)?.execute((WATERMARK, watermark.0.to_string())).map(|_| ())
}

/// The number of the last commit.
pub(crate) fn commits(database: &Database) -> Result<u64, StoreError> {
    let Some(text) = read(database, COMMITS)? else { return Ok(0) };
    text.parse().map_err(|_not_a_number| database.damaged(COMMITS, &text))
}

/// Counts a commit, as part of it; returns its number.
pub(crate) fn count_commit(transaction: &Transaction<'_>) -> rusqlite::Result<u64> {
    let count = "INSERT INTO meta (key, value) VALUES (?1, '1')
                 ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)
                 RETURNING CAST(value AS INTEGER)";
    let number = transaction.prepare(count)?.query_row([COMMITS], |row| row.get::<_, i64>(0))?;
    Ok(number.cast_unsigned())
}

pub(crate) fn read(database: &Database, key: &str) -> Result<Option<String>, StoreError> {
    let refused = database.refused("read facts");
    let select = "SELECT value FROM meta WHERE key = ?1";
    let mut statement = database.connection().prepare(select).map_err(&refused)?;
    statement.query_row([key], |row| row.get(0)).optional().map_err(&refused)
}
