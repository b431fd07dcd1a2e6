//! `offbound formats --check FILE`: what a mapping file is worth before it is used.
//!
//! In: a mapping file, and a log. Out: that it is sound, or every fault with its line (exit 3); of the log, the rows of
//! the first records, and why others are none. Owns: how a row is shown. Nothing is stored.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use offbound_ingest::{FingerprintKey, FormatRef, Formats, IngestOptions, IngestSink, expand, read_input};
use offbound_schemas::table::{DeadLetter, host_events};
use offbound_schemas::untrusted::safe;
use offbound_schemas::{EventBatch, cell_text};

use crate::args::FormatsArgs;
use crate::exit::{Done, Failure};
use crate::output::layout::pad;
use crate::output::{Look, Sink, Tone, count};
use crate::{Context, key, mappings};

/// Rows and unreadable records that are shown: enough to see, few enough to read.
const MAX_SHOWN: usize = 5;
/// Columns of a column's name.
const NAME_COLUMNS: usize = 22;
/// Columns that say nothing about a mapping.
const UNSHOWN: &[&str] =
    &[host_events::column::event_id, host_events::column::source, host_events::column::raw];

/// Checks one mapping file.
pub(super) fn run(file: &Path, args: &FormatsArgs, context: &Context) -> Result<Done, Failure> {
    let formats =
        Formats::with(vec![mappings::mapping(file)?]).map_err(|error| Failure::usage(error.to_string()))?;
    let mut sink = Sink::open(args.list.out.as_deref())?;
    let look = Look::of(context.common.color, sink.is_terminal());
    let mapped = formats.iter().filter(|format| matches!(format, FormatRef::Mapped(_)));
    for format in mapped {
        let (id, fills, known_by) = (format.id(), format.fills().join(", "), format.known_by());
        let origin = file.display().to_string();
        sink.write(|to| {
            writeln!(to, "{}: sound: {id} fills {fills}, recognised by {known_by}", safe::line(&origin))
        })?;
    }
    if let Some(log) = &args.sample {
        let shown = trial(log, &formats)?;
        sink.write(|to| write(&shown, look, to))?;
    }
    Ok(Done::Clean)
}

/// What the first records of a log give.
#[derive(Debug, Default)]
struct Trial {
    rows: Vec<Vec<(String, String)>>,
    letters: Vec<String>,
    read: u64,
    decoded: u64,
}

impl IngestSink for Trial {
    fn rows(&mut self, rows: EventBatch) -> ControlFlow<()> {
        let EventBatch { host_events, identity_assertions, placements } = rows;
        for batch in [host_events, identity_assertions, placements] {
            let schema = batch.schema();
            for row in 0..batch.num_rows().min(MAX_SHOWN.saturating_sub(self.rows.len())) {
                let columns = schema.fields().iter().zip(batch.columns());
                let shown = columns.filter(|(field, _)| !UNSHOWN.contains(&field.name().as_str()));
                let cells =
                    shown.filter_map(|(field, array)| Some((field.name().clone(), cell_text(array, row)?)));
                self.rows.push(cells.collect());
            }
        }
        if self.rows.len() < MAX_SHOWN { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        if self.letters.len() < MAX_SHOWN {
            let DeadLetter { location, reason, detail, bytes, .. } = letter;
            self.letters.push(format!("{location}: {reason}: {detail}\n{bytes}"));
        }
    }

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

fn trial(log: &str, formats: &Formats) -> Result<Trial, Failure> {
    let (inputs, errors) = expand(&[log.to_owned()]);
    if let Some(error) = errors.first() {
        return Err(Failure::could_not(error.to_string()));
    }
    let key = FingerprintKey::new(&key::of_installation()?);
    let options = IngestOptions { formats: formats.clone(), sources: Vec::new(), key };
    let mut trial = Trial::default();
    for input in inputs {
        let read = read_input(&input, &options, &mut trial)
            .map_err(|error| Failure::could_not(error.to_string()))?;
        trial.read += read.count.read;
        trial.decoded += read.count.decoded;
        let why = |letter: &mut String| explain(letter, formats);
        trial.letters.iter_mut().for_each(why);
    }
    Ok(trial)
}

/// Puts, in the place of the record's text, why the mapping does not know it.
fn explain(letter: &mut String, formats: &Formats) {
    let Some((told, text)) = letter.split_once('\n') else { return };
    let why = formats.iter().find_map(|format| match format {
        FormatRef::Mapped(mapping) if told.contains("unknown-format") => mapping.stranger(text),
        _ => None,
    });
    *letter = why.map_or_else(|| told.to_owned(), |why| format!("{told}; {why}"));
}

fn write(trial: &Trial, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let Trial { rows, letters, read, decoded } = trial;
    writeln!(to, "{} of {} records decoded so far; the first rows:", count(*decoded), count(*read))?;
    for row in rows {
        writeln!(to)?;
        for (name, value) in row {
            let name = look.paint.tone(Tone::Dim, pad(name, NAME_COLUMNS));
            writeln!(to, "  {name}  {}", safe::line(value))?;
        }
    }
    for letter in letters {
        writeln!(to, "\nnot read: {}", safe::line(letter))?;
    }
    Ok(())
}
