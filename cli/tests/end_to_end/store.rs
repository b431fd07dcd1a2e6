//! `offbound store`: checked, measured, made smaller.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{offbound, out, root, run, said, scratch};

const SAMPLE: &str = "samples/stolen-pod-token";

/// A store with the sample in it.
fn store(folder: &Path) -> String {
    let store = folder.join("store").display().to_string();
    let output = run(&root(), &["replay", "--quiet", SAMPLE, "--store", &store]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    store
}

/// Runs `offbound store …` on it and expects this exit code.
fn check(store: &str, args: &[&str], code: i32) -> (String, String) {
    let output = run(&root(), &[&["store"], args, &["--store", store]].concat());
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
    (out(&output), said(&output))
}

fn object(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

fn segments(store: &str) -> Vec<PathBuf> {
    let list = fs::read_dir(Path::new(store).join("segments")).expect("segments can be listed");
    let mut paths: Vec<PathBuf> = list.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Scenario: a sound store, asked in both forms, while nobody and while somebody writes. Guarantees: rows, findings and
/// bytes add up; files are private; exit code 0.
#[test]
fn a_sound_store_is_told_so() {
    let folder = scratch();
    let store = store(folder.path());
    let (text, _) = check(&store, &["verify"], 0);
    assert!(text.contains("every byte is as it was written"), "{text}");
    let checked = object(&check(&store, &["verify", "--format", "json"], 0).0);
    let stats = object(&check(&store, &["stats", "--format", "json"], 0).0);
    let tables = stats["tables"].as_array().expect("a list of tables");
    let sum = |name: &str| tables.iter().filter_map(|table| table[name].as_u64()).sum::<u64>();
    assert_eq!(checked["segments"].as_u64(), Some(sum("segments")));
    assert_eq!(checked["bytes"].as_u64(), Some(sum("bytes")));
    assert!(sum("rows") > 0 && stats["findings"].as_u64() > Some(0), "{stats}");
    assert!(stats["total_bytes"].as_u64() >= Some(sum("bytes")), "{stats}");
    assert!(stats["oldest"].as_str() < stats["newest"].as_str(), "{stats}");
    let (table, _) = check(&store, &["stats"], 0);
    assert!(table.contains("host_events") && table.contains("findings"), "{table}");
    for path in segments(&store).into_iter().chain([Path::new(&store).join("offbound.db")]) {
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{}", path.display());
    }
}

/// Scenario: one segment with a changed byte. Guarantees: verify names it, with exit code 2; with --quarantine it is put
/// aside, and the store is sound again, with a gap.
#[test]
fn a_damaged_segment_is_named_and_put_aside() {
    let folder = scratch();
    let store = store(folder.path());
    let harmed = segments(&store).remove(0);
    let mut bytes = fs::read(&harmed).expect("a segment can be read");
    bytes[500] ^= 8;
    fs::write(&harmed, bytes).expect("a segment can be written");
    let name = harmed.file_name().and_then(|name| name.to_str()).expect("a plain name");
    let gaps = |store: &str| object(&check(store, &["stats", "--format", "json"], 0).0)["gaps"].as_u64();
    let before = gaps(&store);

    let (text, said) = check(&store, &["verify"], 2);
    assert!(text.contains(name) && text.contains("not sound"), "{text}");
    assert!(said.contains("1 problems") && said.contains("--quarantine"), "{said}");
    let (text, _) = check(&store, &["verify", "--quarantine"], 0);
    assert!(text.contains("put aside") && text.contains(name.trim_end_matches(".parquet")), "{text}");
    assert!(Path::new(&store).join("quarantine").join(name).is_file());
    check(&store, &["verify"], 0);
    assert_eq!(gaps(&store), before.map(|number| number + 1));
}

/// Scenario: a store with the same logs read three times, made smaller, then bounded in age and size. Guarantees: no event
/// goes without a bound; with one, events go and findings stay.
#[test]
fn a_store_is_made_smaller() {
    let folder = scratch();
    let store = store(folder.path());
    for _ in 0..2 {
        let output = run(&root(), &["replay", "--quiet", SAMPLE, "--store", &store]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    let stats = |store: &str| object(&check(store, &["stats", "--format", "json"], 0).0);
    let sum = |stats: &Value, name: &str| -> u64 {
        let tables = stats["tables"].as_array().expect("a list of tables");
        tables.iter().filter_map(|table| table[name].as_u64()).sum()
    };
    let before = stats(&store);
    let report = object(&check(&store, &["compact", "--format", "json"], 0).0);
    assert_eq!(report["removed_rows"].as_u64(), Some(0));
    assert!(report["bytes_after"].as_u64() < report["bytes_before"].as_u64(), "{report}");
    let merged = stats(&store);
    assert_eq!(sum(&merged, "rows") * 3, sum(&before, "rows"), "copies are merged away");
    assert!(sum(&merged, "segments") <= 3, "{merged}");
    check(&store, &["verify"], 0);

    let (text, _) = check(&store, &["compact", "--keep", "1h", "--max-bytes", "1G"], 0);
    assert!(text.contains("let go of"), "{text}");
    let empty = stats(&store);
    assert_eq!((sum(&empty, "rows"), &empty["findings"]), (0, &before["findings"]));
    assert_eq!(segments(&store), [] as [PathBuf; 0]);
    check(&store, &["verify"], 0);
}

/// Scenario: no store named, none there, a folder that is none, sizes and ages that are none. Guarantees: one line, the
/// exit code of the contract, and nothing is made.
#[test]
fn wrong_questions_about_a_store() {
    let folder = scratch();
    let cases: [(&[&str], i32, &str); 6] = [
        (&["store", "verify"], 3, "--store DIR"),
        (&["store", "verify", "--store", "none"], 2, "none"),
        (&["store", "compact", "--store", "none"], 2, "none"),
        (&["store", "stats", "--store", "none", "--format", "csv"], 3, "does not offer"),
        (&["store", "compact", "--store", "none", "--max-bytes", "many"], 3, "500M"),
        (&["store", "compact", "--store", "none", "--keep", "long"], 3, "30d"),
    ];
    for (args, code, hint) in cases {
        let output = offbound(folder.path(), args).output().expect("the binary was built");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(hint), "{args:?}: {}", said(&output));
    }
    assert!(!folder.path().join("none").exists());
}

/// Scenario: every table in each form for programs, to standard output and to a file, a stretch of time, names that are no
/// tables. Guarantees: as many rows as there are, the same in every form; what is no table is refused by name.
#[test]
fn tables_are_exported() {
    let folder = scratch();
    let store = store(folder.path());
    let stats = object(&check(&store, &["stats", "--format", "json"], 0).0);
    let expected = |table: &str| match table {
        "findings" => stats["findings"].as_u64(),
        "incidents" => stats["incidents"].as_u64(),
        _ => {
            stats["tables"].as_array().into_iter().flatten().find(|it| it["table"] == table)?["rows"].as_u64()
        }
    };
    for table in ["host_events", "identity_assertions", "placements", "findings", "incidents"] {
        let (lines, _) = check(&store, &["export", table], 0);
        let rows: Vec<Value> = lines.lines().map(object).collect();
        assert_eq!(Some(rows.len() as u64), expected(table), "{table}");
        let (array, _) = check(&store, &["export", table, "--format", "json"], 0);
        assert_eq!(object(&array), Value::Array(rows), "{table}");
        let file = folder.path().join("export.parquet").display().to_string();
        check(&store, &["export", table, "--format", "parquet", "--out", &file], 0);
        let bytes = fs::read(&file).expect("the file is there");
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{table}");
    }
    for table in ["bindings", "uses", "signals", "coverage", "gaps", "dead_letters"] {
        let (csv, _) = check(&store, &["export", table, "--format", "csv"], 0);
        assert!(csv.lines().next().is_some_and(|names| names.contains(',')), "{table}: {csv}");
    }
    let newest = stats["newest"].as_str().expect("a time");
    let late = check(&store, &["export", "host_events", "--since", newest], 0).0.lines().count() as u64;
    assert!(Some(late) < expected("host_events"), "{late}");
    for (table, hint) in [("nothing", "nothing"), ("findings; DROP TABLE findings", "is no table")] {
        let (_, said) = check(&store, &["export", table], 3);
        assert!(said.contains(hint), "{said}");
    }
}
