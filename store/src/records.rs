//! Tables of records: a number, a key and a text each, sealed.
//!
//! In: keys and texts. Out: the same, in the order in which the keys first came. Owns: the list [`TABLES`], and how
//! such a table is laid out, changed, read and checked. Law: what does not fit its seal is refused, never shown.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Params, Row, Rows};

use crate::StoreError;
use crate::change::{Change, Seal, Tally, seal, seal_that_fits, tally};
use crate::database::Database;

/// A table of records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordTable {
    pub(crate) name: &'static str,
    /// Whether a key stands there once.
    unique: bool,
}

const fn keyed(name: &'static str) -> RecordTable {
    RecordTable { name, unique: true }
}

const fn listed(name: &'static str) -> RecordTable {
    RecordTable { name, unique: false }
}

pub(crate) const META: RecordTable = keyed("meta");
pub(crate) const SOURCES: RecordTable = keyed("sources");
pub(crate) const FINDINGS: RecordTable = keyed("findings");
pub(crate) const FINDING_REVISIONS: RecordTable = listed("finding_revisions");
pub(crate) const INCIDENTS: RecordTable = keyed("incidents");
pub(crate) const GAPS: RecordTable = keyed("gaps");
pub(crate) const SUMMARY: RecordTable = keyed("summary");
pub(crate) const OFFSETS: RecordTable = keyed("offsets");
pub(crate) const OUTBOX: RecordTable = listed("outbox");
pub(crate) const SEGMENT_FILTERS: RecordTable = keyed("segment_filters");

/// Every table of records.
pub(crate) const TABLES: [RecordTable; 10] =
    [META, SOURCES, FINDINGS, FINDING_REVISIONS, INCIDENTS, GAPS, SUMMARY, OFFSETS, OUTBOX, SEGMENT_FILTERS];

/// Columns of such a table, the seal last.
const COLUMNS: &str = "position, key, record, seal";
const COLUMN_COUNT: usize = 4;

/// A stored record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) position: i64,
    pub(crate) key: String,
    pub(crate) text: String,
}

