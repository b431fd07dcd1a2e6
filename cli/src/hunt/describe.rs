//! What tables and columns there are, with their documentation: the answers to SHOW TABLES and DESCRIBE.
//!
//! In: the definitions of `schemas`. Out: batches of text. Law: the words are those of `schemas/reference/tables.md`.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::tables::{TABLES, Table};

/// A row for each table.
pub(super) fn tables() -> Result<RecordBatch, ArrowError> {
    let rows: Vec<[String; 2]> =
        TABLES.iter().map(|table| [table.spec.name.to_owned(), table.spec.doc.to_owned()]).collect();
    batch(["table", "meaning"], &rows)
}

/// A row for each column of a table.
pub(super) fn columns(table: &Table) -> Result<RecordBatch, ArrowError> {
    let schema = table.schema();
    let specs = (table.spec.columns)();
    let rows: Vec<[String; 5]> = specs
        .iter()
        .zip(schema.fields())
        .map(|(spec, field)| {
            let null = if spec.nullable { "yes" } else { "no" };
            let meaning = spec.doc.trim().to_owned();
            [
                spec.name.to_owned(),
                in_words(field.data_type()),
                null.to_owned(),
                spec.ocsf.to_owned(),
                meaning,
            ]
        })
        .collect();
    batch(["column", "type", "null", "ocsf", "meaning"], &rows)
}

/// A table, and what its rows are.
pub(crate) struct TableNote {
    pub(crate) name: &'static str,
    pub(crate) meaning: String,
    pub(crate) columns: Vec<ColumnNote>,
}

/// A column, and what it says.
pub(crate) struct ColumnNote {
    pub(crate) name: &'static str,
    pub(crate) kind: String,
    pub(crate) nullable: bool,
    pub(crate) meaning: String,
}

/// All of it, for somebody who chooses from it.
pub(crate) fn notes() -> Vec<TableNote> {
    let columns = |table: &Table| {
        let schema = table.schema();
        let specs = (table.spec.columns)();
        let note = |(spec, field): (&offbound_schemas::ColumnSpec, &arrow::datatypes::FieldRef)| ColumnNote {
            name: spec.name,
            kind: in_words(field.data_type()),
            nullable: spec.nullable,
            meaning: spec.doc.trim().to_owned(),
        };
        specs.iter().zip(schema.fields()).map(note).collect()
    };
    let note = |table: &Table| TableNote {
        name: table.spec.name,
        meaning: table.spec.doc.trim().to_owned(),
        columns: columns(table),
    };
    TABLES.iter().map(note).collect()
}

/// A type, as SQL's users name it.
pub(crate) fn in_words(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8View => "text".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::List(_) => "list of text".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

fn batch<const N: usize>(names: [&str; N], rows: &[[String; N]]) -> Result<RecordBatch, ArrowError> {
    let columns = names.iter().enumerate().map(|(index, name)| {
        let texts = rows.iter().map(|row| row.get(index).map(String::as_str));
        (*name, Arc::new(texts.collect::<StringViewArray>()) as ArrayRef)
    });
    RecordBatch::try_from_iter(columns)
}
