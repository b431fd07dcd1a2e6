//! Hex: bytes that were written as two digits each, as the audit system writes text that it does not trust.
//!
//! In: digits. Out: bytes; none where something else stands among them, or half of one. Owns: which digits there are.

/// What each byte stands for as a digit; more than 15 for those that are none.
type Digits = [u8; 256];

/// As the kernel writes them: lower case is a number.
const UPPER: Digits = digits(&[b"0123456789ABCDEF"]);
/// In either case.
const ANY: Digits = digits(&[b"0123456789ABCDEF", b"0123456789abcdef"]);

const fn digits(alphabets: &[&[u8; 16]]) -> Digits {
    let mut digits = [u8::MAX; 256];
    let mut which = 0;
    while which < alphabets.len() {
        let mut value: u8 = 0;
        while value < 16 {
            digits[alphabets[which][value as usize] as usize] = value;
            value += 1;
        }
        which += 1;
    }
    digits
}

/// The bytes that digits in upper case stand for; at least one.
pub(crate) fn upper(text: &str) -> Option<Vec<u8>> {
    // Most values that are none are so from their beginning.
    let is_digit = |byte: &u8| UPPER[usize::from(*byte)] < 16;
    if !text.as_bytes().first_chunk::<2>()?.iter().all(is_digit) {
        return None;
    }
    decode(text, &UPPER)
}

/// The bytes that digits in either case stand for.
pub(crate) fn any(text: &str) -> Option<Vec<u8>> {
    decode(text, &ANY)
}

fn decode(text: &str, digits: &Digits) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(pairs.len());
    let mut all = 0;
    for [high, low] in pairs {
        let (high, low) = (digits[usize::from(*high)], digits[usize::from(*low)]);
        all |= high | low;
        bytes.push(high << 4 | low & 0xf);
    }
    (all < 16).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: digits in both cases, mixed, halves, none, other signs at any place. Guarantees: bytes for digits of the
    /// case that is meant, nothing for anything else.
    #[test]
    fn digits_are_read() {
        for (text, in_upper, in_any) in [
            ("6C73", Some("ls"), Some("ls")),
            ("6c73", None, Some("ls")),
            ("6C7", None, None),
            ("6C7g", None, None),
            ("G073", None, None),
            ("", None, Some("")),
            ("\u{e9}\u{e9}", None, None),
        ] {
            let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
            assert_eq!((upper(text), any(text)), (bytes(in_upper), bytes(in_any)), "{text:?}");
        }
    }
}
