//! One value of a row, of whatever type a query makes.
//!
//! In: an array and a row. Out: the value, for JSON, and as text.
//! Owns: how types show. Law: numbers stay numbers, times are RFC 3339 in UTC, binary is hex; nothing is rounded.

use std::borrow::Cow;
use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use offbound_schemas::EventTime;
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

/// A value.
#[derive(Debug)]
pub(crate) enum Cell<'a> {
    /// Unknown.
    Null,
    Text(Cow<'a, str>),
    Whole(i128),
    Real(f64),
    Truth(bool),
    List(ArrayRef),
    Record(&'a StructArray, usize),
}

impl<'a> Cell<'a> {
    /// The value in that row.
    pub(crate) fn of(array: &'a dyn Array, row: usize) -> Self {
        if array.is_null(row) {
            return Self::Null;
        }
        match array.data_type() {
            DataType::Utf8View => Self::Text(array.as_string_view().value(row).into()),
            DataType::Utf8 => Self::Text(array.as_string::<i32>().value(row).into()),
            DataType::LargeUtf8 => Self::Text(array.as_string::<i64>().value(row).into()),
            DataType::Boolean => Self::Truth(array.as_boolean().value(row)),
            DataType::Float32 => Self::Real(array.as_primitive::<Float32Type>().value(row).into()),
            DataType::Float64 => Self::Real(array.as_primitive::<Float64Type>().value(row)),
            DataType::List(_) => Self::List(array.as_list::<i32>().value(row)),
            DataType::LargeList(_) => Self::List(array.as_list::<i64>().value(row)),
            DataType::Struct(_) => Self::Record(array.as_struct(), row),
            DataType::Timestamp(unit, _) => moment(array, *unit, row),
            other if other.is_integer() => Self::Whole(whole(array, row)),
            _ => bytes(array, row).unwrap_or_else(|| formatted(array, row)),
        }
    }

    /// The value as one text; what is unknown is empty, lists and records are JSON.
    pub(crate) fn text(self) -> Cow<'a, str> {
        match self {
            Self::Null => Cow::Borrowed(""),
            Self::Text(text) => text,
            Self::Whole(number) => number.to_string().into(),
            Self::Real(number) => number.to_string().into(),
            Self::Truth(truth) => truth.to_string().into(),
            nested @ (Self::List(_) | Self::Record(..)) => {
                serde_json::to_string(&nested).unwrap_or_default().into()
            }
        }
    }

    /// Whether it is a number.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Whole(_) | Self::Real(_))
    }
}

fn whole(array: &dyn Array, row: usize) -> i128 {
    match array.data_type() {
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        _ => array.as_primitive::<UInt64Type>().value(row).into(),
    }
}

/// A time of any unit; one that nanoseconds cannot tell as Arrow shows it.
fn moment(array: &dyn Array, unit: TimeUnit, row: usize) -> Cell<'_> {
    let (count, scale) = match unit {
        TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().value(row), 1_000_000_000),
        TimeUnit::Millisecond => (array.as_primitive::<TimestampMillisecondType>().value(row), 1_000_000),
        TimeUnit::Microsecond => (array.as_primitive::<TimestampMicrosecondType>().value(row), 1_000),
        TimeUnit::Nanosecond => (array.as_primitive::<TimestampNanosecondType>().value(row), 1),
    };
    let nanos = count.checked_mul(scale);
    nanos.map_or_else(|| formatted(array, row), |nanos| Cell::Text(EventTime(nanos).to_string().into()))
}

fn bytes(array: &dyn Array, row: usize) -> Option<Cell<'_>> {
    let bytes = match array.data_type() {
        DataType::Binary => array.as_binary::<i32>().value(row),
        DataType::LargeBinary => array.as_binary::<i64>().value(row),
        DataType::BinaryView => array.as_binary_view().value(row),
        DataType::FixedSizeBinary(_) => array.as_fixed_size_binary().value(row),
        _ => return None,
    };
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        write!(hex, "{byte:02x}").ok();
    }
    Some(Cell::Text(hex.into()))
}

/// What is left: dates, intervals, decimals, as Arrow shows them.
fn formatted(array: &dyn Array, row: usize) -> Cell<'_> {
    let options = FormatOptions::default().with_display_error(true);
    let shown = ArrayFormatter::try_new(array, &options).map(|shown| shown.value(row).to_string());
    Cell::Text(shown.unwrap_or_else(|error| format!("({error})")).into())
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Text(text) => to.serialize_str(text),
            Self::Whole(number) => to.serialize_i128(*number),
            Self::Real(number) => to.serialize_f64(*number),
            Self::Truth(truth) => to.serialize_bool(*truth),
            Self::List(items) => {
                let mut list = to.serialize_seq(Some(items.len()))?;
                for item in 0..items.len() {
                    list.serialize_element(&Cell::of(items.as_ref(), item))?;
                }
                list.end()
            }
            Self::Record(fields, row) => {
                let mut record = to.serialize_map(Some(fields.num_columns()))?;
                for (name, values) in fields.column_names().iter().zip(fields.columns()) {
                    record.serialize_entry(name, &Cell::of(values.as_ref(), *row))?;
                }
                record.end()
            }
        }
    }
}
