//! The SQL session: rules planned once, run again and again over whatever the tables hold.
//!
//! In: checked rules; the batches of a scene. Out: candidate rows per rule.
//! Owns: DataFusion, the slots that feed it, what SQL a rule may hold.
//! Law: plans are built once and their state is reset before each run; a rule has no clock, no dice, no LIMIT.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, collect};
use datafusion::prelude::SessionConfig;
use offbound_schemas::table::{TABLES, candidates, uses};

use crate::rule::{Rule, RuleError, RuleSet};
use crate::scene::tables::{RULE_TABLES, batches, use_batches};
use crate::scene::{Scene, looked_at};

/// A view that rules share.
struct View {
    name: &'static str,
    /// Tables that it reads, directly or through another view.
    reads: &'static [&'static str],
    text: &'static str,
}

/// Every view, each after those that it reads.
const VIEWS: &[View] = &[
    View { name: "thefts", reads: &["signals"], text: include_str!("../views/thefts.sql") },
    View { name: "suspicions", reads: &["signals", "taints"], text: include_str!("../views/suspicions.sql") },
];

/// Why SQL could not be run.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A rule is refused.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The session itself could not be set up.
    #[error("the rule session could not be set up: {0}")]
    SetUp(#[source] DataFusionError),
    /// A rule failed while it ran.
    #[error("rule {rule} failed: {source}")]
    Run {
        /// Which rule.
        rule: String,
        /// Why.
        source: DataFusionError,
    },
}

/// Rules with their plans.
pub(crate) struct Session {
    context: SessionContext,
    slots: Vec<(&'static str, Arc<Slot>)>,
    plans: Vec<(Rule, Arc<dyn ExecutionPlan>)>,
}

impl Session {
    /// Plans every rule, and refuses those that cannot be trusted to be pure.
    pub(crate) async fn new(rules: &RuleSet) -> Result<Self, SessionError> {
        let context = SessionContext::new_with_config(config());
        let mut session = Self { context, slots: Vec::new(), plans: Vec::new() };
        session.register().await.map_err(SessionError::SetUp)?;
        for rule in rules.rules() {
            let plan = session.plan(rule).await?;
            session.plans.push((rule.clone(), plan));
        }
        Ok(session)
    }

    async fn register(&mut self) -> Result<(), DataFusionError> {
        for spec in TABLES.iter().filter(|spec| RULE_TABLES.contains(&spec.name)) {
            let schema = without_metadata(&(spec.schema)());
            let slot = Arc::new(Slot { schema: Arc::clone(&schema), batches: Mutex::new(Vec::new()) });
            let partition: Arc<dyn PartitionStream> = Arc::<Slot>::clone(&slot);
            let table = StreamingTable::try_new(schema, vec![partition])?;
            self.context.register_table(spec.name, Arc::new(table))?;
            self.slots.push((spec.name, slot));
        }
        for view in VIEWS {
            let provider = self.context.sql(view.text).await?.into_view();
            self.context.register_table(view.name, provider)?;
        }
        Ok(())
    }

    async fn plan(&self, rule: &Rule) -> Result<Arc<dyn ExecutionPlan>, SessionError> {
        let refuse = |problem: String| SessionError::Rule(RuleError::new(&rule.origin, problem));
        let planned = self.context.state().create_logical_plan(&rule.sql).await;
        let logical =
            planned.map_err(|error| refuse(format!("rule {}: {}", rule.id, error.strip_backtrace())))?;
        let options =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        options.verify_plan(&logical).map_err(|error| refuse(error.strip_backtrace()))?;
        check(rule, &logical).map_err(&refuse)?;
        let physical = self.context.state().create_physical_plan(&logical).await;
        physical.map_err(|error| refuse(format!("rule {}: {}", rule.id, error.strip_backtrace())))
    }

    /// The places of the uses that any rule looks at.
    pub(crate) fn looked_at(&self, scene: &Scene<'_>) -> Vec<usize> {
        looked_at::uses(scene, self.plans.iter().map(|(rule, _)| rule))
    }

    /// Runs every rule over a scene, of which it sees those uses.
    pub(crate) async fn run(
        &self,
        scene: &Scene<'_>,
        uses: &[usize],
    ) -> Result<Vec<(Rule, RecordBatch)>, SessionError> {
        let is_read = |table: &str| self.plans.iter().any(|(rule, _)| reads(rule, table));
        self.fill(|table| match table {
            uses::NAME => use_batches(scene, uses),
            _ if is_read(table) => batches(scene, table),
            _ => Vec::new(),
        })?;
        let mut answers = Vec::new();
        for (rule, plan) in &self.plans {
            let batches = self.answer(rule, plan).await?;
            answers.extend(batches.into_iter().map(|batch| (rule.clone(), batch)));
        }
        self.fill(|_| Vec::new())?;
        Ok(answers)
    }

