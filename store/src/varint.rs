//! Numbers of seven bits a byte, as Parquet's headers have them, and headers themselves.
//!
//! In: bytes. Out: numbers, texts, and the fields of a structure of Thrift's compact protocol.
//! Owns: what is skipped of a header. Law: bytes that are something else give nothing; no byte beyond the end is looked at.

/// Levels of structures within structures that are skipped; headers have three.
const MAX_DEPTH: u32 = 8;
/// Types of Thrift's compact protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const INTEGERS: std::ops::RangeInclusive<u8> = 4..=6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LISTS: std::ops::RangeInclusive<u8> = 9..=10;
const STRUCT: u8 = 12;

/// Bytes that are read from the front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'b>(pub(crate) &'b [u8]);

impl<'b> Bytes<'b> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A number of bytes or things.
    pub(crate) fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// A number with its sign in its last bit.
    pub(crate) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// Bytes with their count in front of them.
    pub(crate) fn counted(&mut self) -> Option<&'b [u8]> {
        let count = self.count()?;
        self.take(count)
    }

    /// The number and the type of a structure's next field, after the number of the field before it; type 0 at its end.
    pub(crate) fn field(&mut self, before: &mut i64) -> Option<(i64, u8)> {
        let head = self.byte()?;
        let (step, kind) = (head >> 4, head & 15);
        if kind == 0 {
            return Some((0, 0));
        }
        *before = if step == 0 { self.signed()? } else { before.checked_add(i64::from(step))? };
        Some((*before, kind))
    }

    /// Passes over a field of that type.
    pub(crate) fn skip(&mut self, kind: u8) -> Option<()> {
        self.skip_within(kind, MAX_DEPTH)
    }

    fn skip_within(&mut self, kind: u8, depth: u32) -> Option<()> {
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.byte().map(|_| ()),
            DOUBLE => self.take(8).map(|_| ()),
            BINARY => self.counted().map(|_| ()),
            STRUCT => {
                let (depth, mut before) = (depth.checked_sub(1)?, 0);
                loop {
                    match self.field(&mut before)? {
                        (_, 0) => return Some(()),
                        (_, kind) => self.skip_within(kind, depth)?,
                    }
                }
            }
            kind if INTEGERS.contains(&kind) => self.number().map(|_| ()),
            kind if LISTS.contains(&kind) => {
                let (head, depth) = (self.byte()?, depth.checked_sub(1)?);
                let count = if head >> 4 == 15 { self.count()? } else { usize::from(head >> 4) };
                // In a list a truth value takes a byte.
                let kind = if matches!(head & 15, TRUE | FALSE) { BYTE } else { head & 15 };
                (0..count).try_for_each(|_| self.skip_within(kind, depth))
            }
            _ => None,
        }
    }
}

/// Adds a number, as [`Bytes::number`] reads it.
#[allow(clippy::cast_possible_truncation, reason = "seven bits are meant")]
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Adds a number, as [`Bytes::signed`] reads it.
pub(crate) fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put(bytes, (number << 1 ^ number >> 63).cast_unsigned());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: numbers of all lengths. Guarantees: they are read as they were written, and not from fewer bytes.
    #[test]
    fn numbers_are_read_as_written() {
        for number in [0, 1, -1, 63, -64, 64, 300, -70_000, i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            put_signed(&mut bytes, number);
            put(&mut bytes, number.cast_unsigned());
            let mut read = Bytes(&bytes);
            assert_eq!(read.signed(), Some(number));
            assert_eq!((read.number(), read.0.len()), (Some(number.cast_unsigned()), 0));
            assert_eq!((Bytes(&[]).number(), Bytes(&[0x80]).number()), (None, None));
        }
        assert_eq!(Bytes(&[0xff; 11]).number(), None);
    }

    /// Scenario: a structure with a field of each type, and the same cut off anywhere. Guarantees: it is passed over as a
    /// whole, and where it is cut it is none.
    #[test]
    fn fields_are_passed_over() {
        let whole = [
            0x11, 0x12, 0x13, 7, 0x14, 0x80, 1, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x18, 2, b'a', b'b', 0x19,
            0x23, 1, 1, 0x1c, 0x15, 2, 0, 0x19, 0x21, 1, 2, 0x05, 0x50, 9, 0,
        ];
        let mut read = Bytes(&whole);
        assert_eq!((read.skip(STRUCT), read.0.len()), (Some(()), 0));
        for end in 0..whole.len() {
            assert_eq!(Bytes(&whole[..end]).skip(STRUCT), None, "{end}");
        }
        let deep = [0x1c; 100];
        assert_eq!(Bytes(&deep).skip(STRUCT), None);
    }
}
