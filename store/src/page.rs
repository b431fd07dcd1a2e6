//! Pages of a column of texts: what their headers say, and their bytes unpacked.
//!
//! In: the bytes of a column's pages. Out: each page's kind, count of cells and bytes. Owns: which pages are understood: a
//! dictionary, and data pages of the first version, as segments have them. Law: other pages are refused, not guessed at.

use std::io;

use zstd::bulk::Decompressor;

use crate::directory::Packed;
use crate::varint::Bytes;

/// Bytes of a page at most, unpacked: many times what is written here, and no more than a damaged header may ask for.
const MAX_PAGE_BYTES: usize = 256 * 1024 * 1024;

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The texts that other pages name by their places.
    Dictionary,
    /// Places of texts in the dictionary.
    Places,
    /// Texts.
    Texts,
}

/// One page, packed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'b> {
    pub(crate) kind: Kind,
    /// Cells, those that are absent among them.
    pub(crate) cells: usize,
    unpacked_bytes: usize,
    packed: &'b [u8],
}

/// The next page; none where it is of a kind that segments do not have.
pub(crate) fn next<'b>(bytes: &mut Bytes<'b>) -> Option<Page<'b>> {
    let (mut before, mut kind, mut sizes, mut cells) = (0, None, [None, None], None);
    loop {
        match bytes.field(&mut before)? {
            (_, 0) => break,
            (1, _) => kind = Some(bytes.signed()?),
            (size @ 2..=3, _) => *sizes.get_mut(usize::from(size == 3))? = Some(bytes.signed()?),
            (5 | 7, 12) => cells = Some(cells_of(bytes)?),
            (_, field) => bytes.skip(field)?,
        }
    }
    let [unpacked_bytes, packed_bytes] = sizes.map(|size| size.and_then(|size| usize::try_from(size).ok()));
    let (cells, encoding) = cells?;
    let kind = match (kind?, encoding) {
        (2, 0 | 2) => Kind::Dictionary,
        (0, 2 | 8) => Kind::Places,
        (0, 0) => Kind::Texts,
        _ => return None,
    };
    let unpacked_bytes = unpacked_bytes.filter(|size| *size <= MAX_PAGE_BYTES)?;
    Some(Page { kind, cells, unpacked_bytes, packed: bytes.take(packed_bytes?)? })
}

/// How many cells a page has, and how they are encoded.
fn cells_of(bytes: &mut Bytes<'_>) -> Option<(usize, i64)> {
    let (mut before, mut cells, mut encoding) = (0, None, None);
    loop {
        match bytes.field(&mut before)? {
            (_, 0) => return Some((usize::try_from(cells?).ok()?, encoding?)),
            (1, _) => cells = Some(bytes.signed()?),
            (2, _) => encoding = Some(bytes.signed()?),
            (_, field) => bytes.skip(field)?,
        }
    }
}

/// Unpacks pages, one after the other, with the same tables.
pub(crate) struct Unpacker(Decompressor<'static>);

impl Unpacker {
    pub(crate) fn new() -> io::Result<Self> {
        Decompressor::new().map(Self)
    }

    /// The bytes of a page; none where they are not as many as its header says.
    pub(crate) fn unpack(&mut self, page: &Page<'_>, packed: Packed) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.unpack_into(page, packed, &mut bytes)?;
        Some(bytes)
    }

    /// The same in place of what `bytes` holds.
    pub(crate) fn unpack_into(&mut self, page: &Page<'_>, packed: Packed, bytes: &mut Vec<u8>) -> Option<()> {
        bytes.clear();
        match packed {
            Packed::Not => bytes.extend(page.packed),
            Packed::Lz4 => {
                bytes.resize(page.unpacked_bytes, 0);
                let filled = lz4_flex::block::decompress_into(page.packed, bytes).ok()?;
                bytes.truncate(filled);
            }
            // A page without bytes is no frame.
            Packed::Zstd if page.packed.is_empty() => {}
            Packed::Zstd => {
                bytes.reserve(page.unpacked_bytes);
                self.0.decompress_to_buffer(page.packed, bytes).ok()?;
            }
        }
        (bytes.len() == page.unpacked_bytes).then_some(())
    }
}
