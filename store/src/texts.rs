//! The texts of one column in one row group: each different one once, and which of them each row has.
//!
//! In: the pages of the column. Out: texts, and for each row the place of its own among them. Owns: how pages are decoded;
//! places are looked at only when they are asked for. Bound: one row group. Law: the text of each row is the one that was
//! written; pages that cannot be understood give nothing.

use arrow::array::{ArrayRef, StringViewArray, UInt32Array, make_view};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::compute::take;
use arrow::error::ArrowError;

use crate::directory::Packed;
use crate::page::{self, Kind, Page, Unpacker};
use crate::runs::{Run, Runs, unpack};
use crate::varint::Bytes;

/// Place of a cell that is absent.
const ABSENT: u32 = u32::MAX;
/// Bits that tell whether a cell is there.
const PRESENCE_BITS: u8 = 1;

/// A column of one row group, as far as its texts; the places of its rows are packed still.
pub(crate) struct Texts<'b> {
    /// Those of the dictionary first.
    values: StringViewArray,
    /// How many of them are in the dictionary.
    in_dictionary: u32,
    pages: Vec<Part<'b>>,
    packed: Packed,
    nullable: bool,
    rows: usize,
}

/// The rows of a page.
enum Part<'b> {
    /// Their places in the dictionary.
    Places(Page<'b>),
    /// Their texts were not in the dictionary any more, or there is none: these are their places among all texts.
    Own(Vec<u32>),
}

/// Texts that are being put together.
#[derive(Default)]
struct Gathering {
    views: Vec<u128>,
    buffers: Vec<Buffer>,
}

impl<'b> Texts<'b> {
    /// The texts in the pages of a row group.
    pub(crate) fn read(
        pages: &'b [u8],
        (packed, nullable): (Packed, bool),
        unpacker: &mut Unpacker,
    ) -> Option<Self> {
        let (mut bytes, mut texts, mut parts, mut rows) = (Bytes(pages), Gathering::default(), Vec::new(), 0);
        let mut in_dictionary = 0;
        while !bytes.0.is_empty() {
            let page = page::next(&mut bytes)?;
            match page.kind {
                Kind::Dictionary if parts.is_empty() && in_dictionary == 0 => {
                    texts.add(unpacker.unpack(&page, packed)?, 0, page.cells)?;
                    in_dictionary = page.cells;
                    continue;
                }
                Kind::Dictionary => return None,
                Kind::Places => parts.push(Part::Places(page)),
                Kind::Texts => {
                    parts.push(Part::Own(texts.add_page(
                        unpacker.unpack(&page, packed)?,
                        page.cells,
                        nullable,
                    )?));
                }
            }
            rows += page.cells;
        }
        let values = texts.finish()?;
        let in_dictionary = u32::try_from(in_dictionary).ok()?;
        Some(Self { values, in_dictionary, pages: parts, packed, nullable, rows })
    }

    /// The different texts; some may stand here twice.
    pub(crate) fn values(&self) -> &StringViewArray {
        &self.values
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// For each row the place of its text; none where a place is not one.
    pub(crate) fn places(&self, unpacker: &mut Unpacker) -> Option<Places> {
        let mut places = Vec::with_capacity(self.rows);
        let mut bytes = Vec::new();
        for part in &self.pages {
            match part {
                Part::Own(own) => places.extend(own),
                Part::Places(page) => {
                    let from = places.len();
                    unpacker.unpack_into(page, self.packed, &mut bytes)?;
                    add_places(&bytes, page.cells, self.nullable, &mut places)?;
                    let is_one = |place: &u32| *place < self.in_dictionary || *place == ABSENT;
                    places.get(from..)?.iter().all(is_one).then_some(())?;
                }
            }
        }
        (places.len() == self.rows).then_some(Places(places))
    }
}

/// For each row of a row group the place of its text.
pub(crate) struct Places(Vec<u32>);

impl Places {
    /// Whether the text of a row is among those that are marked; an absent one is not.
    pub(crate) fn is_marked(&self, row: usize, marked: &[bool]) -> bool {
        self.0.get(row).and_then(|place| marked.get(*place as usize)).is_some_and(|marked| *marked)
    }

