//! The offbound command: the only binary, and the only place where the crates meet.
//!
//! In: arguments, configuration, signals. Out: results on standard output, the rest on standard error, an exit code.
//! Owns: composition. Leaves to the crates: everything that they are named for.
//! Law: results go to standard output or `--out`, and nothing else does.

mod args;
mod clock;
mod completions;
mod config;
mod dead_letters;
mod demo;
mod doctor;
mod exit;
mod fingerprint;
mod formats;
mod hunt;
mod interrupt;
mod investigate;
mod judge;
mod key;
mod listing;
mod logging;
mod man;
mod mappings;
mod output;
mod progress;
mod read;
mod readers;
mod replay;
mod rules;
mod scan_ahead;
mod ship;
mod simulate;
mod size;
mod store_command;
mod stream;

use std::io::{self, Write as _};
use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser as _;
use clap::error::ErrorKind;
use config::{CommonSettings, Config};
use exit::{Done, Failure};

/// What one thread decodes another lets go of, seconds later: the choice decides what a stream takes (ADR 33).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => return usage(&message),
    };
    exit::finish(run(&cli))
}

/// Shows what clap has to say: help and version are results, everything else is wrong usage.
fn usage(message: &clap::Error) -> ExitCode {
    let printed = message.print().and_then(|()| io::stdout().flush());
    if !message.use_stderr() {
        let written = printed.map_err(|error| Failure::write("standard output", &error));
        return exit::finish(written.map(|()| Done::Clean));
    }
    // Nobody is left to tell when standard error is gone.
    if message.kind() == ErrorKind::InvalidUtf8 {
        exit::eprint_line("arguments are UTF-8; a file whose name is not is read when its folder is named");
    }
    ExitCode::from(3)
}

/// What every command may use.
struct Context {
    config: Config,
    common: CommonSettings,
}

fn run(cli: &Cli) -> Result<Done, Failure> {
    if let Command::Doctor(args) = &cli.command {
        return doctor::run(args, &cli.common);
    }
    let config = Config::load(cli.common.config.as_deref())?;
    let common = config.common(&cli.common)?;
    logging::start(common.log_format, cli.common.verbose);
    let context = Context { config, common };
    match &cli.command {
        Command::Demo(args) => demo::run(args, &context),
        Command::Replay(args) => replay::run(args, &context),
        Command::Stream(args) => stream::run(args, &context),
        Command::Ship(args) => ship::run(args, &context),
        Command::Investigate(args) => investigate::run(args, &context),
        Command::Hunt(args) => hunt::run(args, &context),
        Command::Fingerprint => fingerprint::run(&context),
        Command::DeadLetters(args) => dead_letters::run(args, &context),
        Command::Store(args) => store_command::run(args, &context),
        Command::Formats(args) => formats::run(args, &context),
        Command::Rules(args) => rules::run(args, &context),
        Command::Simulate(args) => simulate::run(args, &context),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
        // It reads the configuration itself, above.
        Command::Doctor(args) => doctor::run(args, &cli.common),
    }
}
