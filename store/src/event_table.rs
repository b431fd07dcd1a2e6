//! The three tables that segments hold, and the columns that every one of them has.
//!
//! In: an [`EventBatch`]. Out: its tables, one by one, and the names of their key columns.
//! Law: canonical order is (event time, event id); rows of the same event are ordered by table.

use std::sync::Arc;

use arrow::array::{Array, FixedSizeBinaryArray, RecordBatch, StringViewArray, TimestampNanosecondArray};
use arrow::datatypes::{DataType, Field, SchemaRef};
use offbound_schemas::table::{TableSpec, host_events, identity_assertions, placements};
use offbound_schemas::{EventBatch, SchemaError};

use crate::StoreError;

/// A table of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventTable {
    /// `host_events`.
    HostEvents,
    /// `identity_assertions`.
    IdentityAssertions,
    /// `placements`.
    Placements,
}

/// Names of the columns that order, find and show a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyColumns {
    pub(crate) event_id: &'static str,
    pub(crate) event_time: &'static str,
    pub(crate) source: &'static str,
    pub(crate) location: &'static str,
    pub(crate) unmapped: &'static str,
    pub(crate) raw: &'static str,
}

macro_rules! key_columns {
    ($table:ident) => {
        KeyColumns {
            event_id: $table::column::event_id,
            event_time: $table::column::event_time,
            source: $table::column::source,
            location: $table::column::location,
            unmapped: $table::column::unmapped,
            raw: $table::column::raw,
        }
    };
}

impl EventTable {
    /// Every event table, in order.
    pub const ALL: [Self; 3] = [Self::HostEvents, Self::IdentityAssertions, Self::Placements];

    fn spec(self) -> TableSpec {
        match self {
            Self::HostEvents => host_events::SPEC,
            Self::IdentityAssertions => identity_assertions::SPEC,
            Self::Placements => placements::SPEC,
        }
    }

    /// The table's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The table of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The table's Arrow schema.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        (self.spec().schema)()
    }

    /// Its rows in a batch.
    #[must_use]
    pub fn of(self, batch: &EventBatch) -> &RecordBatch {
        let EventBatch { host_events, identity_assertions, placements } = batch;
        match self {
            Self::HostEvents => host_events,
            Self::IdentityAssertions => identity_assertions,
            Self::Placements => placements,
        }
    }

    pub(crate) fn key_columns(self) -> KeyColumns {
        match self {
            Self::HostEvents => key_columns!(host_events),
            Self::IdentityAssertions => key_columns!(identity_assertions),
            Self::Placements => key_columns!(placements),
        }
    }

    /// Columns that name who or what a row is about: their values are found without reading every row.
    pub(crate) fn entity_columns(self) -> &'static [&'static str] {
        match self {
            Self::HostEvents => {
                use host_events::column::{host, pod_uid, process_key, workload};
                &[host, pod_uid, process_key, workload]
            }
            Self::IdentityAssertions => {
                use identity_assertions::column::{
                    bound_host, bound_pod_uid, credential_alias, credential_id, observed_workload, parent_id,
                    subject,
                };
                &[
                    bound_host,
                    bound_pod_uid,
                    credential_alias,
                    credential_id,
                    observed_workload,
                    parent_id,
                    subject,
                ]
            }
            Self::Placements => {
                use placements::column::{host, pod_uid, workload};
                &[host, pod_uid, workload]
            }
        }
    }

    /// Checks that `batch` has the table's columns with their types.
    pub(crate) fn check(self, schema: &SchemaRef, batch: &RecordBatch) -> Result<(), StoreError> {
        if Arc::ptr_eq(schema, batch.schema_ref()) {
            return Ok(());
        }
        for field in schema.fields() {
            let found = batch.column_by_name(field.name()).map(|array| array.data_type().clone());
            if found.as_ref() != Some(field.data_type()) {
                return Err(self.misfit(field, found));
            }
        }
        Ok(())
    }

    fn misfit(self, field: &Field, found: Option<DataType>) -> StoreError {
        let (table, expected) = (self.name(), field.data_type().clone());
        let column = (self.spec().columns)().into_iter().find(|column| column.name == field.name());
        let column = column.map_or("?", |column| column.name);
        StoreError::Schema(match found {
            None => SchemaError::Missing { table, column },
            Some(found) => SchemaError::Type { table, column, found, expected },
        })
    }
}

/// What orders and identifies the rows of one batch.
#[derive(Debug, Clone)]
pub(crate) struct RowKeys {
    times: TimestampNanosecondArray,
    ids: FixedSizeBinaryArray,
    locations: StringViewArray,
    sources: StringViewArray,
}

impl RowKeys {
    /// The keys of a batch that [`EventTable::check`] has passed, or that has at least the key columns.
    pub(crate) fn new(table: EventTable, batch: &RecordBatch) -> Result<Self, StoreError> {
        let names = table.key_columns();
        Ok(Self {
            times: key_column(table, batch, names.event_time)?,
            ids: key_column(table, batch, names.event_id)?,
            locations: key_column(table, batch, names.location)?,
            sources: key_column(table, batch, names.source)?,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn time(&self, row: usize) -> i64 {
        self.times.value(row)
    }

    pub(crate) fn id(&self, row: usize) -> [u8; 16] {
        let mut id = [0; 16];
        id.copy_from_slice(self.ids.value(row));
        id
    }

    /// Where the row's record is: of two copies of one event, the smaller place is kept, whoever came first.
    pub(crate) fn place(&self, row: usize) -> (&str, &str) {
        (self.locations.value(row), self.sources.value(row))
    }
}

fn key_column<A: Array + Clone + 'static>(
    table: EventTable,
    batch: &RecordBatch,
    column: &'static str,
) -> Result<A, StoreError> {
    let missing = SchemaError::Missing { table: table.name(), column };
    let array = batch.column_by_name(column).ok_or(missing)?;
    let found = array.as_any().downcast_ref::<A>();
    Ok(found.ok_or(SchemaError::Missing { table: table.name(), column })?.clone())
}
