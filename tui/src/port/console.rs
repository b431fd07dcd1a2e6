//! Statements of the analyst, and what they are answered with.
//!
//! In: a statement. Out: columns and how many rows there are; then pages of them. Owns: the trait that the holder of the
//! tables implements. Law: a statement changes nothing, and one that is called off ends soon; an answer that is longer than
//! what is held of it says so.

use std::path::PathBuf;

use super::{Page, PortError, Stop};

/// Where statements are asked: on a thread of its own, beside [`super::Investigation`] and [`super::Archive`].
pub trait Console: Send {
    /// The tables that a statement may read, with their columns.
    fn tables(&mut self) -> Result<Vec<TableNote>, PortError>;
    /// Asks a statement, and holds its answer until the next one is asked.
    fn ask(&mut self, statement: &Statement, stop: &Stop) -> Result<Answered, PortError>;
    /// Rows of the answer that is held.
    fn rows(&mut self, request: &AnswerRequest) -> Result<Page<AnswerRow>, PortError>;
    /// Writes the rows that are held to a file that is not there yet.
    fn export(&mut self, request: &ExportRequest) -> Result<Exported, PortError>;
}

/// A statement, and its number: the same text asked twice is two statements.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement {
    /// Its number.
    pub number: u64,
    /// Its text.
    pub text: String,
}

/// What a statement is answered with, without the rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answered {
    /// The columns.
    pub columns: Vec<AnswerColumn>,
    /// How many rows are held.
    pub rows: u64,
    /// Whether there are more, which are not held.
    pub is_cut: bool,
    /// How long it took.
    pub seconds: f64,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnswerColumn {
    /// Its name; no other column of the answer has it.
    pub name: String,
    /// Its type, in a word.
    pub kind: String,
    /// Whether its values are numbers.
    pub is_number: bool,
}

/// Which rows of an answer are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnswerRequest {
    /// Number of the statement.
    pub statement: u64,
    /// The first row.
    pub offset: u64,
    /// Rows at most.
    pub limit: usize,
}

/// A row of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnswerRow {
    /// Number of the statement.
    pub statement: u64,
    /// Which row.
    pub index: u64,
    /// A value for each column.
    pub values: Vec<Value>,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// Unknown.
    #[default]
    Null,
    /// Known.
    Known {
        /// The value as text, or its beginning.
        text: String,
        /// Bytes of it that were left out at its end.
        left_out: u64,
    },
}

impl Value {
    /// A value that is known, in full.
    #[must_use]
    pub fn known(text: &str) -> Self {
        Self::Known { text: text.to_owned(), left_out: 0 }
    }

    /// The value in full; none where it is unknown or too long.
    #[must_use]
    pub fn whole(&self) -> Option<&str> {
        match self {
            Self::Known { text, left_out: 0 } => Some(text),
            _ => None,
        }
    }
}

/// What is to be written, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportRequest {
    /// Number of the statement.
    pub statement: u64,
    /// The word for the form: `csv`, `json`, `ndjson`, `parquet`, `table`.
    pub format: String,
    /// The file.
    pub file: PathBuf,
    /// Its number: the same asked twice is written twice.
    pub number: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exported {
    /// How many rows.
    pub rows: u64,
    /// Whether the answer has more of them.
    pub is_cut: bool,
    /// The file.
    pub file: String,
}

/// A table that a statement may read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableNote {
    /// Its name.
    pub name: String,
    /// What its rows are.
    pub meaning: String,
    /// Its columns.
    pub columns: Vec<ColumnNote>,
}

/// A column of such a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnNote {
    /// Its name.
    pub name: String,
    /// Its type, as users of SQL name it.
    pub kind: String,
    /// Whether it may be unknown.
    pub nullable: bool,
    /// What it says.
    pub meaning: String,
}
