//! Formats of mapping files, as users meet them: listed, checked, used, configured.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{offbound, out, root, run, said, scratch};

const SOUND: &str = r#"version = 1
id = "door"
title = "Door log"
table = "identity_assertions"
sample = '{"at":"2026-03-01T10:00:00Z","door":"north","badge":"7"}'
[recognise]
has = ["door", "badge"]
[time]
path = "at"
[column]
phase = { const = "present" }
subject = "badge"
dst = "door"
"#;

const LOG: &str = "{\"at\":\"2026-03-01T10:00:00Z\",\"door\":\"north\",\"badge\":\"7\",\"floor\":2}\n{\"door\":\"south\",\"badge\":\"8\"}\n{\"door\":\"west\"}\n";

fn made(folder: &Path) {
    fs::create_dir(folder.join("maps")).expect("writable");
    fs::write(folder.join("maps/door.toml"), SOUND).expect("writable");
    fs::write(folder.join("door.log"), LOG).expect("writable");
}

/// Scenario: a log of a mapping, replayed with the option, the variable and the configuration file, and without any.
/// Guarantees: read as the mapping says in all three; without it every record is a dead letter.
#[test]
fn a_mapping_reads_its_log() {
    let folder = scratch();
    made(folder.path());
    fs::write(folder.path().join("maps.toml"), "[input]\nformats = [\"maps\"]\n").expect("writable");
    let replay = ["replay", "door.log", "--format", "json", "--quiet"];
    /// More arguments, environment variables, records decoded, label.
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], u64, &'a str);
    let cases: [Case<'_>; 4] = [
        (&["--formats", "maps", "--source", "door:hq=door.log"], &[], 1, "door:hq"),
        (&[], &[("OFFBOUND_INPUT_FORMATS", "maps/door.toml")], 1, "door"),
        (&["--config", "maps.toml"], &[], 1, "door"),
        (&[], &[], 0, "unknown"),
    ];
    for (more, variables, decoded, label) in cases {
        let args: Vec<&str> = replay.iter().chain(more).copied().collect();
        let mut command = offbound(folder.path(), &args);
        let output = command.envs(variables.iter().copied()).output().expect("the binary was built");
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let results: Value = serde_json::from_str(&out(&output)).expect("JSON");
        let source = &results["summary"]["sources"][0];
        assert_eq!(
            (source["decoded"].as_u64(), source["format"].as_str()),
            (Some(decoded), Some(label)),
            "{source}"
        );
    }
}

/// Scenario: `formats` with mappings of the user and with the examples. Guarantees: they are listed with the others, and
/// every format of the list has a title, a table and what it is recognised by.
#[test]
fn mappings_are_listed() {
    let folder = scratch();
    made(folder.path());
    let examples = root().join("docs/formats").display().to_string();
    let args = ["formats", "--format", "json", "--formats", "maps", "--formats", &examples];
    let output = run(folder.path(), &args);
    let listed: Value = serde_json::from_str(&out(&output)).expect("JSON");
    let rows = listed.as_array().expect("a list");
    for key in ["id", "title", "recognised_by"] {
        assert!(rows.iter().all(|row| row[key].as_str().is_some_and(|text| !text.is_empty())), "{key}");
    }
    for id in ["k8s-audit", "door", "opa-decision"] {
        assert!(rows.iter().any(|row| row["id"] == id && row["fills"][0].is_string()), "{id}");
    }
}

/// Scenario: `formats --check` on a sound and on a faulty file, and with a log. Guarantees: 0 or 3; every fault with its
/// line; of the log the first rows, and why other records are none.
#[test]
fn mappings_are_checked() {
    let folder = scratch();
    made(folder.path());
    let check = |args: &[&str]| run(folder.path(), &[&["formats", "--check"], args].concat());
    let sound = check(&["maps/door.toml", "--sample", "door.log"]);
    assert_eq!(sound.status.code(), Some(0), "{}", said(&sound));
    let told = out(&sound);
    for part in ["door fills identity_assertions", "1 of 3 records", "north", "no-time", "`badge` is missing"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    let faulty = SOUND.replace("dst =", "dts =").replace("path = \"at\"", "pth = \"at\"");
    fs::write(folder.path().join("bad.toml"), faulty).expect("writable");
    let bad = check(&["bad.toml"]);
    let told = said(&bad);
    assert_eq!(bad.status.code(), Some(3), "{told}");
    for part in
        ["bad.toml:9:1: unknown key `pth` in [time]", "bad.toml:13:1: unknown column `dts`", "is `dst`"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    for args in [
        &["replay", "door.log", "--formats", "bad.toml"] as &[&str],
        &["replay", "door.log", "--formats", "none"],
    ] {
        assert_eq!(run(folder.path(), args).status.code(), Some(3), "{args:?}");
    }
}

/// Scenario: records with fields that the mapping does not speak of, and a built-in format's with a new one.
/// Guarantees: counted by name in the summary of programs; told to people with `-v` only; kept with the record.
#[test]
fn unknown_fields_are_counted() {
    let folder = scratch();
    made(folder.path());
    let sample = r#"{"hostname":"n1","output":"x","priority":"Notice","rule":"r","source":"syscall","tags":[],"time":"2026-03-01T10:00:00Z","output_fields":{"evt.type":"execve"},"lineage":[1]}"#;
    fs::write(folder.path().join("falco.log"), sample).expect("writable");
    let args = ["replay", "door.log", "falco.log", "--formats", "maps"];
    let json = run(folder.path(), &[&args[..], &["--format", "json", "--quiet"]].concat());
    let results: Value = serde_json::from_str(&out(&json)).expect("JSON");
    let sources = &results["summary"]["sources"];
    assert_eq!(sources[0]["unmapped"], serde_json::json!({"floor": 1}));
    assert_eq!(sources[1]["unmapped"], serde_json::json!({"lineage": 1}));
    for (more, is_told) in [(&["-v"] as &[&str], true), (&[], false)] {
        let output = run(folder.path(), &[&args[..], more].concat());
        assert_eq!(out(&output).contains("unknown fields: 1 floor"), is_told, "{}", out(&output));
    }
}

/// Scenario: a log of no known format is stored, and its mapping is written afterwards. Guarantees: its dead letters are
/// read again through the mapping, each once.
#[test]
fn dead_letters_are_read_through_a_new_mapping() {
    let folder = scratch();
    made(folder.path());
    let stored = run(folder.path(), &["replay", "door.log", "--store", "st", "--format", "json", "--quiet"]);
    assert_eq!(stored.status.code(), Some(0), "{}", said(&stored));
    let again = ["dead-letters", "replay", "--store", "st", "--formats", "maps"];
    for _ in 0..2 {
        let output = run(folder.path(), &again);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    let listed = run(folder.path(), &["dead-letters", "list", "--store", "st"]);
    let told = out(&listed);
    assert!(told.contains("no-time") && told.contains("unknown-format"), "{told}");
    let places: Vec<&str> =
        ["door.log:1", "door.log:2", "door.log:3"].into_iter().filter(|place| told.contains(place)).collect();
    assert_eq!(places, ["door.log:2", "door.log:3"], "{told}");
}
