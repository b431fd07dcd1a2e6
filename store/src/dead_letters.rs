//! Records that could not be read, kept with the reason.
//!
//! In: dead letters from ingest, and what became of those that were read again. Out: the same, a page at a time, in the
//! order in which they came, or input by input. Owns: the table `dead_letters`.
//! Law: a dead letter that is delivered again is kept once. It goes together with the change in its source's account.

use offbound_schemas::EventId;
use offbound_schemas::record::SourceCount;
use offbound_schemas::table::DeadLetter;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{OptionalExtension, Params, Row, params_from_iter};

use crate::StoreError;
use crate::change::{Change, Seal, Tally, seal, seal_that_fits, tally};
use crate::database::Database;
use crate::options::MAX_DEAD_LETTERS_PER_READ;
use crate::records::check_tally;

const TABLE: &str = "dead_letters";
/// The columns of a letter, the seal last.
const COLUMNS: &str = "event_id, source, location, reason, detail, parser, length, bytes, content, context,
                       input, seq, seal";
const COLUMN_COUNT: usize = 13;

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
    /// Location of the input: the letter's without the line; of a message, its topic.
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

/// The statement that writes a letter.
fn written(how: &str) -> String {
    let values = "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13";
    format!("{how} INTO dead_letters ({COLUMNS}) VALUES ({values})")
}

/// The letter's cells but its number and its seal, in the order of [`COLUMNS`].
fn cells(letter: &DeadLetter) -> Vec<Value> {
    let DeadLetter { event_id, source, location, reason, detail, parser, length, bytes, content, context } =
        letter.clone();
    let input = input_of(&location).to_owned();
    let optional = |text: Option<String>| text.map_or(Value::Null, Value::Text);
    vec![
        Value::Blob(event_id.0.to_vec()),
        Value::Text(source),
        Value::Text(location),
        Value::Text(reason),
        Value::Text(detail),
        Value::Text(parser),
        Value::Integer(length.cast_signed()),
        Value::Text(bytes),
        optional(content),
        optional(context),
        Value::Text(input),
    ]
}

fn sealed(mut cells: Vec<Value>, seq: i64) -> (Vec<Value>, Seal) {
    cells.push(Value::Integer(seq));
    let seal = seal(TABLE, cells.iter().map(ValueRef::from));
    cells.push(Value::Blob(seal.to_vec()));
    (cells, seal)
}

/// Adds letters that are not there yet, as part of a transaction.
pub(crate) fn put(change: &Change<'_>, letters: &[DeadLetter]) -> rusqlite::Result<()> {
    if letters.is_empty() {
        return Ok(());
    }
    let mut known = change.prepare("SELECT 1 FROM dead_letters WHERE event_id = ?1")?;
    let mut insert = change.prepare(&written("INSERT"))?;
    for letter in letters {
        if known.exists([&letter.event_id.0])? {
            continue;
        }
        let (cells, seal) = sealed(cells(letter), change.next_number(TABLE)?);
        insert.execute(params_from_iter(cells))?;
        change.count(TABLE, None, Some(seal))?;
    }
    Ok(())
}

/// The location of the input that a letter's location lies in: what its source's account is called. It is a file in
/// `path:line`, and the topic in `topic/partition/offset`.
fn input_of(location: &str) -> &str {
    if let Some((input, _line)) = location.rsplit_once(':') {
        return input;
    }
    let is_number = |text: &str| text.parse::<u64>().is_ok();
    let message = location.rsplit_once('/').filter(|(_, offset)| is_number(offset));
    let partition = message.and_then(|(partition, _)| partition.rsplit_once('/'));
    partition.filter(|(_, number)| is_number(number)).map_or(location, |(topic, _)| topic)
}

/// Removes what was read, and renews what was not, as part of a transaction.
pub(crate) fn settle(change: &Change<'_>, read: &[EventId], refused: &[Refusal]) -> rusqlite::Result<()> {
    let mut remove = change.prepare("DELETE FROM dead_letters WHERE event_id = ?1 RETURNING seal")?;
    for id in read {
        let seal = remove.query_row([&id.0], |row| row.get(0)).optional()?;
        change.count(TABLE, seal, None)?;
    }
    refused.iter().try_for_each(|refusal| renew(change, refusal))
}

