//! `offbound formats`: every log format that is recognised, and the checking of mapping files.
//!
//! In: the formats that `ingest` knows, and mapping files. Out: a table, or JSON, with one made-up sample line each;
//! with `--check` what is wrong with a mapping file, with `--sample` what it makes of a log.
//! Law: the list is the one that recognition itself goes by.

use offbound_ingest::{FormatRef, Formats};
use serde::Serialize;

use crate::args::{FormatsArgs, ListArgs};
use crate::exit::{Done, Failure};
use crate::listing::{self, List};
use crate::{Context, mappings};

mod check;

/// One format, as `--format json` shows it.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    title: String,
    fills: Vec<&'static str>,
    recognised_by: String,
    sample: String,
}

/// Runs the command.
pub(crate) fn run(args: &FormatsArgs, context: &Context) -> Result<Done, Failure> {
    match &args.check {
        Some(file) => check::run(file, args, context),
        None => list(&mappings::formats(&context.config.formats(&args.formats))?, &args.list, context),
    }
}

impl From<FormatRef<'_>> for Row {
    fn from(format: FormatRef<'_>) -> Self {
        Self {
            id: format.id().to_owned(),
            title: format.title().to_owned(),
            fills: format.fills().to_vec(),
            recognised_by: format.known_by(),
            sample: format.sample().to_owned(),
        }
    }
}

/// Lists the formats.
fn list(formats: &Formats, args: &ListArgs, context: &Context) -> Result<Done, Failure> {
    let rows: Vec<Row> = formats.iter().map(Row::from).collect();
    let list = List {
        command: "formats",
        header: &["FORMAT", "FILLS", "WRITTEN BY, recognised by (and a sample line below)"],
        rows: &rows,
        cells: |row| {
            let told = format!("{}; by {}", row.title, row.recognised_by);
            vec![row.id.clone(), row.fills.join(", "), told]
        },
        below: Some(|row| &row.sample),
    };
    listing::write(&list, args, context)
}
