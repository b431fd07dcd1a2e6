//! A stored table as DataFusion sees it: columns, and conditions that the scan can use.
//!
//! In: the rows of a table. Out: a stream of batches with the columns that a plan asks for.
//! Owns: projection and pushdown. Bound: [`BATCHES_UNDER_WAY`] batches between the reading thread and the plan.
//! Law: a scan of events gives the rows that are asked for; others may give more, and are judged again; whoever stops
//! listening stops the reading.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use offbound_store::RowOrder;

use super::bounds::BATCHES_UNDER_WAY;
use super::fault::Stopped;
use super::pushdown::{Narrowing, is_understood};
use super::stored::Rows;
use super::tables::{Origin, Table, seen};
use crate::exit::Failure;
use crate::judge::Window;

/// What a provider answers with, as the trait spells it.
type Planned<'f> = Pin<Box<dyn Future<Output = Result<Arc<dyn ExecutionPlan>>> + Send + 'f>>;

/// A stored table.
#[derive(Debug)]
pub(super) struct StoredTable {
    table: Table,
    schema: SchemaRef,
    rows: Arc<dyn Rows>,
    window: Window,
}

impl StoredTable {
    pub(super) fn new(table: Table, rows: Arc<dyn Rows>, window: Window) -> Self {
        Self { table, schema: table.schema(), rows, window }
    }

    fn plan(
        &self,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let window = self.window;
        let narrowing = Narrowing::of(filters, &self.table).within(window.since, window.until);
        let ordered_by = self.table.time.and_then(|time| order_by(&schema, time));
        // Where no step of the plan sees the time, none can see the order.
        let order = if ordered_by.is_some() { RowOrder::Canonical } else { RowOrder::Any };
        let scan = |narrowing| -> Arc<dyn PartitionStream> {
            Arc::new(Scan { schema: Arc::clone(&schema), rows: Arc::clone(&self.rows), narrowing, order })
        };
        let scans = self.rows.parts(&narrowing).into_iter().map(scan).collect();
        let plan = StreamingTableExec::try_new(Arc::clone(&schema), scans, None, ordered_by, false, limit)?;
        Ok(Arc::new(plan))
    }
}

/// Events come ordered by time.
fn order_by(schema: &SchemaRef, time: &str) -> Option<LexOrdering> {
    let index = schema.index_of(time).ok()?;
    let options = SortOptions { descending: false, nulls_first: false };
    LexOrdering::new([PhysicalSortExpr::new(Arc::new(Column::new(time, index)), options)])
}

impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let is_exact = matches!(self.table.origin, Origin::Events(_));
        let support = |filter: &&Expr| match is_understood(filter, &self.table) {
            true if is_exact => TableProviderFilterPushDown::Exact,
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    // Spelled out as the trait's own macro does; nothing here waits.
    fn scan<'a, 'b, 'c, 'd, 'f>(
        &'a self,
        _session: &'b dyn Session,
        projection: Option<&'c Vec<usize>>,
        filters: &'d [Expr],
        limit: Option<usize>,
    ) -> Planned<'f>
    where
        'a: 'f,
        'b: 'f,
        'c: 'f,
        'd: 'f,
        Self: 'f,
    {
        let plan = self.plan(projection, filters, limit);
        Box::pin(std::future::ready(plan))
    }
}

/// One scan of a table.
struct Scan {
    schema: SchemaRef,
    rows: Arc<dyn Rows>,
    narrowing: Narrowing,
    order: RowOrder,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("narrowing", &self.narrowing).finish_non_exhaustive()
    }
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), BATCHES_UNDER_WAY);
        let to = stream.tx();
        let (schema, rows, narrowing) =
            (Arc::clone(&self.schema), Arc::clone(&self.rows), self.narrowing.clone());
        let order = self.order;
        stream.spawn_blocking(move || {
            let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let read = rows.read(&columns, &narrowing, order, &mut |batch| {
                let batch = seen(&schema, &batch).map_err(DataFusionError::from);
                match to.blocking_send(batch) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_nobody_listens) => ControlFlow::Break(()),
                }
            });
            read.map_err(|failure: Failure| DataFusionError::External(Box::new(Stopped(failure))))
        });
        stream.build()
    }
}
