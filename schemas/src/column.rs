//! How a Rust value sits in an Arrow column: one implementation per column type.
//!
//! In: typed values. Out: Arrow arrays, and views that read them back without copying.
//! Owns: the mapping value ↔ Arrow type, and nothing about which columns exist (`table/` owns that).
//! Law: what is appended is what is read.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, FixedSizeBinaryArray, FixedSizeBinaryBuilder,
    ListArray, ListBuilder, PrimitiveArray, PrimitiveBuilder, StringViewArray, StringViewBuilder,
    TimestampNanosecondArray, TimestampNanosecondBuilder,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Int64Type, TimeUnit, UInt16Type, UInt32Type, UInt64Type,
};

use crate::cell::{Cell, CellKind};
use crate::{EventId, EventTime};

/// A batch that does not have the shape that its table promises.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A column is absent.
    #[error("table {table}: column {column} is missing")]
    Missing {
        /// Table that was asked for.
        table: &'static str,
        /// Column that is not there.
        column: &'static str,
    },
    /// A column has another Arrow type.
    #[error("table {table}: column {column} has type {found}, expected {expected}")]
    Type {
        /// Table that was asked for.
        table: &'static str,
        /// Column of the wrong type.
        column: &'static str,
        /// Type that is there.
        found: DataType,
        /// Type that the table promises.
        expected: DataType,
    },
}

/// A value that a column can hold.
pub trait ColumnValue: Sized {
    /// What a reader gets: a copy for small values, a borrow for text.
    type Ref<'a>;
    /// The Arrow array of the column.
    type Array: Array + 'static;
    /// The Arrow builder of the column.
    type Builder;
    /// Whether the column may hold nulls.
    const NULLABLE: bool;

    /// The Arrow type of the column.
    fn data_type() -> DataType;
    /// What the column takes from outside.
    fn cell_kind() -> CellKind;
    /// The value that a cell is, if the column takes it.
    fn of_cell(cell: Cell) -> Option<Self>;
    /// An empty builder with room for about as much, and little more: batches may be kept for long.
    fn builder(expected: Expected) -> Self::Builder;
    /// Adds this value.
    fn append(&self, builder: &mut Self::Builder);
    /// Adds `count` absent values: nulls, or the type's default where the column has no nulls.
    fn append_absent(builder: &mut Self::Builder, count: usize);
    /// Whether this is what [`ColumnValue::append_absent`] adds.
    fn is_absent(&self) -> bool;
    /// Ends the column.
    fn finish(builder: &mut Self::Builder) -> ArrayRef;
    /// Reads row `index`.
    fn read(array: &Self::Array, index: usize) -> Self::Ref<'_>;
    /// Makes an owned value of what was read.
    fn owned(value: Self::Ref<'_>) -> Self;
}

/// Reads an optional cell.
fn present<'a, A: Array, T>(array: &'a A, index: usize, read: impl FnOnce(&'a A) -> T) -> Option<T> {
    array.is_valid(index).then(|| read(array))
}

/// What a batch will have of a column.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected {
    /// How many rows.
    pub rows: usize,
    /// Bytes of text outside the views; none where that is not known.
    pub text_bytes: usize,
}

/// Smallest and largest block that the texts of a column are put into, in bytes.
const TEXT_BLOCK: (usize, usize) = (256, 2 * 1024 * 1024);
/// Rows up to which a batch counts as small.
const SMALL_BATCH: usize = 64;
/// Bytes of text that a row of a small batch is expected to have, where nothing is known.
const TEXT_BYTES: usize = 64;

/// A builder of texts. Its blocks are as large as what is expected: the usual 16 KiB and more for each column of each batch
/// would be most of what batches take, which wait by the hundred.
pub(crate) fn text_builder(expected: Expected) -> StringViewBuilder {
    let Expected { rows, text_bytes } = expected;
    let builder = StringViewBuilder::with_capacity(rows);
    let bytes = match text_bytes {
        0 if rows == 0 || rows > SMALL_BATCH => return builder,
        0 => rows.max(2) * TEXT_BYTES,
        // The next batch may have a little more.
        known => known + known / 8,
    };
    let (least, most) = TEXT_BLOCK;
    builder.with_fixed_block_size(u32::try_from(bytes.clamp(least, most)).unwrap_or(u32::MAX))
}

/// The same values, and none of the memory around their texts and blobs.
#[must_use]
pub fn compact(column: ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()),
        DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
        DataType::List(item) if *item.data_type() == DataType::Utf8View => {
            let list = column.as_list::<i32>();
            let texts = Arc::new(list.values().as_string_view().gc());
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::new(Arc::clone(item), offsets, texts, nulls))
        }
        _ => column,
    }
}

