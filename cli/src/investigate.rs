//! `offbound investigate`: the terminal UI over a store, or over files replayed into a temporary one.
//!
//! In: a store. Out: answers to what the screens ask. Owns: how an answer is found.
//! Leaves to `tui` the screens, to `store` the records. Law: a question changes nothing.

mod archive;
mod console;
mod followed;

use std::env;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use offbound_schemas::EventId;
use offbound_schemas::record::Finding;
use offbound_schemas::vocabulary::FindingState;
use offbound_store::{Conclusions, Store, StoredRecord};
use offbound_tui::{EvidenceRecord, Header, Options, PortError, Recorded, Start, TuiError};

use crate::Context;
use crate::args::InvestigateArgs;
use crate::exit::{Done, Failure};
use crate::hunt;
use crate::judge;
use crate::output::Look;
use crate::read::Material;
use crate::replay::{Keep, replay};

/// Runs the command.
pub(crate) fn run(args: &InvestigateArgs, context: &Context) -> Result<Done, Failure> {
    if !(io::stdout().is_terminal() && io::stdin().is_terminal()) {
        return Err(Failure::could_not(
            "investigate needs a terminal on standard input and output; `offbound replay` prints the same results",
        ));
    }
    if args.paths.is_empty() {
        let store = context.config.store(args.store.as_deref());
        let folder = store.ok_or_else(|| Failure::usage("name log files, or a store with --store DIR"))?;
        let environment = context.config.environment(args.input.env.as_deref());
        open(&folder, &folder.display().to_string(), environment, Start::default(), context)?;
        return Ok(Done::Clean);
    }
    let input = context.config.input(&args.input);
    let environment_file = judge::environment_file(input.env.as_deref(), &args.paths, context.common.quiet);
    let environment = judge::environment(environment_file.as_deref())?;
    let replay = replay(
        Material::Paths(&args.paths, environment_file.as_deref()),
        &input,
        environment,
        Keep::Session,
        context,
    )?;
    let title = args.paths.join(" ");
    open(replay.writer.store().path(), &title, environment_file, Start::default(), context)?;
    match replay.unreadable {
        Some(message) if input.strict => Err(Failure::could_not(message)),
        _ => Ok(Done::Clean),
    }
}

/// Opens the terminal UI over the store in `folder`.
pub(crate) fn open(
    folder: &Path,
    title: &str,
    environment: Option<PathBuf>,
    start: Start,
    context: &Context,
) -> Result<(), Failure> {
    let investigation = followed::Followed::open(folder, title)?;
    let bounds = context.config.bounds(None, None)?;
    let archive = archive::Archived::of(folder, environment.clone(), bounds);
    let console = console::Asked::of(folder, environment, bounds);
    let options = options(start, context);
    let ports = (Box::new(investigation), Box::new(archive), Box::new(console));
    offbound_tui::run(ports.0, ports.1, ports.2, options).map_err(|error: TuiError| {
        Failure::could_not(format!(
            "the terminal UI stopped: {error}; `offbound replay` prints the same results"
        ))
    })
}

/// Why there is no answer, and what somebody at a screen can do: options of a command are not among it.
fn told(failure: Failure) -> PortError {
    match failure {
        Failure::Bound { what, option } => {
            PortError::new(format!("{what}; `offbound hunt` takes a larger {option}"))
        }
        failure => {
            let what = failure.to_string();
            PortError { place: hunt::place_in(&what), what }
        }
    }
}

fn options(start: Start, context: &Context) -> Options {
    Options { color: Look::of(context.common.color, true).paint.is_on(), unicode: draws_unicode(), start }
}

/// Whether the locale says that the terminal shows more than ASCII.
fn draws_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| env::var(name).ok().filter(|it| !it.is_empty()));
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Conclusions in memory; records are looked up as they are asked for. A store with positions belongs to a stream.
fn recorded(store: Store, title: &str) -> Result<Recorded, Failure> {
    let Conclusions { findings, incidents, gaps, summary } = store.conclusions()?;
    let findings: Vec<Finding> =
        findings.into_iter().filter(|finding| finding.state != FindingState::Withdrawn).collect();
    let header = Header {
        title: title.to_owned(),
        from: summary.as_ref().and_then(|summary| summary.from),
        to: summary.as_ref().and_then(|summary| summary.to),
        records: summary.as_ref().map_or(0, |summary| summary.read),
        findings: findings.len() as u64,
        incidents: incidents.len() as u64,
        live: !store.offsets()?.is_empty(),
    };
    let sources = store.sources()?;
    let record = Box::new(move |id: EventId| {
        let found = store.record(id).map_err(|error| PortError::new(error.to_string()))?;
        Ok(found.map(evidence))
    });
    Ok(Recorded { header, findings, incidents, sources, gaps, record })
}

fn evidence(record: StoredRecord) -> EvidenceRecord {
    let StoredRecord { event_id, event_time: _, table, source, location, columns, raw } = record;
    EvidenceRecord { event_id, table: table.name().to_owned(), location, source, columns, raw }
}
