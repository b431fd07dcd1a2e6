//! Options of `store`.
//!
//! In: the arguments of the process. Out: [`StoreArgs`]. Owns: how sizes and ages are typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use offbound_schemas::{EventTime, parse_duration_nanos};

use super::{ListArgs, parse_time};
use crate::size::scaled;

/// Options of `store`.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

/// What can be done with a store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Check every byte; exit code 2 names each damaged segment
    Verify(VerifyStoreArgs),
    /// Say what the store holds, from when to when, and how much room it takes
    Stats(StatsStoreArgs),
    /// Merge small segments, let go of old ones, and give unused space back
    Compact(CompactStoreArgs),
    /// Write a table to a file that other programs read: Parquet, NDJSON, JSON or CSV [default: NDJSON]
    Export(ExportStoreArgs),
}

/// Options of `store verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "A damaged segment stops every scan that meets it. --quarantine moves it to the folder \
quarantine/ of the store, records a gap where its events were, and the rest is used as before; reading the logs again \
brings the events back."
)]
pub(crate) struct VerifyStoreArgs {
    /// Put damaged segments aside; nobody else may be writing
    #[arg(long)]
    pub(crate) quarantine: bool,
    /// The store
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// Options of `store stats`.
#[derive(Debug, Args)]
pub(crate) struct StatsStoreArgs {
    /// The store
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// Options of `store compact`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  offbound store compact --store st
  offbound store compact --store st --keep 30d --max-bytes 50G
Whole segments go, the oldest first; findings, incidents, gaps and dead letters stay. Nobody else may be writing.")]
pub(crate) struct CompactStoreArgs {
    /// Let go of events that are older than this, such as 30d or 12h
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    pub(crate) keep: Option<i64>,
    /// Let go of the oldest events until segments take at most this, such as 50G or 500M
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) max_bytes: Option<u64>,
    /// The store
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// Options of `store export`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  offbound store export host_events --format parquet --out host_events.parquet --store st
  offbound store export findings --format csv --since 2026-03-01T00:00:00Z --store st
Tables are those of `offbound hunt`. Parquet and NDJSON hold exact values; CSV shows outside text through the gate.")]
pub(crate) struct ExportStoreArgs {
    /// The table
    #[arg(value_name = "TABLE")]
    pub(crate) table: String,
    /// Environment file, for tables of facts
    #[arg(long, value_name = "FILE")]
    pub(crate) env: Option<PathBuf>,
    /// Only events at or after this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) since: Option<EventTime>,
    /// Only events before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) until: Option<EventTime>,
    /// The store
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

fn parse_age(text: &str) -> Result<i64, String> {
    let nanos = parse_duration_nanos(text).filter(|nanos| *nanos >= 0);
    nanos.ok_or_else(|| "expected an age, such as 90s, 12h or 30d".to_owned())
}

/// A number of bytes; K, M, G and T are powers of 1,024.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let bytes = scaled(text, |unit| match unit {
        "" => Some(0),
        "K" => Some(10),
        "M" => Some(20),
        "G" => Some(30),
        "T" => Some(40),
        _ => None,
    });
    bytes.ok_or_else(|| "expected a number of bytes, such as 500M or 50G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: sizes, good and bad. Guarantees: units are scaled; nonsense and overflow are refused.
    #[test]
    fn sizes() {
        for (text, expected) in [("0", 0), ("17", 17), ("2K", 2048), ("3M", 3 << 20), ("1T", 1 << 40)] {
            assert_eq!(parse_bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "M", "-1", "1.5G", "1KB", "99999999999T", "1 G"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