/// Bytes of text of a column outside its views.
pub(crate) fn text_bytes(array: &dyn Array) -> usize {
    let texts = array.as_string_view_opt();
    let items = || array.as_list_opt::<i32>().and_then(|list| list.values().as_string_view_opt());
    let texts = texts.or_else(items);
    texts.map_or(0, |texts| texts.data_buffers().iter().map(|block| block.len()).sum())
}

fn event_id_at(array: &FixedSizeBinaryArray, index: usize) -> EventId {
    let mut id = [0u8; 16];
    id.copy_from_slice(array.value(index));
    EventId(id)
}

fn append_id(builder: &mut FixedSizeBinaryBuilder, id: EventId) {
    builder.append_value(id.0).expect("an event id has 16 bytes, as the builder was told");
}

impl ColumnValue for EventId {
    type Ref<'a> = Self;
    type Array = FixedSizeBinaryArray;
    type Builder = FixedSizeBinaryBuilder;
    const NULLABLE: bool = false;

    fn data_type() -> DataType {
        DataType::FixedSizeBinary(16)
    }
    fn cell_kind() -> CellKind {
        CellKind::Id
    }
    fn of_cell(_cell: Cell) -> Option<Self> {
        None
    }
    fn builder(expected: Expected) -> Self::Builder {
        FixedSizeBinaryBuilder::with_capacity(expected.rows, 16)
    }
    fn append(&self, builder: &mut Self::Builder) {
        append_id(builder, *self);
    }
    fn append_absent(builder: &mut Self::Builder, count: usize) {
        (0..count).for_each(|_| append_id(builder, Self::default()));
    }
    fn is_absent(&self) -> bool {
        *self == Self::default()
    }
    fn finish(builder: &mut Self::Builder) -> ArrayRef {
        Arc::new(builder.finish())
    }
    fn read(array: &Self::Array, index: usize) -> Self {
        event_id_at(array, index)
    }
    fn owned(value: Self) -> Self {
        value
    }
}

fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

impl ColumnValue for EventTime {
    type Ref<'a> = Self;
    type Array = TimestampNanosecondArray;
    type Builder = TimestampNanosecondBuilder;
    const NULLABLE: bool = false;

    fn data_type() -> DataType {
        time_type()
    }
    fn cell_kind() -> CellKind {
        CellKind::Time
    }
    fn of_cell(cell: Cell) -> Option<Self> {
        match cell {
            Cell::Time(time) => Some(time),
            _ => None,
        }
    }
    fn builder(expected: Expected) -> Self::Builder {
        TimestampNanosecondBuilder::with_capacity(expected.rows).with_timezone("UTC")
    }
    fn append(&self, builder: &mut Self::Builder) {
        builder.append_value(self.0);
    }
    fn append_absent(builder: &mut Self::Builder, count: usize) {
        builder.append_value_n(0, count);
    }
    fn is_absent(&self) -> bool {
        self.0 == 0
    }
    fn finish(builder: &mut Self::Builder) -> ArrayRef {
        Arc::new(builder.finish())
    }
    fn read(array: &Self::Array, index: usize) -> Self {
        Self(array.value(index))
    }
    fn owned(value: Self) -> Self {
        value
    }
}

impl ColumnValue for Option<EventTime> {
    type Ref<'a> = Self;
    type Array = TimestampNanosecondArray;
    type Builder = TimestampNanosecondBuilder;
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        time_type()
    }
    fn cell_kind() -> CellKind {
        CellKind::Time
    }
    fn of_cell(cell: Cell) -> Option<Self> {
        EventTime::of_cell(cell).map(Some)
    }
    fn builder(expected: Expected) -> Self::Builder {
        TimestampNanosecondBuilder::with_capacity(expected.rows).with_timezone("UTC")
    }
    fn append(&self, builder: &mut Self::Builder) {
        builder.append_option(self.map(|time| time.0));
    }
    fn append_absent(builder: &mut Self::Builder, count: usize) {
        builder.append_nulls(count);
    }
    fn is_absent(&self) -> bool {
        self.is_none()
    }
    fn finish(builder: &mut Self::Builder) -> ArrayRef {
        Arc::new(builder.finish())
    }
    fn read(array: &Self::Array, index: usize) -> Self {
        present(array, index, |array| EventTime(array.value(index)))
    }
    fn owned(value: Self) -> Self {
        value
    }
}

