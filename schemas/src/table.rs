//! What a table is, and the list of all of them.
//!
//! In: one `table!` per file under `table/`. Out: row structs, column-name constants, Arrow schemas whose
//! field metadata carries meaning and OCSF attribute, builders and zero-copy views.
//! Owns: the list [`TABLES`]. Law: a column is named nowhere else.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

pub mod bindings;
pub mod candidates;
pub mod coverage;
pub mod dead_letters;
pub mod findings;
pub mod gaps;
pub mod host_events;
pub mod identity_assertions;
pub mod incidents;
pub mod issues;
pub mod placements;
pub mod signals;
pub mod taints;
pub mod uses;

pub use bindings::Binding;
pub use candidates::Candidate;
pub use coverage::Coverage;
pub use dead_letters::DeadLetter;
pub use findings::FindingRow;
pub use gaps::GapRow;
pub use host_events::HostEvent;
pub use identity_assertions::IdentityAssertion;
pub use incidents::IncidentRow;
pub use issues::Issue;
pub use placements::Placement;
pub use signals::Signal;
pub use taints::Taint;
pub use uses::Use;

/// One column: its name, type, meaning and OCSF attribute.
#[derive(Debug, Clone)]
pub struct ColumnSpec {
    /// Name, as SQL sees it.
    pub name: &'static str,
    /// Arrow type.
    pub data_type: DataType,
    /// What it takes from outside.
    pub kind: crate::CellKind,
    /// Whether it may be null; null means unknown.
    pub nullable: bool,
    /// What it means, with units.
    pub doc: &'static str,
    /// OCSF 1.6 attribute path, or empty where none fits.
    pub ocsf: &'static str,
}

/// One table: its name, meaning and columns.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// Name, as SQL sees it.
    pub name: &'static str,
    /// What a row is.
    pub doc: &'static str,
    /// Its columns, in order.
    pub columns: fn() -> Vec<ColumnSpec>,
    /// Its Arrow schema.
    pub schema: fn() -> SchemaRef,
}

/// Every table, in the order in which data flows.
pub const TABLES: &[TableSpec] = &[
    host_events::SPEC,
    identity_assertions::SPEC,
    placements::SPEC,
    dead_letters::SPEC,
    bindings::SPEC,
    issues::SPEC,
    uses::SPEC,
    signals::SPEC,
    taints::SPEC,
    coverage::SPEC,
    gaps::SPEC,
    candidates::SPEC,
    findings::SPEC,
    incidents::SPEC,
];

/// The Arrow schema of some columns.
fn schema_of(columns: Vec<ColumnSpec>) -> SchemaRef {
    let fields = columns.into_iter().map(|spec| {
        let metadata = [("doc", spec.doc.trim()), ("ocsf", spec.ocsf)];
        let metadata = metadata.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned()));
        Field::new(spec.name, spec.data_type, spec.nullable).with_metadata(metadata.collect())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The column of that name; `place` is where it stands in batches of the table's own shape, and is moved on.
fn column_of<'a>(batch: &'a RecordBatch, place: &mut usize, name: &str) -> Option<&'a ArrayRef> {
    let here = batch.schema_ref().fields().get(*place).filter(|field| field.name() == name);
    let column = here.and_then(|_| batch.columns().get(*place));
    *place += 1;
    column.or_else(|| batch.column_by_name(name))
}

