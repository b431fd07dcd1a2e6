//! Records that could not be read, kept with the reason.
//!
//! In: dead letters from ingest, and what became of those that were read again. Out: the same, a page at a time, in the
//! order in which they came, or input by input. Owns: the table `dead_letters`.
//! Law: a dead letter that is delivered again is kept once. It goes together with the change in its source's account.

use offbound_schemas::EventId;
use offbound_schemas::record::SourceCount;
use offbound_schemas::table::DeadLetter;
use rusqlite::{Row, Transaction};

use crate::StoreError;
use crate::database::Database;
use crate::options::MAX_DEAD_LETTERS_PER_READ;

/// The columns of a letter, in the order of [`letter`].
const COLUMNS: &str =
    "event_id, source, location, reason, detail, parser, length, bytes, content, context, input, seq";

/// Which dead letters: those of this reason and this source label, where one is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Reason code.
    pub reason: Option<String>,
    /// Source label.
    pub source: Option<String>,
}

/// A dead letter's place in the order of inputs, and of arrival within one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterPlace {
    /// Location of the input: the letter's, without the line.
    pub input: String,
    seq: i64,
}

/// How many dead letters have the same reason and source label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterCount {
    /// Reason code.
    pub reason: String,
    /// Source label.
    pub source: String,
    /// Number of letters.
    pub count: u64,
}

/// What became of dead letters that were read again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reread {
    /// Letters whose records have been read: they go.
    pub read: Vec<EventId>,
    /// Letters that still cannot be read: they stay, with today's reason, detail and parser.
    pub refused: Vec<Refusal>,
    /// The accounts of their sources, by location.
    pub sources: Vec<SourceCount>,
}

/// Why a letter still cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The letter.
    pub event_id: EventId,
    /// Source label.
    pub source: String,
    /// Reason code.
    pub reason: String,
    /// What is wrong, for a reader.
    pub detail: String,
    /// Parser version that refused it.
    pub parser: String,
}

/// Adds letters, as part of a transaction.
pub(crate) fn put(transaction: &Transaction<'_>, letters: &[DeadLetter]) -> rusqlite::Result<()> {
    let insert = "INSERT INTO dead_letters
                  (event_id, source, location, reason, detail, parser, length, bytes, content, context, input)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (event_id) DO NOTHING";
    let mut statement = transaction.prepare(insert)?;
    for letter in letters {
        let DeadLetter {
            event_id,
            source,
            location,
            reason,
            detail,
            parser,
            length,
            bytes,
            content,
            context,
        } = letter;
        let (length, input) = (length.cast_signed(), input_of(location));
        statement.execute((
            &event_id.0,
            source,
            location,
            reason,
            detail,
            parser,
            length,
            bytes,
            content,
            context,
            input,
        ))?;
    }
    Ok(())
}

/// The location of the input that a letter's location lies in.
fn input_of(location: &str) -> &str {
    location.rsplit_once(':').map_or(location, |(input, _line)| input)
}

/// Removes what was read, and renews what was not, as part of a transaction.
pub(crate) fn settle(
    transaction: &Transaction<'_>,
    read: &[EventId],
    refused: &[Refusal],
) -> rusqlite::Result<()> {
    let mut remove = transaction.prepare("DELETE FROM dead_letters WHERE event_id = ?1")?;
    read.iter().try_for_each(|id| remove.execute([&id.0]).map(|_| ()))?;
    renew(transaction, refused)
}

fn renew(transaction: &Transaction<'_>, refused: &[Refusal]) -> rusqlite::Result<()> {
    let update =
        "UPDATE dead_letters SET source = ?2, reason = ?3, detail = ?4, parser = ?5 WHERE event_id = ?1";
    let mut statement = transaction.prepare(update)?;
    for Refusal { event_id, source, reason, detail, parser } in refused {
        statement.execute((&event_id.0, source, reason, detail, parser))?;
    }
    Ok(())
}

pub(crate) fn count(database: &Database) -> Result<u64, StoreError> {
    let count =
        database.connection().query_row("SELECT count(*) FROM dead_letters", [], |row| row.get::<_, i64>(0));
    count.map(i64::cast_unsigned).map_err(database.refused("count dead letters"))
}

pub(crate) fn counts(database: &Database, filter: &LetterFilter) -> Result<Vec<LetterCount>, StoreError> {
    let refused = database.refused("count dead letters");
    let select = "SELECT reason, source, count(*) FROM dead_letters
                  WHERE (?1 IS NULL OR reason = ?1) AND (?2 IS NULL OR source = ?2)
                  GROUP BY reason, source ORDER BY reason, source";
    let mut statement = database.connection().prepare(select).map_err(&refused)?;
    let counts = statement.query_map((&filter.reason, &filter.source), |row| {
        let count = row.get::<_, i64>(2)?.cast_unsigned();
        Ok(LetterCount { reason: row.get(0)?, source: row.get(1)?, count })
    });
    counts.map_err(&refused)?.collect::<rusqlite::Result<_>>().map_err(&refused)
}

pub(crate) fn read(database: &Database, offset: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    let refused = database.refused("read dead letters");
    let select = format!("SELECT {COLUMNS} FROM dead_letters ORDER BY seq LIMIT ?1 OFFSET ?2");
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let mut statement = database.connection().prepare(&select).map_err(&refused)?;
    let letters = statement.query_map((bounded(limit), offset), letter).map_err(&refused)?;
    letters.collect::<rusqlite::Result<_>>().map_err(&refused)
}

pub(crate) fn read_by_input(
    database: &Database,
    filter: &LetterFilter,
    after: Option<&LetterPlace>,
    limit: usize,
) -> Result<Vec<(LetterPlace, DeadLetter)>, StoreError> {
    let refused = database.refused("read dead letters");
    let select = format!(
        "SELECT {COLUMNS} FROM dead_letters
         WHERE (?1 IS NULL OR (input, seq) > (?1, ?2))
         AND (?3 IS NULL OR reason = ?3) AND (?4 IS NULL OR source = ?4)
         ORDER BY input, seq LIMIT ?5"
    );
    let (input, seq) = after.map(|place| (&place.input, place.seq)).unzip();
    let mut statement = database.connection().prepare(&select).map_err(&refused)?;
    let values = (input, seq, &filter.reason, &filter.source, bounded(limit));
    let letters = statement
        .query_map(values, |row| Ok((LetterPlace { input: row.get(10)?, seq: row.get(11)? }, letter(row)?)));
    letters.map_err(&refused)?.collect::<rusqlite::Result<_>>().map_err(&refused)
}

/// Letters whose id, as lower-case hex, begins with `prefix`; `limit` at most.
pub(crate) fn find(database: &Database, prefix: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    let refused = database.refused("find dead letters");
    let select = format!(
        "SELECT {COLUMNS} FROM dead_letters
         WHERE substr(lower(hex(event_id)), 1, length(?1)) = ?1 ORDER BY event_id LIMIT ?2"
    );
    let mut statement = database.connection().prepare(&select).map_err(&refused)?;
    let letters = statement.query_map((prefix, bounded(limit)), letter).map_err(&refused)?;
    letters.collect::<rusqlite::Result<_>>().map_err(&refused)
}

fn bounded(limit: usize) -> i64 {
    i64::try_from(limit.min(MAX_DEAD_LETTERS_PER_READ)).unwrap_or(i64::MAX)
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
        content: row.get(8)?,
        context: row.get(9)?,
    })
}
