//! Where the words of a line end: at a blank, an equals sign or a quote.
//!
//! In: the bytes of a line. Out: the places of such bytes, from left to right. Owns: the search, sixty-four bytes at a time in a
//! form that compilers turn into vector instructions, so that words of any length cost the same.

use crate::fast::mark_word;

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// A search that mostly goes forward.
pub(super) struct Stops<'a> {
    bytes: &'a [u8],
    /// Where the block at hand begins, and a bit for each of its bytes that is a stop.
    block: usize,
    word: u64,
}

impl<'a> Stops<'a> {
    /// A search through these bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, block: 0, word: word_at(bytes, 0) }
    }

    /// The first stop from `at` on and before `end`; `end` where there is none. Nothing behind `end` is looked at, so that
    /// parts inside each other cost no more than what they are part of.
    #[inline]
    pub(super) fn next(&mut self, at: usize, end: usize) -> usize {
        if at.wrapping_sub(self.block) >= BLOCK {
            self.go_to(at - at % BLOCK);
        }
        let mut word = self.word & (u64::MAX << (at % BLOCK));
        while word == 0 {
            if self.block + BLOCK >= end {
                return end;
            }
            self.go_to(self.block + BLOCK);
            word = self.word;
        }
        end.min(self.block + word.trailing_zeros() as usize)
    }

    fn go_to(&mut self, block: usize) {
        self.block = block;
        self.word = word_at(self.bytes, block);
    }
}

fn word_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(block) => mark_word(block, is_stop),
        None => {
            let mut last = [0; BLOCK];
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            mark_word(&last, is_stop)
        }
    }
}

#[inline]
fn is_stop(byte: u8) -> bool {
    is_blank(byte) | (byte == b'=') | (byte == b'"')
}

/// Whether a byte stands between fields; byte 0x1D stands before the names that enriching appends.
#[inline]
pub(super) fn is_blank(byte: u8) -> bool {
    (byte == b' ') | (byte == b'\t') | (byte == 0x1d) | (byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any bytes, searched from any places to any ends. Guarantees: each search finds the next stop, and only stops.
        #[test]
        fn stops_are_found(
            text in "[a-z =\"\t\n\u{1d}\u{e9}]{0,300}",
            searches in proptest::collection::vec((0_usize..310, 0_usize..310), 0..12),
        ) {
            let bytes = text.as_bytes();
            let mut stops = Stops::new(bytes);
            for (at, end) in searches {
                let end = end.min(bytes.len());
                let at = at.min(end);
                let expected = bytes[at..end].iter().position(|byte| is_stop(*byte)).map_or(end, |place| at + place);
                prop_assert_eq!(stops.next(at, end), expected);
            }
        }
    }
}
