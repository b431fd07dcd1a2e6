//! `offbound formats`: every log format that is recognised.
//!
//! In: the formats that `ingest` knows. Out: a table, or JSON with one made-up sample line each.
//! Law: the list is the one that recognition itself goes by.

use offbound_ingest::Formats;
use serde::Serialize;

use crate::Context;
use crate::args::ListArgs;
use crate::exit::{Done, Failure};
use crate::listing::{self, List};

/// One format, as `--format json` shows it.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: &'a str,
    title: &'a str,
    fills: &'a [&'static str],
    sample: &'a str,
}

/// Lists the formats.
pub(crate) fn run(args: &ListArgs, context: &Context) -> Result<Done, Failure> {
    let formats = Formats::default();
    let rows: Vec<Row<'_>> = formats
        .iter()
        .map(|format| Row {
            id: format.id(),
            title: format.title(),
            fills: format.fills(),
            sample: format.sample(),
        })
        .collect();
    let list = List {
        command: "formats",
        header: &["FORMAT", "FILLS", "WRITTEN BY (and a sample line below)"],
        rows: &rows,
        cells: |row| vec![row.id.into(), row.fills.join(", "), row.title.into()],
        below: Some(|row| row.sample),
    };
    listing::write(&list, args, context)
}
