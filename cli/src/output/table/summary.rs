//! The account of a run: what was read, decoded, skipped, unreadable, and what came of it.
//!
//! In: a summary. Out: a few lines. Owns: its words.
//! Law FLOW-1: the numbers shown add up, in total and per source.

use std::collections::BTreeMap;
use std::io::{self, Write};

use offbound_schemas::record::{SourceCount, Summary};
use offbound_schemas::untrusted::safe;

use super::super::layout::{pad, width, wrap};
use super::super::{Look, Results, Tone};
use super::{moment, write_labelled, write_toned};

/// Widest column of locations, in columns; longer ones get lines of their own.
const MAX_LOCATION_COLUMNS: usize = 48;
/// Columns of the rest of such a line: format, read, decoded, and what stands between them.
const COUNT_COLUMNS: usize = 55;
/// Columns of a format's name.
const FORMAT_COLUMNS: usize = 16;

/// Writes the summary.
pub(in super::super) fn write_summary(results: &Results, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let summary = &results.summary;
    writeln!(to, "{}", look.paint.tone(Tone::Strong, "SUMMARY"))?;
    write_labelled("read", &totals(summary), look, to)?;
    if let (Some(from), Some(until)) = (summary.from, summary.to) {
        write_labelled("events", &format!("{} to {}", moment(from), moment(until)), look, to)?;
    }
    if summary.late > 0 {
        write_labelled(
            "late",
            &format!("{} records beyond the lateness bound", count(summary.late)),
            look,
            to,
        )?;
    }
    write_labelled("findings", &findings(summary), look, to)?;
    write_labelled("incidents", &named(&summary.incidents, "none"), look, to)?;
    let columns = summary.sources.iter().map(|source| width(&safe::cell(&source.location)));
    let columns =
        columns.max().unwrap_or(0).min(MAX_LOCATION_COLUMNS).min(look.width.saturating_sub(COUNT_COLUMNS));
    for source in &summary.sources {
        write_source(source, columns, look, to)?;
    }
    Ok(())
}

fn totals(summary: &Summary) -> String {
    format!(
        "{} records, {}: {} decoded, {} skipped{}, {} unreadable{}",
        count(summary.read),
        megabytes(summary.bytes),
        count(summary.decoded),
        count(summary.skipped.values().sum()),
        details(&summary.skipped),
        count(summary.dead_lettered.values().sum()),
        details(&summary.dead_lettered),
    )
}

fn write_source(source: &SourceCount, columns: usize, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let SourceCount { location, format, read, decoded, skipped, dead_lettered, unmapped } = source;
    let mut location = safe::cell(location).into_owned();
    if width(&location) > columns {
        for line in wrap(&location, look.width.saturating_sub(2)) {
            writeln!(to, "  {line}")?;
        }
        location.clear();
    }
    writeln!(
        to,
        "  {}  {}  {:>9} read  {:>9} decoded",
        pad(&location, columns),
        pad(&safe::cell(format), FORMAT_COLUMNS),
        count(*read),
        count(*decoded)
    )?;
    if !skipped.is_empty() {
        write_labelled("", &format!("skipped: {}", named(skipped, "")), look, to)?;
    }
    if !dead_lettered.is_empty() {
        write_toned("", Tone::Warn, &format!("unreadable: {}", named(dead_lettered, "")), look, to)?;
    }
    if look.details && !unmapped.is_empty() {
        write_labelled("", &format!("unknown fields: {}", named(unmapped, "")), look, to)?;
    }
    Ok(())
}

fn details(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() { String::new() } else { format!(" ({})", named(counts, "")) }
}

fn named(counts: &BTreeMap<String, u64>, none: &str) -> String {
    if counts.is_empty() {
        return none.to_owned();
    }
    let parts: Vec<String> =
        counts.iter().map(|(name, number)| format!("{} {}", count(*number), safe::cell(name))).collect();
    parts.join(", ")
}

fn findings(summary: &Summary) -> String {
    let parts: Vec<String> = summary
        .findings
        .iter()
        .flat_map(|(rule, severities)| {
            severities
                .iter()
                .map(move |(severity, number)| format!("{} {} {severity}", count(*number), safe::cell(rule)))
        })
        .collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}

/// A number of things of that name.
pub(crate) fn things(number: u64, name: &str) -> String {
    format!("{} {name}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A number with separators between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as mebibytes, or as they are when few.
pub(crate) fn megabytes(bytes: u64) -> String {
    const MEBIBYTE: u64 = 1024 * 1024;
    if bytes < MEBIBYTE {
        return format!("{} bytes", count(bytes));
    }
    let tenths = bytes.saturating_mul(10) / MEBIBYTE;
    format!("{}.{} MiB", count(tenths / 10), tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: numbers of several sizes. Guarantees: separators stand between thousands.
    #[test]
    fn numbers_read_well() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), expected);
        }
        assert_eq!(megabytes(73_400_320), "70.0 MiB");
        assert_eq!(megabytes(1_000), "1,000 bytes");
    }
}
