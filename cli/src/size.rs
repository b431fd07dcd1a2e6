//! Numbers of bytes as people write them: a whole number and a unit.
//!
//! In: text. Out: bytes. Leaves to options and configuration which units they take, and what they say of others.

/// The whole number that `text` begins with, scaled by the power of two that `power` gives for the rest.
pub(crate) fn scaled(text: &str, power: impl Fn(&str) -> Option<u32>) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    number.parse::<u64>().ok()?.checked_mul(1_u64.checked_shl(power(unit)?)?)
}
