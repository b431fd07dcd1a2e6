//! `offbound doctor`: whether everything is there that a run needs, and what to do where it is not.
//!
//! In: configuration, store, brokers, terminal. Out: a line for each thing that was looked at.
//! Owns: the order of the checks. Leaves each to its module. Law: nothing is changed, and no secret is shown; what is not
//! configured is no failure.

mod brokers;
mod check;
mod clocks;
mod configuration;
mod group;
mod probe;
mod space;
mod store;
mod terminal;
mod topics;

use crate::args::Common;
use crate::args::doctor::DoctorArgs;
use crate::config::{CommonSettings, Config};
use crate::exit::{Done, Failure};
use crate::listing::{self, List};
use crate::{Context, logging};
use check::{Check, State};

/// Runs the command. It reads the configuration itself: a bad one is a finding of its own.
pub(crate) fn run(args: &DoctorArgs, common: &Common) -> Result<Done, Failure> {
    let mut checks = Vec::new();
    let config = configuration::load(common.config.as_deref(), &mut checks);
    let settings = configuration::common(&config, common, &mut checks);
    logging::start(settings.log_format, common.verbose);
    let checks = all(args, &config, checks);
    show(&checks, args, config, settings)
}

fn all(args: &DoctorArgs, config: &Config, mut checks: Vec<Check>) -> Vec<Check> {
    configuration::inputs(config, &mut checks);
    terminal::check(&mut checks);
    let stored = store::check(config.store(args.store.as_deref()).as_deref(), &mut checks);
    brokers::check(args, config, &stored, &mut checks);
    checks
}

fn show(
    checks: &[Check],
    args: &DoctorArgs,
    config: Config,
    common: CommonSettings,
) -> Result<Done, Failure> {
    let list = List {
        command: "doctor",
        header: &["PART", "CHECK", "STATE", "FOUND, and what to do"],
        rows: checks,
        cells: |check| {
            let told = match &check.advice {
                Some(advice) => format!("{}; {advice}", check.found),
                None => check.found.clone(),
            };
            vec![check.part.to_owned(), check.what.clone(), check.state.word().to_owned(), told]
        },
        below: None,
    };
    listing::write(&list, &args.list, &Context { config, common })?;
    let failed = checks.iter().filter(|check| check.state == State::Failed).count();
    match failed {
        0 => Ok(Done::Clean),
        _ => Err(Failure::could_not(format!(
            "{failed} of {} checks failed; each line says what to do",
            checks.len()
        ))),
    }
}
