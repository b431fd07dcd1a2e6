//! Ordinary traffic of all formats in any amount, with attacks planted in it.
//!
//! In: how many lines, a seed, scenarios to plant. Out: log files, `environment.toml`, `truth.json`.
//! Owns: rhythm and mixture of a busy site. Memory is constant: it holds the site, not its logs.
//! Law: the same options give the same bytes, and more lines make the same days denser, not longer.

mod environment;
mod sink;
mod site;
mod traffic;

use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::output::{Output, SimulateError, write_file};
use crate::scenario::{Scenario, scenario};
use crate::scene::{SceneParts, write_truth};
use crate::truth::Truth;
use sink::Sink;
use site::Site;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeOptions {
    /// About how many lines of ordinary traffic.
    pub lines: u64,
    /// Seed.
    pub seed: u64,
    /// Ids of scenarios whose events are mixed in.
    pub plant: Vec<String>,
    /// From when until when ordinary traffic lasts; where nothing is said, a day around what is planted.
    pub span: Option<Span>,
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its start, in nanoseconds since 1970 UTC.
    pub from_nanos: i64,
    /// Its length, in nanoseconds.
    pub length_nanos: i64,
}

/// What was generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeReport {
    /// Lines, planted ones included.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
    /// When ordinary traffic ended, in nanoseconds since 1970 UTC: acts are spread over the span by the lines that they give
    /// on average, so that it is not quite the end of the span.
    pub ended_nanos: i64,
}

/// Generates ordinary traffic with attacks in it.
pub fn volume(options: &VolumeOptions, out: &mut dyn Output) -> Result<VolumeReport, SimulateError> {
    let planted: Vec<&Scenario> = options.plant.iter().map(|id| scenario(id)).collect::<Result<_, _>>()?;
    let scenes: Vec<(&'static str, SceneParts)> =
        planted.iter().map(|scenario| (scenario.id, scenario.scene(options.seed).into_parts())).collect();
    // Traffic begins when the site is a minute old.
    let given = |span: Span| {
        let begin = Moment(span.from_nanos) - MINUTE;
        (begin, begin + span.length_nanos)
    };
    let (from, until) = options.span.map_or_else(|| span(&scenes), given);
    let mut truth = Truth {
        schema: "offbound.truth/1".to_owned(),
        scenarios: options.plant.clone(),
        seed: options.seed,
        span: (from.text(9), until.text(9)),
        incidents: Vec::new(),
        findings: Vec::new(),
        labels: Vec::new(),
    };
    let mut sink = Sink::new(out);
    for (id, parts) in scenes {
        let SceneParts { streams, files, incidents, findings } = parts;
        sink.plant(id, streams);
        for (name, bytes) in files {
            sink.whole_file(&format!("{id}-{name}"), &bytes)?;
        }
        truth.incidents.extend(incidents);
        truth.findings.extend(findings);
    }
    let mut site = Site::new(options.seed, from);
    let ended = traffic::run(&mut site, &mut sink, options.lines, (from, until))?;
    let (lines, bytes, labels) = sink.finish()?;
    truth.labels = labels;
    write_truth(out, &truth)?;
    let environments: Vec<&str> = planted.iter().map(|scenario| scenario.environment).collect();
    write_file(out, "environment.toml", environment::merged(&environments).as_bytes())?;
    Ok(VolumeReport { lines, bytes, ended_nanos: ended.0 })
}

/// From the first planted line, or a fixed morning, until an hour after the last; a day at least.
fn span(scenes: &[(&'static str, SceneParts)]) -> (Moment, Moment) {
    let moments =
        || scenes.iter().flat_map(|(_, parts)| parts.streams.values().flatten()).map(|line| line.at);
    let from = moments().min().unwrap_or(Moment::day(2026, 3, 2)) - HOUR;
    let until = moments().max().unwrap_or(from) + HOUR;
    (from, until.max(from + DAY))
}
