//! Who may know whom: the edges between crates, read from `cargo metadata`.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::root;

/// Each crate of the project, and the crates of the project that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("offbound-schemas", &[]),
    ("offbound-ingest", &["offbound-schemas"]),
    ("offbound-store", &["offbound-schemas"]),
    ("offbound-correlate", &["offbound-schemas"]),
    ("offbound-tui", &["offbound-schemas"]),
    ("offbound-simulate", &["offbound-schemas"]),
    (
        "offbound-bench",
        &[
            "offbound-schemas",
            "offbound-ingest",
            "offbound-store",
            "offbound-correlate",
            "offbound-simulate",
            "offbound-testbed",
        ],
    ),
    ("offbound-testbed", &[]),
    (
        "offbound",
        &[
            "offbound-schemas",
            "offbound-ingest",
            "offbound-store",
            "offbound-correlate",
            "offbound-tui",
            "offbound-simulate",
        ],
    ),
];

/// Crates of others that a layer must never see.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("offbound-schemas", &["datafusion", "rdkafka", "rusqlite", "tokio", "ratatui"]),
    ("offbound-ingest", &["datafusion", "rusqlite", "ratatui"]),
    ("offbound-store", &["datafusion", "rdkafka", "ratatui"]),
    ("offbound-correlate", &["rdkafka", "rusqlite", "ratatui", "parquet"]),
    ("offbound-tui", &["datafusion", "rdkafka", "rusqlite", "arrow", "parquet"]),
    ("offbound-simulate", &["datafusion", "rdkafka", "rusqlite"]),
];

/// Every crate of the project with the names of what it depends on (tests and build scripts left out).
fn edges() -> Vec<(String, BTreeSet<String>)> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(root());
    let output = cargo.output().expect("cargo runs these tests");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    let dependencies = |package: &Value| -> BTreeSet<String> {
        let all = package["dependencies"].as_array().expect("a list").iter();
        all.filter(|dependency| dependency["kind"].is_null()).map(name).collect()
    };
    packages.iter().map(|package| (name(package), dependencies(package))).collect()
}

/// Scenario: somebody adds a dependency in the wrong direction. Guarantees: the crates know each other as drawn in
/// ARCHITECTURE.md, and no other way.
#[test]
fn crates_know_only_whom_they_may() {
    let edges = edges();
    let names: BTreeSet<&str> = edges.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ALLOWED.iter().map(|(name, _)| *name).collect(), "a crate is missing in this test");
    for (name, dependencies) in &edges {
        let (_, allowed) = ALLOWED.iter().find(|(known, _)| known == name).expect("just compared");
        let known: BTreeSet<&str> =
            dependencies.iter().map(String::as_str).filter(|name| name.starts_with("offbound")).collect();
        let extra: Vec<&&str> = known.iter().filter(|name| !allowed.contains(name)).collect();
        assert!(extra.is_empty(), "{name} must not know {extra:?}");
    }
}

/// Scenario: somebody adds a heavy crate to a light layer. Guarantees: ingest never sees the query engine,
/// correlation never sees Kafka or files, the screens see neither.
#[test]
fn layers_stay_light() {
    let edges = edges();
    for (name, forbidden) in FORBIDDEN {
        let (_, dependencies) = edges.iter().find(|(known, _)| known == name).expect("the crate exists");
        for crate_name in *forbidden {
            assert!(!dependencies.contains(*crate_name), "{name} must not see {crate_name}");
        }
    }
}
