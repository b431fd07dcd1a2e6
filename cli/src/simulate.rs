//! `offbound simulate`: labelled telemetry in real log formats, with its truth beside it.
//!
//! In: a scenario and a seed. Out: a folder of logs, `environment.toml`, `README.md`, `truth.json`.
//! Leaves to the crate `simulate` what is in them. Law: equal seeds write equal bytes.

use std::path::{Path, PathBuf};

use offbound_simulate::{Folder, Scenario, SimulateError, VolumeOptions, scenario, scenarios, volume};
use serde::Serialize;

use crate::Context;
use crate::args::{ListArgs, SimulateArgs, SimulateCommand, SimulateTarget};
use crate::exit::{Done, Failure, say};
use crate::listing::{self, List};

/// One scenario, as `--format json` shows it.
#[derive(Debug, Serialize)]
struct Row {
    id: &'static str,
    title: &'static str,
    story: &'static str,
}

/// Runs the command.
pub(crate) fn run(args: &SimulateArgs, context: &Context) -> Result<Done, Failure> {
    match (&args.command, &args.scenario) {
        (Some(SimulateCommand::List(list)), _) => run_list(list, context),
        (Some(SimulateCommand::Volume { lines, plants, target }), _) => {
            write_volume(*lines, plants, target, context)
        }
        (None, Some(id)) => write_scenario(id, &args.target, context),
        (None, None) => Err(Failure::usage("name a scenario; `offbound simulate list` names them all")),
    }
}

fn run_list(args: &ListArgs, context: &Context) -> Result<Done, Failure> {
    let rows: Vec<Row> = scenarios()
        .iter()
        .map(|scenario: &Scenario| Row { id: scenario.id, title: scenario.title, story: scenario.story })
        .collect();
    let list = List {
        command: "simulate list",
        header: &["SCENARIO", "TITLE", "STORY"],
        rows: &rows,
        cells: |row| vec![row.id.into(), row.title.into(), row.story.into()],
        below: None,
    };
    listing::write(&list, args, context)
}

fn write_scenario(id: &str, target: &SimulateTarget, context: &Context) -> Result<Done, Failure> {
    let scenario = scenario(id).map_err(failure)?;
    let folder = folder(target, id);
    scenario.write(target.seed, &mut Folder::new(&folder)).map_err(failure)?;
    tell(&folder, context);
    Ok(Done::Clean)
}

fn write_volume(
    lines: u64,
    plants: &[String],
    target: &SimulateTarget,
    context: &Context,
) -> Result<Done, Failure> {
    let folder = folder(target, "volume");
    let options = VolumeOptions { lines, seed: target.seed, plant: plants.to_vec(), span: None };
    volume(&options, &mut Folder::new(&folder)).map_err(failure)?;
    tell(&folder, context);
    Ok(Done::Clean)
}

fn folder(target: &SimulateTarget, name: &str) -> PathBuf {
    target.out.clone().unwrap_or_else(|| PathBuf::from(name))
}

fn tell(folder: &Path, context: &Context) {
    if !context.common.quiet {
        say("written", &folder.display().to_string());
    }
}

fn failure(error: SimulateError) -> Failure {
    match error {
        SimulateError::UnknownScenario { .. } => Failure::usage(error.to_string()),
        SimulateError::Write { .. } => Failure::could_not(format!("{error}; choose another --out")),
    }
}
