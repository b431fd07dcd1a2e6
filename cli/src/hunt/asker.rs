//! Questions of other parts of the program, such as the screens: the same engine, guards and bounds as `offbound hunt`.
//!
//! In: SQL, and how it is called off. Out: the rows, or the first of them. Owns: how much such a question may cost.
//! Law: as for any hunt: nothing but the store's tables is read, and nothing is changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use offbound_schemas::compact;

use super::Sources;
use super::bounds::Bounds;
use super::worker::{Told, Worker};
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::judge::Window;

/// What a question of the screens may cost: an analyst waits for the answer.
const BOUNDS: Bounds =
    Bounds { rows: 200_000, timeout: Duration::from_secs(60), memory_bytes: 256 * 1024 * 1024 };

/// The first rows of an answer, for somebody who looks at them.
#[derive(Debug, Clone)]
pub(crate) struct Beginning {
    /// The columns; no two have one name.
    pub(crate) schema: SchemaRef,
    /// The rows, as they came.
    pub(crate) batches: Vec<RecordBatch>,
    /// Whether there are more.
    pub(crate) is_cut: bool,
}

impl Beginning {
    /// How many rows.
    pub(crate) fn rows(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }
}

/// How much of an answer is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Rows.
    pub(crate) rows: u64,
    /// Bytes from which on no further batch is taken.
    pub(crate) bytes: usize,
}

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
        let mut worker = self.begin(sql, BOUNDS, stop)?;
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

    /// As many of the first rows as there is room for.
    pub(crate) fn beginning(&self, sql: String, room: Room, stop: &Interrupt) -> Result<Beginning, Failure> {
        let mut worker = self.begin(sql, Bounds { rows: room.rows, ..BOUNDS }, stop)?;
        let mut beginning =
            Beginning { schema: Arc::new(Schema::empty()), batches: Vec::new(), is_cut: false };
        let (mut rows, mut bytes) = (room.rows, 0);
        while let Some(told) = worker.next()? {
            match told {
                Told::Columns(schema) => beginning.schema = schema,
                Told::Rows(_) if rows == 0 || bytes > room.bytes => {
                    beginning.is_cut = true;
                    break;
                }
                Told::Rows(batch) => {
                    let fitting = usize::try_from(rows).unwrap_or(usize::MAX).min(batch.num_rows());
                    beginning.is_cut = fitting < batch.num_rows();
                    let held = on_its_own(&batch.slice(0, fitting))?;
                    rows -= fitting as u64;
                    bytes += held.get_array_memory_size();
                    beginning.batches.push(held);
                    if beginning.is_cut {
                        break;
                    }
                }
            }
        }
        Ok(beginning)
    }

    fn begin(&self, sql: String, bounds: Bounds, stop: &Interrupt) -> Result<Worker, Failure> {
        let sources = Sources {
            store: Some(self.store.clone()),
            environment: self.environment.clone(),
            window: Window::default(),
            facts: self.facts,
            interrupt: stop.clone(),
        };
        Worker::begin(sql, sources, bounds, stop.clone())
    }
}

/// The same rows without what else their texts lie among: a few rows would keep all that was read with them.
fn on_its_own(batch: &RecordBatch) -> Result<RecordBatch, Failure> {
    let columns = batch.columns().iter().cloned().map(compact).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns, &options)
        .map_err(|error| Failure::could_not(format!("the answer cannot be held: {error}")))
}
