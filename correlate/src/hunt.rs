//! The facts as tables, for questions that nobody asked before.
//!
//! In: an engine that has taken its events in. Out: Arrow batches of the tables that rules read.
//! Leaves to others: the SQL, and who asks. Law: the same rows that rules see, at the end of the events.

use arrow::array::RecordBatch;

use crate::engine::{Engine, EngineError};
use crate::scene::tables::{RULE_TABLES, batches};

/// One table of facts: its name and its rows.
pub type FactTable = (&'static str, Vec<RecordBatch>);

impl Engine {
    /// Folds what still waits, and gives those tables of facts whose names are asked for. Needs no rules.
    pub async fn fact_tables(&mut self, wanted: &[&str]) -> Result<Vec<FactTable>, EngineError> {
        self.fold_all().await?;
        let scene = self.scene();
        let tables = RULE_TABLES.iter().filter(|table| wanted.contains(table));
        Ok(tables.map(|table| (*table, batches(&scene, table))).collect())
    }
}
