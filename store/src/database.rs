//! The database beside the segments: opening, layout, version, and one way to run a transaction.
//!
//! In: the database's path. Out: a connection in WAL mode that waits for the disk on every commit.
//! Owns: the tables' definitions. Law: a program refuses a layout that it does not know.

use std::path::{Path, PathBuf};
use std::time::Duration;

use offbound_schemas::hash_id;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::folder::Folder;
use crate::{EventTable, StoreError, meta};

/// Marks the file as ours, beside the text `SQLite format 3` (it spells `OfBd`).
const APPLICATION_ID: i32 = 0x4f66_4264;
/// Version of the tables below.
const LAYOUT_VERSION: i32 = 3;
/// How long a statement waits for another connection's short transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest part of a stored text that an error shows, in characters.
const MAX_SHOWN_CHARS: usize = 40;

const LAYOUT: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE segments (
  seq INTEGER PRIMARY KEY, table_name TEXT NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
  from_time INTEGER NOT NULL, to_time INTEGER NOT NULL, digest BLOB NOT NULL, replaces TEXT NOT NULL,
  chain BLOB NOT NULL
) STRICT;
CREATE TABLE dead_letters (
  seq INTEGER PRIMARY KEY, event_id BLOB NOT NULL UNIQUE, source TEXT NOT NULL, location TEXT NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, parser TEXT NOT NULL, length INTEGER NOT NULL, bytes TEXT NOT NULL,
  content TEXT, context TEXT, input TEXT NOT NULL
) STRICT;
CREATE INDEX dead_letters_by_input ON dead_letters (input, seq);
CREATE TABLE sources (location TEXT PRIMARY KEY, format TEXT NOT NULL, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE findings (
  position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL, severity TEXT NOT NULL,
  state TEXT NOT NULL, first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, credential TEXT,
  workload TEXT, incident TEXT, record TEXT NOT NULL
) STRICT;
CREATE TABLE finding_revisions (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, record TEXT NOT NULL) STRICT;
CREATE INDEX finding_revisions_by_id ON finding_revisions (id, seq);
CREATE TABLE incidents (
  position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, severity TEXT NOT NULL, outcome TEXT NOT NULL,
  onset INTEGER NOT NULL, end_time INTEGER NOT NULL, record TEXT NOT NULL
) STRICT;
CREATE TABLE gaps (
  position INTEGER PRIMARY KEY, source TEXT NOT NULL, scope TEXT NOT NULL, from_time INTEGER NOT NULL,
  to_time INTEGER NOT NULL, record TEXT NOT NULL
) STRICT;
CREATE INDEX gaps_by_place ON gaps (source, scope, from_time);
CREATE TABLE summary (position INTEGER PRIMARY KEY CHECK (position = 0), record TEXT NOT NULL) STRICT;
CREATE TABLE offsets (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL
) STRICT;
";

/// A connection to the store's database.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Database {
    /// Opens for writing, and makes the tables where there are none.
    pub(crate) fn open_to_write(folder: &Folder, durable: bool) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let mut database = Self::connect(folder, flags)?;
        let synchronous = if durable { "FULL" } else { "OFF" };
        let pragmas = format!("PRAGMA synchronous = {synchronous}; PRAGMA journal_mode = WAL;");
        database.connection.execute_batch(&pragmas).map_err(database.refused("set up"))?;
        if database.is_blank()? {
            database.lay_out()?;
        }
        database.check_version(folder.path())?;
        Ok(database)
    }

    /// Opens for reading only; a writer may be at work at the same time.
    pub(crate) fn open_to_read(folder: &Folder) -> Result<Self, StoreError> {
        let database = Self::connect(folder, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        database.connection.execute_batch("PRAGMA query_only = ON;").map_err(database.refused("set up"))?;
        if database.is_blank()? {
            return Err(StoreError::Missing(folder.path().to_owned()));
        }
        database.check_version(folder.path())?;
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
        Ok(Self { connection, path })
    }

    fn is_blank(&self) -> Result<bool, StoreError> {
        let objects: i64 = self
            .connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(self.refused("read the layout"))?;
        Ok(objects == 0)
    }

    fn lay_out(&mut self) -> Result<(), StoreError> {
        self.transact("lay out the tables", |transaction| {
            transaction.execute_batch(LAYOUT)?;
            let insert = "INSERT INTO meta (key, value) VALUES (?1, ?2)";
            transaction.execute(insert, (meta::TABLES, tables_fingerprint()))?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", LAYOUT_VERSION)
        })
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

    /// Says that a stored text is none of those that can stand there.
    pub(crate) fn damaged(&self, what: &str, text: &str) -> StoreError {
        let shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
        StoreError::damaged(&self.path, format!("{what} cannot be {shown:?}"))
    }

    /// Does `work` wholly or not at all, as one more commit.
    pub(crate) fn transact(
        &mut self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.transact_numbered(action, work).map(|_number| ())
    }

    /// The same; returns the commit's number.
    pub(crate) fn transact_numbered(
        &mut self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<u64, StoreError> {
        let refused = self.refused(action);
        let run = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            work(&transaction)?;
            let number = meta::count_commit(&transaction)?;
            transaction.commit()?;
            Ok(number)
        };
        run().map_err(refused)
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
