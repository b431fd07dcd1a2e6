//! `offbound completions SHELL`: a completion script for a shell.
//!
//! In: the definition of the command line. Out: the script on standard output.
//! Law: what is completed is what clap parses; nothing is listed by hand.

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionsArgs};
use crate::exit::{Done, Failure};
use crate::output::Sink;

/// Writes the script.
pub(crate) fn run(args: &CompletionsArgs) -> Result<Done, Failure> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    // Made in memory first: the generator takes a write error for a reason to panic.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    Sink::open(args.out.as_deref())?.write(|to| to.write_all(&script))?;
    Ok(Done::Clean)
}
