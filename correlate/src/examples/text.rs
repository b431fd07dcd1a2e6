//! Rows of any table as lines of text: `table: column=value; column=value`.
//!
//! In: lines, with defaults for the columns that they leave out. Out: Arrow batches of the tables' own schemas.
//! Owns: that notation. A time is a time of one day (`10:00:05`), a list is divided by commas, nothing is null;
//! in defaults `{n}` is the row's number, `{column}` what the row says there, and `{column=value}` whether it says that.
//! Law: a column or table that does not exist is refused, and no column is treated by its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeBinaryBuilder, ListBuilder, RecordBatch, StringArray, StringViewBuilder,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use offbound_schemas::EventId;
use offbound_schemas::table::{TABLES, TableSpec};

/// The day on which everything happens.
const DAY: &str = "2026-03-01";
/// When things happen that do not say when.
const DEFAULT_TIME: &str = "10:00:00";

/// Why rows cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A line is no row.
    #[error("{0:?} is no row: write `table: column=value; column=value`")]
    Line(String),
    /// There is no such table.
    #[error("there is no table `{0}`")]
    Table(String),
    /// A table has no such column.
    #[error("table `{table}` has no column `{column}`")]
    Column {
        /// The table.
        table: String,
        /// What it does not have.
        column: String,
    },
    /// A value is not of its column's type.
    #[error("column `{column}`: {source}")]
    Value {
        /// The column.
        column: String,
        /// Why not.
        source: ArrowError,
    },
    /// The columns do not make a batch.
    #[error(transparent)]
    Batch(#[from] ArrowError),
}

type Row = BTreeMap<String, String>;

/// Rows by table.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    defaults: BTreeMap<String, Row>,
    rows: BTreeMap<String, Vec<Row>>,
}

impl Tables {
    /// No rows yet; one line per table says what its rows hold unless they say otherwise.
    pub fn with_defaults(lines: &str) -> Result<Self, TextError> {
        let mut tables = Self::default();
        for line in filled_lines(lines) {
            let (table, row) = read(line)?;
            tables.defaults.insert(table, row);
        }
        Ok(tables)
    }

    /// Adds the rows of some lines.
    pub fn add(&mut self, lines: &str) -> Result<(), TextError> {
        for line in filled_lines(lines) {
            let (table, mut row) = read(line)?;
            let rows = self.rows.entry(table.clone()).or_default();
            for (column, value) in self.defaults.get(&table).into_iter().flatten() {
                row.entry(column.clone())
                    .or_insert_with(|| value.replace("{n}", &(rows.len() + 1).to_string()));
            }
            rows.push(resolve(row));
        }
        Ok(())
    }

    /// The rows of one table, typed.
    pub fn batch(&self, table: &str) -> Result<RecordBatch, TextError> {
        let spec = spec(table)?;
        let rows = self.rows.get(table).map(Vec::as_slice).unwrap_or_default();
        let schema = (spec.schema)();
        let columns = schema.fields().iter().map(|field| column(field, rows)).collect::<Result<_, _>>()?;
        Ok(RecordBatch::try_new(schema, columns)?)
    }
}

fn filled_lines(lines: &str) -> impl Iterator<Item = &str> {
    lines.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn spec(table: &str) -> Result<&'static TableSpec, TextError> {
    TABLES.iter().find(|spec| spec.name == table).ok_or_else(|| TextError::Table(table.to_owned()))
}

fn read(line: &str) -> Result<(String, Row), TextError> {
    let no_row = || TextError::Line(line.to_owned());
    let (table, cells) = line.split_once(':').ok_or_else(no_row)?;
    let columns = (spec(table)?.columns)();
    let mut row = Row::new();
    for cell in cells.split(';').map(str::trim).filter(|cell| !cell.is_empty()) {
        let (column, value) = cell.split_once('=').ok_or_else(no_row)?;
        if !columns.iter().any(|known| known.name == column) {
            return Err(TextError::Column { table: table.to_owned(), column: column.to_owned() });
        }
        if row.insert(column.to_owned(), value.to_owned()).is_some() {
            return Err(no_row());
        }
    }
    Ok((table.to_owned(), row))
}

/// Puts what the row says in the places that name its columns.
fn resolve(row: Row) -> Row {
    let said = row.clone();
    let put = |value: String| {
        let asked = value.strip_prefix('{').and_then(|value| value.strip_suffix('}')?.split_once('='));
        if let Some((column, asked)) = asked {
            return (said.get(column).is_some_and(|said| said == asked)).to_string();
        }
        said.iter().fold(value, |value, (column, said)| value.replace(&format!("{{{column}}}"), said))
    };
    row.into_iter().map(|(column, value)| (column, put(value))).collect()
}

fn column(field: &Field, rows: &[Row]) -> Result<ArrayRef, TextError> {
    let cells = rows.iter().map(|row| cell(field, row.get(field.name()).filter(|text| !text.is_empty())));
    Ok(match field.data_type() {
        DataType::List(item) => {
            let mut lists = ListBuilder::new(StringViewBuilder::new()).with_field(Arc::clone(item));
            for cell in cells {
                let texts = cell.unwrap_or_default();
                texts
                    .split(',')
                    .filter(|text| !text.is_empty())
                    .for_each(|text| lists.values().append_value(text));
                lists.append(true);
            }
            Arc::new(lists.finish())
        }
        DataType::FixedSizeBinary(_) => {
            let mut ids = FixedSizeBinaryBuilder::new(16);
            for cell in cells {
                ids.append_value(EventId::of(&[cell.unwrap_or_default().as_bytes()]).0)?;
            }
            Arc::new(ids.finish())
        }
        other => {
            let texts: StringArray = cells.collect();
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            let wrong = |source| TextError::Value { column: field.name().clone(), source };
            cast_with_options(&texts, other, &strict).map_err(wrong)?
        }
    })
}

/// What stands in a column, as text that Arrow reads; where nothing is said, the emptiest value of the type.
fn cell(field: &Field, said: Option<&String>) -> Option<String> {
    let is_time = matches!(field.data_type(), DataType::Timestamp(..));
    let emptiest = || match field.data_type() {
        _ if field.is_nullable() => None,
        DataType::Timestamp(..) => Some(DEFAULT_TIME.to_owned()),
        DataType::Boolean => Some("false".to_owned()),
        DataType::Utf8View | DataType::List(_) | DataType::FixedSizeBinary(_) => Some(String::new()),
        _ => Some("0".to_owned()),
    };
    let text = said.cloned().or_else(emptiest)?;
    Some(match text.contains('T') {
        _ if !is_time => text,
        true => format!("{text}Z"),
        false => format!("{DAY}T{text}Z"),
    })
}
