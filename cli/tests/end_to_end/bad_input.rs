//! Input that cannot be read: the exact exit code, one clear line, and the rest still read.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::{out, root, run, said, scratch};

/// A log that is sound, from the samples.
fn good_log() -> Vec<u8> {
    fs::read(root().join("samples/stolen-pod-token/tetragon.ndjson"))
        .expect("the sample is part of the project")
}

/// One bad thing beside a good log.
struct Case {
    name: &'static str,
    /// Makes it in the folder.
    make: fn(&Path),
    /// What to replay.
    args: &'static [&'static str],
    code: i32,
    /// What the one line must hold.
    hint: &'static str,
}

const CASES: &[Case] = &[
    Case {
        name: "missing file",
        make: |_| (),
        args: &["missing.log"],
        code: 2,
        hint: "missing.log: no such file",
    },
    Case {
        name: "missing file beside a good one",
        make: |_| (),
        args: &["missing.log", "good.ndjson"],
        code: 0,
        hint: "missing.log: no such file",
    },
    Case {
        name: "missing file, strict",
        make: |_| (),
        args: &["--strict", "missing.log", "good.ndjson"],
        code: 2,
        hint: "--strict: 1 inputs",
    },
    Case {
        name: "empty folder",
        make: |folder| fs::create_dir(folder.join("empty")).expect("writable"),
        args: &["empty"],
        code: 2,
        hint: "empty: the folder holds no file",
    },
    Case {
        name: "pattern without match",
        make: |_| (),
        args: &["*.zst", "good.ndjson"],
        code: 0,
        hint: "*.zst: no file matches",
    },
    Case {
        name: "unknown format",
        make: |folder| write(folder, "odd.log", b"what is this\n"),
        args: &["odd.log", "good.ndjson"],
        code: 0,
        hint: "odd.log: 1 of 1 records could not be read (1 unknown-format)",
    },
    Case {
        name: "binary file",
        make: |folder| write(folder, "core.bin", &[0, 159, 146, 150, 1, 2, 3, 0, 255, 254, 0, 7].repeat(50)),
        args: &["core.bin", "good.ndjson"],
        code: 0,
        hint: "core.bin: 1 of 1 records could not be read (1 binary-file)",
    },
    Case {
        name: "truncated gzip",
        make: |folder| {
            let packed = fs::read(root().join("samples/stolen-pod-token/k8s-audit-2026-03-01.log.gz"));
            let packed = packed.expect("the sample is part of the project");
            write(folder, "cut.log.gz", packed.get(..packed.len() / 2).expect("half of it"));
        },
        args: &["cut.log.gz", "good.ndjson"],
        code: 0,
        hint: "cut.log.gz: 1 of ",
    },
    Case {
        name: "a line of 100 MB",
        make: |folder| long_line(folder),
        args: &["long.log", "good.ndjson"],
        code: 0,
        hint: "long.log: 1 of 1 records could not be read (1 too-long)",
    },
    Case {
        name: "unreadable records, strict",
        make: |folder| write(folder, "odd.log", b"what is this\n"),
        args: &["--strict", "odd.log", "good.ndjson"],
        code: 2,
        hint: "--strict: 0 inputs and 1 records",
    },
    Case {
        name: "missing environment file",
        make: |_| (),
        args: &["--env", "missing.toml", "good.ndjson"],
        code: 3,
        hint: "cannot read environment file missing.toml",
    },
    Case {
        name: "unknown key in the environment file",
        make: |folder| write(folder, "env.toml", b"version = 1\n\n[realm.prod]\ncidr = [\"10.0.0.0/8\"]\n"),
        args: &["--env", "env.toml", "good.ndjson"],
        code: 3,
        hint: "env.toml:4:1: ",
    },
    Case {
        name: "environment file that is no TOML",
        make: |folder| write(folder, "env.toml", b"version = = 1\n"),
        args: &["--env", "env.toml", "good.ndjson"],
        code: 3,
        hint: "env.toml:1:",
    },
    Case {
        name: "missing rule folder",
        make: |_| (),
        args: &["--rules", "no-rules", "good.ndjson"],
        code: 3,
        hint: "cannot read rule folder no-rules",
    },
    Case {
        name: "rule that is none",
        make: |folder| {
            fs::create_dir(folder.join("rules")).expect("writable");
            write(&folder.join("rules"), "odd.sql", b"select 1\n");
        },
        args: &["--rules", "rules", "good.ndjson"],
        code: 3,
        hint: "odd.sql",
    },
    Case {
        name: "source rule that is none",
        make: |_| (),
        args: &["--source", "nonsense", "good.ndjson"],
        code: 3,
        hint: "--source nonsense",
    },
    Case {
        name: "place that cannot be written",
        make: |_| (),
        args: &["--out", "no-folder/findings.json", "good.ndjson"],
        code: 2,
        hint: "cannot write no-folder/findings.json",
    },
    Case {
        name: "format that is not offered",
        make: |_| (),
        args: &["--format", "parquet", "good.ndjson"],
        code: 3,
        hint: "does not offer --format parquet",
    },
    Case {
        name: "folder that is no store",
        make: |folder| {
            fs::create_dir(folder.join("home")).expect("writable");
            write(&folder.join("home"), "letter.txt", b"dear");
        },
        args: &["--store", "home", "good.ndjson"],
        code: 2,
        hint: "home",
    },
];

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).expect("the folder can be written");
}