    /// The texts of these rows.
    pub(crate) fn of_rows(&self, rows: &[usize], values: &StringViewArray) -> Result<ArrayRef, ArrowError> {
        let place = |row: &usize| self.0.get(*row).copied().filter(|place| *place != ABSENT);
        take(values, &rows.iter().map(place).collect::<UInt32Array>(), None)
    }

    /// The texts of all rows.
    pub(crate) fn of_all(&self, values: &StringViewArray) -> Result<ArrayRef, ArrowError> {
        let is_there = |place: &u32| *place != ABSENT;
        let some_absent = !self.0.iter().all(is_there);
        let there = some_absent.then(|| NullBuffer::from_iter(self.0.iter().map(is_there)));
        take(values, &UInt32Array::new(self.0.clone().into(), there), None)
    }
}

impl Gathering {
    /// Takes texts out of a page: each has its length in front of it.
    fn add(&mut self, page: Vec<u8>, from: usize, count: usize) -> Option<()> {
        let block = u32::try_from(self.buffers.len()).ok()?;
        let mut at = from;
        self.views.reserve(count.min(page.len()));
        for _ in 0..count {
            let length = page.get(at..)?.first_chunk()?;
            let start = at + length.len();
            at = start.checked_add(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
            self.views.push(make_view(page.get(start..at)?, block, u32::try_from(start).ok()?));
        }
        self.buffers.push(page.into());
        Some(())
    }

    /// Takes the texts out of a page of rows, and tells their places.
    fn add_page(&mut self, page: Vec<u8>, cells: usize, nullable: bool) -> Option<Vec<u32>> {
        let mut place = u32::try_from(self.views.len()).ok()?;
        let mut places = Vec::with_capacity(cells);
        let mut next = |there: bool| {
            places.push(if there { place } else { ABSENT });
            place += u32::from(there);
        };
        let from = if nullable {
            let (presence, rest) = presence(&page, cells)?;
            presence.each(|there| next(there == 1))?;
            page.len() - rest.len()
        } else {
            (0..cells).for_each(|_| next(true));
            0
        };
        self.add(page, from, usize::try_from(place).ok()? - self.views.len())?;
        Some(places)
    }

    /// All texts; none where one is not text.
    fn finish(self) -> Option<StringViewArray> {
        StringViewArray::try_new(ScalarBuffer::from(self.views), self.buffers, None).ok()
    }
}

/// Which cells of a page are there, and what stands behind that.
fn presence(page: &[u8], cells: usize) -> Option<(Runs<'_>, &[u8])> {
    let (length, rest) = page.split_first_chunk()?;
    let (levels, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((Runs::new(levels, PRESENCE_BITS, cells)?, rest))
}

/// Adds the places of a page.
fn add_places(page: &[u8], cells: usize, nullable: bool, places: &mut Vec<u32>) -> Option<()> {
    if !nullable {
        let (bits, page) = page.split_first()?;
        return Runs::new(page, *bits, cells)?.each(|place| places.push(place));
    }
    let (presence, rest) = presence(page, cells)?;
    let Some((bits, rest)) = rest.split_first() else {
        // A page of absent cells only.
        places.extend(std::iter::repeat_n(ABSENT, cells));
        return Some(());
    };
    add_present(presence, (rest, *bits), places)
}

/// Adds places where a cell is there, and [`ABSENT`] where it is not.
fn add_present(mut presence: Runs<'_>, (page, bits): (&[u8], u8), places: &mut Vec<u32>) -> Option<()> {
    let mut there = Vec::new();
    while presence.left() > 0 {
        match presence.next()? {
            Run::Same(1, count) if presence.left() == 0 && there.is_empty() => {
                // Most columns have a text in every row.
                return Runs::new(page, bits, count)?.each(|place| places.push(place));
            }
            Run::Same(level, count) => there.extend(std::iter::repeat_n(level == 1, count)),
            Run::Packed(bytes, count) => {
                unpack(bytes, usize::from(PRESENCE_BITS), count, &mut |level| there.push(level == 1))?;
            }
        }
    }
    let count = there.iter().filter(|there| **there).count();
    let mut found = Vec::with_capacity(count);
    Runs::new(page, bits, count)?.each(|place| found.push(place))?;
    let mut found = found.into_iter();
    for there in there {
        places.push(if there { found.next()? } else { ABSENT });
    }
    Some(())
}
