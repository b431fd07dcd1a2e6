//! Records that could not be read, kept with the reason.
//!
//! In: dead letters from ingest. Out: the same, a page at a time, in the order in which they came.
//! Owns: the table `dead_letters`. Law: a dead letter that is delivered again is kept once.

use offbound_schemas::EventId;
use offbound_schemas::table::DeadLetter;
use rusqlite::Row;

use crate::StoreError;
use crate::database::Database;
use crate::options::MAX_DEAD_LETTERS_PER_READ;

pub(crate) fn commit(database: &mut Database, letters: &[DeadLetter]) -> Result<(), StoreError> {
    let insert =
        "INSERT INTO dead_letters (event_id, source, location, reason, detail, parser, length, bytes)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (event_id) DO NOTHING";
    database.transact("commit dead letters", |transaction| {
        let mut statement = transaction.prepare(insert)?;
        for letter in letters {
            let DeadLetter { event_id, source, location, reason, detail, parser, length, bytes } = letter;
            let length = length.cast_signed();
            statement.execute((&event_id.0, source, location, reason, detail, parser, length, bytes))?;
        }
        Ok(())
    })
}

pub(crate) fn count(database: &Database) -> Result<u64, StoreError> {
    let count =
        database.connection().query_row("SELECT count(*) FROM dead_letters", [], |row| row.get::<_, i64>(0));
    count.map(i64::cast_unsigned).map_err(database.refused("count dead letters"))
}

pub(crate) fn read(database: &Database, offset: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    let refused = database.refused("read dead letters");
    let select = "SELECT event_id, source, location, reason, detail, parser, length, bytes FROM dead_letters
                  ORDER BY seq LIMIT ?1 OFFSET ?2";
    let limit = i64::try_from(limit.min(MAX_DEAD_LETTERS_PER_READ)).unwrap_or(i64::MAX);
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let mut statement = database.connection().prepare(select).map_err(&refused)?;
    let letters = statement.query_map((limit, offset), letter).map_err(&refused)?;
    letters.collect::<rusqlite::Result<_>>().map_err(&refused)
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        event_id: EventId(row.get(0)?),
        source: row.get(1)?,
        location: row.get(2)?,
        reason: row.get(3)?,
        detail: row.get(4)?,
        parser: row.get(5)?,
        length: row.get::<_, i64>(6)?.cast_unsigned(),
        bytes: row.get(7)?,
    })
}
