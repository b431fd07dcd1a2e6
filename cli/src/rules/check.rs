//! `offbound rules check`: whether rules of one's own can be trusted to judge, before they do.
//!
//! In: rule files, folders of them. Out: a line for each sound rule; every fault, with its file (exit 3).
//! Owns: the order of the faults. Law: what is sound here is planned by `replay` and `stream` in the same way.

use std::path::{Path, PathBuf};

use offbound_correlate::environment::Environment;
use offbound_correlate::{Rule, RuleSet};
use offbound_schemas::untrusted::safe;

use super::{add, builtin, rule_files};
use crate::exit::{Done, Failure};
use crate::judge::Judge;
use crate::output::Sink;

/// Checks every rule in these files and folders.
pub(super) fn run(paths: &[PathBuf]) -> Result<Done, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() { files.extend(rule_files(path)?) } else { files.push(path.clone()) }
    }
    let mut known = builtin()?;
    let mut sink = Sink::open(None)?;
    let mut faults = Vec::new();
    for file in &files {
        match sound(&mut known, file) {
            Ok((rule, _)) => {
                let (file, reads) = (file.display().to_string(), rule.reads.join(", "));
                let (file, id, reads) = (safe::line(&file), safe::line(&rule.id), safe::line(&reads));
                sink.write(|to| writeln!(to, "{file}: sound: {id} reads {reads}"))?;
            }
            Err(Failure::Usage(messages)) => faults.extend(messages),
            Err(other) => return Err(other),
        }
    }
    if faults.is_empty() { Ok(Done::Clean) } else { Err(Failure::Usage(faults)) }
}

/// The rule of a file, read and planned, also as a set of its own; if it is sound, it is known from then on.
pub(super) fn sound(known: &mut RuleSet, file: &Path) -> Result<(Rule, RuleSet), Failure> {
    let mut alone = RuleSet::default();
    add(&mut alone, file)?;
    Judge::new(Environment::default(), &alone)?;
    add(known, file)?;
    let rule = alone.rules().first().cloned();
    let rule = rule
        .ok_or_else(|| Failure::could_not(format!("{} has no rule; please report this", file.display())))?;
    Ok((rule, alone))
}