fn long_line(folder: &Path) {
    let mut file = fs::File::create(folder.join("long.log")).expect("the folder can be written");
    let megabyte = vec![b'x'; 1 << 20];
    (0..100).for_each(|_| file.write_all(&megabyte).expect("there is room for 100 MB"));
    file.write_all(b"\n").expect("there is room");
}

/// Scenario: each bad thing in turn. Guarantees: its exit code, exactly one line that names it, and whatever is
/// good beside it is read.
#[test]
fn bad_input_is_told_once_and_the_rest_is_read() {
    for case in CASES {
        let folder = scratch();
        write(folder.path(), "good.ndjson", &good_log());
        (case.make)(folder.path());
        let mut args = vec!["replay", "--quiet"];
        if !case.args.contains(&"--format") {
            args.extend(["--format", "ndjson"]);
        }
        args.extend(case.args);
        let output = run(folder.path(), &args);
        check(case, &output);
    }
}

fn check(case: &Case, output: &Output) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(case.code), "{}: {said}", case.name);
    let hits = said.lines().filter(|line| line.contains(case.hint)).count();
    assert_eq!(hits, 1, "{}: {:?} should stand on one line of:\n{said}", case.name, case.hint);
    assert!(said.lines().all(|line| line.starts_with("offbound: ")), "{}: {said}", case.name);
    if case.code == 0 {
        let summary = out(output).lines().last().map(serde_json::from_str::<Value>);
        let summary = summary.expect("a summary").expect("the summary is JSON");
        let good =
            summary["sources"].as_array().expect("a list").iter().find(|it| it["location"] == "good.ndjson");
        assert_eq!(good.map(|it| it["read"] == it["decoded"]), Some(true), "{}: {summary}", case.name);
        adds_up(&summary, case.name);
    }
}

/// FLOW-1: read = decoded + skipped + dead-lettered, in total and per source.
fn adds_up(summary: &Value, name: &str) {
    let total = |counts: &Value| -> u64 {
        counts.as_object().expect("counts").values().map(|number| number.as_u64().expect("a count")).sum()
    };
    let sources = summary["sources"].as_array().expect("a list");
    for account in sources.iter().chain([summary]) {
        let parts = account["decoded"].as_u64().expect("a count")
            + total(&account["skipped"])
            + total(&account["dead_lettered"]);
        assert_eq!(account["read"].as_u64(), Some(parts), "{name}: {account}");
    }
}

/// Scenario: a file that only others may read. Guarantees: one line that says what to do; the rest is read.
#[cfg(unix)]
#[test]
fn unreadable_files_are_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = scratch();
    write(folder.path(), "good.ndjson", &good_log());
    write(folder.path(), "closed.log", b"x\n");
    let closed = folder.path().join("closed.log");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("own file");
    if fs::read(&closed).is_ok() {
        // The superuser reads everything: a dangling link is what it cannot open.
        fs::remove_file(&closed).expect("own file");
        std::os::unix::fs::symlink("nowhere", &closed).expect("links are supported");
    }
    let output =
        run(folder.path(), &["replay", "--quiet", "--format", "ndjson", "closed.log", "good.ndjson"]);
    let case = Case { name: "unreadable file", make: |_| (), args: &[], code: 0, hint: "closed.log: " };
    check(&case, &output);
}
