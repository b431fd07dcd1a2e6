//! Times as quantiles and as a histogram.
//!
//! In: durations. Out: text. Owns: the buckets, each twice as wide as the one before. Law: quantiles are of the sorted
//! times themselves, not of buckets.

use std::fmt::Write as _;
use std::time::Duration;

/// The first bucket ends here, in milliseconds.
const FIRST_BUCKET_MS: f64 = 0.5;
/// Longest bar.
const BAR: usize = 50;

/// Milliseconds with their fraction.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The time that `share` of all do not exceed.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or_default()
}

/// The quantiles in one line.
pub(crate) fn quantiles(sorted: &[Duration]) -> String {
    let at = |share| millis(quantile(sorted, share));
    format!(
        "p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, max {:.1} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0)
    )
}

/// The histogram, a line per bucket.
pub(crate) fn histogram(sorted: &[Duration]) -> String {
    let (mut text, mut begin, mut end) = (String::new(), 0, FIRST_BUCKET_MS);
    while begin < sorted.len() {
        let until = sorted.partition_point(|time| millis(*time) <= end);
        let number = until - begin;
        let bar = "#".repeat((number * BAR).div_ceil(sorted.len()));
        if until > 0 {
            // A text takes all that is written to it.
            writeln!(text, "  <= {end:>8.1} ms {number:>7} {bar}").ok();
        }
        begin = until;
        end *= 2.0;
    }
    text
}
