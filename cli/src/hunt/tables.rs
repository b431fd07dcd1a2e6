//! The tables that a question may read, and how SQL sees them.
//!
//! In: the definitions of `schemas`. Out: name, columns and Arrow schema of each table, and a batch as that schema.
//! Owns: the list [`TABLES`]. Law: ids are 32 hex digits in SQL, so that one joins another whatever table it is in.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringViewBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use offbound_schemas::TableSpec;
use offbound_schemas::authored::nearest;
use offbound_schemas::table::{
    bindings, coverage, dead_letters, findings, gaps, host_events, identity_assertions, incidents, issues,
    placements, signals, taints, uses,
};
use offbound_store::EventTable;

use super::functions;
use crate::exit::Failure;

/// Where the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// In the store's segments.
    Events(EventTable),
    /// They follow from the events.
    Facts,
    /// They were concluded, and are in the store's database.
    Conclusions,
    /// In the store's database, as many as there are.
    Letters,
}

/// A table, for SQL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) spec: TableSpec,
    pub(super) origin: Origin,
    /// Column with the moment that `--since` and `--until` are about, in event tables.
    pub(super) time: Option<&'static str>,
}

/// Every table, in the order in which data flows.
pub(crate) const TABLES: &[Table] = &[
    events(host_events::SPEC, EventTable::HostEvents, host_events::column::event_time),
    events(
        identity_assertions::SPEC,
        EventTable::IdentityAssertions,
        identity_assertions::column::event_time,
    ),
    events(placements::SPEC, EventTable::Placements, placements::column::event_time),
    table(bindings::SPEC, Origin::Facts),
    table(issues::SPEC, Origin::Facts),
    table(uses::SPEC, Origin::Facts),
    table(signals::SPEC, Origin::Facts),
    table(taints::SPEC, Origin::Facts),
    table(coverage::SPEC, Origin::Facts),
    table(findings::SPEC, Origin::Conclusions),
    table(incidents::SPEC, Origin::Conclusions),
    table(gaps::SPEC, Origin::Conclusions),
    table(dead_letters::SPEC, Origin::Letters),
];

const fn events(spec: TableSpec, table: EventTable, time: &'static str) -> Table {
    Table { spec, origin: Origin::Events(table), time: Some(time) }
}

const fn table(spec: TableSpec, origin: Origin) -> Table {
    Table { spec, origin, time: None }
}

impl Table {
    /// The table of that name.
    pub(super) fn named(name: &str) -> Result<Self, Failure> {
        let found = TABLES.iter().find(|table| table.spec.name == name).copied();
        found.ok_or_else(|| {
            if let Some(why) = functions::why_not_offered(name) {
                return Failure::usage(format!("function {name}() is not offered: {why}"));
            }
            let names: Vec<&str> = TABLES.iter().map(|table| table.spec.name).collect();
            let near = nearest(name, &names).unwrap_or_default();
            Failure::usage(format!(
                "there is no table `{name}`; the nearest is `{near}`; SHOW TABLES names them all"
            ))
        })
    }

    /// Its columns as SQL sees them. Their documentation stays out: where two tables give one column different
    /// meanings, DataFusion refuses to unite them.
    pub(super) fn schema(&self) -> SchemaRef {
        let fields = (self.spec.columns)()
            .into_iter()
            .map(|column| Field::new(column.name, as_seen(&column.data_type), column.nullable));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

/// The type of a column in SQL.
fn as_seen(stored: &DataType) -> DataType {
    match stored {
        DataType::FixedSizeBinary(_) => DataType::Utf8View,
        other => other.clone(),
    }
}

/// The columns of `schema` (some of a table's, as SQL sees them) out of stored rows.
pub(super) fn seen(schema: &SchemaRef, stored: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let arrays = schema.fields().iter().map(|field| {
        let array = stored.column_by_name(field.name()).ok_or_else(|| {
            ArrowError::SchemaError(format!("the stored rows have no column {}", field.name()))
        })?;
        Ok(match array.data_type() {
            DataType::FixedSizeBinary(_) => hex(array),
            _ => Arc::clone(array),
        })
    });
    let arrays = arrays.collect::<Result<Vec<_>, ArrowError>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(stored.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)
}

fn hex(ids: &ArrayRef) -> ArrayRef {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let ids = ids.as_fixed_size_binary();
    let mut texts = StringViewBuilder::with_capacity(ids.len());
    let mut text = String::with_capacity(32);
    for id in ids.iter() {
        text.clear();
        for byte in id.unwrap_or_default() {
            text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
        }
        texts.append_option(id.map(|_| text.as_str()));
    }
    Arc::new(texts.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use offbound_schemas::table::HostEvent;
    use offbound_schemas::{EventId, hash_id};

    /// Scenario: names that are and are not there. Guarantees: tables of the contract are all there, and a misspelt one
    /// gets the nearest.
    #[test]
    fn tables_are_found_by_name() {
        let contract = "host_events identity_assertions placements bindings uses signals findings incidents gaps \
                        dead_letters coverage";
        for name in contract.split_whitespace() {
            assert_eq!(Table::named(name).map(|table| table.spec.name), Ok(name));
        }
        let failure = Table::named("host_event").expect_err("misspelt").to_string();
        assert!(failure.contains("`host_events`"), "{failure}");
    }

    /// Scenario: a stored row, of which SQL asks two columns, or none. Guarantees: ids are hex digits, and rows are
    /// counted without any column.
    #[test]
    fn stored_rows_are_seen_as_sql_asks() {
        let id = EventId(hash_id("test", &[b"x"]));
        let batch = host_events::to_batch(&[HostEvent { event_id: id, ..HostEvent::default() }]);
        let whole = Table::named("host_events").expect("a table").schema();
        let one = Arc::new(whole.project(&[0]).expect("there is a first column"));
        let found = seen(&one, &batch).expect("the column is there");
        assert_eq!(found.column(0).as_string_view().value(0), id.to_string());
        let none = seen(&Arc::new(Schema::empty()), &batch).expect("no column is asked for");
        assert_eq!((none.num_rows(), none.num_columns()), (1, 0));
    }
}
