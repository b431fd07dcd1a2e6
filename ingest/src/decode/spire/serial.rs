//! Serial numbers of certificates: SPIRE writes them in decimal, everybody else in hex.
//!
//! In: decimal digits of any length up to the longest serial. Out: lower hex without leading zeros.

/// Most decimal digits of a serial: 20 bytes, as RFC 5280 allows, have 49.
const MAX_DIGITS: usize = 64;

/// The hex form of a decimal serial; none for empty text, zero and what is no number.
pub(crate) fn hex_of_decimal(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > MAX_DIGITS {
        return None;
    }
    // Base 256, lowest byte first.
    let mut bytes: Vec<u8> = Vec::new();
    for digit in text.chars() {
        let mut carry = digit.to_digit(10)?;
        for byte in &mut bytes {
            let value = u32::from(*byte) * 10 + carry;
            *byte = u8::try_from(value & 0xff).unwrap_or_default();
            carry = value >> 8;
        }
        if carry > 0 {
            bytes.push(u8::try_from(carry).unwrap_or_default());
        }
    }
    let hex: String = bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.trim_start_matches('0');
    (!hex.is_empty()).then(|| hex.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: short, long and impossible serials. Guarantees: the value is kept, junk gives none.
    #[test]
    fn decimal_becomes_hex() {
        let cases = [
            ("255", Some("ff")),
            ("256", Some("100")),
            ("340282366920938463463374607431768211455", Some("ffffffffffffffffffffffffffffffff")),
            ("18446744073709551616", Some("10000000000000000")),
            ("0", None),
            ("", None),
            ("ab12", None),
        ];
        for (text, expected) in cases {
            assert_eq!(hex_of_decimal(text).as_deref(), expected, "{text}");
        }
    }
}
