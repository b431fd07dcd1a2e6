//! Moments of the invented world, and the ways in which tools write them.
//!
//! In: nanoseconds since 1970 UTC. Out: RFC 3339 with any number of digits, AWS's US text, audit stamps.
//! Owns: the calendar, on purpose a second implementation beside the one that decoders use.

use std::io::Write;
use std::ops::{Add, Sub};

/// Nanoseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Moment(pub(crate) i64);

/// One millisecond in nanoseconds.
pub(crate) const MILLI: i64 = 1_000_000;
/// One second in nanoseconds.
pub(crate) const SECOND: i64 = 1_000_000_000;
/// One minute in nanoseconds.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// One hour in nanoseconds.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// One day in nanoseconds.
pub(crate) const DAY: i64 = 24 * HOUR;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Add<i64> for Moment {
    type Output = Self;
    fn add(self, nanos: i64) -> Self {
        Self(self.0 + nanos)
    }
}

impl Sub<i64> for Moment {
    type Output = Self;
    fn sub(self, nanos: i64) -> Self {
        Self(self.0 - nanos)
    }
}

impl Moment {
    /// Midnight (UTC) of a day.
    pub(crate) fn day(year: i64, month: i64, day: i64) -> Self {
        // Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        Self(days * DAY)
    }

    /// Whole seconds since 1970.
    pub(crate) fn secs(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// Year, month and day.
    fn civil(self) -> (i64, i64, i64) {
        let shifted = self.0.div_euclid(DAY) + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * of_year + 2) / 153;
        let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        (year, month, of_year - (153 * month_index + 2) / 5 + 1)
    }

    /// RFC 3339 in UTC with `digits` digits of a second's fraction (0 to 9), behind `out`.
    pub(crate) fn write(self, digits: u32, out: &mut Vec<u8>) {
        let (year, month, day) = self.civil();
        put(out, year, 4);
        out.push(b'-');
        put(out, month, 2);
        out.push(b'-');
        put(out, day, 2);
        out.push(b'T');
        let second = self.secs().rem_euclid(86_400);
        put(out, second / 3_600, 2);
        out.push(b':');
        put(out, second / 60 % 60, 2);
        out.push(b':');
        put(out, second % 60, 2);
        if digits > 0 {
            out.push(b'.');
            put(out, self.0.rem_euclid(SECOND) / 10i64.pow(9 - digits), digits);
        }
        out.push(b'Z');
    }

    /// RFC 3339 in UTC with `digits` digits of a second's fraction.
    pub(crate) fn text(self, digits: u32) -> String {
        let mut out = Vec::with_capacity(32);
        self.write(digits, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The way in which CloudTrail prints expiries: `Mar 2, 2026, 4:11:10 PM`.
    pub(crate) fn american(self) -> String {
        let (year, month, day) = self.civil();
        let second = self.secs().rem_euclid(86_400);
        let hour = second / 3_600;
        let month = MONTHS[usize::try_from(month - 1).unwrap_or(0) % 12];
        let half = if hour < 12 { "AM" } else { "PM" };
        let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
        format!("{month} {day}, {year}, {hour}:{:02}:{:02} {half}", second / 60 % 60, second % 60)
    }

    /// The stamp of Linux audit: seconds, a point, milliseconds.
    pub(crate) fn write_audit(self, out: &mut Vec<u8>) {
        let milli = self.0.rem_euclid(SECOND) / MILLI;
        write!(out, "{}.{milli:03}", self.secs()).expect("writing to memory succeeds");
    }

    /// The name of a projected volume's dated folder.
    pub(crate) fn projected_folder(self) -> String {
        let text = self.text(9);
        let stamp = text.get(..19).unwrap_or_default().replace(['-', ':', 'T'], "_");
        format!("..{stamp}.{}", self.0.rem_euclid(SECOND))
    }
}

/// Writes a number with leading zeros.
fn put(out: &mut Vec<u8>, mut number: i64, width: u32) {
    let from = out.len();
    out.resize(from + width as usize, b'0');
    for place in out[from..].iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: days at the edges of years and months. Guarantees: every notation names the right day.
    #[test]
    fn notations() {
        let cases = [((1970, 1, 1), 0), ((2024, 2, 29), 1_709_164_800), ((2026, 3, 2), 1_772_409_600)];
        for ((year, month, day), secs) in cases {
            let moment = Moment::day(year, month, day);
            assert_eq!(moment.secs(), secs);
            assert_eq!(moment.text(0), format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
        }
        let moment = Moment::day(2026, 3, 2) + 16 * HOUR + 11 * MINUTE + 10 * SECOND + 7 * MILLI;
        assert_eq!(moment.american(), "Mar 2, 2026, 4:11:10 PM");
        assert_eq!(moment.text(3), "2026-03-02T16:11:10.007Z");
        assert_eq!(moment.projected_folder(), "..2026_03_02_16_11_10.7000000");
    }
}
