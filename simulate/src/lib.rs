//! Labelled telemetry: attacks and ordinary days, written in the raw log formats of real tools.
//!
//! In: a scenario and a seed. Out: log files, `environment.toml`, `README.md` and `truth.json`.
//! Owns: the invented world and how each tool would have logged it. It shares no code with the decoders,
//! so that a mistake on one side cannot cancel out a mistake on the other.
//! Law: the same seed gives the same bytes; no clock and no machine is read.

mod emit;
mod json;
mod moment;
mod output;
mod random;
mod scenario;
mod scene;
mod truth;
mod volume;
mod world;

pub use output::{Folder, Memory, Output, SimulateError};
pub use scenario::{Scenario, scenario, scenarios};
pub use truth::{Actor, ExpectedFinding, Label, Truth, TruthIncident};
pub use volume::{Span, VolumeOptions, VolumeReport, volume};
