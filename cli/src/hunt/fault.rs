//! What DataFusion complains of, in one line: what, where, what to do.
//!
//! In: its errors, from reading SQL, planning and computing. Out: a [`Failure`].
//! Owns: the wording. Law: an unknown name is answered with the nearest known one; a mistake in the SQL is wrong usage.

use std::fmt;

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use offbound_schemas::authored::nearest;

use super::{functions, keywords};
use crate::exit::Failure;

/// How DataFusion says that a function is not there.
const UNKNOWN_FUNCTION: &str = "Invalid function '";

/// A failure of ours on its way through DataFusion.
#[derive(Debug)]
pub(super) struct Stopped(pub(super) Failure);

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Stopped {}

/// The SQL cannot be read.
pub(super) fn parsing(error: DataFusionError) -> Failure {
    known(&error).unwrap_or_else(|| unreadable(&one_line(&error)))
}

/// The same, in the parser's words: what it expected and found, and where.
pub(super) fn unreadable(said: &str) -> Failure {
    let (what, place) = said.rsplit_once(" at Line: ").unwrap_or((said, ""));
    let what = what.replace("Expected: ", "expected ").replace(", found: ", ", found ");
    let what = what.replace("found EOF", "found the end");
    let place = match place.split_once(", Column: ") {
        Some((line, column)) => format!(" at line {line}, column {column}"),
        None => String::new(),
    };
    Failure::usage(format!("the SQL cannot be read{place}: {what}{}", keywords::advice(&what)))
}

/// Line and column, from 1, that such an error names.
pub(crate) fn place_in(said: &str) -> Option<(usize, usize)> {
    let (_, place) = said.split_once(" at line ")?;
    let (line, rest) = place.split_once(", column ")?;
    let (column, _) = rest.split_once(':')?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

/// The SQL cannot be planned.
pub(super) fn planning(error: DataFusionError) -> Failure {
    known(&error).unwrap_or_else(|| {
        Failure::usage(format!("the SQL asks for what is not there: {}", one_line(&error)))
    })
}

/// The answer cannot be computed.
pub(super) fn answering(error: DataFusionError) -> Failure {
    known(&error)
        .unwrap_or_else(|| Failure::could_not(format!("the answer cannot be computed: {}", one_line(&error))))
}

/// Errors with words of their own, wherever they arise.
fn known(error: &DataFusionError) -> Option<Failure> {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => known(inner),
        DataFusionError::Shared(inner) => known(inner),
        DataFusionError::Collection(errors) => errors.iter().find_map(known),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => inner.downcast_ref::<DataFusionError>().and_then(known),
            _ => None,
        },
        DataFusionError::External(inner) => {
            let stopped = inner.downcast_ref::<Stopped>().map(|stopped| stopped.0.clone());
            stopped.or_else(|| inner.downcast_ref::<DataFusionError>().and_then(known))
        }
        DataFusionError::ResourcesExhausted(_) => {
            Some(Failure::bound("the question needs more memory than it may have; narrow it", "--memory"))
        }
        DataFusionError::SchemaError(problem, _) => column(problem),
        DataFusionError::Plan(message) => function(message),
        DataFusionError::SQL(problem, _) => Some(match problem.as_ref() {
            ParserError::ParserError(said) | ParserError::TokenizerError(said) => unreadable(said),
            ParserError::RecursionLimitExceeded => Failure::usage(
                "the question is too large: its parts lie too deep within each other; simplify it",
            ),
        }),
        _ => None,
    }
}

/// A column that is not there.
fn column(problem: &SchemaError) -> Option<Failure> {
    let SchemaError::FieldNotFound { field, valid_fields } = problem else { return None };
    let mut names: Vec<&str> = valid_fields.iter().map(|field| field.name()).collect();
    names.sort_unstable();
    names.dedup();
    let name = field.name();
    let Some(near) = nearest(name, &names) else {
        return Some(Failure::usage(format!("there is no column `{name}`: no table is read")));
    };
    Some(Failure::usage(format!(
        "there is no column `{name}` here; the nearest is `{near}`; `DESCRIBE TABLE` names those of a table"
    )))
}

/// A function that is not there, or not offered.
fn function(message: &str) -> Option<Failure> {
    let (_, rest) = message.split_once(UNKNOWN_FUNCTION)?;
    let (name, _) = rest.split_once('\'')?;
    let text = match functions::why_not_offered(name) {
        Some(why) => format!("function {name}() is not offered: {why}"),
        None => {
            let near = functions::nearest_to(name).unwrap_or_default();
            format!("there is no function {name}(); the nearest is {near}()")
        }
    };
    Some(Failure::usage(text))
}

/// The message on one line, without the name of its kind and its place in DataFusion.
fn one_line(error: &DataFusionError) -> String {
    let text = error.message().into_owned();
    let text = if text.is_empty() { error.strip_backtrace() } else { text };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
