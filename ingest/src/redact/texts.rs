//! Texts: whether any of many short texts stands in a record, in one pass.
//!
//! In: texts of four bytes or more, each with what it is for; the bytes of a record. Out: each place where one stands, once.
//! Owns: the speed of it. Of each text two neighbouring threes of bytes are kept in a table, the two that are rarest in
//! writing: one of them begins at an even place, so that only those are looked up. Law: nothing is missed, whatever
//! the bytes.

/// Shortest text that can be looked for, in bytes: two threes, one behind the other.
pub(super) const MIN_TEXT_BYTES: usize = 4;
/// Entries of the table, as bits of an index: a bit each, 8 KiB, so that the columns of two tables find room beside
/// it in the nearest cache.
const TABLE_BITS: u32 = 16;
/// Places of one word of the table.
const WORD_PLACES: usize = 64;
/// What three bytes are multiplied by; its last byte is zero, so that a fourth one changes nothing.
const SPREAD: u32 = 0x9e37_7900;
/// Bytes that are looked at together, and how many of them are looked up.
const STEP: usize = 8;
/// Bytes that it takes to look up the last of them, by words of four.
const BLOCK: usize = STEP + 2;
/// Characters of logs, the commonest first: letters as in English, and the signs of JSON and of paths. What is not here is rare.
const COMMON: &[u8] = b"e\"taoinsr:,lcdu.-mph/ 0123g456789fyb_wvESATCPk";

/// Some texts to look for; `T` says what each is for.
pub(super) struct Texts<T> {
    /// For each three bytes, by their hash, a bit: whether a text may be known by them.
    table: Box<[u64; (1 << TABLE_BITS) / WORD_PLACES]>,
    /// For each of those the first of the signs that say more.
    firsts: Box<[u16; 1 << TABLE_BITS]>,
    /// In the order of their places.
    signs: Vec<Sign<T>>,
}

/// Three bytes by which a text is known.
struct Sign<T> {
    /// Where they stand in the table.
    place: u16,
    text: Box<[u8]>,
    what: T,
    /// How the text begins: compared first, as one number.
    head: [u8; 4],
    /// How far behind its beginning they stand.
    offset: usize,
}

impl<T: Copy> Texts<T> {
    /// Looks for these; a text of less than [`MIN_TEXT_BYTES`] would never be found.
    pub(super) fn new<'t>(texts: impl IntoIterator<Item = (&'t str, T)>) -> Self {
        let mut signs = Vec::new();
        for (text, what) in texts {
            let text = text.as_bytes();
            let Some(head) = text.first_chunk() else { continue };
            let first = rarest(text);
            for offset in [first, first + 1] {
                let Some(place) = four_at(text, offset).and_then(|four| u16::try_from(place(four)).ok())
                else {
                    continue;
                };
                signs.push(Sign { place, text: text.into(), what, head: *head, offset });
            }
        }
        signs.sort_by_key(|sign| sign.place);
        let mut table = Box::new([0; (1 << TABLE_BITS) / WORD_PLACES]);
        let mut firsts = Box::new([0; 1 << TABLE_BITS]);
        for (index, sign) in signs.iter().enumerate().rev() {
            let place = usize::from(sign.place);
            table[place / WORD_PLACES] |= 1_u64 << (place % WORD_PLACES);
            firsts[place] = u16::try_from(index).expect("there are some thousand texts");
        }
        Self { table, firsts, signs }
    }

    /// Whether `is_meant` says yes to a text and the place where it begins, of those that stand in `bytes`.
    pub(super) fn any(&self, bytes: &[u8], mut is_meant: impl FnMut(T, usize) -> bool) -> bool {
        let mut at = 0;
        while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            let known = self.known_in(block);
            if known != 0 && self.any_near(bytes, at, (block, known), &mut is_meant) {
                return true;
            }
            at += STEP;
        }
        // What is left is shorter than a block, and may need two.
        let mut rest = [0; STEP + BLOCK];
        rest.iter_mut().zip(bytes.get(at..).unwrap_or_default()).for_each(|(to, from)| *to = *from);
        [0, STEP].into_iter().any(|skipped| {
            let block = rest.get(skipped..).and_then(<[u8]>::first_chunk);
            block.is_some_and(|block| {
                self.any_near(bytes, at + skipped, (block, self.known_in(block)), &mut is_meant)
            })
        })
    }

    /// A bit for each second byte of this block at which a text may be known. No early end: all are looked up together.
    #[inline]
    fn known_in(&self, block: &[u8; BLOCK]) -> u64 {
        let at = |offset: usize| {
            let four = [block[offset], block[offset + 1], block[offset + 2], block[offset + 3]];
            self.is_known(place(four)) << offset
        };
        at(0) | at(2) | at(4) | at(6)
    }

    /// 1 where a text may be known by the three bytes of a place, or 0.
    #[inline]
    fn is_known(&self, place: usize) -> u64 {
        self.table[place / WORD_PLACES] >> (place % WORD_PLACES) & 1
    }

    /// Whether one of the texts that are known by these bytes of this block is meant.
    #[cold]
    fn any_near(
        &self,
        bytes: &[u8],
        at: usize,
        (block, mut known): (&[u8; BLOCK], u64),
        is_meant: &mut impl FnMut(T, usize) -> bool,
    ) -> bool {
        while known != 0 {
            let offset = known.trailing_zeros() as usize;
            known &= known - 1;
            let place = place(four_at(block, offset).unwrap_or_default());
            let signs = self.signs.get(usize::from(self.firsts[place])..).unwrap_or_default();
            let is_here = signs.iter().take_while(|sign| usize::from(sign.place) == place).any(|sign| {
                let Some(start) = (at + offset).checked_sub(sign.offset) else { return false };
                let rest = bytes.get(start..).unwrap_or_default();
                let is_there = rest.first_chunk() == Some(&sign.head) && rest.starts_with(&sign.text);
                is_there && is_meant(sign.what, start)
            });
            if is_here {
                return true;
            }
        }
        false
    }
}

