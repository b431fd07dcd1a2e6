//! `offbound store verify`: whether every byte is as it was written.
//!
//! In: a store. Out: each problem by name; with `--quarantine`, damaged segments put aside.
//! Law: a store with a problem is exit code 2, and the problems stand on standard output.

use std::io::{self, Write};

use offbound_schemas::untrusted::safe;
use offbound_store::{Checked, Quarantined, Store};
use serde::Serialize;

use super::{folder, writer};
use crate::Context;
use crate::args::Format;
use crate::args::store::VerifyStoreArgs;
use crate::config::format_or_table;
use crate::exit::{Done, Failure};
use crate::output::{LIST_FORMATS, Sink, count, json, megabytes, supported};

/// What was found, as JSON shows it.
#[derive(Debug, Serialize)]
struct Report {
    segments: u64,
    bytes: u64,
    problems: Vec<String>,
    quarantined: Vec<Aside>,
}

/// A segment that was put aside.
#[derive(Debug, Serialize)]
struct Aside {
    segment: String,
    problem: String,
    rows: Option<u64>,
    from: String,
    to: String,
}

impl From<Quarantined> for Aside {
    fn from(Quarantined { name, problem, gap }: Quarantined) -> Self {
        let (from, to) = (gap.from.to_string(), gap.to.to_string());
        Self { segment: name, problem, rows: gap.lost, from, to }
    }
}

/// Runs the command.
pub(super) fn run(args: &VerifyStoreArgs, context: &Context) -> Result<Done, Failure> {
    let VerifyStoreArgs { quarantine, store, list } = args;
    let format = supported(format_or_table(list.format), "store verify", LIST_FORMATS)?;
    let folder = folder(store.as_deref(), context)?;
    let quarantined = if *quarantine { writer(&folder)?.quarantine_damaged()? } else { Vec::new() };
    let Checked { segments, bytes, problems } = Store::open(&folder)?.check()?;
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let quarantined = quarantined.into_iter().map(Aside::from).collect();
    let report = Report { segments, bytes, problems, quarantined };
    let mut sink = Sink::open(list.out.as_deref())?;
    sink.write(|to| match format {
        Format::Json => json::write_line(&report, to),
        _ => write_text(&report, to),
    })?;
    if report.problems.is_empty() {
        return Ok(Done::Clean);
    }
    let number = count(report.problems.len() as u64);
    Err(Failure::could_not(format!(
        "{} has {number} problems: `offbound store verify --quarantine` puts damaged segments aside; restore the \
         database from a copy where that is damaged",
        folder.display()
    )))
}

fn write_text(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let Report { segments, bytes, problems, quarantined } = report;
    for Aside { segment, problem, rows, from, to: until } in quarantined {
        let rows = rows.map_or_else(|| "unknown".to_owned(), count);
        let problem = safe::line(problem);
        writeln!(to, "put aside segment {segment}: {problem} ({rows} rows, {from} to {until})")?;
    }
    problems.iter().try_for_each(|problem| writeln!(to, "{}", safe::line(problem)))?;
    let (segments, size) = (count(*segments), megabytes(*bytes));
    let verdict = if problems.is_empty() { "every byte is as it was written" } else { "not sound" };
    writeln!(to, "{segments} segments, {size}: {verdict}")
}
