//! `offbound store export`: a table as a file that other programs read.
//!
//! In: a table's name and a stretch of time. Out: its rows as Parquet, NDJSON, JSON or CSV, in order.
//! Leaves to `hunt` reading and writing: an export is the question for everything.
//! Law: JSON and Parquet hold exact values; CSV and tables pass the gate.

use std::time::Duration;

use crate::Context;
use crate::args::store::ExportStoreArgs;
use crate::args::{Format, HuntArgs, ListArgs};
use crate::exit::{Done, Failure};
use crate::hunt;

/// An export takes as long as it takes: a year stands for ever.
const TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Bytes for tables that are held whole: facts and conclusions.
const MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// More rows than any store holds, and a number that SQL can still count.
const ALL_ROWS: u64 = 1 << 62;

/// Runs the command.
pub(super) fn run(args: &ExportStoreArgs, context: &Context) -> Result<Done, Failure> {
    let ExportStoreArgs { table, env, since, until, store, list: ListArgs { format, out } } = args;
    // The name becomes a part of a question: it is a word, or nothing.
    if table.is_empty() || !table.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
        return Err(Failure::usage(format!(
            "{table:?} is no table; `offbound hunt \"SHOW TABLES\"` lists them all"
        )));
    }
    let question = HuntArgs {
        sql: Some(format!("SELECT * FROM {table}")),
        file: None,
        store: store.clone(),
        env: env.clone(),
        since: *since,
        until: *until,
        format: Some(format.unwrap_or(Format::Ndjson)),
        out: out.clone(),
        max_rows: ALL_ROWS,
        timeout: TIMEOUT,
        memory: MEMORY_BYTES,
    };
    hunt::run(&question, context)
}
