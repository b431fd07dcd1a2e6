//! The scenarios: one file each, and the list of them.
//!
//! In: a seed. Out: the files of a sample. Owns: ids, titles, stories.
//! Leaves ordinary traffic to `quiet`, log lines to `emit`. Law: one line in [`SCENARIOS`] per scenario.

mod busy_benign_day;
mod identity_stops_it;
pub(crate) mod quiet;
mod stolen_pod_token;
mod stolen_session_key;

use crate::output::{Output, SimulateError, write_file};
use crate::scene::Scene;

/// Something that happens, with everything that is logged of it.
#[derive(Debug)]
pub struct Scenario {
    /// Name of its folder, and what the command calls it.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// The story in one sentence.
    pub story: &'static str,
    /// What its logs do not say themselves: `environment.toml`.
    pub environment: &'static str,
    readme: &'static str,
    build: fn(u64) -> Scene,
}

static SCENARIOS: &[Scenario] = &[
    stolen_pod_token::SCENARIO,
    identity_stops_it::SCENARIO,
    stolen_session_key::SCENARIO,
    busy_benign_day::SCENARIO,
];

/// All scenarios, attacks first.
#[must_use]
pub fn scenarios() -> &'static [Scenario] {
    SCENARIOS
}

/// The scenario with this id.
pub fn scenario(id: &str) -> Result<&'static Scenario, SimulateError> {
    SCENARIOS.iter().find(|scenario| scenario.id == id).ok_or_else(|| SimulateError::UnknownScenario {
        name: id.to_owned(),
        known: SCENARIOS.iter().map(|scenario| scenario.id).collect::<Vec<_>>().join(", "),
    })
}

impl Scenario {
    /// Writes the logs, `environment.toml`, `README.md` and `truth.json`.
    pub fn write(&self, seed: u64, out: &mut dyn Output) -> Result<(), SimulateError> {
        self.scene(seed).write(self.id, seed, out)?;
        write_file(out, "environment.toml", self.environment.as_bytes())?;
        write_file(out, "README.md", self.readme.as_bytes())
    }

    /// Everything that is logged, not yet laid out in files.
    pub(crate) fn scene(&self, seed: u64) -> Scene {
        (self.build)(seed)
    }
}