/// Where three bytes stand in the table; a fourth one is looked at for the sake of reading four at once.
#[inline]
fn place(four: [u8; 4]) -> usize {
    (u32::from_le_bytes(four).wrapping_mul(SPREAD) >> (u32::BITS - TABLE_BITS)) as usize
}

/// Three bytes of a text, and a fourth one that does not matter.
fn four_at(text: &[u8], offset: usize) -> Option<[u8; 4]> {
    let three = text.get(offset..)?.first_chunk::<3>()?;
    Some([three[0], three[1], three[2], 0])
}

/// Where the two threes of a text begin, one behind the other, that are rarest.
fn rarest(text: &[u8]) -> usize {
    let commonness =
        |byte: &u8| COMMON.len() - COMMON.iter().position(|known| known == byte).unwrap_or(COMMON.len());
    let of_three = |three: &[u8]| three.iter().map(commonness).product::<usize>();
    let of_both = |four: &[u8]| four.windows(3).map(of_three).sum::<usize>();
    let fours = text.windows(4).enumerate();
    fours.min_by_key(|(_, four)| of_both(four)).map_or(0, |(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXTS: &[&str] = &["oken\":", "_key", "<secret;", "eyJh", "-----", "abab", "Key\""];

    fn found(texts: &[&'static str], bytes: &[u8]) -> Vec<(usize, &'static str)> {
        let mut found = Vec::new();
        let is_meant = Texts::new(texts.iter().map(|text| (*text, *text))).any(bytes, |text, at| {
            found.push((at, text));
            false
        });
        assert!(!is_meant);
        found.sort_unstable();
        found
    }

    proptest! {
        /// Scenario: pieces of the texts and other bytes, in any order. Guarantees: every text is found wherever it begins,
        /// once, and nothing else is.
        #[test]
        fn each_text_is_found_once(
            parts in prop::collection::vec(prop::sample::select(
                &["oken\":", "oken", "_key", "_ke", "<secret;", "eyJ", "h", "a", "b", "-", "--", "\"", "Key", " ", "\u{fc}", "\0"][..],
            ), 0..24),
        ) {
            let text = parts.concat();
            let mut expected: Vec<_> = TEXTS
                .iter()
                .flat_map(|known| (0..text.len()).filter(|at| text.as_bytes()[*at..].starts_with(known.as_bytes())).map(|at| (at, *known)))
                .collect();
            expected.sort_unstable();
            prop_assert_eq!(found(TEXTS, text.as_bytes()), expected);
        }
    }

    /// Scenario: a thousand texts, many of which share a place. Guarantees: each is found.
    #[test]
    fn many_texts() {
        let texts: Vec<&'static str> =
            (0..1_000).map(|number| &*Box::leak(format!("{number:04}").into_boxed_str())).collect();
        for text in &texts {
            assert_eq!(found(&texts, format!("x{text}").as_bytes()), [(1, *text)]);
        }
    }
}
