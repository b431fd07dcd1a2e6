//! One transaction on its way: what it changes, and the tallies that tell when a stored row was changed otherwise.
//!
//! In: rows that come and go. Out: the same in the database, each with its seal, and for each table a tally: how many
//! rows, and the sum of their seals. Owns: the table `tallies`, and what a seal is.
//! Law STORE-2: a row that was changed does not fit its seal; rows that are gone, or too many, do not fit the tally.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, Statement, Transaction};

/// What stands beside a row: a hash of its cells and of its table's name.
pub(crate) type Seal = [u8; 16];

/// How many rows a table has, what their seals sum up to, and the last number that was given to one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    pub(crate) sum: u128,
    last: i64,
}

impl Tally {
    /// Counts a row in.
    pub(crate) fn add(&mut self, seal: Seal) {
        self.rows = self.rows.wrapping_add(1);
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(seal));
    }

    /// Counts a row out.
    fn take(&mut self, seal: Seal) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(u128::from_le_bytes(seal));
    }
}

/// A transaction that keeps the tallies.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    transaction: &'a Transaction<'a>,
    tallies: RefCell<BTreeMap<&'static str, Tally>>,
}

impl<'a> Change<'a> {
    pub(crate) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self { transaction, tallies: RefCell::default() }
    }

    pub(crate) fn prepare(&self, sql: &str) -> rusqlite::Result<Statement<'_>> {
        self.transaction.prepare(sql)
    }

    /// Runs statements that change no row of a table with a tally.
    pub(crate) fn execute_batch(&self, sql: &str) -> rusqlite::Result<()> {
        self.transaction.execute_batch(sql)
    }

    /// The number of the next row of a table; a number is never used again.
    pub(crate) fn next_number(&self, table: &'static str) -> rusqlite::Result<i64> {
        self.with_tally(table, |tally| {
            tally.last = tally.last.saturating_add(1);
            tally.last
        })
    }

    /// Counts rows in and out.
    pub(crate) fn count(
        &self,
        table: &'static str,
        gone: Option<Seal>,
        came: Option<Seal>,
    ) -> rusqlite::Result<()> {
        self.with_tally(table, |tally| {
            gone.into_iter().for_each(|seal| tally.take(seal));
            came.into_iter().for_each(|seal| tally.add(seal));
        })
    }

    /// Removes all rows of a table.
    pub(crate) fn clear(&self, table: &'static str) -> rusqlite::Result<()> {
        self.transaction.execute(&format!("DELETE FROM {table}"), [])?;
        self.with_tally(table, |tally| *tally = Tally { last: tally.last, ..Tally::default() })
    }

    fn with_tally<T>(&self, table: &'static str, work: impl FnOnce(&mut Tally) -> T) -> rusqlite::Result<T> {
        let known = self.tallies.borrow().get(table).copied();
        let mut tally = match known {
            Some(tally) => tally,
            None => tally(self.transaction, table)?,
        };
        let value = work(&mut tally);
        self.tallies.borrow_mut().insert(table, tally);
        Ok(value)
    }

    /// Writes the tallies, as the last thing before the transaction is committed.
    pub(crate) fn finish(self) -> rusqlite::Result<()> {
        let put = "INSERT INTO tallies (name, rows, sum, last) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name)
                   DO UPDATE SET rows = excluded.rows, sum = excluded.sum, last = excluded.last";
        let mut put = self.transaction.prepare(put)?;
        for (table, Tally { rows, sum, last }) in self.tallies.into_inner() {
            put.execute((table, rows.cast_signed(), sum.to_le_bytes(), last))?;
        }
        Ok(())
    }
}

/// The tally of a table, as it is stored.
pub(crate) fn tally(connection: &Connection, table: &str) -> rusqlite::Result<Tally> {
    let mut select = connection.prepare("SELECT rows, sum, last FROM tallies WHERE name = ?1")?;
    let read = |row: &Row<'_>| {
        let (rows, sum) = (row.get::<_, i64>(0)?.cast_unsigned(), u128::from_le_bytes(row.get(1)?));
        Ok(Tally { rows, sum, last: row.get(2)? })
    };
    Ok(select.query_row([table], read).optional()?.unwrap_or_default())
}

/// The seal of a row of `table` with these cells.
pub(crate) fn seal<'v>(table: &str, cells: impl IntoIterator<Item = ValueRef<'v>>) -> Seal {
    let mut hasher = blake3::Hasher::new();
    let mut part = |kind: u8, bytes: &[u8]| {
        hasher.update(&[kind]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    part(b't', table.as_bytes());
    for cell in cells {
        match cell {
            ValueRef::Null => part(b'n', &[]),
            ValueRef::Integer(number) => part(b'i', &number.to_le_bytes()),
            ValueRef::Real(number) => part(b'r', &number.to_bits().to_le_bytes()),
            ValueRef::Text(text) => part(b's', text),
            ValueRef::Blob(bytes) => part(b'b', bytes),
        }
    }
    let mut seal = Seal::default();
    hasher.finalize_xof().fill(&mut seal);
    seal
}

/// The seal that stands in the last of `columns` columns, if it fits those before it.
pub(crate) fn seal_that_fits(table: &str, row: &Row<'_>, columns: usize) -> rusqlite::Result<Option<Seal>> {
    let cells = (0..columns - 1).map(|column| row.get_ref(column)).collect::<rusqlite::Result<Vec<_>>>()?;
    // A cell of the wrong type or length does not fit either.
    let stored: Option<Seal> = row.get(columns - 1).ok();
    Ok(stored.filter(|stored| *stored == seal(table, cells)))
}
