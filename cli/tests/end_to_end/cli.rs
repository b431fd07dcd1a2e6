//! Streams, exit codes and small commands.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::{offbound, out, root, run, said, scratch, text_of};

const SAMPLE: &str = "stolen-pod-token";

fn in_samples(args: &[&str]) -> Output {
    run(&root().join("samples"), args)
}

/// Scenario: wrong usage of every kind. Guarantees: exit code 3, and nothing on standard output.
#[test]
fn wrong_usage_is_three() {
    for args in [
        &[] as &[&str],
        &["frobnicate"],
        &["replay"],
        &["replay", "x", "--format", "xml"],
        &["replay", "x", "--since", "yesterday"],
        &["replay", "x", "--fail-on", "terrible"],
        &["rules", "show", "CT-999"],
        &["simulate", "no-such-scenario"],
        &["formats", "--format", "csv"],
        &["formats", "--config", "missing.toml"],
    ] {
        let output = run(scratch().path(), args);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", said(&output));
        assert_eq!(out(&output), "", "{args:?}");
        assert!(!said(&output).is_empty(), "{args:?}");
    }
}

/// Scenario: help and version. Guarantees: they are results: standard output, exit code 0.
#[test]
fn help_and_version_are_results() {
    for args in [&["--help"] as &[&str], &["--version"], &["replay", "--help"], &["help", "simulate"]] {
        let output = run(scratch().path(), args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(out(&output).contains("offbound"), "{args:?}");
        assert_eq!(said(&output), "", "{args:?}");
    }
}

/// Scenario: help and version to a full disk. Guarantees: results that were lost are told, with exit code 2.
#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_told() {
    for args in [&["--help"] as &[&str], &["--version"], &["replay", "--help"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let output = offbound(scratch().path(), args).stdout(full).output().expect("the binary was built");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(said(&output).contains("standard output"), "{args:?}: {}", said(&output));
    }
}

/// Scenario: a file name that is not UTF-8 as an argument, then its folder. Guarantees: wrong usage that says what to
/// do, and doing so reads the file.
#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf8_is_read_through_its_folder() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let folder = scratch();
    let name = OsStr::from_bytes(b"n\xff.log");
    fs::write(folder.path().join(name), "what is this\n").expect("a file in a scratch folder");
    let direct = offbound(folder.path(), &["replay"]).arg(name).output().expect("the binary was built");
    assert_eq!(direct.status.code(), Some(3));
    assert!(said(&direct).contains("when its folder is named"), "{}", said(&direct));
    let through = run(folder.path(), &["replay", ".", "--format", "json"]);
    assert_eq!(through.status.code(), Some(0), "{}", said(&through));
    let told: Value = serde_json::from_str(&out(&through)).expect("JSON");
    assert_eq!(told["summary"]["read"], 1, "{told}");
}

/// Scenario: a variable that is misspelt. Guarantees: it is told, with the key that was meant.
#[test]
fn a_misspelt_variable_is_told() {
    let folder = scratch();
    let mut command = offbound(folder.path(), &["rules", "list"]);
    let output = command.env("OFFBOUND_OUTPUT_FORMT", "json").output().expect("the binary was built");
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("OFFBOUND_OUTPUT_FORMAT"), "{}", said(&output));
}

