//! `offbound man`: manual pages in roff.
//!
//! In: the definition of the command line. Out: the main page on standard output, or every page in a folder.
//! Law: a page says what clap parses; nothing is written by hand.

use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::args::{Cli, ManArgs};
use crate::exit::{Done, Failure};
use crate::output::Sink;

/// Writes the pages.
pub(crate) fn run(args: &ManArgs) -> Result<Done, Failure> {
    let mut command = Cli::command();
    command.build();
    match &args.dir {
        Some(dir) => write_all(&command, dir)?,
        None => {
            let page = page(&command)?;
            Sink::open(None)?.write(|to| to.write_all(&page))?;
        }
    }
    Ok(Done::Clean)
}

/// One page per command, named as `man` looks for it: `offbound-replay.1`.
fn write_all(command: &clap::Command, dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|error| Failure::write(&dir.display().to_string(), &error))?;
    let mut waiting = vec![command];
    while let Some(command) = waiting.pop() {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        let path = dir.join(format!("{name}.1"));
        fs::write(&path, page(command)?)
            .map_err(|error| Failure::write(&path.display().to_string(), &error))?;
        waiting.extend(command.get_subcommands().filter(|inner| inner.get_name() != "help"));
    }
    Ok(())
}

fn page(command: &clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let rendered = Man::new(command.clone()).render(&mut page);
    rendered.map_err(|error| Failure::write("a manual page", &error))?;
    Ok(page)
}
