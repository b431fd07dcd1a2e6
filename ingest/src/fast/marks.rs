//! Where text holds a byte that can end a string: one bit a byte.
//!
//! In: the bytes of a stretch of lines. Out: the place of the next quote, backslash or control character.
//! Owns: the index. It is computed for a whole stretch at once, sixty-four bytes at a time, in a form that compilers
//! turn into vector instructions on every machine; so there is no `unsafe` and no second implementation to compare with.

/// Bytes that one word of the index covers.
const WORD_BYTES: usize = 64;

/// The index of one stretch.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    words: Vec<u64>,
}

impl Marks {
    /// Indexes `bytes` in place of what was indexed before.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<WORD_BYTES>();
        self.words.clear();
        self.words.extend(blocks.iter().map(|block| word(block, ends_string)));
        if !rest.is_empty() {
            let mut last = [b' '; WORD_BYTES];
            last[..rest.len()].copy_from_slice(rest);
            self.words.push(word(&last, ends_string));
        }
    }

    /// The first marked place at or behind `at`; beyond the end when there is none.
    #[inline]
    pub(crate) fn next(&self, at: usize) -> usize {
        let mut index = at / WORD_BYTES;
        let Some(first) = self.words.get(index) else { return usize::MAX };
        let mut word = first & (u64::MAX << (at % WORD_BYTES));
        while word == 0 {
            index += 1;
            match self.words.get(index) {
                Some(next) => word = *next,
                None => return usize::MAX,
            }
        }
        index * WORD_BYTES + word.trailing_zeros() as usize
    }
}

#[inline]
fn ends_string(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// A bit for each byte that is marked, the first byte's lowest.
#[inline]
pub(crate) fn word(block: &[u8; WORD_BYTES], is_marked: impl Fn(u8) -> bool) -> u64 {
    let marked = block.map(|byte| u8::from(is_marked(byte)));
    let (groups, _) = marked.as_chunks::<8>();
    let mut word = 0;
    for (index, group) in groups.iter().enumerate() {
        // Eight bytes of 0 or 1 become eight bits: the product puts each of them into its place of the top byte.
        let bits = u64::from_le_bytes(*group).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= bits << (index * 8);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any bytes, from any place on. Guarantees: exactly the bytes that can end a string are found.
        #[test]
        fn marks_are_what_they_say(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..320) {
            let mut marks = Marks::default();
            marks.read(&bytes);
            let expected = bytes.iter().enumerate().skip(at).find(|(_, byte)| matches!(byte, b'"' | b'\\' | 0..0x20));
            prop_assert_eq!(marks.next(at), expected.map_or(usize::MAX, |(place, _)| place));
        }
    }
}
