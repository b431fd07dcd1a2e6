//! The bytes of all names, one after the other.
//!
//! In: bytes, and the shape of an id whose digits they are. Out: the same by their place.
//! Owns: the blocks. Law: what is there is never moved but within its block, while that grows.

use super::shape::Number;

/// Names of a block: small enough that none is ever moved at a cost that shows, and its ends mostly fit two bytes.
const BLOCK_NAMES: usize = 1_024;
/// What a text takes beside its own bytes here.
pub(super) const BYTES_EACH: usize = size_of::<u16>() + size_of::<u8>();

/// Some bytes, one after the other.
#[derive(Debug, Clone, Default)]
struct Block {
    bytes: Vec<u8>,
    /// Where each ends, as far as two bytes can say so.
    ends: Vec<u16>,
    /// Where those behind them end.
    far_ends: Vec<u32>,
    /// The number of its shape for each up to the last that has one; zero for those that have none.
    shapes: Vec<u8>,
}

/// The bytes of all names.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    blocks: Vec<Block>,
    bytes: usize,
}

impl Texts {
    /// How many bytes there are.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds one at the end.
    pub(super) fn push(&mut self, bytes: &[u8], shape: Option<Number>) {
        if self.blocks.last().is_none_or(|block| block.len() == BLOCK_NAMES) {
            if let Some(full) = self.blocks.last_mut() {
                full.bytes.shrink_to_fit();
                full.far_ends.shrink_to_fit();
            }
            self.blocks.push(Block::default());
        }
        if let Some(block) = self.blocks.last_mut() {
            block.push(bytes, shape);
        }
        self.bytes += bytes.len();
    }

    /// The bytes at `place`.
    pub(super) fn get(&self, place: usize) -> &[u8] {
        let (block, place) = (&self.blocks[place / BLOCK_NAMES], place % BLOCK_NAMES);
        let start = place.checked_sub(1).map_or(0, |before| block.end(before));
        &block.bytes[start..block.end(place)]
    }

    /// The shape of the id whose digits those are; none where they are a text as it stands.
    pub(super) fn shape(&self, place: usize) -> Option<Number> {
        let (block, place) = (&self.blocks[place / BLOCK_NAMES], place % BLOCK_NAMES);
        block.shapes.get(place).copied().and_then(Number::new)
    }
}

impl Block {
    fn len(&self) -> usize {
        self.ends.len() + self.far_ends.len()
    }

    fn end(&self, place: usize) -> usize {
        match self.ends.get(place) {
            Some(end) => usize::from(*end),
            None => self.far_ends[place - self.ends.len()] as usize,
        }
    }

    fn push(&mut self, bytes: &[u8], shape: Option<Number>) {
        if let Some(shape) = shape {
            self.shapes.resize(self.len(), 0);
            self.shapes.push(shape.get());
        }
        self.bytes.extend_from_slice(bytes);
        match u16::try_from(self.bytes.len()) {
            Ok(end) if self.far_ends.is_empty() => self.ends.push(end),
            _ => {
                let end = u32::try_from(self.bytes.len()).expect("no line of a log has a megabyte");
                self.far_ends.push(end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: short and long texts, empty ones, and some that are packed; more than a block takes. Guarantees: each comes
    /// back as it was put.
    #[test]
    fn texts_come_back() {
        let put = |place: usize| {
            let shape = u8::try_from(place % 3).ok().and_then(Number::new);
            ("x".repeat(if place % 50 == 7 { 5_000 } else { place % 4 }), shape)
        };
        let mut texts = Texts::default();
        for place in 0..2 * BLOCK_NAMES + 3 {
            let (text, shape) = put(place);
            texts.push(text.as_bytes(), shape);
        }
        for place in 0..2 * BLOCK_NAMES + 3 {
            let (text, shape) = put(place);
            assert_eq!((texts.get(place), texts.shape(place)), (text.as_bytes(), shape), "{place}");
        }
        let bytes: usize = (0..2 * BLOCK_NAMES + 3).map(|place| put(place).0.len()).sum();
        assert_eq!(texts.bytes(), bytes);
    }
}
