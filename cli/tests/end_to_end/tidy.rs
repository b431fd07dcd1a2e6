//! The tree itself: lists and folders agree, functions fit a screen, nothing unfinished, nobody's machine.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{root, text_of};

/// Most lines of a function: what fits a screen.
const MAX_FUNCTION_LINES: usize = 70;
/// Most lines of a source file, tests apart.
const MAX_FILE_LINES: usize = 600;
/// Folders that are not the project's own text.
const SKIPPED: &[&str] = &["target", ".git", "node_modules"];

/// Every file of the project with this ending, by path.
fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&root(), ending, &mut found);
    found.sort();
    found
}

/// Sources apart from tests, whose tables of cases may be long.
fn sources() -> Vec<PathBuf> {
    let mut sources = files(".rs");
    sources.retain(|path| !shown(path).contains("tests"));
    assert!(!sources.is_empty(), "no source at all: the test looks in the wrong place");
    sources
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the project can be read") {
        let path = entry.expect("the project can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn check(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} places:\n{}", complaints.len(), complaints.join("\n"));
}

/// Length and name of every function, by the indentation of its closing brace.
fn functions(source: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let is_function = code.split("fn ").next().is_some_and(|before| {
            code.contains("fn ")
                && before
                    .split_whitespace()
                    .all(|word| matches!(word, "pub" | "const" | "async") || word.starts_with("pub("))
        });
        let opening = lines.iter().skip(start).find(|line| line.ends_with(['{', ';', '}']));
        let has_body = opening.is_some_and(|line| line.ends_with('{'));
        if !is_function || !has_body {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        let length = lines.iter().skip(start).position(|line| *line == close);
        found.push((length.map_or(1, |length| length + 1), code.to_owned()));
    }
    found
}

/// Scenario: a function or a file grows. Guarantees: a function fits a screen, a file is one thing.
#[test]
fn functions_and_files_stay_short() {
    let mut complaints = Vec::new();
    for path in sources() {
        let source = text_of(&path);
        let long = functions(&source).into_iter().filter(|(length, _)| *length > MAX_FUNCTION_LINES);
        complaints.extend(long.map(|(length, name)| format!("{}: {length} lines: {name}", shown(&path))));
        let count = source.lines().count();
        if count > MAX_FILE_LINES {
            complaints.push(format!("{}: {count} lines", shown(&path)));
        }
    }
    check(&complaints);
}

/// Scenario: something is left unfinished, or copied from somebody's machine. Guarantees: no such mark stays.
#[test]
fn nothing_unfinished_and_nobodys_paths() {
    let marks = ["todo!", "unimplemented!", "TODO", "FIXME"].map(str::to_owned);
    let places = [["/wo", "rk/"], ["/Us", "ers/"]].map(|parts| parts.concat());
    let mut complaints = Vec::new();
    let this = Path::new("cli/tests/end_to_end/tidy.rs");
    for ending in [".rs", ".md", ".toml", ".sql", ".json", ".yml", "test", "run"] {
        for path in files(ending) {
            if path.ends_with(this) || path.is_dir() {
                continue;
            }
            let Ok(source) = fs::read_to_string(&path) else {
                continue;
            };
            for (number, line) in source.lines().enumerate() {
                let is_bad = marks.iter().any(|mark| line.contains(mark) && ending == ".rs")
                    || places.iter().any(|place| line.contains(place.as_str()) && !line.contains("://"));
                if is_bad {
                    complaints.push(format!("{}:{}: {}", shown(&path), number + 1, line.trim()));
                }
            }
        }
    }
    check(&complaints);
}

/// Scenario: a module without its header. Guarantees: every file says what it is, first thing.
#[test]
fn every_module_has_a_header() {
    let bare: Vec<String> = sources()
        .iter()
        .filter(|path| !text_of(path).trim_start().starts_with("//!"))
        .map(|path| format!("{}: no //! header", shown(path)))
        .collect();
    check(&bare);
}

/// Scenario: a format file without its line in the list. Guarantees: every format file is in use.
#[test]
fn every_format_file_is_listed() {
    let list = text_of(&root().join("ingest/src/decode.rs"));
    let forgotten: Vec<String> = files(".rs")
        .iter()
        .filter(|path| path.parent().is_some_and(|folder| folder.ends_with("ingest/src/decode")))
        .filter(|path| text_of(path).contains(": Format = Format"))
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .filter(|stem| !list.contains(&format!("{stem}::")))
        .map(|stem| format!("{stem} is not in FORMATS"))
        .collect();
    check(&forgotten);
}

/// Scenario: a rule file without its line in the list, or that does not load. Guarantees: every rule file is a rule.
#[test]
fn every_rule_file_is_loaded() {
    let set = offbound_correlate::RuleSet::builtin().expect("built-in rules are sound");
    let loaded: Vec<String> = set.rules().iter().map(|rule| rule.id.to_lowercase()).collect();
    let forgotten: Vec<String> = files(".sql")
        .iter()
        .filter(|path| path.starts_with(root().join("correlate/rules")))
        .filter(|path| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
            !loaded.contains(&stem)
        })
        .map(|path| format!("{} is not loaded", shown(path)))
        .collect();
    check(&forgotten);
}
