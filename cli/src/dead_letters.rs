//! `offbound dead-letters`: records that could not be read, why, and reading them again.
//!
//! In: a store. Out: its dead letters, as a list or one by one; see `replay` for the reading again.
//! Owns: how a letter is shown. Law: what a letter holds passes the gate in tables and CSV, and is exact in JSON; memory
//! is bounded, however many there are.

mod letters;
mod list;
mod replay;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use offbound_schemas::table::DeadLetter;
use offbound_schemas::untrusted::safe;
use offbound_store::Store;
use serde::Serialize;

use crate::Context;
use crate::args::{DeadLettersArgs, DeadLettersCommand, Format, ListArgs, ShowLettersArgs};
use crate::config::format_or_table;
use crate::exit::{Done, Failure};
use crate::output::layout::pad;
use crate::output::{LIST_FORMATS, Look, Sink, Tone, count, json, supported};

/// Columns of a label on a letter's page.
const LABEL_COLUMNS: usize = 8;
/// Digits of a whole id.
const ID_DIGITS: usize = 32;

/// One dead letter, as JSON shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Row<'a> {
    event_id: String,
    source: &'a str,
    location: &'a str,
    reason: &'a str,
    detail: &'a str,
    parser: &'a str,
    length: u64,
    bytes: &'a str,
}

impl<'a> From<&'a DeadLetter> for Row<'a> {
    fn from(letter: &'a DeadLetter) -> Self {
        // What a letter keeps for being read again says nothing to a reader.
        let DeadLetter { event_id, source, location, reason, detail, parser, length, bytes, .. } = letter;
        let (event_id, length) = (event_id.to_string(), *length);
        Self { event_id, source, location, reason, detail, parser, length, bytes }
    }
}

/// Runs the command.
pub(crate) fn run(args: &DeadLettersArgs, context: &Context) -> Result<Done, Failure> {
    match &args.command {
        DeadLettersCommand::List(args) => list::run(args, context),
        DeadLettersCommand::Show(args) => show(args, context),
        DeadLettersCommand::Replay(args) => replay::run(args, context),
    }
}

/// The store's folder.
fn folder(option: Option<&Path>, context: &Context) -> Result<PathBuf, Failure> {
    context.config.store(option).ok_or_else(|| Failure::usage("name the store with --store DIR"))
}

fn show(args: &ShowLettersArgs, context: &Context) -> Result<Done, Failure> {
    let ShowLettersArgs { ids, store, list: ListArgs { format, out } } = args;
    let format = supported(format_or_table(*format), "dead-letters show", LIST_FORMATS)?;
    let store = Store::open(&folder(store.as_deref(), context)?)?;
    let letters: Vec<DeadLetter> = ids.iter().map(|id| find(&store, id)).collect::<Result<_, _>>()?;
    let mut sink = Sink::open(out.as_deref())?;
    let look = Look::of(context.common.color, sink.is_terminal());
    let rows: Vec<Row<'_>> = letters.iter().map(Row::from).collect();
    sink.write(|to| match format {
        Format::Json => json::write_line(&rows, to),
        _ => rows.iter().try_for_each(|row| write_page(row, look, to)),
    })?;
    Ok(Done::Clean)
}

/// The one letter whose id begins so.
fn find(store: &Store, id: &str) -> Result<DeadLetter, Failure> {
    let prefix = id.to_ascii_lowercase();
    let is_id =
        (1..=ID_DIGITS).contains(&prefix.len()) && prefix.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_id {
        return Err(Failure::usage(format!("{id:?} is no id: expected up to {ID_DIGITS} hex digits")));
    }
    let mut found = store.find_dead_letters(&prefix, 2)?;
    match (found.pop(), found.is_empty()) {
        (Some(letter), true) => Ok(letter),
        (Some(_), false) => {
            Err(Failure::usage(format!("several dead letters begin with {id}; give more digits of one")))
        }
        (None, _) => Err(Failure::usage(format!(
            "there is no dead letter {id}; `offbound dead-letters list` names them all"
        ))),
    }
}

fn write_page(row: &Row<'_>, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let Row { event_id, source, location, reason, detail, parser, length, bytes } = row;
    writeln!(to, "{}", look.paint.tone(Tone::Strong, event_id))?;
    let length = format!("{} bytes", count(*length));
    for (label, text) in [
        ("place", *location),
        ("source", source),
        ("reason", reason),
        ("detail", detail),
        ("parser", parser),
        ("length", length.as_str()),
    ] {
        writeln!(to, "{} {}", look.paint.tone(Tone::Dim, pad(label, LABEL_COLUMNS)), safe::line(text))?;
    }
    writeln!(to, "\n{}\n", safe::block(bytes.trim_end_matches('\n')))
}