impl ColumnValue for String {
    type Ref<'a> = &'a str;
    type Array = StringViewArray;
    type Builder = StringViewBuilder;
    const NULLABLE: bool = false;

    fn data_type() -> DataType {
        DataType::Utf8View
    }
    fn cell_kind() -> CellKind {
        CellKind::Text
    }
    fn of_cell(cell: Cell) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }
    fn builder(expected: Expected) -> Self::Builder {
        text_builder(expected)
    }
    fn append(&self, builder: &mut Self::Builder) {
        builder.append_value(self);
    }
    fn append_absent(builder: &mut Self::Builder, count: usize) {
        (0..count).for_each(|_| builder.append_value(""));
    }
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
    fn finish(builder: &mut Self::Builder) -> ArrayRef {
        Arc::new(builder.finish())
    }
    fn read(array: &Self::Array, index: usize) -> &str {
        array.value(index)
    }
    fn owned(value: &str) -> Self {
        value.to_owned()
    }
}

impl ColumnValue for Option<String> {
    type Ref<'a> = Option<&'a str>;
    type Array = StringViewArray;
    type Builder = StringViewBuilder;
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        DataType::Utf8View
    }
    fn cell_kind() -> CellKind {
        CellKind::Text
    }
    fn of_cell(cell: Cell) -> Option<Self> {
        String::of_cell(cell).map(Some)
    }
    fn builder(expected: Expected) -> Self::Builder {
        text_builder(expected)
    }
    fn append(&self, builder: &mut Self::Builder) {
        builder.append_option(self.as_deref());
    }
    fn append_absent(builder: &mut Self::Builder, count: usize) {
        (0..count).for_each(|_| builder.append_null());
    }
    fn is_absent(&self) -> bool {
        self.is_none()
    }
    fn finish(builder: &mut Self::Builder) -> ArrayRef {
        Arc::new(builder.finish())
    }
    fn read(array: &Self::Array, index: usize) -> Option<&str> {
        present(array, index, |array| array.value(index))
    }
    fn owned(value: Option<&str>) -> Self {
        value.map(str::to_owned)
    }
}

/// A list of texts; empty means "known to be none" or "not said", as the column's meaning tells.
pub type TextList = Vec<String>;

fn list_item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Utf8View, false))
}

impl ColumnValue for TextList {
    type Ref<'a> = Vec<String>;
    type Array = ListArray;
    type Builder = ListBuilder<StringViewBuilder>;
    const NULLABLE: bool = false;

    fn data_type() -> DataType {
        DataType::List(list_item())
    }
    fn cell_kind() -> CellKind {
        CellKind::List
    }
    fn of_cell(cell: Cell) -> Option<Self> {
        match cell {
            Cell::List(texts) => Some(texts),
            _ => None,
        }
    }
    fn builder(expected: Expected) -> Self::Builder {
        ListBuilder::with_capacity(text_builder(expected), expected.rows).with_field(list_item())
    }
    fn append(&self, builder: &mut Self::Builder) {
        for text in self {
            builder.values().append_value(text);
        }
        builder.append(true);
    }
    fn append_absent(builder: &mut Self::Builder, count: usize) {
        (0..count).for_each(|_| builder.append(true));
    }
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
    fn finish(builder: &mut Self::Builder) -> ArrayRef {
        Arc::new(builder.finish())
    }
    fn read(array: &Self::Array, index: usize) -> Vec<String> {
        if array.value_length(index) == 0 {
            return Vec::new();
        }
        let items = array.value(index);
        let texts = items.as_any().downcast_ref::<StringViewArray>();
        texts.map(|texts| texts.iter().flatten().map(str::to_owned).collect()).unwrap_or_default()
    }
    fn owned(value: Vec<String>) -> Self {
        value
    }
}