    /// The rules, by number.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (usize, &Rule)> {
        self.plans.iter().map(|(rule, _)| rule).enumerate()
    }

    /// The rule of a number.
    pub(crate) fn rule(&self, number: usize) -> Option<&Rule> {
        self.plans.get(number).map(|(rule, _)| rule)
    }

    /// Runs the rule of a number over given tables.
    pub(crate) async fn answer_with(
        &self,
        number: usize,
        tables: impl Fn(&str) -> Vec<RecordBatch>,
    ) -> Result<Vec<RecordBatch>, SessionError> {
        let Some((rule, plan)) = self.plans.get(number) else { return Ok(Vec::new()) };
        self.fill(|table| if reads(rule, table) { tables(table) } else { Vec::new() })?;
        let answer = self.answer(rule, plan).await?;
        self.fill(|_| Vec::new())?;
        Ok(answer)
    }

    /// The same, with the rule planned anew: what every run would cost without kept plans.
    pub(crate) async fn answer_planned_anew(
        &self,
        number: usize,
        tables: impl Fn(&str) -> Vec<RecordBatch>,
    ) -> Result<Vec<RecordBatch>, SessionError> {
        let Some(rule) = self.rule(number) else { return Ok(Vec::new()) };
        self.fill(tables)?;
        let plan = self.plan(rule).await?;
        let answer = self.answer(rule, &plan).await?;
        self.fill(|_| Vec::new())?;
        Ok(answer)
    }

    /// Runs one rule over given tables; no answer where there is no such rule.
    pub(crate) async fn run_one(
        &self,
        id: &str,
        tables: impl Fn(&str) -> Vec<RecordBatch>,
    ) -> Result<Option<Vec<RecordBatch>>, SessionError> {
        let Some((number, _)) = self.rules().find(|(_, rule)| rule.id == id) else { return Ok(None) };
        self.answer_with(number, tables).await.map(Some)
    }

    fn fill(&self, tables: impl Fn(&str) -> Vec<RecordBatch>) -> Result<(), SessionError> {
        self.slots.iter().try_for_each(|(table, slot)| slot.fill(tables(table))).map_err(SessionError::SetUp)
    }

    async fn answer(
        &self,
        rule: &Rule,
        plan: &Arc<dyn ExecutionPlan>,
    ) -> Result<Vec<RecordBatch>, SessionError> {
        let failed = |source| SessionError::Run { rule: rule.id.clone(), source };
        let plan = reset_plan_states(Arc::clone(plan)).map_err(failed)?;
        let rows = collect(plan, self.context.task_ctx()).await.map_err(failed)?;
        let filled = rows.iter().filter(|batch| batch.num_rows() > 0);
        filled.map(as_candidates).collect::<Result<_, _>>().map_err(failed)
    }
}

/// The same columns without their documentation: where two tables give one column different meanings, a plan that
/// unites them would differ from its own logical plan in nothing but that text, and DataFusion refuses it.
fn without_metadata(schema: &SchemaRef) -> SchemaRef {
    let plain = |field: &Arc<Field>| field.as_ref().clone().with_metadata(HashMap::new());
    Arc::new(Schema::new(schema.fields().iter().map(plain).collect::<Vec<Field>>()))
}

/// One partition per plan, no dynamic filters: what makes a plan reusable.
fn config() -> SessionConfig {
    let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
    let options = config.options_mut();
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.optimizer.enable_topk_dynamic_filter_pushdown = false;
    options.optimizer.enable_join_dynamic_filter_pushdown = false;
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    config
}

