//! The rows of each table, read when a question asks for them.
//!
//! In: a store, an environment for the facts. Out: rows as they are stored, a batch at a time.
//! Owns: which source gives which table. Bound: a batch of events or letters under way, and facts and conclusions whole,
//! counted against the memory of the question. Laws: nothing here changes a store; all tables of a question are of one
//! moment, whatever is committed while it is answered.

mod conclusions;
mod events;
mod letters;

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;
use offbound_store::{RowOrder, Store};

use super::pushdown::Narrowing;
use super::tables::{Origin, Table};
use super::{Sources, fault};
use crate::exit::Failure;
use crate::judge::{self, Judge};

/// Takes rows; it breaks when no more are wanted.
pub(super) type Take<'t> = &'t mut dyn FnMut(RecordBatch) -> ControlFlow<()>;

/// The rows of one table.
pub(super) trait Rows: Debug + Send + Sync {
    /// The narrowing in parts that several threads can read at once, in order; together they give what the whole does.
    fn parts(&self, narrowing: &Narrowing) -> Vec<Narrowing> {
        vec![narrowing.clone()]
    }

    /// Gives the rows, at least with these columns, at least those that `narrowing` asks for; event tables exactly those,
    /// and in canonical order if that is asked for.
    fn read(
        &self,
        columns: &[&str],
        narrowing: &Narrowing,
        order: RowOrder,
        take: Take<'_>,
    ) -> Result<(), Failure>;
}

/// A table, and who gives its rows.
pub(super) type Source = (Table, Arc<dyn Rows>);

/// The rows of those tables, all as of now. Facts are made here, in one pass over the events.
pub(super) fn rows_of(
    tables: &[Table],
    sources: &Sources,
    runtime: &RuntimeEnv,
) -> Result<Vec<Source>, Failure> {
    let mut found: Vec<Source> = Vec::new();
    if tables.is_empty() {
        return Ok(found);
    }
    let store = Store::open_as_of_now(sources.folder()?)?;
    let facts: Vec<Table> = tables.iter().filter(|table| table.origin == Origin::Facts).copied().collect();
    let names: Vec<&str> = facts.iter().map(|table| table.spec.name).collect();
    for (name, batches) in fact_tables(&names, &store, sources)? {
        let held: Arc<dyn Rows> = Arc::new(Held::new(name, batches, &runtime.memory_pool)?);
        found.extend(
            facts.iter().filter(|table| table.spec.name == name).map(|table| (*table, Arc::clone(&held))),
        );
    }
    for table in tables.iter().filter(|table| table.origin == Origin::Conclusions) {
        let batches = conclusions::batches(table.spec.name, &store, sources.window)?;
        found.push((*table, Arc::new(Held::new(table.spec.name, batches, &runtime.memory_pool)?)));
    }
    found.extend(scanned(tables, store)?);
    found.sort_by_key(|(table, _)| tables.iter().position(|asked| asked.spec.name == table.spec.name));
    Ok(found)
}

/// The tables that are read while a question is answered. Only letters keep the store, and its moment, for so long.
fn scanned(tables: &[Table], store: Store) -> Result<Vec<Source>, Failure> {
    let is_kept = tables.iter().any(|table| table.origin == Origin::Letters);
    let (snapshot, store) = match is_kept {
        true => (store.snapshot()?, Some(Arc::new(Mutex::new(store)))),
        false => (store.into_snapshot()?, None),
    };
    let source = |table: &Table| -> Option<Arc<dyn Rows>> {
        match table.origin {
            Origin::Events(events) => Some(Arc::new(events::Events::new(events, &snapshot))),
            Origin::Letters => Some(Arc::new(letters::DeadLetters::new(store.as_ref()?))),
            Origin::Facts | Origin::Conclusions => None,
        }
    };
    Ok(tables.iter().filter_map(|table| Some((*table, source(table)?))).collect())
}

fn fact_tables(
    names: &[&str],
    store: &Store,
    sources: &Sources,
) -> Result<Vec<offbound_correlate::FactTable>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let environment = judge::environment(sources.environment.as_deref())?;
    let engine = Judge::of_facts(environment)?.within(sources.facts);
    engine.fact_tables(names, store, sources.window, &sources.interrupt)
}

/// Rows that are in memory, and counted there.
#[derive(Debug)]
struct Held {
    batches: Vec<RecordBatch>,
    _reserved: MemoryReservation,
}

impl Held {
    fn new(name: &str, batches: Vec<RecordBatch>, pool: &Arc<dyn MemoryPool>) -> Result<Self, Failure> {
        let bytes = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let reserved = MemoryConsumer::new(name).register(pool);
        reserved.try_grow(bytes).map_err(fault::answering)?;
        Ok(Self { batches, _reserved: reserved })
    }
}

impl Rows for Held {
    fn read(
        &self,
        _columns: &[&str],
        _narrowing: &Narrowing,
        _order: RowOrder,
        take: Take<'_>,
    ) -> Result<(), Failure> {
        // A break means that the question has its answer.
        let _enough = self.batches.iter().cloned().try_for_each(take);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
