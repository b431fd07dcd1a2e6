//! `offbound dead-letters list`: a line per letter, and how many there are of each reason and source.
//!
//! In: a store and a filter. Out: table, JSON, NDJSON or CSV. Owns: the columns of the list.
//! Law: letters go out as they are read, so that any number of them can be listed.

use std::collections::BTreeMap;
use std::io::{self, Write};

use offbound_schemas::table::DeadLetter;
use offbound_schemas::table::dead_letters::column;
use offbound_schemas::untrusted::safe;
use offbound_store::{LetterCount, LetterFilter, Store};

use super::letters::Letters;
use super::{Row, folder};
use crate::Context;
use crate::args::{Format, ListLettersArgs};
use crate::config::format_or_table;
use crate::exit::{Done, Failure};
use crate::output::layout::{pad, width};
use crate::output::{Look, RESULT_FORMATS, Sink, Tone, count, json, supported};

/// Digits of an id in the table: enough to name one letter of a million.
const SHOWN_DIGITS: usize = 12;
/// Spaces between two columns.
const GUTTER: &str = "  ";
/// Columns of the CSV, in the order of [`write_csv`].
const CSV_COLUMNS: [&str; 8] = [
    column::event_id,
    column::source,
    column::location,
    column::reason,
    column::detail,
    column::parser,
    column::length,
    column::bytes,
];

/// Widths of the table's columns.
struct Widths {
    reason: usize,
    source: usize,
}

/// Runs the command.
pub(super) fn run(args: &ListLettersArgs, context: &Context) -> Result<Done, Failure> {
    let ListLettersArgs { reason, source, store, list } = args;
    let format = supported(format_or_table(list.format), "dead-letters list", RESULT_FORMATS)?;
    let store = Store::open(&folder(store.as_deref(), context)?)?;
    let filter = LetterFilter { reason: reason.clone(), source: source.clone() };
    let counts = store.dead_letter_counts(&filter)?;
    let mut sink = Sink::open(list.out.as_deref())?;
    let look = Look::of(context.common.color, sink.is_terminal());
    let widths = Widths::of(&counts);
    sink.write(|to| write_head(format, &widths, look, to))?;
    let mut letters = Letters::new(&store, &filter);
    let mut is_first = true;
    while let Some(letter) = letters.next()? {
        sink.write(|to| match format {
            Format::Json if is_first => json::write_line(&Row::from(&letter), to),
            Format::Json => {
                write!(to, ",")?;
                json::write_line(&Row::from(&letter), to)
            }
            Format::Ndjson => json::write_line(&Row::from(&letter), to),
            Format::Csv => write_csv(&letter, to),
            Format::Table | Format::Parquet => write_letter(&letter, &widths, to),
        })?;
        is_first = false;
    }
    sink.write(|to| match format {
        Format::Json => writeln!(to, "]"),
        Format::Table => write_foot(&counts, look, to),
        _ => Ok(()),
    })?;
    Ok(Done::Clean)
}

impl Widths {
    fn of(counts: &[LetterCount]) -> Self {
        let widest = |name: &str, text: fn(&LetterCount) -> &str| {
            let widths = counts.iter().map(|count| width(&safe::cell(text(count))));
            widths.max().unwrap_or_default().max(name.len())
        };
        Self {
            reason: widest("REASON", |count| &count.reason),
            source: widest("SOURCE", |count| &count.source),
        }
    }

    fn line(&self, id: &str, reason: &str, source: &str, place: &str) -> String {
        let (reason, source) = (safe::cell(reason), safe::cell(source));
        let (id, reason) = (pad(id, SHOWN_DIGITS), pad(&reason, self.reason));
        let source = pad(&source, self.source);
        format!("{id}{GUTTER}{reason}{GUTTER}{source}{GUTTER}{}", safe::cell(place))
    }
}

fn write_head(format: Format, widths: &Widths, look: Look, to: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Json => write!(to, "["),
        Format::Csv => write!(to, "{}\r\n", CSV_COLUMNS.join(",")),
        Format::Table => {
            let header = widths.line("ID", "REASON", "SOURCE", "PLACE");
            writeln!(to, "{}", look.paint.tone(Tone::Strong, header))
        }
        Format::Ndjson | Format::Parquet => Ok(()),
    }
}

fn write_letter(letter: &DeadLetter, widths: &Widths, to: &mut dyn Write) -> io::Result<()> {
    let id = letter.event_id.to_string();
    let id = id.get(..SHOWN_DIGITS).unwrap_or(&id);
    writeln!(to, "{}", widths.line(id, &letter.reason, &letter.source, &letter.location))
}

fn write_csv(letter: &DeadLetter, to: &mut dyn Write) -> io::Result<()> {
    let Row { event_id, source, location, reason, detail, parser, length, bytes } = Row::from(letter);
    let length = length.to_string();
    let cells = [event_id.as_str(), source, location, reason, detail, parser, &length, bytes];
    write!(to, "{}\r\n", cells.map(|cell| safe::csv_cell(cell).into_owned()).join(","))
}

fn write_foot(counts: &[LetterCount], look: Look, to: &mut dyn Write) -> io::Result<()> {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    let mut sources: BTreeMap<&str, u64> = BTreeMap::new();
    for LetterCount { reason, source, count } in counts {
        *reasons.entry(reason).or_default() += count;
        *sources.entry(source).or_default() += count;
    }
    let total = format!("{} dead letters", count(reasons.values().sum()));
    writeln!(to, "\n{}", look.paint.tone(Tone::Strong, total))?;
    for (label, numbers) in [("reasons", reasons), ("sources", sources)] {
        let named = numbers.iter().map(|(name, number)| format!("{} {}", count(*number), safe::cell(name)));
        let named: Vec<String> = named.collect();
        if !named.is_empty() {
            writeln!(to, "{} {}", look.paint.tone(Tone::Dim, label), named.join(", "))?;
        }
    }
    Ok(())
}
