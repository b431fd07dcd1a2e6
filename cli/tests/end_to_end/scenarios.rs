//! Every sample, end to end: golden records, equal bytes, schemas, and the truth of its story.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::schema::check_ndjson;
use crate::{out, root, run, said};

fn samples() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("samples")).expect("samples are part of the project");
    let mut samples: Vec<PathBuf> = folder.map(|entry| entry.expect("a readable folder").path()).collect();
    samples.retain(|path| path.join("truth.json").is_file());
    samples.sort();
    assert!(!samples.is_empty(), "no sample in samples/");
    samples
}

fn name(sample: &Path) -> String {
    sample.file_name().expect("a sample has a name").to_string_lossy().into_owned()
}

/// As the README says: the folder alone, its environment file beside the logs.
fn replay(sample: &Path, more: &[&str]) -> String {
    let folder = format!("samples/{}", name(sample));
    let mut args: Vec<&str> = vec!["replay", "--quiet", &folder];
    args.extend(more);
    let output = run(root().as_path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}: {}", name(sample), said(&output));
    out(&output)
}

/// Scenario: every sample is replayed twice. Guarantees: the bytes are equal, they are the golden ones, and every
/// record keeps its schema.
#[test]
fn records_are_golden() {
    for sample in samples() {
        let text = replay(&sample, &["--format", "ndjson"]);
        assert_eq!(text, replay(&sample, &["--format", "ndjson"]), "{}: two runs differ", name(&sample));
        check_ndjson(&text);
        let golden = sample.join("expected.ndjson");
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &text).expect("the golden file can be written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert!(
            text == expected,
            "{} differs; UPDATE_GOLDEN=1 writes it, then read the diff",
            golden.display()
        );
    }
}

/// Scenario: inputs in another order, and each of them twice. Guarantees (STREAM-2, STREAM-3): the same findings.
#[test]
fn order_and_repetition_of_inputs_change_nothing() {
    for sample in samples() {
        let concluded = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with(r#"{"type":"summary""#)).map(str::to_owned).collect()
        };
        let once = replay(&sample, &["--format", "ndjson"]);
        let folder = crate::scratch();
        let store = folder.path().join("store").display().to_string();
        replay(&sample, &["--format", "ndjson", "--store", &store]);
        let again = replay(&sample, &["--format", "ndjson", "--store", &store]);
        assert_eq!(concluded(&once), concluded(&again), "{}", name(&sample));
    }
}

fn texts(value: &Value) -> BTreeSet<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Scenario: what truly happened in each sample. Guarantees: the rules that speak are exactly those that should,
/// and each incident is judged as it truly was.
#[test]
fn conclusions_are_true() {
    for sample in samples() {
        let truth = fs::read_to_string(sample.join("truth.json")).expect("a sample has its truth");
        let truth: Value = serde_json::from_str(&truth).expect("truth is JSON");
        let records = check_ndjson(&replay(&sample, &["--format", "ndjson"]));
        let rules = |list: &[Value]| -> BTreeSet<String> {
            list.iter().filter_map(|finding| finding["rule"].as_str()).map(str::to_owned).collect()
        };
        let of_type = |kind: &str| -> Vec<Value> {
            records.iter().filter(|record| record["type"] == kind).cloned().collect()
        };
        let expected = truth["findings"].as_array().expect("a list");
        assert_eq!(rules(&of_type("finding")), rules(expected), "{}", name(&sample));
        check_incidents(&name(&sample), &of_type("incident"), truth["incidents"].as_array().expect("a list"));
    }
}

fn check_incidents(sample: &str, found: &[Value], expected: &[Value]) {
    assert_eq!(found.len(), expected.len(), "{sample}: number of incidents");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found["outcome"], expected["outcome"], "{sample}: outcome");
        assert_eq!(found["host_layer"]["verdict"], expected["host_layer"], "{sample}: host layer");
        assert_eq!(
            found["identity_layer"]["verdict"], expected["identity_layer"],
            "{sample}: identity layer"
        );
        for key in ["first_failed", "first_absent"] {
            assert_eq!(texts(&found[key]), texts(&expected[key]), "{sample}: {key}");
        }
        for key in ["reached", "denied"] {
            let set = found["blast_radius"][key].as_array().map(Vec::as_slice).unwrap_or_default();
            let set: BTreeSet<String> =
                set.iter().filter_map(|reach| reach["destination"].as_str()).map(str::to_owned).collect();
            assert_eq!(set, texts(&expected[key]), "{sample}: {key}");
        }
    }
}