macro_rules! number_column {
    ($rust:ty, $arrow:ty, $kind:expr) => {
        impl ColumnValue for $rust {
            type Ref<'a> = Self;
            type Array = PrimitiveArray<$arrow>;
            type Builder = PrimitiveBuilder<$arrow>;
            const NULLABLE: bool = false;

            fn data_type() -> DataType {
                <$arrow as ArrowPrimitiveType>::DATA_TYPE
            }
            fn cell_kind() -> CellKind {
                $kind
            }
            fn of_cell(cell: Cell) -> Option<Self> {
                match cell {
                    Cell::Number(number) => Self::try_from(number).ok(),
                    Cell::Integer(number) => Self::try_from(number).ok(),
                    _ => None,
                }
            }
            fn builder(expected: Expected) -> Self::Builder {
                PrimitiveBuilder::with_capacity(expected.rows)
            }
            fn append(&self, builder: &mut Self::Builder) {
                builder.append_value(*self);
            }
            fn append_absent(builder: &mut Self::Builder, count: usize) {
                builder.append_value_n(0, count);
            }
            fn is_absent(&self) -> bool {
                *self == 0
            }
            fn finish(builder: &mut Self::Builder) -> ArrayRef {
                Arc::new(builder.finish())
            }
            fn read(array: &Self::Array, index: usize) -> Self {
                array.value(index)
            }
            fn owned(value: Self) -> Self {
                value
            }
        }

        impl ColumnValue for Option<$rust> {
            type Ref<'a> = Self;
            type Array = PrimitiveArray<$arrow>;
            type Builder = PrimitiveBuilder<$arrow>;
            const NULLABLE: bool = true;

            fn data_type() -> DataType {
                <$arrow as ArrowPrimitiveType>::DATA_TYPE
            }
            fn cell_kind() -> CellKind {
                $kind
            }
            fn of_cell(cell: Cell) -> Option<Self> {
                <$rust as ColumnValue>::of_cell(cell).map(Some)
            }
            fn builder(expected: Expected) -> Self::Builder {
                PrimitiveBuilder::with_capacity(expected.rows)
            }
            fn append(&self, builder: &mut Self::Builder) {
                builder.append_option(*self);
            }
            fn append_absent(builder: &mut Self::Builder, count: usize) {
                builder.append_nulls(count);
            }
            fn is_absent(&self) -> bool {
                self.is_none()
            }
            fn finish(builder: &mut Self::Builder) -> ArrayRef {
                Arc::new(builder.finish())
            }
            fn read(array: &Self::Array, index: usize) -> Self {
                present(array, index, |array| array.value(index))
            }
            fn owned(value: Self) -> Self {
                value
            }
        }
    };
}

number_column!(u16, UInt16Type, CellKind::Number(u16::MAX as u64));
number_column!(u32, UInt32Type, CellKind::Number(u32::MAX as u64));
number_column!(u64, UInt64Type, CellKind::Number(u64::MAX));
number_column!(i64, Int64Type, CellKind::Integer);

impl ColumnValue for bool {
    type Ref<'a> = Self;
    type Array = BooleanArray;
    type Builder = BooleanBuilder;
    const NULLABLE: bool = false;

    fn data_type() -> DataType {
        DataType::Boolean
    }
    fn cell_kind() -> CellKind {
        CellKind::Truth
    }
    fn of_cell(cell: Cell) -> Option<Self> {
        match cell {
            Cell::Truth(truth) => Some(truth),
            _ => None,
        }
    }
    fn builder(expected: Expected) -> Self::Builder {
        BooleanBuilder::with_capacity(expected.rows)
    }
    fn append(&self, builder: &mut Self::Builder) {
        builder.append_value(*self);
    }
    fn append_absent(builder: &mut Self::Builder, count: usize) {
        builder.append_n(count, false);
    }
    fn is_absent(&self) -> bool {
        !*self
    }
    fn finish(builder: &mut Self::Builder) -> ArrayRef {
        Arc::new(builder.finish())
    }
    fn read(array: &Self::Array, index: usize) -> Self {
        array.value(index)
    }
    fn owned(value: Self) -> Self {
        value
    }
}

impl ColumnValue for Option<bool> {
    type Ref<'a> = Self;
    type Array = BooleanArray;
    type Builder = BooleanBuilder;
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        DataType::Boolean
    }
    fn cell_kind() -> CellKind {
        CellKind::Truth
    }
    fn of_cell(cell: Cell) -> Option<Self> {
        bool::of_cell(cell).map(Some)
    }
    fn builder(expected: Expected) -> Self::Builder {
        BooleanBuilder::with_capacity(expected.rows)
    }
    fn append(&self, builder: &mut Self::Builder) {
        builder.append_option(*self);
    }
    fn append_absent(builder: &mut Self::Builder, count: usize) {
        builder.append_nulls(count);
    }
    fn is_absent(&self) -> bool {
        self.is_none()
    }
    fn finish(builder: &mut Self::Builder) -> ArrayRef {
        Arc::new(builder.finish())
    }
    fn read(array: &Self::Array, index: usize) -> Self {
        present(array, index, |array| array.value(index))
    }
    fn owned(value: Self) -> Self {
        value
    }
}
