//! Examples of rules: small worlds in which a rule must find something, or must not.
//!
//! In: rules, and the examples beside them. Out: what a rule finds over the rows of an example.
//! Owns: what stands in columns that an example leaves out (`defaults.txt`). Leaves to `notation` how examples are written,
//! to `text` how rows are. Law: an example is judged by the very plan that judges events.

mod notation;
pub mod text;

use offbound_schemas::SchemaError;
use offbound_schemas::table::{TABLES, candidates};

pub use notation::{Example, Expected, Kind, Misread, read, shown};

use crate::rule::RuleSet;
use crate::session::{Session, SessionError};
use text::{Tables, TextError};

/// Why an example could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ExampleError {
    /// Its rows cannot be read.
    #[error(transparent)]
    Rows(#[from] TextError),
    /// Its rule failed.
    #[error(transparent)]
    Rule(#[from] SessionError),
    /// What its rule yields is no candidate.
    #[error(transparent)]
    Candidates(#[from] SchemaError),
    /// There is no such rule.
    #[error("{0} is not among the rules")]
    Unknown(String),
}

/// Rules, planned for their examples.
pub struct Examples {
    session: Session,
}

impl Examples {
    /// Plans every rule.
    pub async fn of(rules: &RuleSet) -> Result<Self, SessionError> {
        Ok(Self { session: Session::new(rules).await? })
    }

    /// What a rule finds over the rows of an example, in order.
    pub async fn run(&self, rule: &str, example: &Example) -> Result<Vec<Expected>, ExampleError> {
        let mut tables = Tables::with_defaults(include_str!("examples/defaults.txt"))?;
        tables.add(&example.rows)?;
        // Every table is read before any rule is, so that what is wrong with a row is told as that.
        let batches: Vec<_> = TABLES
            .iter()
            .map(|spec| Ok((spec.name, tables.batch(spec.name)?)))
            .collect::<Result<_, TextError>>()?;
        let of_table = |name: &str| {
            let batch = batches.iter().find(|(table, _)| *table == name);
            batch.map(|(_, batch)| batch.clone()).into_iter().collect()
        };
        let answer = self.session.run_one(rule, of_table).await?;
        let answer = answer.ok_or_else(|| ExampleError::Unknown(rule.to_owned()))?;
        let mut found = Vec::new();
        for batch in &answer {
            let view = candidates::View::new(batch)?;
            found.extend((0..view.len()).map(|row| Expected::from(view.row(row))));
        }
        found.sort();
        Ok(found)
    }
}
