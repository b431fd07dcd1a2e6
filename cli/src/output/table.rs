//! Results for people: findings by rule, a verdict block per incident, gaps, the account of what was read.
//!
//! In: results and a look. Out: lines no wider than the screen, where words allow.
//! Owns: words and layout. Leaves to `paint` the colours, to `layout` the wrapping.
//! Law: every outside string passes the gate; nothing is left out for want of room.

mod finding;
mod incident;
mod summary;

use std::io::{self, Write};

use offbound_schemas::EventTime;
use offbound_schemas::record::Gap;
use offbound_schemas::untrusted::safe;

use super::layout::{pad, wrap};
use super::{Look, Results, Tone};

pub(super) use summary::write_summary;
pub(crate) use summary::{count, megabytes, things};

/// Columns of a label in front of its text.
const LABEL_COLUMNS: usize = 15;

/// Writes everything.
pub(super) fn write(results: &Results, look: Look, to: &mut dyn Write) -> io::Result<()> {
    finding::write_all(&results.findings, look, to)?;
    for (index, incident) in results.incidents.iter().enumerate() {
        incident::write(incident, index + 1, results, look, to)?;
    }
    write_gaps(&results.gaps, look, to)?;
    write_summary(results, look, to)
}

fn write_gaps(gaps: &[Gap], look: Look, to: &mut dyn Write) -> io::Result<()> {
    if gaps.is_empty() {
        return Ok(());
    }
    writeln!(to, "{}", look.paint.tone(Tone::Strong, "GAPS (an absence in these stretches proves nothing)"))?;
    for gap in gaps {
        let lost = gap.lost.map_or_else(|| "unknown".into(), count);
        let text = format!("{}; lost: {lost}; {}", span(gap.from, gap.to), safe::line(&gap.reason));
        let label = format!("{} {}", safe::cell(&gap.source), safe::cell(&gap.scope));
        writeln!(to, "  {}", look.paint.tone(Tone::Warn, label))?;
        write_labelled("", &text, look, to)?;
    }
    writeln!(to)
}

/// A label and its text, wrapped beside it.
fn write_labelled(label: &str, text: &str, look: Look, to: &mut dyn Write) -> io::Result<()> {
    write_toned(label, Tone::Plain, text, look, to)
}

/// The same, with the text in a tone.
fn write_toned(label: &str, tone: Tone, text: &str, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let room = look.width.saturating_sub(LABEL_COLUMNS + 3);
    let mut label = pad(label, LABEL_COLUMNS);
    for line in wrap(text, room) {
        let line = look.paint.tone(tone, line);
        writeln!(to, "  {} {line}", look.paint.tone(Tone::Dim, label))?;
        label = " ".repeat(LABEL_COLUMNS);
    }
    Ok(())
}

/// A moment, without the zeros that say nothing.
fn moment(time: EventTime) -> String {
    let text = time.to_string();
    let text = text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
    format!("{}Z", text.replacen('T', " ", 1))
}

/// A stretch of time; one moment where both ends are the same.
fn span(from: EventTime, to: EventTime) -> String {
    if from == to { moment(from) } else { format!("{} to {}", moment(from), moment(to)) }
}

/// Outside strings, one after the other.
fn list(texts: &[String]) -> String {
    let shown: Vec<_> = texts.iter().map(|text| safe::cell(text)).collect();
    shown.join(", ")
}
