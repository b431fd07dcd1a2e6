//! The database beside the segments: opening, layout, version, and one way to run a transaction.
//!
//! In: the database's path. Out: a connection in WAL mode that waits for the disk on every commit.
//! Owns: the tables' definitions. Law: a program refuses a layout that it does not know.

use std::path::{Path, PathBuf};
use std::time::Duration;

use offbound_schemas::hash_id;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::change::Change;
use crate::folder::Folder;
use crate::records::TABLES;
use crate::steps::{Step, Watch};
use crate::{EventTable, StoreError, meta};

/// Marks the file as ours, beside the text `SQLite format 3` (it spells `OfBd`).
const APPLICATION_ID: i32 = 0x4f66_4264;
/// Version of the tables below, and of those in `records`.
const LAYOUT_VERSION: i32 = 7;
/// Bytes that the write-ahead log keeps after a large commit.
const WAL_BYTES: u64 = 16 * 1024 * 1024;
/// How long a statement waits for another connection's short transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The tables that are not tables of records.
const LAYOUT: &str = "
CREATE TABLE tallies (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, sum BLOB NOT NULL, last INTEGER NOT NULL)
STRICT, WITHOUT ROWID;
CREATE TABLE segments (
  seq INTEGER PRIMARY KEY, change TEXT NOT NULL, table_name TEXT NOT NULL, rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL, digest BLOB NOT NULL,
  replaces TEXT NOT NULL, chain BLOB NOT NULL, tail_at INTEGER NOT NULL, copied_in TEXT NOT NULL
) STRICT;
CREATE TABLE dead_letters (
  seq INTEGER PRIMARY KEY, event_id BLOB NOT NULL UNIQUE, source TEXT NOT NULL, location TEXT NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, parser TEXT NOT NULL, length INTEGER NOT NULL, bytes TEXT NOT NULL,
  content TEXT, context TEXT, input TEXT NOT NULL, seal BLOB NOT NULL
) STRICT;
CREATE INDEX dead_letters_by_input ON dead_letters (input, seq);
";

/// A connection to the store's database.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    path: PathBuf,
    watch: Watch,
}