/// Scenario: the demo where there is no terminal. Guarantees: findings and verdict on standard output, the next step
/// on standard error, nothing else needed.
#[test]
fn demo_needs_nothing() {
    let output = run(scratch().path(), &["demo"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = out(&output);
    assert!(text.contains("INCIDENT 1 of 1") && text.contains("NOT CONTAINED"), "{text}");
    assert!(said(&output).contains("offbound replay PATH"), "{}", said(&output));
}

/// Scenario: findings, with and without a threshold. Guarantees: 1 only at or above it; the results are the same.
#[test]
fn fail_on_sets_the_exit_code() {
    for (severity, code) in [("low", 1), ("info", 1)] {
        let output = run(scratch().path(), &["demo", "--format", "ndjson", "--fail-on", severity]);
        assert_eq!(output.status.code(), Some(code), "{severity}");
    }
    let odd = scratch();
    fs::write(odd.path().join("odd.log"), "what is this\n").expect("writable");
    let output = run(odd.path(), &["replay", "odd.log", "--fail-on", "info"]);
    assert_eq!(output.status.code(), Some(0), "no findings, no failure");
}

/// Scenario: every machine format, and `--out`. Guarantees: standard output holds results only; a file gets them all.
#[test]
fn results_go_where_they_should() {
    let folder = scratch();
    for format in ["table", "json", "ndjson", "csv"] {
        let printed = run(folder.path(), &["demo", "--format", format]);
        let file = folder.path().join(format);
        let written = run(folder.path(), &["demo", "--format", format, "--out", &file.display().to_string()]);
        assert_eq!(written.status.code(), Some(0), "{}", said(&written));
        assert_eq!(out(&written), "", "{format}");
        assert_eq!(fs::read(&file).expect("it was written"), printed.stdout, "{format}");
    }
    let document: Value =
        serde_json::from_slice(&fs::read(folder.path().join("json")).expect("it was written")).expect("JSON");
    for key in ["findings", "incidents", "summary"] {
        assert!(document.get(key).is_some(), "{key}");
    }
}

/// Scenario: whoever reads the results goes away. Guarantees: no message, no failure.
#[test]
fn a_closed_pipe_is_quiet() {
    let mut child = offbound(scratch().path(), &["demo", "--quiet", "--format", "ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("messages are UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{said}");
    assert_eq!(said, "");
}

/// Scenario: a log on standard input, with a label. Guarantees: it is read like a file, under the name `-`.
#[test]
fn standard_input_is_read() {
    let log = fs::read(root().join("samples").join(SAMPLE).join("tetragon.ndjson")).expect("a sample");
    let mut child = offbound(scratch().path(), &["replay", "-", "--quiet", "--format", "ndjson"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    child.stdin.take().expect("piped").write_all(&log).expect("it reads everything");
    let output = child.wait_with_output().expect("it ends");
    let summary =
        out(&output).lines().last().map(serde_json::from_str::<Value>).expect("a summary").expect("JSON");
    assert_eq!(summary["sources"][0]["location"], "-");
    assert!(summary["decoded"].as_u64() > Some(0), "{summary}");
}

/// Scenario: a user presses Ctrl-C while standard input is awaited. Guarantees: exit code 130, or death by the
/// signal, at once after the second.
#[cfg(unix)]
#[test]
fn interrupted_is_130() {
    let mut child = offbound(scratch().path(), &["replay", "-", "--quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    let pid = child.id().to_string();
    // Handlers are set before input is read; until then the signal may come too early, so it is sent until it takes.
    let code = loop {
        std::thread::sleep(std::time::Duration::from_millis(200));
        if let Some(status) = child.try_wait().expect("it can be asked") {
            break status.code();
        }
        let sent = std::process::Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.is_ok(), "kill is there on every unix");
    };
    assert!(code == Some(130) || code.is_none(), "{code:?}");
}

/// Scenario: events outside `--since` and `--until`. Guarantees: they are counted as read, and judged by nobody.
#[test]
fn the_window_limits_the_judgement() {
    let environment = format!("{SAMPLE}/environment.toml");
    let logs = ["k8s-audit.log", "tetragon.ndjson", "pods.json"].map(|file| format!("{SAMPLE}/{file}"));
    let mut args = vec!["replay", "--format", "ndjson", "--env", &environment, "--until", "1999-01-01"];
    args.extend(logs.iter().map(String::as_str));
    let output = in_samples(&args);
    let text = out(&output);
    assert_eq!(text.lines().count(), 1, "only the summary: {text}");
    assert!(said(&output).contains("outside --since/--until"), "{}", said(&output));
}

/// Scenario: the lists. Guarantees: they are not empty, in both forms, and name the same things.
#[test]
fn lists_agree() {
    for command in [&["formats"] as &[&str], &["rules", "list"], &["simulate", "list"]] {
        let folder = scratch();
        let table = out(&run(folder.path(), command));
        let json = out(&run(folder.path(), &[command, &["--format", "json"]].concat()));
        let rows: Value = serde_json::from_str(&json).expect("JSON");
        let rows = rows.as_array().expect("a list");
        assert!(!rows.is_empty(), "{command:?}");
        for row in rows {
            let id = row["id"].as_str().expect("every row has an id");
            assert!(table.lines().any(|line| line.starts_with(id)), "{id} is missing in\n{table}");
        }
    }
}

/// Scenario: every rule is shown. Guarantees: its page explains it and ends with its SQL.
#[test]
fn every_rule_has_a_page() {
    let folder = scratch();
    let rules: Value =
        serde_json::from_str(&out(&run(folder.path(), &["rules", "list", "--format", "json"])))
            .expect("JSON");
    for rule in rules.as_array().expect("a list") {
        let id = rule["id"].as_str().expect("an id");
        let page = out(&run(folder.path(), &["rules", "show", id]));
        for words in [id, "why", "blind spots", "benign", "ask next"] {
            assert!(page.contains(words), "{id}: {words} is missing in\n{page}");
        }
        assert!(page.to_uppercase().contains("SELECT"), "{id}");
    }
}

/// Scenario: a rule of one's own, sound; with a column that does not exist; with an id that is taken.
/// Guarantees: the sound one is told, every fault names its file, and nothing else is done.
#[test]
fn own_rules_are_checked() {
    let folder = scratch();
    let rule = text_of(&root().join("correlate/rules/posture/ct-305.sql"));
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("writable");
    write("own.sql", &rule.replace("CT-305", "OWN-1"));
    let output = run(folder.path(), &["rules", "check", "."]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(out(&output).lines().next(), Some("./own.sql: sound: OWN-1 reads uses"));
    write("taken.sql", &rule);
    write("typo.sql", &rule.replace("CT-305", "OWN-2").replace("is_static", "is_statik"));
    let output = run(folder.path(), &["rules", "check", "own.sql", "taken.sql", "typo.sql"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    for told in ["taken.sql: rule CT-305 is there already", "typo.sql: rule OWN-2", "is_statik"] {
        assert!(said(&output).contains(told), "{told}: {}", said(&output));
    }
    assert_eq!(out(&output), "own.sql: sound: OWN-1 reads uses\n");
    let output = run(folder.path(), &["rules", "check", "missing.sql"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
}

/// Scenario: a rule of one's own with examples that hold, with one that does not, with one that is no example, and without any.
/// Guarantees: each example is told as passed or failed, with the difference; exit codes are those of the help text.
#[test]
fn own_rules_are_tried() {
    let folder = scratch();
    let rules = root().join("correlate/rules/posture");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("writable");
    write("own.sql", &text_of(&rules.join("ct-305.sql")).replace("CT-305", "OWN-1"));
    let output = run(folder.path(), &["rules", "test", "own.sql"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("own.sql has no examples: write own.slt"), "{}", said(&output));
    write("own.slt", &text_of(&rules.join("ct-305.slt")));
    for named in [".", "own.sql", "own.slt"] {
        let output = run(folder.path(), &["rules", "test", named]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(
            out(&output).contains("own.slt:1: passed: fires: a key that has no end\n"),
            "{}",
            out(&output)
        );
        assert!(said(&output).contains("8 example(s): 8 passed, 0 failed"), "{}", said(&output));
    }
    write(
        "own.slt",
        "# quiet: one\nuses: is_static=true\n\n# fires: two\nuses: is_static=true\n----\nJTI=one | high | high | 1\n",
    );
    let output = run(folder.path(), &["rules", "test", "."]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let lines: Vec<String> = out(&output).lines().map(str::to_owned).collect();
    let expected = [
        "./own.slt:1: FAILED: quiet: one",
        "  + JTI=one | low | high | 1",
        "./own.slt:4: FAILED: fires: two",
        "  - JTI=one | high | high | 1",
        "  + JTI=one | low | high | 1",
    ];
    assert_eq!(lines, expected);
    for (text, wanted) in [
        ("# quiet: one\nuses: is_statik=true\n", "own.slt:1: table `uses` has no column `is_statik`"),
        ("# fires: one\nuses: is_static=true\n", "own.slt: line 1: \"one\" does not say what is found"),
    ] {
        write("own.slt", text);
        let output = run(folder.path(), &["rules", "test", "own.slt"]);
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(said(&output).contains(wanted), "{wanted}: {}", said(&output));
    }
    write("own.sql", "SELECT 1");
    let output = run(folder.path(), &["rules", "test", "."]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
}

/// Scenario: an exception to a rule that does not exist, beside one to a rule that does; facts are asked for with the same
/// file. Guarantees: the first is told where rules judge; a question about facts, which needs no rules, says nothing of either.
#[test]
fn exceptions_that_except_nothing_are_told() {
    let folder = scratch();
    let exception = |rule: &str| {
        format!("[[exception]]\nrule = \"{rule}\"\nsubject = \"x\"\nreason = \"r\"\nexpires = 2030-01-01\n")
    };
    let text = format!("{}{}", exception("CT-305"), exception("CT-3O5"));
    fs::write(folder.path().join("environment.toml"), text).expect("writable");
    let logs = root().join("samples").join(SAMPLE).join("pods.json").display().to_string();
    let output = run(folder.path(), &["replay", "--env", "environment.toml", &logs]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let warnings = said(&output).matches("there is no such rule").count();
    assert_eq!((warnings, said(&output).contains("CT-3O5")), (1, true), "{}", said(&output));
    let output = run(folder.path(), &["replay", "--env", "environment.toml", "--store", "store", &logs]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let question = "SELECT count(*) FROM uses";
    let output = run(folder.path(), &["hunt", "--store", "store", "--env", "environment.toml", question]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(!said(&output).contains("there is no such rule"), "{}", said(&output));
}

/// Scenario: one scenario written twice with one seed. Guarantees: equal bytes, and the truth beside them.
#[test]
fn simulated_telemetry_is_repeatable() {
    let folder = scratch();
    for name in ["one", "two"] {
        let output = run(folder.path(), &["simulate", SAMPLE, "--out", name, "--seed", "7"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    let read = |name: &str| -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(folder.path().join(name)).expect("it was written");
        let mut files: Vec<_> = files.map(|entry| entry.expect("readable").path()).collect();
        files.sort();
        let file_name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
        files.iter().map(|path| (file_name(path), fs::read(path).expect("readable"))).collect()
    };
    assert_eq!(read("one"), read("two"));
    assert!(folder.path().join("one/truth.json").is_file());
}

/// Scenario: `investigate` where there is no terminal. Guarantees: exit code 2, and a way on.
#[test]
fn investigate_wants_a_terminal() {
    let output = run(scratch().path(), &["investigate", "--store", "x"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("terminal") && said(&output).contains("offbound replay"),
        "{}",
        said(&output)
    );
}

/// Scenario: a configuration file sets the format, a variable another, an option a third. Guarantees: the nearest wins.
#[test]
fn options_win_over_variables_over_the_file() {
    let folder = scratch();
    fs::write(folder.path().join("offbound.toml"), "[output]\nformat = \"json\"\nquiet = true\n")
        .expect("writable");
    let first = |output: &Output| out(output).chars().take(12).collect::<String>();
    assert_eq!(first(&run(folder.path(), &["demo"])), "{\"findings\":");
    let mut with_variable = offbound(folder.path(), &["demo"]);
    let with_variable =
        with_variable.env("OFFBOUND_OUTPUT_FORMAT", "csv").output().expect("the binary was built");
    assert_eq!(first(&with_variable), "id,revision,");
    let with_option = run(folder.path(), &["demo", "--format", "ndjson"]);
    assert_eq!(first(&with_option).get(..9), Some("{\"type\":\""));
}

/// Scenario: completion scripts for every shell. Guarantees: a result on standard output that knows every command.
#[test]
fn completions_know_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(scratch().path(), &["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}: {}", said(&output));
        for command in ["demo", "replay", "investigate", "formats", "rules", "simulate", "completions", "man"]
        {
            assert!(out(&output).contains(command), "{shell} does not know {command}");
        }
    }
    assert_eq!(run(scratch().path(), &["completions", "tcsh"]).status.code(), Some(3));
}

/// Scenario: manual pages, one to standard output and all to a folder. Guarantees: each command has its page, in roff,
/// with its options.
#[test]
fn every_command_has_a_manual_page() {
    let folder = scratch();
    let printed = run(folder.path(), &["man"]);
    assert!(out(&printed).contains(".TH offbound 1"), "{}", out(&printed));
    let written = run(folder.path(), &["man", "--dir", "man1"]);
    assert_eq!((written.status.code(), out(&written).as_str()), (Some(0), ""), "{}", said(&written));
    let page = |name: &str| fs::read_to_string(folder.path().join("man1").join(name));
    assert!(page("offbound-replay.1").expect("a page").contains("\\-\\-fail\\-on"));
    assert!(page("offbound-rules-show.1").is_ok() && page("offbound.1").is_ok());
}
