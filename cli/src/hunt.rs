//! `offbound hunt`: a question in SQL to the stored tables, answered without changing anything.
//!
//! In: SQL text, a store, bounds. Out: rows, as table, JSON, NDJSON, CSV or Parquet.
//! Owns: what a question may be, and how much it may cost. Leaves to DataFusion the planning and the joins.
//! Law: a question can neither change nor open anything but the store's tables; each bound has a name, and an error that
//! names it.

mod answer;
mod asker;
mod bounds;
mod describe;
mod fault;
mod functions;
mod keywords;
mod pushdown;
mod question;
mod session;
mod shape;
mod stored;
mod table;
mod tables;
mod worker;
mod write;

use std::path::PathBuf;

use crate::Context;
use crate::args::HuntArgs;
use crate::config::format_or_table;
use crate::exit::{Done, Failure, say};
use crate::interrupt::Interrupt;
use crate::judge::Window;
use crate::output::count;

use answer::Answer;
pub(crate) use asker::{Asker, Beginning, Room};
use bounds::Bounds;
pub(crate) use describe::{columns_of, in_words};
pub(crate) use fault::place_in;
pub(crate) use tables::{TABLES, Table};
use worker::{Told, Worker};
pub(crate) use write::{Cell, write_all};

/// Where the tables come from.
#[derive(Debug, Clone)]
struct Sources {
    /// The store's folder.
    store: Option<PathBuf>,
    /// The environment file, for the facts.
    environment: Option<PathBuf>,
    /// Which rows are asked for.
    window: Window,
    /// How much of the facts is held.
    facts: offbound_correlate::Bounds,
    interrupt: Interrupt,
}

impl Sources {
    /// The store's folder; without one, the user is asked for it.
    fn folder(&self) -> Result<&PathBuf, Failure> {
        self.store.as_ref().ok_or_else(|| Failure::usage("name the store with --store DIR"))
    }
}

/// Runs the command.
pub(crate) fn run(args: &HuntArgs, context: &Context) -> Result<Done, Failure> {
    let HuntArgs { sql, file, store, env, since, until, format, out, max_rows, timeout, memory } = args;
    let text = question::text(sql.as_deref(), file.as_deref())?;
    let format = format_or_table(*format);
    let mut answer = Answer::open(format, out.as_deref(), context.common.color)?;
    let bounds = Bounds { rows: *max_rows, timeout: *timeout, memory_bytes: *memory };
    let interrupt = Interrupt::listen();
    let sources = Sources {
        store: context.config.store(store.as_deref()),
        environment: context.config.environment(env.as_deref()),
        window: Window { since: *since, until: *until },
        facts: context.config.bounds(None, None)?,
        interrupt: interrupt.clone(),
    };
    // A panic of a thread is told once, in one line, by whoever waits for it.
    std::panic::set_hook(Box::new(|panic| tracing::debug!(%panic, "a thread of a hunt panicked")));
    let mut worker = Worker::begin(text, sources, bounds, interrupt)?;
    let mut room = *max_rows;
    while let Some(told) = worker.next()? {
        match told {
            Told::Columns(schema) => answer.begin(&schema)?,
            Told::Rows(batch) => {
                let rows = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX).min(room);
                answer.rows(&batch.slice(0, usize::try_from(rows).unwrap_or(usize::MAX)))?;
                if rows < u64::try_from(batch.num_rows()).unwrap_or(u64::MAX) {
                    tell_cut(*max_rows);
                    break;
                }
                room -= rows;
            }
        }
    }
    answer.end()?;
    Ok(Done::Clean)
}

/// Says, also with `--quiet`, that the answer is not all there is.
fn tell_cut(max_rows: u64) {
    let rows = count(max_rows);
    say("note", &format!("the answer is cut after {rows} rows; narrow the question, or raise --max-rows"));
}