impl Database {
    /// Opens for writing, and makes the tables where there are none.
    pub(crate) fn open_to_write(folder: &Folder, durable: bool) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let mut database = Self::connect(folder, flags)?;
        let waits = durable && !folder.watch().leaves_out(Step::Commit);
        let synchronous = if waits { "FULL" } else { "OFF" };
        let pragmas = format!(
            "PRAGMA synchronous = {synchronous}; PRAGMA journal_mode = WAL;
             PRAGMA journal_size_limit = {WAL_BYTES};"
        );
        database.connection.execute_batch(&pragmas).map_err(database.refused("set up"))?;
        if database.is_blank()? {
            database.lay_out()?;
        }
        database.check_version(folder.path())?;
        Ok(database)
    }

    /// Opens for reading only; a writer may be at work at the same time.
    pub(crate) fn open_to_read(folder: &Folder) -> Result<Self, StoreError> {
        let database = Self::open_to_read_again(folder)?;
        database.check(folder)?;
        Ok(database)
    }

    /// The same, and from now on everything is read as of this moment, until the connection is closed or goes on.
    pub(crate) fn open_as_of_now(folder: &Folder) -> Result<Self, StoreError> {
        let database = Self::open_to_read_again(folder)?;
        // A transaction of SQLite sees what there is when it first reads, which the check does.
        database.connection.execute_batch("BEGIN").map_err(database.refused("begin to read"))?;
        database.check(folder)?;
        Ok(database)
    }

    fn check(&self, folder: &Folder) -> Result<(), StoreError> {
        if self.is_blank()? {
            return Err(StoreError::Missing(folder.path().to_owned()));
        }
        self.check_version(folder.path())
    }

    /// The same of a store that this process has opened before: what it is was looked at then.
    pub(crate) fn open_to_read_again(folder: &Folder) -> Result<Self, StoreError> {
        let database = Self::connect(folder, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        database.connection.execute_batch("PRAGMA query_only = ON;").map_err(database.refused("set up"))?;
        Ok(database)
    }

    fn connect(folder: &Folder, flags: OpenFlags) -> Result<Self, StoreError> {
        let path = folder.database();
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let refused = |source| StoreError::Database { action: "open", path: path.clone(), source };
        let connection = Connection::open_with_flags(&path, flags).map_err(refused)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(refused)?;
        let guards = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;";
        connection.execute_batch(guards).map_err(refused)?;
        Ok(Self { connection, path, watch: folder.watch().clone() })
    }

    fn is_blank(&self) -> Result<bool, StoreError> {
        let objects: i64 = self
            .connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(self.refused("read the layout"))?;
        Ok(objects == 0)
    }

    fn lay_out(&mut self) -> Result<(), StoreError> {
        self.transact("lay out the tables", |change| {
            change.execute_batch(LAYOUT)?;
            TABLES.into_iter().try_for_each(|table| change.execute_batch(&table.layout()))?;
            meta::put(change, meta::TABLES, &tables_fingerprint())?;
            let marks =
                format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {LAYOUT_VERSION};");
            change.execute_batch(&marks)
        })
        .map(|_number| ())
    }

    fn check_version(&self, folder: &Path) -> Result<(), StoreError> {
        let pragma = |name| {
            let value = self.connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
            value.map_err(self.refused("read the version"))
        };
        if pragma("application_id")? != APPLICATION_ID {
            let found = "its database belongs to another program".to_owned();
            return Err(StoreError::NotAStore { path: folder.to_owned(), found });
        }
        let version = pragma("user_version")?;
        let differs = |found: String, expected: String| {
            Err(StoreError::Version { path: folder.to_owned(), found, expected })
        };
        if version != LAYOUT_VERSION {
            return differs(format!("layout {version}"), format!("layout {LAYOUT_VERSION}"));
        }
        let tables = meta::read(self, meta::TABLES)?.unwrap_or_default();
        let expected = tables_fingerprint();
        if tables == expected {
            Ok(())
        } else {
            differs(format!("tables {tables}"), format!("tables {expected}"))
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What makes a [`StoreError`] of what SQLite says while `action` is tried.
    pub(crate) fn refused(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
        let path = self.path.clone();
        move |source| StoreError::Database { action, path: path.clone(), source }
    }

    /// Says what is wrong with what is stored.
    pub(crate) fn damaged(&self, problem: &str) -> StoreError {
        StoreError::damaged(&self.path, problem)
    }

    /// Gives space that is not used back to the system.
    pub(crate) fn shrink(&self) -> Result<(), StoreError> {
        let shrink = "VACUUM; PRAGMA wal_checkpoint(TRUNCATE);";
        self.connection.execute_batch(shrink).map_err(self.refused("shrink the tables"))
    }

    /// What SQLite itself finds wrong with its file; at most `most` problems.
    pub(crate) fn problems(&self, most: usize) -> Result<Vec<String>, StoreError> {
        let refused = self.refused("check the tables");
        let check = format!("PRAGMA integrity_check({most})");
        let mut statement = self.connection.prepare(&check).map_err(&refused)?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0)).map_err(&refused)?;
        let lines = lines.collect::<rusqlite::Result<Vec<_>>>().map_err(&refused)?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// Reads what belongs together as of one moment, even while somebody writes.
    pub(crate) fn snapshot<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        if !self.connection.is_autocommit() {
            return read();
        }
        let refused = self.refused("read");
        let snapshot = self.connection.unchecked_transaction().map_err(&refused)?;
        let value = read()?;
        snapshot.finish().map_err(&refused)?;
        Ok(value)
    }

    /// From now on what is read is as of when it is read.
    pub(crate) fn go_on(&self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection.execute_batch("COMMIT").map_err(self.refused("end reading"))
    }

    /// Does `work` wholly or not at all, as one more commit; returns its number.
    pub(crate) fn transact(
        &mut self,
        action: &'static str,
        work: impl FnOnce(&Change<'_>) -> rusqlite::Result<()>,
    ) -> Result<u64, StoreError> {
        let number = if self.is_blank()? { 1 } else { meta::commits(self)? + 1 };
        let (refused, path, watch) = (self.refused(action), self.path.clone(), self.watch.clone());
        let begin = || Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate);
        let transaction = watch.step(Step::Begin, &path, || begin().map_err(&refused))?;
        watch.step(Step::Write, &path, || {
            let change = Change::new(&transaction);
            work(&change).map_err(&refused)?;
            meta::put_commits(&change, number).map_err(&refused)?;
            change.finish().map_err(&refused)
        })?;
        watch.step(Step::Commit, &path, || transaction.commit().map_err(&refused))?;
        Ok(number)
    }
}

/// Changes whenever a column of an event table does.
fn tables_fingerprint() -> String {
    let mut text = String::new();
    for table in EventTable::ALL {
        text.push_str(table.name());
        for field in table.schema().fields() {
            text.push_str(&format!("\n{} {} {}", field.name(), field.data_type(), field.is_nullable()));
        }
        text.push('\n');
    }
    let id = hash_id("offbound.store.tables/1", &[text.as_bytes()]);
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
