//! `offbound demo`: a recorded incident that is built in; needs no file, no network, no configuration.
//!
//! In: the sample `stolen-pod-token`. Out: findings and verdict, the terminal UI if there is a terminal, the next step.
//! Owns: the list of built-in files. Law: it is the very replay that users' own logs get.

use std::io::{self, IsTerminal as _};

use offbound_tui::Start;

use crate::Context;
use crate::args::{DemoArgs, InputArgs};
use crate::exit::{Done, Failure, eprint_line};
use crate::investigate;
use crate::judge::parse_environment;
use crate::read::Material;
use crate::replay::{Keep, Target, replay};

macro_rules! sample {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../samples/stolen-pod-token/", $name)) as &[u8])
    };
}

/// Every log of the sample.
const FILES: &[(&str, &[u8])] = &[
    sample!("envoy-access.ndjson"),
    sample!("k8s-audit-2026-03-01.log.gz"),
    sample!("k8s-audit.log"),
    sample!("pods.json"),
    sample!("tetragon-2026-03-01.ndjson.zst"),
    sample!("tetragon.ndjson"),
];
/// What its logs do not say themselves.
const ENVIRONMENT: &str = include_str!("../../samples/stolen-pod-token/environment.toml");

const STORY: &str = "\
A pod's service-account token is read by a shell on node n1 and then used from node n3.
Host events (Tetragon) and identity assertions (Kubernetes audit, Envoy) of 26 hours are replayed, all invented.
";
const NEXT: &str = "\
Next, on your own logs:
  offbound replay PATH…                      files, folders, globs, or - for standard input
  offbound replay PATH… --env offbound-env.toml
                                             tell it your address spaces, egress and workloads: surer answers
  offbound investigate PATH…                 the same, in the terminal UI
  offbound formats                           the log formats that are recognised";

/// Plays the incident.
pub(crate) fn run(args: &DemoArgs, context: &Context) -> Result<Done, Failure> {
    let mut target = Target::open("demo", &args.output, context)?;
    if !context.common.quiet {
        eprint_line(STORY);
    }
    let environment = parse_environment(ENVIRONMENT, "built-in environment")?;
    let replay =
        replay(Material::BuiltIn(FILES), &InputArgs::default(), environment, Keep::Session, context)?;
    target.write(&replay.results, context)?;
    let done = target.done(&replay.results);
    let is_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
    if is_terminal && !args.no_tui && args.output.format.is_none() && args.output.out.is_none() {
        let start =
            replay.results.incidents.first().map_or_else(Start::default, |first| Start::Incident(first.id));
        investigate::open(replay.writer.store().path(), "demo: stolen pod token", None, start, context)?;
    }
    if !context.common.quiet {
        eprint_line(NEXT);
    }
    Ok(done)
}
