//! The samples in the project are what this crate generates: every byte, every file, no more.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use offbound_simulate::{Memory, Truth, scenarios};

/// Seed of the samples that are checked in.
const SEED: u64 = 1;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples")
}

fn generated(id: &str) -> BTreeMap<String, Vec<u8>> {
    let mut memory = Memory::default();
    let scenario = offbound_simulate::scenario(id).expect("it is in the list");
    scenario.write(SEED, &mut memory).expect("memory takes everything");
    memory.0
}

/// What the golden test of the command writes beside the logs; the generator knows nothing of it.
const GOLDEN: &str = "expected.ndjson";

/// Generated files of a sample, by name.
fn listed(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names =
        entries.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name != GOLDEN).collect();
    names.sort();
    names
}

/// Scenario: every scenario is generated again with the seed of the samples. Guarantees: the samples are
/// exactly that. `UPDATE_GOLDEN=1` writes them.
#[test]
fn samples_are_as_generated() {
    for scenario in scenarios() {
        let folder = samples().join(scenario.id);
        let files = generated(scenario.id);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            for stale in listed(&folder) {
                fs::remove_file(folder.join(stale)).expect("the samples folder can be written");
            }
            fs::create_dir_all(&folder).expect("the samples folder can be written");
            for (name, bytes) in &files {
                fs::write(folder.join(name), bytes).expect("the samples folder can be written");
            }
        }
        let on_disk = listed(&folder);
        assert!(!on_disk.is_empty(), "samples/{} is missing: run with UPDATE_GOLDEN=1", scenario.id);
        assert_eq!(on_disk, files.keys().cloned().collect::<Vec<_>>(), "{}", scenario.id);
        for (name, bytes) in &files {
            let found = fs::read(folder.join(name)).expect("it was listed");
            assert!(found == *bytes, "samples/{}/{name} differs: run with UPDATE_GOLDEN=1", scenario.id);
        }
    }
}

/// Scenario: a scenario is generated twice, and with another seed. Guarantees: the same seed gives the same
/// bytes; another seed gives other ids, but the same story.
#[test]
fn seeds_decide() {
    for scenario in scenarios() {
        let first = generated(scenario.id);
        assert!(first == generated(scenario.id), "{}", scenario.id);
        let mut other = Memory::default();
        scenario.write(SEED + 1, &mut other).expect("memory takes everything");
        assert!(first.keys().eq(other.0.keys()), "{}", scenario.id);
        assert_ne!(first["truth.json"], other.0["truth.json"], "{}", scenario.id);
    }
}

/// Scenario: truth and logs of every sample. Guarantees: each label points to a line that exists, attacks have
/// an incident, and the samples stay small.
#[test]
fn truths_fit_their_logs() {
    for scenario in scenarios() {
        let files = generated(scenario.id);
        let truth: Truth = serde_json::from_slice(&files["truth.json"]).expect("truth is of its own shape");
        for label in &truth.labels {
            let lines = files[&label.file].split(|byte| *byte == b'\n').count();
            assert!(label.line >= 1 && (label.line as usize) < lines, "{label:?}");
        }
        assert_eq!(truth.incidents.is_empty(), truth.labels.is_empty(), "{}", scenario.id);
        let size: usize = files.values().map(Vec::len).sum();
        let limit = if truth.incidents.is_empty() { 3_000_000 } else { 1_500_000 };
        assert!(size < limit, "{} has {size} bytes", scenario.id);
    }
}
