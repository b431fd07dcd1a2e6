//! Where the texts of a segment stand, so that some columns of it can be read without its footer.
//!
//! In: the row groups as they were written, or the text that stands for them in the footer. Out: that text; the places of
//! some columns. Owns: the form of the text. Law: a text that cannot be understood is no directory, and whoever looks for
//! one reads the footer instead.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem;
use offbound_schemas::EventTime;
use parquet::basic::{Compression, Type};
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::EventTable;
use crate::varint::{Bytes, put, put_signed};

/// Name of the directory among the key-value pairs of a footer.
const NAME: &str = "offbound.texts";

/// How the pages of a column are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    Not,
    Lz4,
    Zstd,
}

impl Packed {
    const ALL: [Self; 3] = [Self::Not, Self::Lz4, Self::Zstd];

    fn of(compression: Compression) -> Option<Self> {
        match compression {
            Compression::UNCOMPRESSED => Some(Self::Not),
            Compression::LZ4_RAW => Some(Self::Lz4),
            Compression::ZSTD(_) => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Where a column's texts of one row group stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) pages: Range<u64>,
    pub(crate) packed: Packed,
    /// Its bloom filter; empty where it has none.
    pub(crate) filter: Range<u64>,
}

/// What is known of a row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) rows: usize,
    /// Its earliest and its latest event.
    pub(crate) span: (EventTime, EventTime),
}

/// A column of texts in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextColumn {
    /// Whether a cell may be absent.
    pub(crate) nullable: bool,
    /// By row group.
    pub(crate) places: Vec<Place>,
}

/// The row groups of a segment, and some of its columns, in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) groups: Vec<Group>,
    pub(crate) columns: Vec<TextColumn>,
}

/// The directory of these row groups, for the footer; none where they were written in another way than segments are.
pub(crate) fn footer_pair(groups: &[RowGroupMetaData], table: EventTable) -> Option<KeyValue> {
    let mut bytes = Vec::new();
    put(&mut bytes, groups.len() as u64);
    for group in groups {
        let (from, to) = span_of(group, table)?;
        put(&mut bytes, group.num_rows().cast_unsigned());
        put_signed(&mut bytes, from);
        put_signed(&mut bytes, to);
    }
    for column in 0..groups.first().map_or(0, RowGroupMetaData::num_columns) {
        put_column(&mut bytes, groups.iter().map(|group| group.column(column)))?;
    }
    Some(KeyValue::new(NAME.to_owned(), STANDARD_NO_PAD.encode(&bytes)))
}

fn span_of(group: &RowGroupMetaData, table: EventTable) -> Option<(i64, i64)> {
    let time = table.key_columns().event_time;
    let chunk = group.columns().iter().find(|chunk| chunk.column_descr().name() == time)?;
    let Some(Statistics::Int64(times)) = chunk.statistics() else { return None };
    Some((*times.min_opt()?, *times.max_opt()?))
}

/// Adds a column, if it is one of texts: one a row, or none.
fn put_column<'c>(
    bytes: &mut Vec<u8>,
    mut chunks: impl Iterator<Item = &'c ColumnChunkMetaData> + Clone,
) -> Option<()> {
    let described = chunks.clone().next()?.column_descr();
    let (levels, path) = (described.max_def_level(), described.path().parts());
    let is_text = described.physical_type() == Type::BYTE_ARRAY && described.max_rep_level() == 0;
    if !is_text || levels > 1 || path.len() != 1 {
        return Some(());
    }
    let name = path.first()?;
    put(bytes, name.len() as u64);
    bytes.extend(name.as_bytes());
    bytes.push(u8::from(levels > 0));
    chunks.try_for_each(|chunk| {
        let (start, length) = chunk.byte_range();
        let packed = Packed::of(chunk.compression())?;
        let packed = Packed::ALL.iter().position(|known| *known == packed)?;
        let filter = chunk.bloom_filter_offset().zip(chunk.bloom_filter_length());
        let (filter, filter_length) = filter.unwrap_or_default();
        let filter = [filter.cast_unsigned(), u64::from(filter_length.cast_unsigned())];
        for number in [start, length, packed as u64].into_iter().chain(filter) {
            put(bytes, number);
        }
        Some(())
    })
}

impl Directory {
    /// What the tail of a segment says of the columns of that name; none where it does not tell, or has one of them not.
    pub(crate) fn in_tail(tail: &[u8], names: &[&str]) -> Option<Self> {
        let bytes = STANDARD_NO_PAD.decode(value_in(tail, NAME)?).ok()?;
        let mut bytes = Bytes(&bytes);
        let count = bytes.count()?;
        let mut groups = Vec::new();
        for _ in 0..count {
            let rows = bytes.count()?;
            let span = (EventTime(bytes.signed()?), EventTime(bytes.signed()?));
            groups.push(Group { rows, span });
        }
        let mut found: Vec<Option<TextColumn>> = vec![None; names.len()];
        while !bytes.0.is_empty() && found.iter().any(Option::is_none) {
            let name = bytes.counted()?;
            let column = column(&mut bytes, groups.len())?;
            if let Some(place) = names.iter().position(|wanted| wanted.as_bytes() == name) {
                *found.get_mut(place)? = Some(column);
            }
        }
        let columns = found.into_iter().collect::<Option<_>>()?;
        Some(Self { groups, columns })
    }
}

fn column(bytes: &mut Bytes<'_>, groups: usize) -> Option<TextColumn> {
    let nullable = bytes.byte()? != 0;
    let range = |bytes: &mut Bytes<'_>| {
        let (start, length) = (bytes.number()?, bytes.number()?);
        Some(start..start.checked_add(length)?)
    };
    let place = |_group| {
        let pages = range(bytes)?;
        let packed = *Packed::ALL.get(bytes.count()?)?;
        Some(Place { pages, packed, filter: range(bytes)? })
    };
    let places = (0..groups).map(place).collect::<Option<_>>()?;
    Some(TextColumn { nullable, places })
}

/// The value of a key-value pair of the footer that is in the tail, without reading the footer. Nothing from outside stands
/// behind these pairs (only who wrote the file, and the columns' orders), so the last place where the name stands is it.
pub(crate) fn value_in<'t>(tail: &'t [u8], name: &str) -> Option<&'t [u8]> {
    /// A text of a structure, in the next of its fields.
    const NEXT_TEXT: u8 = 0x18;
    let at = memmem::rfind(tail, name.as_bytes())?;
    let mut bytes = Bytes(tail.get(at + name.len()..)?);
    (bytes.byte()? == NEXT_TEXT).then(|| bytes.counted())?
}
