//! A value on its way into a column that is known by its name only, and a cell of a batch as text.
//!
//! In: text, numbers, lists from where somebody maps a log to a table. Out: what the column takes, or a refusal.
//! Owns: which kinds of values columns take. Law: a cell that does not fit its column is no value, never a changed one.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType, UInt16Type, UInt32Type, UInt64Type};

use crate::{EventTime, TextList};

/// What a column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// Text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A moment.
    Time,
    /// A whole number from 0 to this.
    Number(u64),
    /// A whole number.
    Integer,
    /// True or false.
    Truth,
    /// A list of texts.
    List,
    /// An identity, which is never given from outside.
    Id,
}

/// A value for a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Text, or a word.
    Text(String),
    /// A moment.
    Time(EventTime),
    /// A whole number that is not negative.
    Number(u64),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Truth(bool),
    /// A list of texts.
    List(TextList),
}

impl CellKind {
    /// The kind in words, with its article.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Word(_) => "a word of a closed set",
            Self::Time => "a time",
            Self::Number(_) => "a whole number that is not negative",
            Self::Integer => "a whole number",
            Self::Truth => "true or false",
            Self::List => "a list of texts",
            Self::Id => "an identity",
        }
    }
}

impl Cell {
    /// What `text` is for a column of this kind; times are read as RFC 3339.
    #[must_use]
    pub fn of_text(kind: CellKind, text: &str) -> Option<Self> {
        match kind {
            CellKind::Text => Some(Self::Text(text.to_owned())),
            CellKind::Word(words) => words.contains(&text).then(|| Self::Text(text.to_owned())),
            CellKind::Time => EventTime::parse(text).ok().map(Self::Time),
            CellKind::Number(max) => {
                text.trim().parse().ok().filter(|number| *number <= max).map(Self::Number)
            }
            CellKind::Integer => text.trim().parse().ok().map(Self::Integer),
            CellKind::Truth if text.eq_ignore_ascii_case("true") || text == "1" => Some(Self::Truth(true)),
            CellKind::Truth if text.eq_ignore_ascii_case("false") || text == "0" => Some(Self::Truth(false)),
            CellKind::List => Some(Self::List(vec![text.to_owned()])),
            CellKind::Truth | CellKind::Id => None,
        }
    }
}

/// A cell of a batch as text; none when it says nothing (null, empty text, empty list). Lists are JSON arrays.
#[must_use]
pub fn cell_text(array: &ArrayRef, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    let text = match array.data_type() {
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::FixedSizeBinary(16) => {
            array.as_fixed_size_binary().value(row).iter().map(|byte| format!("{byte:02x}")).collect()
        }
        DataType::Timestamp(..) => {
            EventTime(array.as_primitive::<TimestampNanosecondType>().value(row)).to_string()
        }
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).to_string(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::List(_) => list_text(&array.as_list::<i32>().value(row))?,
        other => format!("({other})"),
    };
    (!text.is_empty()).then_some(text)
}

fn list_text(items: &ArrayRef) -> Option<String> {
    let texts: Vec<&str> = items.as_string_view_opt()?.iter().flatten().collect();
    (!texts.is_empty()).then(|| serde_json::Value::from(texts).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::identity_assertions;
    use crate::table::{IdentityAssertion, TABLES};

    /// Scenario: a column of every kind, set by its name with what fits and what does not.
    /// Guarantees: what fits is in the batch as it was given; what does not leaves the row as it was.
    #[test]
    fn columns_by_name() {
        let mut row = IdentityAssertion::default();
        let mut set = |column: &str, cell: Cell| {
            identity_assertions::setter(column).is_some_and(|set| set(&mut row, cell))
        };
        assert!(set("subject", Cell::Text("alice".into())));
        assert!(set("decision", Cell::Text("deny".into())));
        assert!(set("src_port", Cell::Number(443)));
        assert!(set("audience", Cell::List(vec!["a".into(), "b".into()])));
        assert!(set("exp", Cell::Time(EventTime(0))));
        assert!(!set("src_port", Cell::Number(70_000)));
        assert!(!set("decision", Cell::Text("maybe".into())));
        assert!(!set("no_such_column", Cell::Truth(true)));
        let batch = identity_assertions::to_batch([&row]);
        let text = |name: &str| batch.column_by_name(name).and_then(|array| cell_text(array, 0));
        for (column, expected) in [
            ("subject", Some("alice")),
            ("decision", Some("deny")),
            ("src_port", Some("443")),
            ("audience", Some(r#"["a","b"]"#)),
            ("exp", Some("1970-01-01T00:00:00.000000000Z")),
            ("issuer", None),
        ] {
            assert_eq!(text(column).as_deref(), expected, "{column}");
        }
    }

    /// Scenario: every column of every table. Guarantees: a word column takes its own words, and no other text.
    #[test]
    fn words_fit_their_columns() {
        for spec in TABLES.iter().flat_map(|table| (table.columns)()) {
            if let CellKind::Word(words) = spec.kind {
                assert!(words.iter().all(|word| Cell::of_text(spec.kind, word).is_some()), "{}", spec.name);
                assert_eq!(Cell::of_text(spec.kind, "no such word"), None, "{}", spec.name);
            }
        }
    }
}
