//! Event time: nanoseconds since 1970 UTC, read from and written as RFC 3339.
//!
//! In: the many ways in which logs write a moment. Out: one type, one text form (`…Z`, nine digits).
//! Owns: parsing and printing of absolute time and of durations such as `90s`, `24h`, `30d`.
//! Law: no clock is read here, or anywhere but at the edge of the command; time is an argument.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};

/// When something happened, by the clock of whoever recorded it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventTime(pub i64);

/// Text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time: expected RFC 3339, such as 2026-03-01T10:00:00Z")]
pub struct TimeParseError(pub String);

const NANOS_PER_SEC: i64 = 1_000_000_000;

impl EventTime {
    /// The earliest moment that can be written.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest moment that can be written.
    pub const MAX: Self = Self(i64::MAX);

    /// Reads RFC 3339, with `T` or a space, with or without zone (none means UTC).
    pub fn parse(text: &str) -> Result<Self, TimeParseError> {
        let error = || TimeParseError(text.chars().take(64).collect());
        if let Some(moment) = plain_utc(text) {
            return Ok(moment);
        }
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Self::from_utc(moment.with_timezone(&Utc)).ok_or_else(error);
        }
        for layout in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
            if let Ok(naive) = NaiveDateTime::parse_from_str(text, layout) {
                return Self::from_utc(naive.and_utc()).ok_or_else(error);
            }
        }
        Err(error())
    }

    /// A moment of `chrono`, unless it lies outside the years 1677 to 2262.
    #[must_use]
    pub fn from_utc(moment: DateTime<Utc>) -> Option<Self> {
        moment.timestamp_nanos_opt().map(Self)
    }

    /// Whole seconds and nanoseconds since 1970, unless out of range.
    #[must_use]
    pub fn from_secs_nanos(secs: i64, nanos: i64) -> Option<Self> {
        secs.checked_mul(NANOS_PER_SEC)?.checked_add(nanos).map(Self)
    }

    /// This moment moved by `nanos`, held at the ends of the range.
    #[must_use]
    pub fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// How long after `earlier` this is, in nanoseconds (negative when before).
    #[must_use]
    pub fn nanos_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = DateTime::<Utc>::from_timestamp_nanos(self.0);
        f.write_str(&moment.to_rfc3339_opts(SecondsFormat::Nanos, true))
    }
}

impl fmt::Debug for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl serde::Serialize for EventTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for EventTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The usual notation, `2026-03-01T10:00:00Z` with at most nine digits of a fraction, without the cost of all others.
/// Nothing where anything is unusual: the general reading judges it.
fn plain_utc(text: &str) -> Option<EventTime> {
    let (head, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let fraction = rest.strip_suffix(b"Z")?;
    let separators = [head[4], head[7], head[10], head[13], head[16]];
    let number = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let (year, month, day) = (number(&head[..4])?, number(&head[5..7])?, number(&head[8..10])?);
    let (hour, minute, second) = (number(&head[11..13])?, number(&head[14..16])?, number(&head[17..])?);
    let nanos = match fraction.split_first() {
        None => 0,
        Some((b'.', digits)) if (1..=9).contains(&digits.len()) => {
            (digits.len()..9).fold(number(digits)?, |nanos, _| nanos * 10)
        }
        Some(_) => return None,
    };
    // The 29th of February depends on the year, and second 60 on the minute.
    let days_in_month = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let last = usize::try_from(month - 1).ok().and_then(|month| days_in_month.get(month))?;
    let is_usual = separators == *b"--T::"
        && (1700..2200).contains(&year)
        && (1..=*last).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let days = is_usual.then(|| days_since_1970(year, month, day))?;
    EventTime::from_secs_nanos(days * 86_400 + hour * 3_600 + minute * 60 + second, nanos)
}

/// Days of the Gregorian calendar, with years that begin in March so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_month = (153 * month + 2) / 5;
    year * 365 + year / 4 - year / 100 + year / 400 + before_month + day - 719_469
}

/// Reads a length of time: a whole number with `ms`, `s`, `m`, `h` or `d`.
#[must_use]
pub fn parse_duration_nanos(text: &str) -> Option<i64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => 1_000_000,
        "s" => NANOS_PER_SEC,
        "m" => 60 * NANOS_PER_SEC,
        "h" => 3_600 * NANOS_PER_SEC,
        "d" => 86_400 * NANOS_PER_SEC,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the notations that logs use. Guarantees: all mean the same moment, printed in one way.
    #[test]
    fn notations_agree() {
        let expected = "2026-03-01T10:00:00.500000000Z";
        for text in ["2026-03-01T10:00:00.5Z", "2026-03-01T11:00:00.500+01:00", "2026-03-01 10:00:00.5"] {
            assert_eq!(EventTime::parse(text).map(|t| t.to_string()), Ok(expected.to_owned()));
        }
        assert!(EventTime::parse("yesterday").is_err());
        assert!(EventTime::parse("9999-01-01T00:00:00Z").is_err());
    }

    /// Scenario: moments of five centuries in the usual notation, and unusual ones. Guarantees: the quick reading gives
    /// what the general one gives, or nothing.
    #[test]
    fn the_quick_reading_agrees() {
        let general =
            |text: &str| DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt().map(EventTime);
        for step in 0..4_000_i64 {
            let secs = -8_500_000_000 + step * 3_931_657;
            let moment = DateTime::from_timestamp(secs, 0).expect("a second of these centuries");
            for fraction in ["", ".5", ".000001", ".123456789"] {
                let text = format!("{}{fraction}Z", moment.format("%Y-%m-%dT%H:%M:%S"));
                assert!(plain_utc(&text).is_none_or(|quick| Some(quick) == general(&text)), "{text}");
            }
        }
        assert_eq!(plain_utc("2026-03-01T10:00:00.5Z"), general("2026-03-01T10:00:00.5Z"));
        for unusual in [
            "2026-02-30T10:00:00Z",
            "2026-03-01t10:00:00Z",
            "2026-03-01T10:00:60Z",
            "2026-03-01T10:00:00.Z",
            "2026-03-01T10:00:00.0000000001Z",
            "2026-03-01T10:00:00",
            "+026-03-01T10:00:00Z",
            "",
        ] {
            assert_eq!(plain_utc(unusual), None, "{unusual}");
        }
    }

    /// Scenario: durations, good and bad. Guarantees: units are scaled, nonsense and overflow are refused.
    #[test]
    fn durations() {
        assert_eq!(parse_duration_nanos("2s"), Some(2_000_000_000));
        assert_eq!(parse_duration_nanos("30d"), Some(30 * 86_400 * NANOS_PER_SEC));
        for bad in ["", "s", "5", "5 s", "-5s", "99999999999d"] {
            assert_eq!(parse_duration_nanos(bad), None, "{bad}");
        }
    }
}
