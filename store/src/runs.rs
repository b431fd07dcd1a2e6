//! Small numbers in runs, as Parquet writes whether a cell is there and which place of a dictionary it has.
//!
//! In: bytes of runs (RLE and bit-packed, mixed). Out: the runs, or the numbers one by one.
//! Owns: nothing. Law: bytes that hold fewer numbers than there should be, or wider ones than 32 bits, give nothing.

use crate::varint::Bytes;

/// Numbers that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run<'b> {
    /// So many times the same.
    Same(u32, usize),
    /// So many numbers, packed into bits.
    Packed(&'b [u8], usize),
}

/// Runs of numbers of some bits each.
#[derive(Debug)]
pub(crate) struct Runs<'b> {
    bytes: Bytes<'b>,
    bits: usize,
    left: usize,
}

impl<'b> Runs<'b> {
    /// `count` numbers.
    pub(crate) fn new(bytes: &'b [u8], bits: u8, count: usize) -> Option<Self> {
        (bits <= 32).then_some(Self { bytes: Bytes(bytes), bits: usize::from(bits), left: count })
    }

    /// The next run; none where the bytes end too soon. Nothing more is asked for once all numbers were given.
    pub(crate) fn next(&mut self) -> Option<Run<'b>> {
        let head = self.bytes.count()?;
        let run = if head & 1 == 0 {
            let mut number = [0; 4];
            let width = self.bits.div_ceil(8);
            number.get_mut(..width)?.copy_from_slice(self.bytes.take(width)?);
            Run::Same(u32::from_le_bytes(number), (head >> 1).min(self.left))
        } else {
            // Groups of eight; the last may be cut where its numbers end.
            let count = (head >> 1).checked_mul(8)?;
            let bytes = count.checked_mul(self.bits)?.div_ceil(8).min(self.bytes.0.len());
            Run::Packed(self.bytes.take(bytes)?, count.min(self.left))
        };
        let count = run.count();
        self.left -= count;
        (count > 0).then_some(run)
    }

    /// How many numbers are still to come.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Gives all numbers to `take`.
    pub(crate) fn each(mut self, mut take: impl FnMut(u32)) -> Option<()> {
        while self.left > 0 {
            match self.next()? {
                Run::Same(number, count) => (0..count).for_each(|_| take(number)),
                Run::Packed(bytes, count) => unpack(bytes, self.bits, count, &mut take)?,
            }
        }
        Some(())
    }
}

impl Run<'_> {
    fn count(&self) -> usize {
        match self {
            Self::Same(_, count) | Self::Packed(_, count) => *count,
        }
    }
}

/// Numbers out of bits, the lowest first.
#[allow(clippy::cast_possible_truncation, reason = "numbers have 32 bits at most")]
pub(crate) fn unpack(bytes: &[u8], bits: usize, count: usize, take: &mut impl FnMut(u32)) -> Option<()> {
    if bytes.len() < (count * bits).div_ceil(8) {
        return None;
    }
    let mask = u64::MAX.checked_shr(64 - bits as u32).unwrap_or_default();
    for place in 0..count {
        let at = place * bits;
        let (from, shift) = (at / 8, at % 8);
        let held = match bytes.get(from..).and_then(|bytes| bytes.first_chunk()) {
            Some(eight) => u64::from_le_bytes(*eight),
            None => last_bytes(bytes.get(from..).unwrap_or_default()),
        };
        take((held >> shift & mask) as u32);
    }
    Some(())
}

/// Fewer than eight bytes as a number.
fn last_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(bytes: &[u8], bits: u8, count: usize) -> Option<Vec<u32>> {
        let mut numbers = Vec::new();
        Runs::new(bytes, bits, count)?.each(|number| numbers.push(number))?;
        Some(numbers)
    }

    /// Packs numbers bit by bit, as the format's text has it.
    fn packed(numbers: &[u32], bits: usize) -> Vec<u8> {
        let mut bytes = vec![0_u8; (numbers.len() * bits).div_ceil(8)];
        for (place, number) in numbers.iter().enumerate() {
            for bit in (0..bits).filter(|bit| number >> bit & 1 == 1) {
                bytes[(place * bits + bit) / 8] |= 1 << ((place * bits + bit) % 8);
            }
        }
        bytes
    }

    /// Scenario: numbers of every width, packed, repeated, and both. Guarantees: the numbers that were written; nothing
    /// where bytes are missing or a width is too large.
    #[test]
    fn runs_of_every_width() {
        for bits in 0..=32_u8 {
            let mask = u32::MAX.checked_shr(32 - u32::from(bits)).unwrap_or_default();
            let wanted: Vec<u32> = (0..24_u32).map(|n| n.wrapping_mul(0x9e37_79b9) & mask).collect();
            let mut bytes = vec![3 << 1 | 1];
            bytes.extend(packed(&wanted, usize::from(bits)));
            bytes.push(5 << 1);
            bytes.extend(&mask.to_le_bytes()[..usize::from(bits).div_ceil(8)]);
            let expected = [wanted, vec![mask; 5]].concat();
            assert_eq!(numbers(&bytes, bits, 29).as_ref(), Some(&expected), "{bits}");
            assert_eq!(numbers(&bytes, bits, 21).as_deref(), Some(&expected[..21]), "{bits}");
            assert_eq!(numbers(&bytes, bits, 30), None, "{bits}");
            if bits > 0 {
                assert_eq!(numbers(&bytes[..bytes.len() - 1], bits, 29), None, "{bits}");
                assert_eq!(numbers(&bytes[..2], bits, 24), None, "{bits}");
            }
        }
        assert_eq!(numbers(&[2, 0, 0, 0, 0, 0], 33, 1), None);
        assert_eq!(numbers(&[0, 0, 0, 0], 1, 1), None, "a run of none");
    }
}
