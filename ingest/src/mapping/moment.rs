//! How a log writes its times, as a mapping file says it.
//!
//! In: text or a number. Out: a moment. Owns: the names of time formats: `rfc3339`, `epoch` (unit told by size),
//! `epoch-s`, `epoch-ms`, `epoch-us`, `epoch-ns`, or a pattern such as `%d/%b/%Y:%H:%M:%S %z`.
//! Law: a time without zone is UTC, a time without year is none.

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDateTime};
use offbound_schemas::EventTime;

use crate::decode::field::{epoch_time, time_text};

/// Names of formats that are no patterns.
pub(super) const NAMES: &[&str] = &["rfc3339", "epoch", "epoch-s", "epoch-ms", "epoch-us", "epoch-ns"];

/// One way to write times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Moment {
    /// RFC 3339, or an epoch number whose unit its size tells.
    Any,
    /// RFC 3339 only.
    Rfc3339,
    /// An epoch number whose unit its size tells.
    Epoch,
    /// An epoch number in units of so many nanoseconds.
    EpochOf(i64),
    /// A pattern of `chrono`.
    Pattern(String),
}

impl Moment {
    /// Reads the name of a format, or a pattern.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "rfc3339" => Self::Rfc3339,
            "epoch" => Self::Epoch,
            "epoch-s" => Self::EpochOf(1_000_000_000),
            "epoch-ms" => Self::EpochOf(1_000_000),
            "epoch-us" => Self::EpochOf(1_000),
            "epoch-ns" => Self::EpochOf(1),
            pattern => {
                let is_sound = StrftimeItems::new(pattern).all(|item| item != Item::Error);
                return (is_sound && pattern.contains('%')).then(|| Self::Pattern(pattern.to_owned()));
            }
        })
    }

    /// The moment that `text` writes.
    pub(super) fn read(&self, text: &str) -> Option<EventTime> {
        let text = text.trim();
        match self {
            Self::Any => time_text(text),
            Self::Rfc3339 => EventTime::parse(text).ok(),
            Self::Epoch => epoch_time(text),
            Self::EpochOf(unit_nanos) => epoch_of(text, *unit_nanos),
            Self::Pattern(pattern) => {
                let with_zone = DateTime::parse_from_str(text, pattern).map(|moment| moment.to_utc());
                let moment = with_zone
                    .or_else(|_no_zone| NaiveDateTime::parse_from_str(text, pattern).map(|m| m.and_utc()));
                EventTime::from_utc(moment.ok()?)
            }
        }
    }
}

fn epoch_of(text: &str, unit_nanos: i64) -> Option<EventTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let billionths: i64 = format!("{fraction:0<9.9}").parse().ok()?;
    let part = i64::try_from(i128::from(billionths) * i128::from(unit_nanos) / 1_000_000_000).ok()?;
    whole.parse::<i64>().ok()?.checked_mul(unit_nanos)?.checked_add(part).map(EventTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: one moment in every format, and junk. Guarantees: the same moment; junk and a lack of year give none.
    #[test]
    fn one_moment() {
        let expected = EventTime::parse("2026-03-01T10:00:00.5Z").ok();
        for (format, text) in [
            ("rfc3339", "2026-03-01T11:00:00.5+01:00"),
            ("epoch", "1772359200500"),
            ("epoch-s", "1772359200.5"),
            ("epoch-ms", "1772359200500"),
            ("epoch-us", "1772359200500000"),
            ("epoch-ns", "1772359200500000000"),
            ("%d/%b/%Y:%H:%M:%S%.f %z", "01/Mar/2026:11:00:00.5 +0100"),
            ("%Y%m%d %H%M%S%.f", "20260301 100000.5"),
        ] {
            let moment = Moment::parse(format).expect("a format");
            assert_eq!(moment.read(text), expected, "{format}");
            assert_eq!(moment.read("soon"), None, "{format}");
        }
        assert_eq!(Moment::parse("%b %e %H:%M:%S").and_then(|moment| moment.read("Mar  1 10:00:00")), None);
        assert!(["", "iso", "%Q!"].iter().all(|bad| Moment::parse(bad).is_none()));
    }
}
