//! Results to text: one file per format.
//!
//! In: what a run concluded. Out: bytes on standard output or in a file, the same for the same input.
//! Owns: the list of formats and the order of records. Leaves to `exit` what happens when writing fails.
//! Law: table and CSV show outside text through the gate only; JSON carries exact values.

mod csv;
pub(crate) mod json;
pub(crate) mod layout;
mod ndjson;
mod paint;
mod sink;
mod table;

use std::io::{self, Write};

use offbound_schemas::record::{Finding, Gap, Incident, Summary};
use offbound_schemas::vocabulary::Severity;

use crate::args::Format;
use crate::exit::Failure;

pub(crate) use paint::{Look, Tone};
pub(crate) use sink::Sink;
pub(crate) use table::{count, megabytes, things};

/// What a run concluded, each list by first time, then id.
#[derive(Debug, Clone)]
pub(crate) struct Results {
    pub(crate) findings: Vec<Finding>,
    pub(crate) incidents: Vec<Incident>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) summary: Summary,
}

impl Results {
    /// Whether a finding stands at `severity` or above.
    pub(crate) fn any_at_least(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity >= severity)
    }
}

/// Refuses the formats that `command` does not write.
pub(crate) fn supported(format: Format, command: &str, offered: &[Format]) -> Result<Format, Failure> {
    if offered.contains(&format) {
        return Ok(format);
    }
    let offered: Vec<&str> = offered.iter().map(|format| name(*format)).collect();
    let message =
        format!("`{command}` does not offer --format {} yet; it offers {}", name(format), offered.join(", "));
    Err(Failure::usage(message))
}

/// Formats of findings and incidents.
pub(crate) const RESULT_FORMATS: &[Format] = &[Format::Table, Format::Json, Format::Ndjson, Format::Csv];
/// Formats of lists.
pub(crate) const LIST_FORMATS: &[Format] = &[Format::Table, Format::Json];

fn name(format: Format) -> &'static str {
    match format {
        Format::Table => "table",
        Format::Json => "json",
        Format::Ndjson => "ndjson",
        Format::Csv => "csv",
        Format::Parquet => "parquet",
    }
}

/// Writes results in one of [`RESULT_FORMATS`].
pub(crate) fn write(results: &Results, format: Format, look: Look, to: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => table::write(results, look, to),
        Format::Json => json::write(results, to),
        Format::Ndjson | Format::Parquet => ndjson::write(results, to),
        Format::Csv => csv::write(&results.findings, to),
    }
}

/// The summary for people, on its own: for standard error beside a machine format that has none.
pub(crate) fn write_summary(results: &Results, look: Look, to: &mut dyn Write) -> io::Result<()> {
    table::write_summary(results, look, to)
}

#[cfg(test)]
mod tests;
