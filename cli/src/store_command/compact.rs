//! `offbound store compact`: fewer, larger segments, and no older ones than are wanted.
//!
//! In: a store that nobody writes, an age, a size. Out: the same rows in less room, but those that may go.
//! Law: without --keep or --max-bytes no row goes.

use std::io::{self, Write};

use offbound_store::{Removed, Retention};
use serde::Serialize;

use super::{folder, writer};
use crate::Context;
use crate::args::Format;
use crate::args::store::CompactStoreArgs;
use crate::clock;
use crate::config::format_or_table;
use crate::exit::{Done, Failure};
use crate::output::{LIST_FORMATS, Sink, count, json, megabytes, supported};

/// What was done, as JSON shows it.
#[derive(Debug, Serialize)]
struct Report {
    removed_segments: u64,
    removed_rows: u64,
    removed_bytes: u64,
    merged_segments: u64,
    bytes_before: u64,
    bytes_after: u64,
}

/// Runs the command.
pub(super) fn run(args: &CompactStoreArgs, context: &Context) -> Result<Done, Failure> {
    let CompactStoreArgs { keep, max_bytes, store, list } = args;
    let format = supported(format_or_table(list.format), "store compact", LIST_FORMATS)?;
    let mut writer = writer(&folder(store.as_deref(), context)?)?;
    let before = writer.store().disk_use()?.total();
    let keep_from = keep.map(|age| clock::now().plus_nanos(age.saturating_neg()));
    let gone = writer.retain(&Retention { keep_from, max_bytes: *max_bytes })?;
    let Removed { segments: merged, .. } = writer.compact()?;
    let report = Report {
        removed_segments: gone.segments,
        removed_rows: gone.rows,
        removed_bytes: gone.bytes,
        merged_segments: merged,
        bytes_before: before,
        bytes_after: writer.store().disk_use()?.total(),
    };
    let mut sink = Sink::open(list.out.as_deref())?;
    sink.write(|to| match format {
        Format::Json => json::write_line(&report, to),
        _ => write_text(&report, to),
    })?;
    Ok(Done::Clean)
}

fn write_text(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let Report { removed_segments, removed_rows, removed_bytes, merged_segments, bytes_before, bytes_after } =
        report;
    let [segments, rows, merged] = [*removed_segments, *removed_rows, *merged_segments].map(count);
    let [size, before, after] = [*removed_bytes, *bytes_before, *bytes_after].map(megabytes);
    writeln!(to, "let go of {segments} segments ({rows} rows, {size}), merged {merged} others")?;
    writeln!(to, "{before} before, {after} now")
}
