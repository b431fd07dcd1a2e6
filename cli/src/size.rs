//! Numbers of bytes as people write them: a whole number and a unit.
//!
//! In: text. Out: bytes. Leaves to options and configuration which units they take, and what they say of others.

/// The whole number that `text` begins with, scaled by the power of two that `power` gives for the rest.
pub(crate) fn scaled(text: &str, power: impl Fn(&str) -> Option<u32>) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    number.parse::<u64>().ok()?.checked_mul(1_u64.checked_shl(power(unit)?)?)
}

/// A size such as `512MiB`, `2GiB`, `1048576`.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    scaled(text.trim(), |unit| match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(0),
        "kib" | "k" => Some(10),
        "mib" | "m" => Some(20),
        "gib" | "g" => Some(30),
        _ => None,
    })
}