/// What a rule must yield and may not hold.
fn check(rule: &Rule, plan: &LogicalPlan) -> Result<(), String> {
    let fields = plan.schema();
    for column in candidates::columns() {
        if !fields.fields().iter().any(|field| field.name() == column.name) {
            return Err(format!(
                "rule {} yields no column `{}` ({})",
                rule.id,
                column.name,
                column.doc.trim()
            ));
        }
    }
    let mut problem = None;
    let visited = plan.apply_with_subqueries(|node| {
        problem = fault(rule, node);
        Ok(if problem.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    match (problem, visited) {
        (Some(problem), _) => Err(problem),
        (None, Err(error)) => Err(error.strip_backtrace()),
        (None, Ok(_)) => Ok(()),
    }
}

/// Whether a rule reads a table, directly or through a view: as it says, which is checked when it is planned.
fn reads(rule: &Rule, table: &str) -> bool {
    let views = VIEWS.iter().filter(|view| rule.reads.iter().any(|read| read == view.name));
    rule.reads.iter().any(|read| read == table)
        || views.flat_map(|view| view.reads).any(|read| *read == table)
}

fn fault(rule: &Rule, node: &LogicalPlan) -> Option<String> {
    if matches!(node, LogicalPlan::Limit(_)) {
        return Some(format!("rule {} uses LIMIT: which rows it keeps would depend on their order", rule.id));
    }
    if let LogicalPlan::TableScan(scan) = node {
        let table = scan.table_name.table();
        if !reads(rule, table) {
            return Some(format!("rule {} reads `{table}` but does not say so in `reads`", rule.id));
        }
    }
    let impure = |expr: &Expr| match expr {
        Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
            Some(call.func.name().to_owned())
        }
        _ => None,
    };
    let mut found = None;
    for expr in node.expressions() {
        let visited = expr.apply(|expr| {
            found = found.take().or_else(|| impure(expr));
            Ok(TreeNodeRecursion::Continue)
        });
        if let Err(error) = visited {
            return Some(error.strip_backtrace());
        }
    }
    found.map(|name| format!("rule {} calls {name}(), whose answer is not a function of the events", rule.id))
}

/// Casts what a rule yields to the types of table `candidates`.
fn as_candidates(batch: &RecordBatch) -> Result<RecordBatch, DataFusionError> {
    let schema = candidates::schema();
    let mut columns = Vec::new();
    for field in schema.fields() {
        let column = batch.column_by_name(field.name()).ok_or_else(|| {
            DataFusionError::Internal(format!(
                "column {} was checked when the rule was planned",
                field.name()
            ))
        })?;
        columns.push(match field.data_type() {
            DataType::List(_) => lists::flatten(column),
            other => {
                cast_with_options(column, other, &CastOptions { safe: false, ..CastOptions::default() })?
            }
        });
    }
    Ok(RecordBatch::try_new(schema, columns)?)
}

mod lists {
    //! Lists of ids as rules make them (null lists, null items, any text type) to plain lists of text.

    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringViewBuilder};
    use arrow::compute::cast;
    use arrow::datatypes::{DataType, Field};

    /// A list per row, without nulls; a plain text is a list of one.
    pub(super) fn flatten(column: &ArrayRef) -> ArrayRef {
        let item = Arc::new(Field::new("item", DataType::Utf8View, false));
        let mut lists = ListBuilder::new(StringViewBuilder::new()).with_field(item);
        for row in 0..column.len() {
            for text in texts(column, row) {
                lists.values().append_value(text);
            }
            lists.append(true);
        }
        Arc::new(lists.finish())
    }

    fn texts(column: &ArrayRef, row: usize) -> Vec<String> {
        let items = match column.as_list_opt::<i32>() {
            Some(_) if column.is_null(row) => return Vec::new(),
            Some(lists) => lists.value(row),
            None => column.slice(row, 1),
        };
        let views = cast(&items, &DataType::Utf8View).ok();
        let texts = views.as_ref().and_then(|views| views.as_string_view_opt());
        texts.map(|texts| texts.iter().flatten().map(str::to_owned).collect()).unwrap_or_default()
    }
}

/// What feeds a table: the plan reads whatever lies here when it runs.
struct Slot {
    schema: SchemaRef,
    batches: Mutex<Vec<RecordBatch>>,
}

impl Slot {
    fn fill(&self, batches: Vec<RecordBatch>) -> Result<(), DataFusionError> {
        let plain =
            |batch: RecordBatch| RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec());
        let batches = batches.into_iter().map(plain).collect::<Result<Vec<_>, _>>()?;
        *self.batches.lock().unwrap_or_else(PoisonError::into_inner) = batches;
        Ok(())
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("columns", &self.schema.fields().len()).finish_non_exhaustive()
    }
}

impl PartitionStream for Slot {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stream = MemoryStream::try_new(batches, Arc::clone(&self.schema), None);
        Box::pin(stream.expect("a memory stream without projection has nothing to refuse"))
    }
}