/// Defines a table: `Row "name" "meaning"; { /// doc  column: Type = "ocsf.path", … }`.
///
/// Yields, in the file's module: `Row` (owned), `column::…` (a constant per column name), `SPEC`, `schema()`,
/// `columns()`, `setter(name)`, `to_batch(&[Row])`, `Builder` and `View`, whose methods read a batch without copying text.
macro_rules! table {
    ($row:ident $table:literal $table_doc:literal; {
        $( $(#[doc = $doc:literal])+ $column:ident : $type:ty = $ocsf:literal, )+
    }) => {
        #[doc = $table_doc]
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $row {
            $( $(#[doc = $doc])+ pub $column: $type, )+
        }

        /// The table's name.
        pub const NAME: &str = $table;
        /// The table's definition.
        pub const SPEC: $crate::table::TableSpec = $crate::table::TableSpec { name: NAME, doc: $table_doc, columns, schema };

        /// Column names: the only place where they are spelled.
        #[allow(non_upper_case_globals, reason = "a constant is named exactly as its column")]
        pub mod column {
            $( $(#[doc = $doc])+ pub const $column: &str = stringify!($column); )+
        }

        /// The table's columns, in order.
        #[must_use]
        pub fn columns() -> Vec<$crate::table::ColumnSpec> {
            vec![ $( $crate::table::ColumnSpec {
                name: stringify!($column),
                data_type: <$type as $crate::column::ColumnValue>::data_type(),
                kind: <$type as $crate::column::ColumnValue>::cell_kind(),
                nullable: <$type as $crate::column::ColumnValue>::NULLABLE,
                doc: concat!($($doc),+),
                ocsf: $ocsf,
            }, )+ ]
        }

        /// How the column of that name is set in a row; the answer says whether the cell fits. None without such a column.
        #[must_use]
        pub fn setter(column: &str) -> Option<fn(&mut $row, $crate::Cell) -> bool> {
            match column {
                $( stringify!($column) => Some(|row, cell| {
                    let value = <$type as $crate::column::ColumnValue>::of_cell(cell);
                    value.map(|value| row.$column = value).is_some()
                }), )+
                _ => None,
            }
        }

        /// The table's Arrow schema; field metadata carries `doc` and `ocsf`.
        #[must_use]
        pub fn schema() -> arrow::datatypes::SchemaRef {
            static SCHEMA: std::sync::LazyLock<arrow::datatypes::SchemaRef> =
                std::sync::LazyLock::new(|| $crate::table::schema_of(columns()));
            std::sync::Arc::clone(&SCHEMA)
        }

        /// Puts rows into one Arrow batch.
        #[must_use]
        pub fn to_batch<'a>(rows: impl IntoIterator<Item = &'a $row>) -> arrow::array::RecordBatch {
            let mut builder = Builder::default();
            rows.into_iter().for_each(|row| builder.append(row));
            builder.finish()
        }

        /// Builds batches of this table, a row at a time: whole rows, or the columns of [`Builder::row`] one by one
        /// before [`Builder::end_row`]. A column that is not set is absent there, at no cost.
        #[derive(Debug)]
        pub struct Builder {
            schema: arrow::datatypes::SchemaRef,
            row: usize,
            absent: $crate::build::Absent,
            $( $(#[doc = $doc])+ pub $column: $crate::build::Column<$type>, )+
        }

        impl Default for Builder {
            fn default() -> Self {
                Self { schema: schema(), row: 0, absent: $crate::build::Absent::default(), $( $column: $crate::build::Column::default(), )+ }
            }
        }

        impl Builder {
            /// Number of whole rows.
            #[must_use]
            pub fn len(&self) -> usize {
                self.row
            }

            /// Whether there is no row yet.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.row == 0
            }

            /// Index of the row that is being built.
            #[must_use]
            pub fn row(&self) -> usize {
                self.row
            }

            /// Ends the row that is being built.
            pub fn end_row(&mut self) {
                self.row += 1;
            }

            /// Adds a whole row.
            pub fn append(&mut self, row: &$row) {
                $( self.$column.put(self.row, &row.$column); )+
                self.end_row();
            }

            /// Takes all rows out as one batch.
            #[must_use]
            pub fn finish(&mut self) -> arrow::array::RecordBatch {
                let rows = std::mem::take(&mut self.row);
                let arrays = vec![ $( self.$column.finish(rows, &mut self.absent), )+ ];
                arrow::array::RecordBatch::try_new(std::sync::Arc::clone(&self.schema), arrays)
                    .expect("the arrays were built from this very schema")
            }
        }

        /// Reads a batch of this table without copying its text.
        #[derive(Debug, Clone)]
        pub struct View<'a> {
            row_count: usize,
            $( $column: &'a <$type as $crate::column::ColumnValue>::Array, )+
        }

        impl<'a> View<'a> {
            /// Checks that `batch` has every column with its type.
            pub fn new(batch: &'a arrow::array::RecordBatch) -> Result<Self, $crate::column::SchemaError> {
                let mut place = 0;
                Ok(Self {
                    row_count: batch.num_rows(),
                    $( $column: {
                        let missing = $crate::column::SchemaError::Missing { table: NAME, column: stringify!($column) };
                        let array = $crate::table::column_of(batch, &mut place, stringify!($column)).ok_or(missing)?;
                        arrow::array::Array::as_any(array).downcast_ref().ok_or_else(|| $crate::column::SchemaError::Type {
                            table: NAME,
                            column: stringify!($column),
                            found: arrow::array::Array::data_type(array).clone(),
                            expected: <$type as $crate::column::ColumnValue>::data_type(),
                        })?
                    }, )+
                })
            }

            /// Number of rows.
            #[must_use]
            pub fn len(&self) -> usize {
                self.row_count
            }

            /// Whether there is no row.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.row_count == 0
            }

            $( $(#[doc = $doc])+
            #[must_use]
            pub fn $column(&self, row: usize) -> <$type as $crate::column::ColumnValue>::Ref<'a> {
                <$type as $crate::column::ColumnValue>::read(self.$column, row)
            } )+

            /// A copy of one row.
            #[must_use]
            pub fn row(&self, row: usize) -> $row {
                $row { $( $column: <$type as $crate::column::ColumnValue>::owned(self.$column(row)), )+ }
            }
        }
    };
}
pub(crate) use table;
