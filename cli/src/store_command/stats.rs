//! `offbound store stats`: what a store holds.
//!
//! In: a store, also one that is being written. Out: tables, conclusions, offsets, room on disk.
//! Law: nothing is read but the manifest and the tallies, so that it takes no time on a store of any size.

use std::io::{self, Write};

use offbound_schemas::untrusted::safe;
use offbound_store::{DiskUse, PartitionOffset, Store, TableContents};
use serde::Serialize;

use super::folder;
use crate::Context;
use crate::args::Format;
use crate::args::store::StatsStoreArgs;
use crate::config::format_or_table;
use crate::exit::{Done, Failure};
use crate::output::layout::pad;
use crate::output::{LIST_FORMATS, Look, Sink, Tone, count, json, megabytes, supported, things};

/// Columns of a table's name, and of a number.
const NAME_COLUMNS: usize = 20;
const NUMBER_COLUMNS: usize = 14;

/// What a store holds, as JSON shows it.
#[derive(Debug, Serialize)]
struct Stats {
    path: String,
    commits: u64,
    tables: Vec<TableStats>,
    findings: u64,
    incidents: u64,
    gaps: u64,
    dead_letters: u64,
    outbox: u64,
    offsets: Vec<PartitionOffset>,
    watermark: Option<String>,
    oldest: Option<String>,
    newest: Option<String>,
    database_bytes: u64,
    segment_bytes: u64,
    quarantine_bytes: u64,
    total_bytes: u64,
}

/// What it holds of one event table.
#[derive(Debug, Serialize)]
struct TableStats {
    table: &'static str,
    segments: u64,
    rows: u64,
    bytes: u64,
    oldest: Option<String>,
    newest: Option<String>,
}

impl From<TableContents> for TableStats {
    fn from(contents: TableContents) -> Self {
        let TableContents { table, segments, rows, bytes, span } = contents;
        let (oldest, newest) = span.map(|(from, to)| (from.to_string(), to.to_string())).unzip();
        Self { table: table.name(), segments, rows, bytes, oldest, newest }
    }
}

/// Runs the command.
pub(super) fn run(args: &StatsStoreArgs, context: &Context) -> Result<Done, Failure> {
    let StatsStoreArgs { store, list } = args;
    let format = supported(format_or_table(list.format), "store stats", LIST_FORMATS)?;
    let stats = gather(&Store::open(&folder(store.as_deref(), context)?)?)?;
    let mut sink = Sink::open(list.out.as_deref())?;
    let look = Look::of(context.common.color, sink.is_terminal());
    sink.write(|to| match format {
        Format::Json => json::write_line(&stats, to),
        _ => write_text(&stats, look, to),
    })?;
    Ok(Done::Clean)
}

fn gather(store: &Store) -> Result<Stats, Failure> {
    let contents = store.contents()?;
    let spans = || contents.iter().filter_map(|table| table.span);
    let (oldest, newest) = (spans().map(|span| span.0).min(), spans().map(|span| span.1).max());
    let disk = store.disk_use()?;
    let DiskUse { database, segments, quarantine } = disk;
    let counts = store.conclusion_counts()?;
    Ok(Stats {
        path: store.path().display().to_string(),
        commits: store.version()?,
        findings: counts.findings,
        incidents: counts.incidents,
        gaps: counts.gaps,
        dead_letters: store.dead_letter_count()?,
        outbox: store.outbox_len()?,
        offsets: store.offsets()?,
        watermark: store.watermark()?.map(|moment| moment.to_string()),
        oldest: oldest.map(|moment| moment.to_string()),
        newest: newest.map(|moment| moment.to_string()),
        database_bytes: database,
        segment_bytes: segments,
        quarantine_bytes: quarantine,
        total_bytes: disk.total(),
        tables: contents.into_iter().map(TableStats::from).collect(),
    })
}

fn write_text(stats: &Stats, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let line = |cells: [&str; 5]| {
        let [name, segments, rows, bytes, span] = cells;
        let numbers: String = [segments, rows, bytes].map(|cell| format!("{cell:>NUMBER_COLUMNS$}")).concat();
        format!("{}{numbers}  {span}", pad(name, NAME_COLUMNS))
    };
    let header = line(["TABLE", "SEGMENTS", "ROWS", "BYTES", "FROM AND TO"]);
    writeln!(to, "{}", look.paint.tone(Tone::Strong, header.trim_end()))?;
    for TableStats { table, segments, rows, bytes, oldest, newest } in &stats.tables {
        let span = oldest.as_ref().zip(newest.as_ref());
        let span = span.map(|(oldest, newest)| format!("{oldest}  {newest}")).unwrap_or_default();
        let text = line([table, &count(*segments), &count(*rows), &count(*bytes), &span]);
        writeln!(to, "{}", text.trim_end())?;
    }
    let concluded = [
        things(stats.findings, "finding"),
        things(stats.incidents, "incident"),
        things(stats.gaps, "gap"),
        things(stats.dead_letters, "dead letter"),
    ];
    writeln!(to, "\n{}", concluded.join(", "))?;
    let (waiting, commits) = (things(stats.outbox, "item"), things(stats.commits, "commit"));
    writeln!(to, "{waiting} in the outbox, {commits}")?;
    if let Some(watermark) = &stats.watermark {
        writeln!(to, "watermark {watermark}")?;
    }
    for PartitionOffset { topic, partition, next } in &stats.offsets {
        writeln!(
            to,
            "offset {} of topic {}, partition {partition}",
            count((*next).cast_unsigned()),
            safe::line(topic)
        )?;
    }
    let parts = [stats.total_bytes, stats.segment_bytes, stats.database_bytes, stats.quarantine_bytes];
    let [total, segments, database, quarantine] = parts.map(megabytes);
    let path = safe::line(&stats.path);
    writeln!(to, "{total} in {path}: segments {segments}, database {database}, quarantine {quarantine}")
}
