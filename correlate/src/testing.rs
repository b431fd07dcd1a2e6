//! What tests and benchmarks of rules need, and nothing that a program should call.
//!
//! In: typed batches, a rule's id. Out: the rule's candidates.
//! Owns: the built-in rules behind one session. Leaves rows as text to `examples`, the expectations to tests.

use arrow::array::RecordBatch;
use offbound_schemas::table::{Candidate, candidates};

use crate::engine::{Engine, EngineError, Judgement};
use crate::rule::RuleSet;
use crate::session::Session;

/// The built-in rules, planned once.
pub struct Rules {
    session: Session,
}

impl Rules {
    /// Plans every built-in rule.
    pub async fn builtin() -> Result<Self, EngineError> {
        let rules = RuleSet::builtin().map_err(crate::session::SessionError::from)?;
        Ok(Self { session: Session::new(&rules).await? })
    }

    /// What one rule yields over given tables; `None` where no built-in rule has that id.
    pub async fn candidates(
        &self,
        id: &str,
        tables: impl Fn(&str) -> Vec<RecordBatch>,
    ) -> Result<Option<Vec<Candidate>>, EngineError> {
        match self.session.run_one(id, tables).await? {
            Some(batches) => rows(&batches).map(Some),
            None => Ok(None),
        }
    }

    /// The same with the rule planned anew, to be compared with the plans that are kept.
    pub async fn candidates_planned_anew(
        &self,
        id: &str,
        tables: impl Fn(&str) -> Vec<RecordBatch>,
    ) -> Result<Option<Vec<Candidate>>, EngineError> {
        let Some((number, _)) = self.session.rules().find(|(_, rule)| rule.id == id) else { return Ok(None) };
        rows(&self.session.answer_planned_anew(number, tables).await?).map(Some)
    }
}

/// Judges everything as an engine does, but for each incident looks through all uses and signs.
pub async fn judge_through_everything(engine: &mut Engine) -> Result<Judgement, EngineError> {
    engine.judge_by(false).await
}

fn rows(batches: &[RecordBatch]) -> Result<Vec<Candidate>, EngineError> {
    let mut rows = Vec::new();
    for batch in batches {
        let view = candidates::View::new(batch)?;
        rows.extend((0..view.len()).map(|row| view.row(row)));
    }
    Ok(rows)
}
