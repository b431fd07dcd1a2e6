//! The selected cell in words: which lane and when, what was recorded, what was found, what could not be seen.

use super::super::facts;
use super::super::ink::{Ink, Line};
use super::super::words;
use super::lane::LaneRow;
use crate::port::{FindingRow, Mark, Span};
use crate::theme::Role;

/// The lines of a cell; `counted` says why its records are not counted.
pub(super) fn lines(row: &LaneRow, span: Span, cell: u32, counted: Result<(), &str>, room: u16) -> Vec<Line> {
    let mut lines = row.title(room);
    lines.push(when(span));
    lines.extend(row.marks(cell).map(mark_line));
    if row.is_recorded() {
        lines.push(recorded(row, cell, counted));
    }
    if let Some(found) = row.found(cell) {
        lines.extend(found.findings.iter().map(finding_line));
        if let Some(more) = found.count.checked_sub(found.findings.len() as u64).filter(|more| *more > 0) {
            lines.push(vec![Ink::number(more), Ink::fixed(" more findings begin here").role(Role::Dim)]);
        }
    }
    if row.is_unseen(cell) {
        for why in row.counts.iter().flat_map(|counts| &counts.why_unseen) {
            lines.push(vec![Ink::fixed("NOT OBSERVED ").role(Role::Doubt), Ink::outside(why)]);
        }
    }
    lines
}

fn when(span: Span) -> Line {
    vec![
        Ink::fixed("when").role(Role::Dim),
        facts::pad(facts::LABEL - 4),
        Ink::moment(span.from),
        Ink::fixed(" for ").role(Role::Dim),
        Ink::duration(span.nanos() as f64 / 1e9),
    ]
}

fn mark_line(mark: Mark) -> Line {
    let (text, role) = match mark {
        Mark::Onset => ("the incident began", Role::Bad),
        Mark::Failed => ("a control failed, or was not there", Role::Bad),
        Mark::Held => ("a control held", Role::Good),
        Mark::Contained => ("contained", Role::Good),
    };
    vec![Ink::fixed(text).role(role)]
}

fn recorded(row: &LaneRow, cell: u32, counted: Result<(), &str>) -> Line {
    let mut line = vec![Ink::fixed("recorded").role(Role::Dim), facts::pad(facts::LABEL - 8)];
    let count = match (row.count(cell), counted) {
        (Some(count), _) => count,
        (None, Ok(())) => {
            line.push(Ink::fixed("counting").role(Role::Dim));
            return line;
        }
        (None, Err(why)) => {
            line.extend([Ink::fixed("unknown: ").role(Role::Bad), Ink::outside(why)]);
            return line;
        }
    };
    line.push(Ink::count(count.records, "record", "records"));
    for (number, word) in [(count.issued, " issued"), (count.revoked, " revoked"), (count.denied, " refused")]
    {
        if number > 0 {
            line.extend([Ink::fixed("  "), Ink::number(number), Ink::fixed(word)]);
        }
    }
    line
}

fn finding_line(row: &FindingRow) -> Line {
    vec![
        words::severity(row.severity),
        Ink::fixed(" "),
        Ink::clock(row.first),
        Ink::fixed("  "),
        Ink::outside(&row.rule).role(Role::Strong),
        Ink::fixed("  "),
        Ink::outside(&row.title),
    ]
}
