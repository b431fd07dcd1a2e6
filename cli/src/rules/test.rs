//! `offbound rules test`: rules of one's own over the examples beside them.
//!
//! In: rule files (`*.sql`) or their examples (`*.slt`), folders of them. Out: a line for each example, passed or failed, with
//! what was expected and found; every fault of a file (exit 3); exit 1 where an example failed.
//! Owns: which example goes with which rule. Leaves to `correlate` what an example is, and what follows from it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use offbound_correlate::RuleSet;
use offbound_correlate::examples::{self, Example, Examples, Expected};
use offbound_schemas::untrusted::safe;
use tokio::runtime::Runtime;

use super::{builtin, check, rule_files};
use crate::exit::{Done, Failure, eprint_line, say};
use crate::judge::runtime;
use crate::output::{Sink, count};

/// Extension of the file of a rule's examples.
const EXAMPLES: &str = "slt";

/// What came of all examples.
#[derive(Debug, Default)]
struct Tally {
    passed: u64,
    failed: u64,
    faults: Vec<String>,
}

/// One rule, ready to be tried.
struct Tried {
    /// File of its examples.
    file: String,
    rule: String,
    rules: Examples,
    examples: Vec<Example>,
}

/// Runs every example of the rules in these files and folders.
pub(super) fn run(paths: &[PathBuf], quiet: bool) -> Result<Done, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(rule_files(path)?);
        } else if path.extension().is_some_and(|extension| extension == EXAMPLES) {
            files.push(path.with_extension("sql"));
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    files.dedup();
    let runtime = runtime()?;
    let mut known = builtin()?;
    let mut sink = Sink::open(None)?;
    let mut tally = Tally::default();
    for file in &files {
        match tried(&runtime, &mut known, file) {
            Ok(Some(tried)) => try_rule(&runtime, &tried, &mut sink, &mut tally)?,
            Ok(None) => {
                let name = file.with_extension(EXAMPLES);
                say("note", &format!("{} has no examples: write {}", file.display(), name.display()));
            }
            Err(Failure::Usage(messages)) => tally.faults.extend(messages),
            Err(other) => return Err(other),
        }
    }
    tally.close(quiet)
}

/// A rule that is sound, with its examples; none where it has no file of them.
fn tried(runtime: &Runtime, known: &mut RuleSet, file: &Path) -> Result<Option<Tried>, Failure> {
    let (rule, alone) = check::sound(known, file)?;
    let beside = file.with_extension(EXAMPLES);
    let origin = beside.display().to_string();
    let text = match fs::read_to_string(&beside) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Failure::usage(format!("cannot read examples {origin}: {error}; correct the path")));
        }
    };
    let examples = examples::read(&text)
        .map_err(|misread| Failure::usage(format!("{origin}: {misread}; correct the example")))?;
    let rules = runtime.block_on(Examples::of(&alone)).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Some(Tried { file: origin, rule: rule.id, rules, examples }))
}

fn try_rule(runtime: &Runtime, tried: &Tried, sink: &mut Sink, tally: &mut Tally) -> Result<(), Failure> {
    let Tried { file, rule, rules, examples } = tried;
    for example in examples {
        let place = format!("{file}:{}", example.line);
        let name = format!("{}: {}", example.kind.word(), example.name);
        let (place, name) = (safe::line(&place), safe::line(&name));
        match runtime.block_on(rules.run(rule, example)) {
            Ok(found) if found == example.expected => {
                tally.passed += 1;
                sink.write(|to| writeln!(to, "{place}: passed: {name}"))?;
            }
            Ok(found) => {
                tally.failed += 1;
                sink.write(|to| {
                    writeln!(to, "{place}: FAILED: {name}")?;
                    difference(&example.expected, &found).iter().try_for_each(|line| writeln!(to, "{line}"))
                })?;
            }
            Err(fault) => tally.faults.push(format!("{place}: {fault}; correct the example or the rule")),
        }
    }
    Ok(())
}

/// What should have been found and was not, what was and should not, and what both have.
fn difference(expected: &[Expected], found: &[Expected]) -> Vec<String> {
    let mut left = found.to_vec();
    let mut lines = Vec::new();
    let mut tell = |sign: &str, row: &Expected| {
        let shown = examples::shown(std::slice::from_ref(row));
        lines.extend(shown.iter().map(|text| format!("  {sign} {}", safe::line(text))));
    };
    for row in expected {
        match left.iter().position(|one| one == row) {
            Some(place) => {
                left.remove(place);
                tell(" ", row);
            }
            None => tell("-", row),
        }
    }
    left.iter().for_each(|row| tell("+", row));
    lines
}

impl Tally {
    fn close(self, quiet: bool) -> Result<Done, Failure> {
        let Self { passed, failed, mut faults } = self;
        let all = passed + failed;
        if all == 0 && faults.is_empty() {
            faults.push("there is no example: write my-rule.slt beside my-rule.sql".to_owned());
        }
        if all > 0 && !quiet {
            let [all, passed, failed] = [all, passed, failed].map(count);
            eprint_line(&format!("{all} example(s): {passed} passed, {failed} failed"));
        }
        match (faults.is_empty(), failed) {
            (false, _) => Err(Failure::Usage(faults)),
            (true, 0) => Ok(Done::Clean),
            (true, _) => Ok(Done::Failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(entity: &str, count: i64) -> Expected {
        let [severity, confidence] = ["low", "high"].map(str::to_owned);
        Expected { entity: entity.to_owned(), severity, confidence, count }
    }

    /// Scenario: what was expected and what was found share one row, twice in the latter. Guarantees: each row is told once for
    /// each time that it is there, and what is missing, too much and common are told apart.
    #[test]
    fn differences_are_told_apart() {
        let (expected, found) = ([row("a", 1), row("b", 1)], [row("b", 1), row("b", 1), row("c\n", 2)]);
        let lines = difference(&expected, &found);
        assert_eq!(
            lines[..3],
            ["  - a | low | high | 1", "    b | low | high | 1", "  + b | low | high | 1"].map(str::to_owned)
        );
        assert!(lines[3].starts_with("  + c") && !lines[3].contains('\n'), "{lines:?}");
    }
}
