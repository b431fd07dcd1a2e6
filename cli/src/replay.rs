//! `offbound replay`: logs to findings, incidents and a summary; also what `demo` and `investigate` build on.
//!
//! In: logs, an environment, rules. Out: results, and a store that holds the evidence.
//! Owns: the order of the steps. Leaves each step to its module.
//! Law: the same input gives the same bytes; time taken goes to standard error.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use offbound_correlate::environment::Environment;
use offbound_store::{Options, Store, Writer};

use crate::args::{Format, InputArgs, OutputArgs, ReplayArgs};
use crate::clock::{Stopwatch, peak_memory_bytes};
use crate::config::format_or_table;
use crate::exit::{Done, Failure, eprint_line};
use crate::interrupt::Interrupt;
use crate::judge::{self, Judge, Window};
use crate::output::{self, Look, RESULT_FORMATS, Results, Sink, count, megabytes, supported};
use crate::progress::Progress;
use crate::read::{self, Material};
use crate::{Context, rules, scan_ahead};

/// A replay that is done.
pub(crate) struct Replay {
    pub(crate) results: Results,
    /// Holds the evidence; a temporary one goes away with it.
    pub(crate) writer: Writer,
    /// Why `--strict` refuses, if it does.
    pub(crate) unreadable: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &ReplayArgs, context: &Context) -> Result<Done, Failure> {
    let input = context.config.input(&args.input);
    let mut target = Target::open("replay", &args.output, context)?;
    let environment_file = judge::environment_file(input.env.as_deref(), &args.paths, context.common.quiet);
    let environment = judge::environment(environment_file.as_deref())?;
    let store = context.config.store(args.store.as_deref());
    let material = Material::Paths(&args.paths, environment_file.as_deref());
    let keep = store.as_deref().map_or(Keep::Nothing, Keep::Folder);
    let replay = replay(material, &input, environment, keep, context)?;
    target.write(&replay.results, context)?;
    match replay.unreadable {
        Some(message) if input.strict => Err(Failure::could_not(message)),
        _ => Ok(target.done(&replay.results)),
    }
}

/// What is kept of the records, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keep<'a> {
    /// Everything, in the user's store.
    Folder(&'a Path),
    /// Everything, as long as the command runs: an analyst will look into it.
    Session,
    /// What the judgement needs; nobody will ask for the records' own text.
    Nothing,
}

/// Reads, keeps, judges.
pub(crate) fn replay(
    material: Material<'_>,
    input: &InputArgs,
    environment: Environment,
    keep: Keep<'_>,
    context: &Context,
) -> Result<Replay, Failure> {
    let stopwatch = Stopwatch::start();
    let interrupt = Interrupt::listen();
    let bounds = context.config.bounds(input.facts_memory, input.facts_retention)?;
    let judge = Judge::new(environment, &rules::load(input.rules.as_deref())?)?.within(bounds);
    let mut writer = match keep {
        Keep::Folder(folder) => Store::create(folder)?,
        Keep::Session => Store::temporary()?,
        Keep::Nothing => Writer::temporary(Options { indexed: false, ..Options::default() })?
            .keeping(&scan_ahead::folded()),
    };
    let progress = Progress::new(context.common.quiet);
    let account = read::read(material, input, &mut writer, &progress, &interrupt)?;
    let window = Window { since: input.since, until: input.until };
    let judgement = judge.judge(writer.store(), window, &interrupt)?;
    let results = judge::results(judgement, &account);
    let Results { findings, incidents, gaps, summary } = &results;
    writer.commit_results(findings, incidents, gaps, summary)?;
    if !context.common.quiet {
        eprint_line(&pace(&results, stopwatch.seconds()));
    }
    Ok(Replay { unreadable: account.unreadable(), results, writer })
}

/// How long it took, for standard error.
fn pace(results: &Results, seconds: f64) -> String {
    let summary = &results.summary;
    let per_second = |number: u64| {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "only for display"
        )]
        let rate = (number as f64 / seconds.max(1e-9)) as u64;
        rate
    };
    let memory =
        peak_memory_bytes().map(|bytes| format!("; peak memory {}", megabytes(bytes))).unwrap_or_default();
    format!(
        "offbound: {} records, {} in {seconds:.2} s: {} records/s, {}/s{memory}",
        count(summary.read),
        megabytes(summary.bytes),
        count(per_second(summary.read)),
        megabytes(per_second(summary.bytes)),
    )
}

/// Where results go, in which form, and what makes the exit code 1.
pub(crate) struct Target {
    sink: Sink,
    format: Format,
    options: OutputArgs,
}

impl Target {
    /// Opens the place for the results of `command`.
    pub(crate) fn open(command: &str, options: &OutputArgs, context: &Context) -> Result<Self, Failure> {
        let options = context.config.output(options)?;
        let format = supported(format_or_table(options.format), command, RESULT_FORMATS)?;
        Ok(Self { sink: Sink::open(options.out.as_deref())?, format, options })
    }

    /// Writes everything; a format without a summary gets it on standard error.
    pub(crate) fn write(&mut self, results: &Results, context: &Context) -> Result<(), Failure> {
        let look =
            Look::of(context.common.color, self.sink.is_terminal()).with_details(context.common.verbose);
        let format = self.format;
        self.sink.write(|to| output::write(results, format, look, to))?;
        let told = matches!(format, Format::Table) && self.options.out.is_none();
        if told || context.common.quiet {
            return Ok(());
        }
        let mut text = Vec::new();
        let look =
            Look::of(context.common.color, io::stderr().is_terminal()).with_details(context.common.verbose);
        output::write_summary(results, look, &mut text)
            .map_err(|error| Failure::write("standard error", &error))?;
        eprint_line(String::from_utf8_lossy(&text).trim_end());
        Ok(())
    }

    /// What the findings make of the exit code.
    pub(crate) fn done(&self, results: &Results) -> Done {
        match self.options.fail_on {
            Some(severity) if results.any_at_least(severity) => Done::Findings,
            _ => Done::Clean,
        }
    }
}
