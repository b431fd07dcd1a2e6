//! Chance that repeats: a small seeded generator.
//!
//! In: a seed and a name. Out: numbers, ids and choices, the same for the same seed and name.
//! Owns: SplitMix64 (Steele, Lea, Flood 2014); good enough for invented logs, never for secrets.
//! Law: streams with different names do not disturb each other.

/// A stream of repeatable chance.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

const HEX: &[u8; 16] = b"0123456789abcdef";

impl Random {
    /// The stream called `name` of a seed.
    pub(crate) fn named(seed: u64, name: &str) -> Self {
        let mut state = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in name.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let mut random = Self(state);
        random.next();
        random
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` up to, but not including, `high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high - low).unwrap_or(0).max(1);
        low + i64::try_from(self.next() % width).unwrap_or(0)
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times.max(1))
    }

    /// An index below `len` (0 for an empty list).
    pub(crate) fn below(&mut self, len: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(len.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// One of several.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Lower hex digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits);
        let mut bits = 0;
        for index in 0..digits {
            if index % 16 == 0 {
                bits = self.next();
            }
            text.push(char::from(HEX[usize::from(bits as u8 & 15)]));
            bits >>= 4;
        }
        text
    }

    /// A random (version 4) UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let mut text = String::with_capacity(36);
        self.uuid_into(&mut text);
        text
    }

    /// Writes a random (version 4) UUID behind `text`.
    pub(crate) fn uuid_into(&mut self, text: &mut String) {
        let mut bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        bits = (bits & !(0xf << 76)) | (0x4 << 76);
        bits = (bits & !(0x3 << 62)) | (0x2 << 62);
        for index in 0..32u32 {
            if matches!(index, 8 | 12 | 16 | 20) {
                text.push('-');
            }
            text.push(char::from(HEX[(bits >> (124 - 4 * index)) as usize & 15]));
        }
    }

    /// Upper-case letters and digits, as in cloud key ids.
    pub(crate) fn capitals(&mut self, count: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        (0..count).map(|_| char::from(*self.pick(LETTERS))).collect()
    }

    /// Bytes without meaning.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: two streams of one seed. Guarantees: each repeats, and they differ; UUIDs are of version 4.
    #[test]
    fn streams_repeat_and_differ() {
        let mut first = Random::named(7, "a");
        assert_eq!(first.clone().uuid(), Random::named(7, "a").uuid());
        assert_ne!(first.clone().uuid(), Random::named(7, "b").uuid());
        let uuid = first.uuid();
        assert_eq!((uuid.len(), uuid.as_bytes()[14]), (36, b'4'));
        assert!(b"89ab".contains(&uuid.as_bytes()[19]));
    }
}