impl RecordTable {
    /// What makes the table.
    pub(crate) fn layout(self) -> String {
        let Self { name, unique } = self;
        let unique = if unique { "UNIQUE" } else { "" };
        format!(
            "CREATE TABLE {name} (position INTEGER PRIMARY KEY, key TEXT NOT NULL, record TEXT NOT NULL,
             seal BLOB NOT NULL) STRICT; CREATE {unique} INDEX {name}_by_key ON {name} (key, position);"
        )
    }

    fn seal(self, position: i64, key: &str, text: &str) -> Seal {
        let cells =
            [ValueRef::Integer(position), ValueRef::Text(key.as_bytes()), ValueRef::Text(text.as_bytes())];
        seal(self.name, cells)
    }

    /// Sets the text of each key, in the place where it stands; says of each whether that changed anything.
    pub(crate) fn put<'t>(
        self,
        change: &Change<'_>,
        records: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> rusqlite::Result<Vec<bool>> {
        let name = self.name;
        let select = format!("SELECT position, record, seal FROM {name} WHERE key = ?1");
        let (mut select, mut insert) = (change.prepare(&select)?, self.prepare_insert(change)?);
        let mut update =
            change.prepare(&format!("UPDATE {name} SET record = ?2, seal = ?3 WHERE position = ?1"))?;
        let mut changed = Vec::new();
        for (key, text) in records {
            let there = select.query_row([key], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, Seal>(2)?))
            });
            let there = there.optional()?;
            changed.push(there.as_ref().is_none_or(|(_, old, _)| old != text));
            match there {
                Some((_, old, _)) if old == text => {}
                Some((position, _, old)) => {
                    let seal = self.seal(position, key, text);
                    update.execute((position, text, seal))?;
                    change.count(name, Some(old), Some(seal))?;
                }
                None => {
                    let position = change.next_number(name)?;
                    let seal = self.seal(position, key, text);
                    insert.execute((position, key, text, seal))?;
                    change.count(name, None, Some(seal))?;
                }
            }
        }
        Ok(changed)
    }

    fn prepare_insert<'c>(self, change: &'c Change<'_>) -> rusqlite::Result<rusqlite::Statement<'c>> {
        change.prepare(&format!("INSERT INTO {} ({COLUMNS}) VALUES (?1, ?2, ?3, ?4)", self.name))
    }

    /// Adds records, whatever is there.
    pub(crate) fn append<'t>(
        self,
        change: &Change<'_>,
        records: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> rusqlite::Result<()> {
        let mut insert = self.prepare_insert(change)?;
        for (key, text) in records {
            let position = change.next_number(self.name)?;
            let seal = self.seal(position, key, text);
            insert.execute((position, key, text, seal))?;
            change.count(self.name, None, Some(seal))?;
        }
        Ok(())
    }

    /// Removes the records with these keys.
    pub(crate) fn remove(self, change: &Change<'_>, keys: &[String]) -> rusqlite::Result<()> {
        let delete = format!("DELETE FROM {} WHERE key = ?1 RETURNING seal", self.name);
        let mut delete = change.prepare(&delete)?;
        for key in keys {
            let seals =
                delete.query_map([key], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Seal>>>()?;
            seals.into_iter().try_for_each(|seal| change.count(self.name, Some(seal), None))?;
        }
        Ok(())
    }

    /// Removes all records but those whose key begins so.
    pub(crate) fn clear_but(self, change: &Change<'_>, prefix: &str) -> rusqlite::Result<()> {
        let delete = "WHERE substr(key, 1, length(?1)) <> ?1 RETURNING seal";
        let mut delete = change.prepare(&format!("DELETE FROM {} {delete}", self.name))?;
        let seals = delete.query_map([prefix], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Seal>>>()?;
        seals.into_iter().try_for_each(|seal| change.count(self.name, Some(seal), None))
    }

    /// Removes the records with these numbers.
    pub(crate) fn remove_positions(self, change: &Change<'_>, positions: &[i64]) -> rusqlite::Result<()> {
        let delete = format!("DELETE FROM {} WHERE position = ?1 RETURNING seal", self.name);
        let mut delete = change.prepare(&delete)?;
        for position in positions {
            let seal: Option<Seal> = delete.query_row([position], |row| row.get(0)).optional()?;
            change.count(self.name, seal, None)?;
        }
        Ok(())
    }

    /// All records, in order; refused when some are missing.
    pub(crate) fn all(self, database: &Database) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        self.check_all(database, |record| records.push(record))?;
        Ok(records)
    }

    /// The records with that key, in order.
    pub(crate) fn of_key(self, database: &Database, key: &str) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        self.each(database, "WHERE key = ?1", [key], |record, _| records.push(record))?;
        Ok(records)
    }

    /// Gives `take` the text of each of these keys that is there.
    pub(crate) fn each_of_keys<K: AsRef<str>>(
        self,
        database: &Database,
        keys: impl IntoIterator<Item = K>,
        mut take: impl FnMut(&K, &str),
    ) -> Result<(), StoreError> {
        let refused = database.refused("read records");
        let select = format!("SELECT {COLUMNS} FROM {} WHERE key = ?1", self.name);
        let mut statement = database.connection().prepare(&select).map_err(&refused)?;
        for key in keys {
            let mut rows = statement.query([key.as_ref()]).map_err(&refused)?;
            while let Some(row) = rows.next().map_err(&refused)? {
                self.seal_of(database, row)?;
                let text = row.get_ref(2).and_then(|cell| Ok(cell.as_str()?)).map_err(&refused)?;
                take(&key, text);
            }
        }
        Ok(())
    }

    /// The first records.
    pub(crate) fn first(self, database: &Database, limit: usize) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let first =
            format!("WHERE position IN (SELECT position FROM {} ORDER BY position LIMIT ?1)", self.name);
        self.each(database, &first, [limit], |record, _| records.push(record))?;
        Ok(records)
    }

    /// How many records there are.
    pub(crate) fn count(self, database: &Database) -> Result<u64, StoreError> {
        let tally = tally(database.connection(), self.name);
        tally.map(|tally| tally.rows).map_err(database.refused("count records"))
    }

    /// Checks every record and their tally, and gives them to `take`, in order.
    pub(crate) fn check_all(
        self,
        database: &Database,
        mut take: impl FnMut(Record),
    ) -> Result<(), StoreError> {
        database.snapshot(|| {
            let mut found = Tally::default();
            self.each(database, "", [], |record, seal| {
                found.add(seal);
                take(record);
            })?;
            check_tally(database, self.name, found)
        })
    }

    fn each(
        self,
        database: &Database,
        condition: &str,
        params: impl Params,
        take: impl FnMut(Record, Seal),
    ) -> Result<(), StoreError> {
        let refused = database.refused("read records");
        let select = format!("SELECT {COLUMNS} FROM {} {condition} ORDER BY position", self.name);
        let mut statement = database.connection().prepare(&select).map_err(&refused)?;
        self.each_row(database, statement.query(params).map_err(&refused)?, take)
    }

    /// The seal of a row, which it fits.
    fn seal_of(self, database: &Database, row: &Row<'_>) -> Result<Seal, StoreError> {
        let fits = seal_that_fits(self.name, row, COLUMN_COUNT).map_err(database.refused("read records"))?;
        fits.ok_or_else(|| database.damaged(&format!("a row of {} was changed", self.name)))
    }

    fn each_row(
        self,
        database: &Database,
        mut rows: Rows<'_>,
        mut take: impl FnMut(Record, Seal),
    ) -> Result<(), StoreError> {
        let refused = database.refused("read records");
        while let Some(row) = rows.next().map_err(&refused)? {
            let seal = self.seal_of(database, row)?;
            let (position, key) = (row.get(0).map_err(&refused)?, row.get(1).map_err(&refused)?);
            take(Record { position, key, text: row.get(2).map_err(&refused)? }, seal);
        }
        Ok(())
    }
}

/// Refuses a table with other rows than were written.
pub(crate) fn check_tally(database: &Database, table: &str, found: Tally) -> Result<(), StoreError> {
    let expected = tally(database.connection(), table).map_err(database.refused("read tallies"))?;
    if (expected.rows, expected.sum) == (found.rows, found.sum) {
        return Ok(());
    }
    let problem =
        format!("table {table} has {} rows that do not add up to the {} written", found.rows, expected.rows);
    Err(database.damaged(&problem))
}
