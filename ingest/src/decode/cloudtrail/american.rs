//! Moments in US text, as Java writes them in most records that hand out credentials: `Mar 1, 2026, 6:30:22 PM`.
//!
//! In: text. Out: the moment, where each part is written in the usual way. Everything else is left to `chrono`, which gives the
//! same for what is read here and takes several times as long.

use chrono::{NaiveDate, NaiveDateTime};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A number of so many digits.
fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let is_plain = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// The moment that a text writes in the usual way.
pub(super) fn plain(text: &str) -> Option<NaiveDateTime> {
    let (month, rest) = text.split_at_checked(3)?;
    let month = (1..).zip(MONTHS).find_map(|(number, name)| (name == month).then_some(number))?;
    let (day, rest) = rest.strip_prefix(' ')?.split_once(", ")?;
    let (year, rest) = rest.split_once(", ")?;
    let (clock, half) = rest.split_once(' ')?;
    let (hour, rest) = clock.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    let hour = number(hour, 1..=2).filter(|hour| (1..=12).contains(hour))? % 12;
    let hour = match half {
        "AM" => hour,
        "PM" => hour + 12,
        _ => return None,
    };
    let year = i32::try_from(number(year, 4..=4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, month, number(day, 1..=2)?)?;
    date.and_hms_opt(hour, number(minute, 2..=2)?, number(second, 2..=2)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: moments, right and nearly right. Guarantees: what is read here is what `chrono` reads, and every usual moment is.
        #[test]
        fn moments_are_those_of_chrono(
            month in 0_usize..12, day in 0_u32..33, year in 1600_u32..2300, hour in 0_u32..14, minute in 0_u32..62, second in 0_u32..62,
            half in prop::sample::select(&["AM", "PM", "am", "", "XM"][..]), comma in prop::sample::select(&[", ", ",", " "][..]),
        ) {
            let text = format!("{} {day}, {year}{comma}{hour}:{minute:02}:{second:02} {half}", MONTHS[month]);
            let expected = NaiveDateTime::parse_from_str(&text, "%b %d, %Y, %I:%M:%S %p").ok();
            let found = plain(&text);
            prop_assert!(found.is_none() || found == expected, "{}: {:?}, not {:?}", text, found, expected);
            let is_usual = comma == ", " && half.chars().all(char::is_uppercase) && second < 60;
            prop_assert!(!is_usual || found == expected, "{}: {:?}, not {:?}", text, found, expected);
        }
    }
}
