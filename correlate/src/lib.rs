//! Facts, rules, findings, incidents and verdicts.
//!
//! In: Arrow batches of the three event tables, an environment, rules. Out: a [`Judgement`].
//! Owns: canonical order, facts, the comparison of uses with bindings, rules as SQL, containment.
//! Leaves to others: reading logs, keeping them, showing them. It knows neither files nor Kafka.
//! Law: findings are a pure function of the accepted set of events.

mod asked;
mod bounded;
mod bounds;
mod chunks;
mod engine;
pub mod environment;
pub mod examples;
mod fact;
mod finding;
mod hunt;
mod incident;
mod keyed;
mod matching;
mod names;
mod numbers;
mod order;
mod place;
mod rule;
mod scene;
mod session;
mod standing;
#[doc(hidden)]
pub mod testing;

pub use bounds::Bounds;
pub use engine::{Again, Changes, Engine, EngineError, Judgement, Tracked};
pub use fact::columns::folded_columns;
pub use hunt::FactTable;
pub use rule::{Entity, Marks, Rule, RuleError, RuleSet};
pub use session::SessionError;
