//! Lists for people and for programs: named columns, or one JSON array.
//!
//! In: rows of cells. Out: an aligned table, or an array of objects.
//! Owns: the look of a list. Law: cells pass the gate in the table, and are exact in JSON.

use std::io::{self, Write};

use offbound_schemas::untrusted::safe;
use serde::Serialize;

use crate::Context;
use crate::args::{Format, ListArgs};
use crate::config::format_or_table;
use crate::exit::{Done, Failure};
use crate::output::layout::{pad, width, wrap};
use crate::output::{LIST_FORMATS, Look, Sink, Tone, json, supported};

/// Spaces between two columns.
const GUTTER: &str = "  ";

/// A list: `rows` for programs, `header` and `cells` for people.
pub(crate) struct List<'a, T> {
    /// The command, as messages name it.
    pub(crate) command: &'a str,
    pub(crate) header: &'a [&'a str],
    pub(crate) rows: &'a [T],
    pub(crate) cells: fn(&T) -> Vec<String>,
    /// A line of its own below each row.
    pub(crate) below: Option<fn(&T) -> &str>,
}

/// Writes a list in the form that was asked for.
pub(crate) fn write<T: Serialize>(
    list: &List<'_, T>,
    args: &ListArgs,
    context: &Context,
) -> Result<Done, Failure> {
    let format = supported(format_or_table(args.format), list.command, LIST_FORMATS)?;
    let mut sink = Sink::open(args.out.as_deref())?;
    let look = Look::of(context.common.color, sink.is_terminal());
    sink.write(|to| match format {
        Format::Json => json::write_line(&list.rows, to),
        _ => write_table(list, look, to),
    })?;
    Ok(Done::Clean)
}

/// Aligned columns; the last one is wrapped.
fn write_table<T>(list: &List<'_, T>, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let shown = |row: &T| (list.cells)(row).iter().map(|cell| safe::line(cell).into_owned()).collect();
    let cells: Vec<Vec<String>> = list.rows.iter().map(shown).collect();
    let mut columns: Vec<usize> = list.header.iter().map(|name| width(name)).collect();
    for row in &cells {
        for (column, cell) in columns.iter_mut().zip(row) {
            *column = (*column).max(width(cell));
        }
    }
    let header: Vec<String> = list.header.iter().map(|name| (*name).to_owned()).collect();
    write_row(&header, &columns, Tone::Strong, look, to)?;
    for (row, cells) in list.rows.iter().zip(&cells) {
        write_row(cells, &columns, Tone::Plain, look, to)?;
        if let Some(below) = list.below {
            writeln!(to, "{GUTTER}{}", look.paint.tone(Tone::Dim, safe::line(below(row))))?;
        }
    }
    Ok(())
}

fn write_row(
    row: &[String],
    columns: &[usize],
    tone: Tone,
    look: Look,
    to: &mut dyn Write,
) -> io::Result<()> {
    let Some((last, first)) = row.split_last() else {
        return Ok(());
    };
    let padded: String =
        first.iter().zip(columns).map(|(cell, column)| format!("{}{GUTTER}", pad(cell, *column))).collect();
    let mut start = padded.clone();
    for line in wrap(last, look.width.saturating_sub(width(&padded))) {
        let text = format!("{start}{line}");
        writeln!(to, "{}", look.paint.tone(tone, text.trim_end()))?;
        start = " ".repeat(width(&padded));
    }
    Ok(())
}
