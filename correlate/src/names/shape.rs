//! Ids of credentials in few bytes: what is the same in many of them once, and two digits in each byte.
//!
//! In: an id. Out: the number of its shape and the bytes of its digits, and the id back from both.
//! Owns: shapes, each a beginning and the form of the digits behind it: a UUID, or hexadecimal digits, in either case.
//! Law: what comes back is what was given, to the letter; an id of no shape is kept as it stands by whoever asks.

use std::num::NonZeroU8;

/// Shapes that are told apart: issuers have a few each, and whoever invents more only has ids kept as they stand.
const MAX_SHAPES: usize = 64;
/// Fewer digits are not worth it, and stand at the end of other words by chance.
const MIN_DIGITS: usize = 16;
/// More are no id of any issuer.
const MAX_DIGITS: usize = 128;
/// A longer beginning is not the same in many ids.
const MAX_BEGINNING: usize = 64;
/// Digits of a UUID, and where a dash comes before them.
const UUID_DIGITS: usize = 32;
const UUID_LEN: usize = 36;
const DASHES: [usize; 4] = [8, 12, 16, 20];

/// How the digits of an id are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Digits {
    count: usize,
    is_upper: bool,
    is_uuid: bool,
}

/// What many ids have alike.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    beginning: Box<str>,
    digits: Digits,
}

/// The number of a shape, from one on.
pub(super) type Number = NonZeroU8;

/// All shapes that were met, by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes {
    shapes: Vec<Shape>,
}

impl Shapes {
    /// Writes the digits of an id in few bytes, if it has a shape; one that is new is remembered, while there is room.
    pub(super) fn pack(&mut self, id: &str, packed: &mut Vec<u8>) -> Option<Number> {
        let (beginning, digits) = read(id)?;
        if self.number(beginning, digits).is_none() && self.shapes.len() < MAX_SHAPES {
            self.shapes.push(Shape { beginning: beginning.into(), digits });
        }
        self.write(id, (beginning, digits), packed)
    }

    /// The shape of an id and its digits, where that shape is known.
    pub(super) fn packed(&self, id: &str) -> Option<(Number, Vec<u8>)> {
        let mut packed = Vec::new();
        let number = self.write(id, read(id)?, &mut packed)?;
        Some((number, packed))
    }

    fn write(&self, id: &str, (beginning, digits): (&str, Digits), packed: &mut Vec<u8>) -> Option<Number> {
        let number = self.number(beginning, digits)?;
        packed.clear();
        let mut values = id.bytes().skip(beginning.len()).filter_map(value);
        while let Some(high) = values.next() {
            packed.push(high << 4 | values.next().unwrap_or_default());
        }
        Some(number)
    }

    fn number(&self, beginning: &str, digits: Digits) -> Option<Number> {
        let is_it = |shape: &Shape| shape.digits == digits && *shape.beginning == *beginning;
        Number::new(u8::try_from(self.shapes.iter().position(is_it)? + 1).ok()?)
    }

    /// The id that was given.
    pub(super) fn unpack(&self, number: Number, packed: &[u8]) -> String {
        let shape = self.shapes.get(usize::from(number.get()) - 1);
        let Some(Shape { beginning, digits }) = shape else { return String::new() };
        let mut id = String::with_capacity(beginning.len() + digits.count + DASHES.len());
        id.push_str(beginning);
        let values = packed.iter().flat_map(|pair| [pair >> 4, pair & 15]).take(digits.count);
        for (place, value) in values.enumerate() {
            if digits.is_uuid && DASHES.contains(&place) {
                id.push('-');
            }
            let digit = char::from_digit(u32::from(value), 16).unwrap_or_default();
            id.push(if digits.is_upper { digit.to_ascii_uppercase() } else { digit });
        }
        id
    }
}

/// What stands before the digits of an id, and how these are written; none where they are too few or too many.
fn read(id: &str) -> Option<(&str, Digits)> {
    let bytes = id.as_bytes();
    let of_uuid =
        || bytes.len().checked_sub(UUID_LEN).and_then(|from| Some((from, uuid(bytes.get(from..)?)?)));
    let (from, is_upper, is_uuid) = match of_uuid() {
        Some((from, is_upper)) => (from, is_upper, true),
        None => {
            let tail = |is_upper| bytes.iter().rev().take_while(|byte| is_digit(**byte, is_upper)).count();
            let (lower, upper) = (tail(false), tail(true));
            (bytes.len() - lower.max(upper), upper > lower, false)
        }
    };
    let count = if is_uuid { UUID_DIGITS } else { bytes.len() - from };
    let fits = (MIN_DIGITS..=MAX_DIGITS).contains(&count) && from <= MAX_BEGINNING;
    Some((id.get(..from)?, Digits { count, is_upper, is_uuid })).filter(|_| fits)
}

