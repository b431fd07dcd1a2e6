//! Dead letters of a store: listed, shown, read again; every finding exactly once.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::schema::check_ndjson;
use crate::{out, root, run, said, scratch};

const SAMPLE: &str = "samples/stolen-pod-token";
const ENVIRONMENT: &str = "samples/stolen-pod-token/environment.toml";
/// Takes every Kubernetes audit file for something else.
const WRONG: &str = "cloudtrail=k8s-audit*";

/// Runs a command in the project's folder; it must go through.
fn done(args: &[&str]) -> String {
    let output = run(&root(), args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output));
    out(&output)
}

/// Replays the sample into the store.
fn replay(store: &str, more: &[&str]) -> String {
    let args = ["replay", "--quiet", SAMPLE, "--format", "ndjson", "--store", store];
    done(&[&args, more].concat())
}

/// Reads the store's dead letters again.
fn reread(store: &str, more: &[&str]) -> String {
    let args =
        ["dead-letters", "replay", "--quiet", "--env", ENVIRONMENT, "--format", "ndjson", "--store", store];
    done(&[&args, more].concat())
}

fn letters(store: &str, more: &[&str]) -> Vec<Value> {
    let args = ["dead-letters", "list", "--format", "ndjson", "--store", store];
    let text = done(&[&args, more].concat());
    text.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

/// Everything but the summary.
fn concluded(text: &str) -> Vec<Value> {
    let mut records = check_ndjson(text);
    records.retain(|record| record["type"] != "summary");
    records
}

/// The summary without what depends on how often inputs were read.
fn accounted(text: &str) -> Value {
    let mut summary = check_ndjson(text).pop().expect("the summary is the last line");
    summary["bytes"] = Value::Null;
    summary
}

fn text_of_store(store: &Path) -> String {
    store.display().to_string()
}

/// Scenario: a log read as what it is not, its dead letters read again, and again, then the log itself rightly into the
/// same store, and the letters of a log that was read rightly since (what a kill before the last step leaves).
/// Guarantees: each time the findings of a clean replay, each once; the accounts are the clean ones too; no letter is
/// left.
#[test]
fn dead_letters_give_each_finding_once() {
    let folder = scratch();
    let [clean, store, killed] =
        ["clean", "store", "killed"].map(|name| text_of_store(&folder.path().join(name)));
    let expected = replay(&clean, &[]);
    let wrong = replay(&store, &["--source", WRONG]);
    assert_ne!(concluded(&wrong), concluded(&expected));
    assert!(!letters(&store, &[]).is_empty());
    for _ in 0..2 {
        let again = reread(&store, &[]);
        assert_eq!(concluded(&again), concluded(&expected));
        assert_eq!(accounted(&again), accounted(&expected));
        assert_eq!(letters(&store, &[]), [] as [Value; 0]);
    }
    assert_eq!(concluded(&replay(&store, &[])), concluded(&expected));

    replay(&killed, &["--source", WRONG]);
    replay(&killed, &[]);
    assert!(!letters(&killed, &[]).is_empty());
    let again = reread(&killed, &[]);
    assert_eq!(concluded(&again), concluded(&expected));
    assert_eq!(accounted(&again), accounted(&expected));
    assert_eq!(letters(&killed, &[]), [] as [Value; 0]);
}

/// Scenario: letters that are listed in every form, chosen by reason and source, shown by the beginning of an id, and
/// read again under a rule that is still wrong. Guarantees: every form holds them, nothing unprintable gets out, those
/// that still fail stay, with today's reason.
#[test]
fn dead_letters_are_listed_and_shown() {
    let folder = scratch();
    let store = text_of_store(&folder.path().join("store"));
    let log = folder.path().join("odd.log");
    fs::write(&log, b"what \x1b[31mis this\nand \xff that\n").expect("the folder can be written");
    let good = root().join(SAMPLE).join("tetragon.ndjson").display().to_string();
    let log = text_of_store(&log);
    done(&["replay", "--quiet", "--store", &store, &log, &good]);

    let all = letters(&store, &[]);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(letters(&store, &["--reason", "unknown-format", "--source", "odd"]).len(), 2);
    assert_eq!(letters(&store, &["--reason", "too-long"]).len(), 0);
    for (format, hint) in [("table", "2 dead letters"), ("csv", "event_id,"), ("json", "[{")] {
        let text = done(&["dead-letters", "list", "--format", format, "--store", &store]);
        assert!(text.contains(hint) && !text.contains('\x1b'), "{format}: {text}");
    }
    let whole = done(&["dead-letters", "list", "--format", "json", "--store", &store]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&whole).expect("it is JSON"), all);

    let id = all[0]["event_id"].as_str().expect("an id");
    let shown = done(&["dead-letters", "show", &id[..12], "--store", &store]);
    assert!(shown.contains("odd.log:1") && shown.contains("unknown-format"), "{shown}");
    assert!(shown.contains("is this") && !shown.contains('\x1b'), "{shown}");
    let exact = done(&["dead-letters", "show", id, "--format", "json", "--store", &store]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&exact).expect("it is JSON"), all[..1]);

    reread(&store, &["--source", "cloudtrail=*.log"]);
    let left = letters(&store, &[]);
    let field = |name: &str, list: &[Value]| list.iter().map(|it| it[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("bytes", &left), field("bytes", &all));
    assert_eq!(field("source", &left), ["cloudtrail", "cloudtrail"]);
    let strict = run(&root(), &["dead-letters", "replay", "--quiet", "--strict", "--store", &store]);
    assert_eq!(strict.status.code(), Some(2), "{}", said(&strict));
}

/// Scenario: no store named, none there, ids that are none. Guarantees: one line and the exit code of the contract, and
/// no store is made.
#[test]
fn wrong_questions_about_dead_letters() {
    let folder = scratch();
    let cases: [(&[&str], i32, &str); 5] = [
        (&["dead-letters", "list"], 3, "--store DIR"),
        (&["dead-letters", "list", "--store", "none"], 2, "none"),
        (&["dead-letters", "replay", "--store", "none"], 2, "none"),
        (&["dead-letters", "show", "xyz", "--store", "store"], 3, "is no id"),
        (&["dead-letters", "show", "00", "--store", "store"], 3, "there is no dead letter"),
    ];
    fs::copy(root().join(SAMPLE).join("tetragon.ndjson"), folder.path().join("good.ndjson")).expect("a copy");
    let made = run(folder.path(), &["replay", "--quiet", "--store", "store", "good.ndjson"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    for (args, code, hint) in cases {
        let output = run(folder.path(), args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(hint), "{args:?}: {}", said(&output));
    }
    assert!(!folder.path().join("none").exists());
}