fn renew(change: &Change<'_>, refusal: &Refusal) -> rusqlite::Result<()> {
    let select = format!("SELECT {COLUMNS} FROM dead_letters WHERE event_id = ?1");
    let mut select = change.prepare(&select)?;
    let there = |row: &Row<'_>| Ok((letter(row)?, row.get(11)?, row.get(12)?));
    let Some((old, seq, old_seal)) = select.query_row([&refusal.event_id.0], there).optional()? else {
        return Ok(());
    };
    let Refusal { event_id: _, source, reason, detail, parser } = refusal.clone();
    let (cells, seal) = sealed(cells(&DeadLetter { source, reason, detail, parser, ..old }), seq);
    change.prepare(&written("REPLACE"))?.execute(params_from_iter(cells))?;
    change.count(TABLE, Some(old_seal), Some(seal))
}

/// Checks every letter and their tally.
pub(crate) fn check(database: &Database) -> Result<(), StoreError> {
    let refused = database.refused("read dead letters");
    database.snapshot(|| {
        let select = format!("SELECT {COLUMNS} FROM dead_letters");
        let mut statement = database.connection().prepare(&select).map_err(&refused)?;
        let mut rows = statement.query([]).map_err(&refused)?;
        let mut found = Tally::default();
        while let Some(row) = rows.next().map_err(&refused)? {
            found.add(seal_of(database, row)?);
        }
        check_tally(database, TABLE, found)
    })
}

/// The seal of a row that fits it.
fn seal_of(database: &Database, row: &Row<'_>) -> Result<Seal, StoreError> {
    let fits = seal_that_fits(TABLE, row, COLUMN_COUNT).map_err(database.refused("read dead letters"))?;
    fits.ok_or_else(|| database.damaged("a dead letter was changed"))
}

pub(crate) fn count(database: &Database) -> Result<u64, StoreError> {
    let tally = tally(database.connection(), TABLE);
    tally.map(|tally| tally.rows).map_err(database.refused("count dead letters"))
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
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let found = select(database, "ORDER BY seq LIMIT ?1 OFFSET ?2", (bounded(limit), offset))?;
    Ok(found.into_iter().map(|(_place, letter)| letter).collect())
}

pub(crate) fn read_by_input(
    database: &Database,
    filter: &LetterFilter,
    after: Option<&LetterPlace>,
    limit: usize,
) -> Result<Vec<(LetterPlace, DeadLetter)>, StoreError> {
    let condition = "WHERE (?1 IS NULL OR (input, seq) > (?1, ?2))
                     AND (?3 IS NULL OR reason = ?3) AND (?4 IS NULL OR source = ?4)
                     ORDER BY input, seq LIMIT ?5";
    let (input, seq) = after.map(|place| (&place.input, place.seq)).unzip();
    select(database, condition, (input, seq, &filter.reason, &filter.source, bounded(limit)))
}

/// Letters whose id, as lower-case hex, begins with `prefix`; `limit` at most.
pub(crate) fn find(database: &Database, prefix: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    let condition = "WHERE substr(lower(hex(event_id)), 1, length(?1)) = ?1 ORDER BY event_id LIMIT ?2";
    let found = select(database, condition, (prefix, bounded(limit)))?;
    Ok(found.into_iter().map(|(_place, letter)| letter).collect())
}

/// Letters with their places, each checked.
fn select(
    database: &Database,
    condition: &str,
    params: impl Params,
) -> Result<Vec<(LetterPlace, DeadLetter)>, StoreError> {
    let refused = database.refused("read dead letters");
    let select = format!("SELECT {COLUMNS} FROM dead_letters {condition}");
    let mut statement = database.connection().prepare(&select).map_err(&refused)?;
    let mut rows = statement.query(params).map_err(&refused)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(&refused)? {
        seal_of(database, row)?;
        let place = || Ok(LetterPlace { input: row.get(10)?, seq: row.get(11)? });
        found.push((place().map_err(&refused)?, letter(row).map_err(&refused)?));
    }
    Ok(found)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: locations of lines and of messages, and names that look like both. Guarantees: each has the name that its
    /// source's account has.
    #[test]
    fn inputs_are_those_of_accounts() {
        for (location, input) in [
            ("logs/audit.log:118", "logs/audit.log"),
            ("a/3/4:7", "a/3/4"),
            ("odd:name.log:1", "odd:name.log"),
            ("audit/3/118", "audit"),
            ("prod.k8s-audit/0/0", "prod.k8s-audit"),
            ("audit/x/118", "audit/x/118"),
            ("audit", "audit"),
        ] {
            assert_eq!(input_of(location), input, "{location}");
        }
    }
}
