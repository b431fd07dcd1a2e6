//! The text of a question, and what it asks for.
//!
//! In: an argument, a file or standard input. Out: a [`Question`].
//! Owns: which statements there are. Leaves to `shape` how large one may be, to `session` the answer.
//! Law: what is not on the list is refused before anything is planned.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

use super::bounds::{MAX_TEXT_BYTES, PARSER_LEVELS};
use super::{fault, keywords, shape};
use crate::exit::Failure;
use crate::output::count;

/// What is asked for.
#[derive(Debug)]
pub(super) enum Question {
    /// The names of all tables.
    Tables,
    /// The columns of one table.
    Columns(String),
    /// Rows, or the plan of them.
    Rows(Box<Statement>),
}

/// Reads the text, at most [`MAX_TEXT_BYTES`] of it.
pub(super) fn text(sql: Option<&str>, file: Option<&Path>) -> Result<String, Failure> {
    let (bytes, from) = match (sql, file) {
        (Some("-"), _) => (read(io::stdin().lock()), "standard input".to_owned()),
        (_, Some(path)) => (File::open(path).and_then(read), path.display().to_string()),
        (sql, None) => (Ok(sql.unwrap_or_default().as_bytes().to_vec()), "the command line".to_owned()),
    };
    let bytes = bytes.map_err(|error| Failure::usage(format!("cannot read SQL from {from}: {error}")))?;
    if bytes.len() > MAX_TEXT_BYTES {
        let most = count(MAX_TEXT_BYTES as u64);
        return Err(Failure::usage(format!(
            "the SQL text from {from} is longer than {most} bytes; ask in several questions"
        )));
    }
    String::from_utf8(bytes)
        .map_err(|error| Failure::usage(format!("the SQL text from {from} is not UTF-8: {error}")))
}

/// At most one byte more than is allowed.
fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_TEXT_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Question {
    /// Reads the question; on a stack of [`super::bounds::STACK_BYTES`].
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let tokens = keywords::quoted(shape::tokens(text)?);
        let parser = DFParserBuilder::new(tokens).with_recursion_limit(PARSER_LEVELS).build();
        let statements = parser.and_then(|mut parser| parser.parse_statements()).map_err(fault::parsing)?;
        let mut statements = statements.into_iter();
        let Some(statement) = statements.next() else {
            return Err(Failure::usage("there is no SQL; try SHOW TABLES"));
        };
        if statements.next().is_some() {
            return Err(Failure::usage("the SQL holds several statements; ask one at a time"));
        }
        shape::check_relations(&statement)?;
        Self::of(statement)
    }

    fn of(statement: Statement) -> Result<Self, Failure> {
        match &statement {
            Statement::Statement(plain) => match plain.as_ref() {
                SqlStatement::ShowTables { .. } => return Ok(Self::Tables),
                SqlStatement::ExplainTable { table_name, .. } => {
                    return Ok(Self::Columns(table_name.to_string().to_lowercase()));
                }
                _ => {}
            },
            Statement::Explain(explain) if matches!(explain.statement.as_ref(), Statement::Explain(_)) => {
                return Err(refused("EXPLAIN of EXPLAIN"));
            }
            _ => {}
        }
        match first_other(&statement) {
            None => Ok(Self::Rows(Box::new(statement))),
            Some(other) => Err(refused(&other)),
        }
    }
}

/// The word of the statement, where it is no query and no explanation of one.
fn first_other(statement: &Statement) -> Option<String> {
    match statement {
        Statement::Statement(plain) => match plain.as_ref() {
            SqlStatement::Query(_) => None,
            SqlStatement::Explain { statement, .. } if matches!(**statement, SqlStatement::Query(_)) => None,
            other => Some(first_word(&other.to_string())),
        },
        Statement::Explain(explain) => first_other(&explain.statement),
        Statement::CreateExternalTable(_) => Some("CREATE".to_owned()),
        Statement::CopyTo(_) => Some("COPY".to_owned()),
        Statement::Reset(_) => Some("RESET".to_owned()),
    }
}

fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_uppercase()
}

fn refused(what: &str) -> Failure {
    Failure::usage(format!(
        "{what} is refused: a hunt only reads; it takes one SELECT, EXPLAIN, DESCRIBE or SHOW TABLES"
    ))
}
