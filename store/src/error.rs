//! Why the store cannot do what it was asked: what, where, and what to do about it.
//!
//! Owns: the one error type of this crate. A damaged segment is always named by its path.

use std::io;
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use offbound_schemas::SchemaError;
use parquet::errors::ParquetError;

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as in "cannot …".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing at that place.
    #[error("there is no store at {}: read logs into one first (`offbound replay --store DIR …`)", .0.display())]
    Missing(PathBuf),
    /// The folder holds something else.
    #[error("{} is not a store: {found}; name a new or empty folder, or one that a replay made", path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// What was found there instead.
        found: String,
    },
    /// The store was made by another version of the program.
    #[error("{} was made by another version ({found}, this one needs {expected}): read the logs into a new folder", path.display())]
    Version {
        /// The folder.
        path: PathBuf,
        /// Layout that is there.
        found: String,
        /// Layout that this program reads.
        expected: String,
    },
    /// Somebody else is writing.
    #[error("{} is being written by {holder}: wait until it ends, or name another folder", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Who holds the lock, as far as the lock file tells.
        holder: String,
    },
    /// An earlier commit failed, so rows that were handed over are not stored.
    #[error("writing {} has failed before: open it again and read the logs again; what was committed is safe", .0.display())]
    Broken(PathBuf),
    /// There is no room left; nothing that was handed over is lost, and the same call goes through once there is room.
    #[error("no space left for {}: make room, for example with `offbound store compact --keep 30d`", .0.display())]
    Full(PathBuf),
    /// A stream wants to take back what it has said to have processed.
    #[error(
        "offset {next} of topic {topic:?}, partition {partition}, lies before {committed}, which is committed: start from the committed offsets"
    )]
    Backwards {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset that was given.
        next: i64,
        /// The offset that is committed.
        committed: i64,
    },
    /// A segment that the manifest names, or the database, is not as it was written.
    #[error("{} is damaged: {problem}; restore it from a copy, or read the logs into a new folder", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The manifest does not add up.
    #[error("the manifest of {} was changed at segment {seq}: restore the folder from a copy", path.display())]
    Manifest {
        /// The folder.
        path: PathBuf,
        /// First segment whose entry does not continue the chain.
        seq: u64,
    },
    /// A segment cannot be written or read as Parquet.
    #[error("cannot {action} segment {}", path.display())]
    Segment {
        /// What was tried.
        action: &'static str,
        /// The segment's file.
        path: PathBuf,
        /// What the Parquet library said.
        source: ParquetError,
    },
    /// The database refused.
    #[error("cannot {action} in {}", path.display())]
    Database {
        /// What was tried.
        action: &'static str,
        /// The database's file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Rows could not be put together.
    #[error("cannot {action} rows of table {table}")]
    Rows {
        /// What was tried.
        action: &'static str,
        /// Table concerned.
        table: &'static str,
        /// What Arrow said.
        source: ArrowError,
    },
    /// A scan asks for a column that the table does not have.
    #[error("table {table} has no column {column:?}: `schemas/reference/tables.md` lists them")]
    NoColumn {
        /// The table.
        table: &'static str,
        /// What was asked for.
        column: String,
    },
    /// A batch has not the shape that its table promises.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A record cannot be written as JSON, or what is stored is no such record.
    #[error("cannot {action} the {kind} {id}")]
    Record {
        /// What was tried.
        action: &'static str,
        /// Kind of record.
        kind: &'static str,
        /// Which one.
        id: String,
        /// What the JSON library said.
        source: serde_json::Error,
    },
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn segment(action: &'static str, path: &Path) -> impl Fn(ParquetError) -> Self {
        let path = path.to_owned();
        move |source| Self::Segment { action, path: path.clone(), source }
    }

    pub(crate) fn rows(action: &'static str, table: &'static str) -> impl Fn(ArrowError) -> Self {
        move |source| Self::Rows { action, table, source }
    }

    pub(crate) fn damaged(path: &Path, problem: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), problem: problem.into() }
    }

    /// Whether waiting and trying again may help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Full(_))
    }

    /// The same, as lack of space where that is what it comes from.
    pub(crate) fn or_full(self, folder: &Path) -> Self {
        let full = match &self {
            Self::Io { source, .. } => is_full(source),
            Self::Segment { source: ParquetError::External(source), .. } => {
                source.downcast_ref::<io::Error>().is_some_and(is_full)
            }
            Self::Database { source, .. } => {
                source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
            }
            _ => false,
        };
        if full { Self::Full(folder.to_owned()) } else { self }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
