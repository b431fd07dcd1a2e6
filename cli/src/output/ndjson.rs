//! One JSON object a line: findings, incidents and gaps by first time, then id; the summary last.
//!
//! In: results. Out: `offbound.finding/1`, `offbound.incident/1`, `offbound.gap/1`, `offbound.summary/1`.
//! Owns: the order of the lines. Law: two runs on the same input print the same bytes.

use std::io::{self, Write};

use offbound_schemas::EventTime;
use offbound_schemas::record::{Finding, Gap, Incident};

use super::{Results, json};

/// A line, before it is written.
enum Line<'a> {
    Finding(&'a Finding),
    Incident(&'a Incident),
    Gap(&'a Gap),
}

impl Line<'_> {
    /// First time, then id. A gap has no id: what tells gaps apart stands in for it.
    fn key(&self) -> (EventTime, String) {
        match self {
            Self::Finding(finding) => (finding.first_time, finding.id.to_string()),
            Self::Incident(incident) => (incident.onset, incident.id.to_string()),
            Self::Gap(gap) => {
                (gap.from, format!("{}\0{}\0{}\0{}", gap.source, gap.scope, gap.to, gap.reason))
            }
        }
    }
}

/// Writes every record, and the summary last.
pub(super) fn write(results: &Results, to: &mut dyn Write) -> io::Result<()> {
    let Results { findings, incidents, gaps, summary } = results;
    let mut lines: Vec<Line<'_>> = findings.iter().map(Line::Finding).collect();
    lines.extend(incidents.iter().map(Line::Incident));
    lines.extend(gaps.iter().map(Line::Gap));
    lines.sort_by_cached_key(Line::key);
    for line in &lines {
        match line {
            Line::Finding(finding) => json::write_line(finding, to)?,
            Line::Incident(incident) => json::write_line(incident, to)?,
            Line::Gap(gap) => json::write_line(gap, to)?,
        }
    }
    json::write_line(summary, to)
}
