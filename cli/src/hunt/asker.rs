//! Questions of other parts of the program, such as the screens: the same engine, guards and bounds as `offbound hunt`.
//!
//! In: SQL, and how it is called off. Out: the rows. Owns: how much such a question may cost.
//! Law: as for any hunt: nothing but the store's tables is read, and nothing is changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::array::RecordBatch;

use super::Sources;
use super::bounds::Bounds;
use super::worker::{Told, Worker};
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::judge::Window;

/// What a question of the screens may cost: an analyst waits for the answer.
const BOUNDS: Bounds =
    Bounds { rows: 200_000, timeout: Duration::from_secs(60), memory_bytes: 256 * 1024 * 1024 };

/// Who asks, and of which store.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    store: PathBuf,
    environment: Option<PathBuf>,
    facts: offbound_correlate::Bounds,
}

impl Asker {
    /// Asks the store in that folder.
    pub(crate) fn of(store: &Path, environment: Option<PathBuf>, facts: offbound_correlate::Bounds) -> Self {
        Self { store: store.to_owned(), environment, facts }
    }

    /// The store's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.store
    }

    /// The whole answer; an error where it has more rows than such an answer may have.
    pub(crate) fn rows(&self, sql: String, stop: &Interrupt) -> Result<Vec<RecordBatch>, Failure> {
        let sources = Sources {
            store: Some(self.store.clone()),
            environment: self.environment.clone(),
            window: Window::default(),
            facts: self.facts,
            interrupt: stop.clone(),
        };
        let mut worker = Worker::begin(sql, sources, BOUNDS, stop.clone())?;
        let mut batches: Vec<RecordBatch> = Vec::new();
        let mut rows = 0;
        while let Some(told) = worker.next()? {
            if let Told::Rows(batch) = told {
                rows += batch.num_rows() as u64;
                if rows > BOUNDS.rows {
                    return Err(Failure::could_not(
                        "the answer is too long for a screen; narrow the question",
                    ));
                }
                batches.push(batch);
            }
        }
        Ok(batches)
    }
}