/// Whether these are a UUID in lower or upper case; one of decimal digits alone is in lower case.
fn uuid(bytes: &[u8]) -> Option<bool> {
    let is_dash = |place: usize| matches!(place, 8 | 13 | 18 | 23);
    let all = |is_upper: bool| {
        let fits = |(place, byte): (usize, &u8)| match is_dash(place) {
            true => *byte == b'-',
            false => is_digit(*byte, is_upper),
        };
        bytes.iter().enumerate().all(fits)
    };
    if all(false) { Some(false) } else { all(true).then_some(true) }
}

fn is_digit(byte: u8, is_upper: bool) -> bool {
    byte.is_ascii_digit() || (if is_upper { b'A'..=b'F' } else { b'a'..=b'f' }).contains(&byte)
}

fn value(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pack(shapes: &mut Shapes, id: &str) -> Option<(Number, Vec<u8>)> {
        let mut packed = vec![7];
        shapes.pack(id, &mut packed).map(|number| (number, packed))
    }

    fn check(id: &str, bytes: Option<usize>) {
        let mut shapes = Shapes::default();
        let packed = pack(&mut shapes, id);
        assert_eq!(packed.as_ref().map(|(_, digits)| digits.len()), bytes, "{id}");
        if let Some((number, digits)) = packed {
            assert_eq!(shapes.unpack(number, &digits), id);
        }
    }

    /// Scenario: ids as issuers write them, and some that miss it by a letter. Guarantees: digits take half a byte each, and
    /// nothing else is packed.
    #[test]
    fn digits_take_half_a_byte() {
        check("JTI=3c5a0f0e-91b2-4c3d-8000-00000000abcd", Some(16));
        check("3C5A0F0E-91B2-4C3D-8000-00000000ABCD", Some(16));
        check("00000000-0000-4000-8000-000000000000", Some(16));
        check(&format!("X509SHA256={}", "0f".repeat(32)), Some(32));
        check("serial:0123456789abcdef0", Some(9));
        check("JTI=3c5a0f0e-91b2-4c3d-8000-00000000abcD", None);
        check("JTI=3c5a0f0e-91b2-4c3d-800-000000000abcd", None);
        check("ASIAEXAMPLE00000000A", None);
        check(&"a".repeat(MAX_DIGITS + 1), None);
        check(&format!("{}{}", "x".repeat(MAX_BEGINNING + 1), "0".repeat(32)), None);
        check("", None);
    }

    /// Scenario: more shapes than there is room for. Guarantees: those that came first are packed, the others are not.
    #[test]
    fn shapes_have_an_end() {
        let mut shapes = Shapes::default();
        let id = |shape: usize| format!("x{shape}x{}", "7".repeat(32));
        let packed = |shapes: &Shapes| {
            (0..2 * MAX_SHAPES).filter(|shape| shapes.packed(&id(*shape)).is_some()).count()
        };
        assert_eq!(packed(&shapes), 0);
        (0..2 * MAX_SHAPES).for_each(|shape| {
            pack(&mut shapes, &id(shape));
        });
        assert_eq!(packed(&shapes), MAX_SHAPES);
    }

    proptest! {
        /// Scenario: any texts, and such that look like ids in either case, or in both. Guarantees: what is packed comes back,
        /// and two texts have the same bytes only if they are equal.
        #[test]
        fn ids_come_back(ids in prop::collection::vec(prop_oneof![
            any::<String>(),
            "(JTI=|X509SHA256=|[a-z]{0,3}:)?([0-9a-f]{14,40}|[0-9A-F]{14,40}|[0-9A-Fa-f]{14,40}|[0-9]{14,40})",
            "(JTI=)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{11,13}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12})",
            "[0-9a-fA-F]{8}(-[0-9a-f]{4}){3}-[0-9a-fA-F]{12}",
        ], 1..30)) {
            let mut shapes = Shapes::default();
            let packed: Vec<Option<(Number, Vec<u8>)>> = ids.iter().map(|id| pack(&mut shapes, id)).collect();
            for (id, bytes) in ids.iter().zip(&packed).filter_map(|(id, bytes)| Some((id, bytes.as_ref()?))) {
                prop_assert_eq!(&shapes.unpack(bytes.0, &bytes.1), id);
                prop_assert_eq!(shapes.packed(id), Some(bytes.clone()));
                let same = ids.iter().zip(&packed).filter(|(_, other)| other.as_ref() == Some(bytes));
                prop_assert!(same.clone().all(|(other, _)| other == id));
            }
        }
    }
}
