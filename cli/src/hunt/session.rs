//! Planning and computing one question.
//!
//! In: a question and where tables are. Out: columns, then rows, as they are computed.
//! Owns: the DataFusion session: one catalog with the tables that the question reads, no files, no object stores, no
//! spilling to disk, a bounded memory. Law: what is not registered here does not exist for the question.

use std::sync::{Arc, OnceLock};
use std::thread;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::TableReference;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionConfig};
use datafusion::sql::parser::Statement;
use datafusion::sql::resolve::resolve_table_references;
use futures::StreamExt as _;

use super::bounds::{BATCH_ROWS, Bounds, LOOK_EVERY, MAX_THREADS};
use super::question::Question;
use super::table::StoredTable;
use super::tables::Table;
use super::worker::{Mouth, Told};
use super::{Sources, describe, fault, functions, stored};
use crate::exit::Failure;
use crate::interrupt::Interrupt;

/// Name of the only schema.
const SCHEMA: &str = "public";

/// Answers a question; on a stack of [`super::bounds::STACK_BYTES`].
pub(super) fn answer(text: &str, sources: &Sources, bounds: &Bounds, mouth: &Mouth) -> Result<(), Failure> {
    let (schema, rows) = match Question::parse(text)? {
        Question::Tables => described(describe::tables())?,
        Question::Columns(name) => described(describe::columns(&Table::named(plain(&name))?))?,
        Question::Rows(statement) => return compute(*statement, sources, bounds, mouth),
    };
    mouth.say(Told::Columns(schema))?;
    mouth.say(Told::Rows(rows))?;
    mouth.end()
}

type Description = (SchemaRef, arrow::array::RecordBatch);

fn described(
    batch: Result<arrow::array::RecordBatch, arrow::error::ArrowError>,
) -> Result<Description, Failure> {
    let batch = batch.map_err(|error| Failure::could_not(format!("cannot describe: {error}")))?;
    Ok((batch.schema(), batch))
}

/// A table's name without schema and quotes.
fn plain(name: &str) -> &str {
    name.strip_prefix("public.").unwrap_or(name).trim_matches('"')
}

fn compute(statement: Statement, sources: &Sources, bounds: &Bounds, mouth: &Mouth) -> Result<(), Failure> {
    let environment = Arc::new(runtime_environment(bounds)?);
    let tables = tables_of(&statement)?;
    // The store is opened while the session gets its functions: neither waits for the other.
    let (context, found) = thread::scope(|scope| {
        let context = scope.spawn(|| session(Arc::clone(&environment)));
        let found = stored::rows_of(&tables, sources, &environment);
        (context.join(), found)
    });
    let context = context.map_err(|_panic| Failure::could_not("the query engine did not start"))?;
    for (table, source) in found? {
        let provider = Arc::new(StoredTable::new(table, source, sources.window));
        context.register_table(table.spec.name, provider).map_err(fault::planning)?;
    }
    let runtime = super::worker::runtime()?;
    runtime.block_on(async {
        let plan = context.state().statement_to_plan(statement).await.map_err(fault::planning)?;
        // The statement was chosen from a list; this asks the plan the same once more.
        let only_reads =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        only_reads.verify_plan(&plan).map_err(fault::planning)?;
        let frame = cut(DataFrame::new(context.state(), plan), bounds)?;
        let stream = frame.execute_stream().await.map_err(fault::answering)?;
        tokio::select! {
            told = tell(stream, mouth) => told,
            failure = called_off(&sources.interrupt) => Err(failure),
        }
    })
}

/// No more rows than may be told, and one, so that it is known whether there are more.
fn cut(frame: DataFrame, bounds: &Bounds) -> Result<DataFrame, Failure> {
    if matches!(frame.logical_plan(), LogicalPlan::Explain(_) | LogicalPlan::Analyze(_)) {
        return Ok(frame);
    }
    let rows = usize::try_from(bounds.rows.saturating_add(1)).ok();
    frame.limit(0, rows).map_err(fault::planning)
}

/// Ends when the question is called off: what is computed for nobody would keep a core.
async fn called_off(interrupt: &Interrupt) -> Failure {
    loop {
        if let Err(failure) = interrupt.check() {
            return failure;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn tell(mut stream: SendableRecordBatchStream, mouth: &Mouth) -> Result<(), Failure> {
    mouth.say(Told::Columns(named_apart(&stream.schema())))?;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(fault::answering)?;
        if batch.num_rows() > 0 {
            mouth.say(Told::Rows(batch))?;
        }
    }
    mouth.end()
}

/// The same columns, where several have one name with a number at each but the first: records need distinct names.
fn named_apart(schema: &SchemaRef) -> SchemaRef {
    let mut taken: Vec<String> = Vec::new();
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut number = 1_u32;
        while taken.contains(&name) {
            number += 1;
            name = format!("{}_{number}", field.name());
        }
        taken.push(name);
    }
    let fields = schema.fields().iter().zip(taken);
    let fields = fields.map(|(field, name)| Field::clone(field).with_name(name));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The stored tables that a statement reads.
fn tables_of(statement: &Statement) -> Result<Vec<Table>, Failure> {
    let (references, _names_of_with) = resolve_table_references(statement, true).map_err(fault::planning)?;
    references.iter().map(named).collect()
}

fn named(reference: &TableReference) -> Result<Table, Failure> {
    match reference {
        TableReference::Bare { table } => Table::named(table),
        TableReference::Partial { schema, table } if schema.as_ref() == SCHEMA => Table::named(table),
        other => Table::named(&other.to_string()),
    }
}

fn session(environment: Arc<RuntimeEnv>) -> SessionContext {
    let state = SessionStateBuilder::new()
        .with_session_id("hunt".to_owned())
        .with_config(config())
        .with_runtime_env(environment)
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(functions::scalar())
        .with_aggregate_functions(functions::aggregate())
        .with_window_functions(functions::window())
        .build();
    SessionContext::new_with_state(state)
}

fn config() -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(threads())
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(false);
    let options = config.options_mut();
    options.execution.enable_recursive_ctes = false;
    // Nothing spills, so nothing need be kept free for it.
    options.execution.sort_spill_reservation_bytes = 0;
    config
}

/// Threads that compute; asked of the system once, which reads several files to tell.
pub(super) fn threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS))
}

/// Bounded memory, no disk, no files.
fn runtime_environment(bounds: &Bounds) -> Result<RuntimeEnv, Failure> {
    let memory = usize::try_from(bounds.memory_bytes).unwrap_or(usize::MAX);
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build()
        .map_err(fault::answering)?;
    let files = ObjectStoreUrl::local_filesystem();
    environment.deregister_object_store(files.as_ref()).map_err(fault::answering)?;
    Ok(environment)
}
