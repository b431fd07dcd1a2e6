//! What tables and columns there are, with their documentation: the answers to SHOW TABLES and DESCRIBE.
//!
//! In: the definitions of `schemas`. Out: batches of text. Law: the words are those of `schemas/reference/tables.md`.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use offbound_schemas::ColumnSpec;

use super::tables::{TABLES, Table};

/// A row for each table.
pub(super) fn tables() -> Result<RecordBatch, ArrowError> {
    let rows: Vec<[String; 2]> =
        TABLES.iter().map(|table| [table.spec.name.to_owned(), table.spec.doc.to_owned()]).collect();
    batch(["table", "meaning"], &rows)
}

/// A row for each column of a table.
pub(super) fn columns(table: &Table) -> Result<RecordBatch, ArrowError> {
    let row = |(spec, kind): (ColumnSpec, String)| {
        let null = if spec.nullable { "yes" } else { "no" };
        [spec.name.to_owned(), kind, null.to_owned(), spec.ocsf.to_owned(), spec.doc.trim().to_owned()]
    };
    let rows: Vec<[String; 5]> = columns_of(table).map(row).collect();
    batch(["column", "type", "null", "ocsf", "meaning"], &rows)
}

/// The columns of a table: what they are, and their types as SQL's users name them.
pub(crate) fn columns_of(table: &Table) -> impl Iterator<Item = (ColumnSpec, String)> {
    let types: Vec<String> =
        table.schema().fields().iter().map(|field| in_words(field.data_type())).collect();
    (table.spec.columns)().into_iter().zip(types)
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
