//! Pieces of SQL, and cells of its answers.
//!
//! In: names from logs, moments, batches. Out: literals and conditions; texts and numbers.
//! Law: a name from a log is a literal and nothing else, whatever is in it.

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use offbound_schemas::EventTime;
/// Columns that every event table has.
pub(super) use offbound_schemas::table::host_events::column::{event_id, event_time, location, source};
use offbound_tui::Span;

use crate::exit::Failure;

/// A text.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A moment, in nanoseconds.
pub(super) fn moment(time: EventTime) -> String {
    format!("arrow_cast({}, 'Timestamp(Nanosecond, Some(\"UTC\"))')", time.0)
}

/// Rows of a stretch of time.
pub(super) fn within(column: &str, span: Span) -> String {
    format!("{column} >= {} AND {column} < {}", moment(span.from), moment(span.to))
}

/// Rows in which a column, or what is made of it, is one of these texts; none where there are none.
pub(super) fn one_of(column: &str, texts: &[String]) -> Option<String> {
    let (first, rest) = texts.split_first()?;
    if rest.is_empty() {
        return Some(format!("{column} = {}", literal(first)));
    }
    let texts: Vec<String> = texts.iter().map(|text| literal(text)).collect();
    Some(format!("{column} IN ({})", texts.join(", ")))
}

/// Rows in which a column contains a text, whatever its case.
pub(super) fn contains(column: &str, text: &str) -> String {
    if text.contains(['%', '_', '\\']) {
        return format!("contains(lower({column}), {})", literal(&text.to_lowercase()));
    }
    // What a scan can leave unread by.
    format!("{column} ILIKE {}", literal(&format!("%{text}%")))
}

/// First and last event time of a group, in nanoseconds.
pub(super) fn first_and_last() -> String {
    let time = format!("arrow_cast({event_time}, 'Int64')");
    format!("min({time}) AS first, max({time}) AS last")
}

/// Any of these; none where there are none.
pub(super) fn any(conditions: impl IntoIterator<Item = String>) -> Option<String> {
    let conditions: Vec<String> = conditions.into_iter().collect();
    (!conditions.is_empty()).then(|| format!("({})", conditions.join(" OR ")))
}

/// A column of an answer as texts.
pub(super) struct Texts(ArrayRef);

impl Texts {
    /// The column of that place.
    pub(super) fn of(batch: &RecordBatch, column: usize) -> Result<Self, Failure> {
        let texts = cast(batch.column(column), &DataType::Utf8View).map_err(unexpected)?;
        Ok(Self(texts))
    }

    /// The text of a row; none where it is null.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        let texts = self.0.as_string_view();
        texts.is_valid(row).then(|| texts.value(row))
    }

    /// The same, and an empty one where it is null.
    pub(super) fn text(&self, row: usize) -> String {
        self.get(row).unwrap_or_default().to_owned()
    }
}

/// A column of an answer as whole numbers.
pub(super) struct Numbers(ArrayRef);

impl Numbers {
    /// The column of that place.
    pub(super) fn of(batch: &RecordBatch, column: usize) -> Result<Self, Failure> {
        let numbers = cast(batch.column(column), &DataType::Int64).map_err(unexpected)?;
        Ok(Self(numbers))
    }

    /// The number of a row; none where it is null.
    pub(super) fn get(&self, row: usize) -> Option<i64> {
        let numbers = self.0.as_primitive::<Int64Type>();
        numbers.is_valid(row).then(|| numbers.value(row))
    }

    /// The same as a number of things.
    pub(super) fn count(&self, row: usize) -> u64 {
        self.get(row).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    }
}

fn unexpected(error: arrow::error::ArrowError) -> Failure {
    Failure::could_not(format!("the answer has another form than was asked for: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use offbound_store::EventTable;

    /// Scenario: the columns that are asked of every event table. Guarantees: each of them has them.
    #[test]
    fn event_tables_share_columns() {
        for table in EventTable::ALL {
            for column in [event_id, event_time, location, source] {
                assert!(table.schema().field_with_name(column).is_ok(), "{column}");
            }
        }
    }

    /// Scenario: names with quotes and what ends statements. Guarantees: each is one literal.
    #[test]
    fn names_are_literals() {
        assert_eq!(literal("a'; DROP TABLE x; --"), "'a''; DROP TABLE x; --'");
        assert_eq!(one_of("c", &["a'".to_owned(), "b".to_owned()]).as_deref(), Some("c IN ('a''', 'b')"));
        assert_eq!(one_of("c", &[]), None);
        assert_eq!(contains("c", "50%"), "contains(lower(c), '50%')");
    }
}
