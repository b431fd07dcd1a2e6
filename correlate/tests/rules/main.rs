//! Every rule against its examples: `rules/<family>/<rule>.slt` beside `<rule>.sql`.
//!
//! In: the rule folder. Out: pass, or the examples that came out otherwise.
//! Owns: what counts as enough examples; the notation is the crate's. Law: a rule without both kinds of examples fails.

mod refusals;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use offbound_correlate::examples::{self, Example, Examples, Expected, Kind};
use offbound_correlate::{Rule, RuleSet};

/// At least so many cases of each kind for every rule.
const MIN_CASES: usize = 2;

/// The files of one rule, or what stands alone where one of them is missing.
struct RuleFile {
    stem: PathBuf,
    rule: Option<Rule>,
    cases: Option<String>,
}

fn rule_files() -> Vec<RuleFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).expect("the rule folder can be read");
        entries.map(|entry| entry.expect("the rule folder can be read").path()).collect::<Vec<_>>()
    };
    let files = entries(&root).into_iter().flat_map(|family| entries(&family));
    let stems: BTreeSet<PathBuf> = files.map(|file| file.with_extension("")).collect();
    let read = |stem: &Path, extension: &str| std::fs::read_to_string(stem.with_extension(extension)).ok();
    let rule = |text: String| {
        let mut set = RuleSet::default();
        set.add("rules", &text).expect("the rule file is sound");
        set.rules().first().cloned()
    };
    let file = |stem: PathBuf| RuleFile {
        rule: read(&stem, "sql").and_then(rule),
        cases: read(&stem, "slt"),
        stem: stem.strip_prefix(&root).expect("it lies in the rule folder").to_owned(),
    };
    stems.into_iter().map(file).collect()
}

/// Scenario: every case beside every rule. Guarantees: each rule fires on what it looks for, with the severity,
/// confidence and count that it promises, and is quiet on the honest causes that it names.
#[tokio::test]
async fn rules_do_what_their_cases_say() {
    let rules = RuleSet::builtin().expect("the built-in rules are sound");
    let rules = Examples::of(&rules).await.expect("the built-in rules can be planned");
    let mut faults = Vec::new();
    for file in rule_files() {
        let (Some(rule), Some(text)) = (&file.rule, &file.cases) else { continue };
        let stem = file.stem.display();
        for case in cases_of(text, &stem, &mut faults) {
            match rules.run(&rule.id, &case).await {
                Ok(found) if found == case.expected => {}
                Ok(found) => faults.push(differing(&stem, &case, &found)),
                Err(fault) => faults.push(format!("{stem}: {}: {fault}", case.name)),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The cases of a file; one that cannot be read is noted, and has none.
fn cases_of(text: &str, stem: &dyn Display, faults: &mut Vec<String>) -> Vec<Example> {
    examples::read(text).unwrap_or_else(|fault| {
        faults.push(format!("{stem}.slt: {fault}"));
        Vec::new()
    })
}

fn differing(stem: &dyn Display, case: &Example, found: &[Expected]) -> String {
    let [expected, found] = [&case.expected, found].map(|rows| examples::shown(rows).join("\n           "));
    format!("{stem}: {}\n  expected {expected}\n  found    {found}", case.name)
}

/// Scenario: the rule folder. Guarantees: every rule has its cases, of both kinds, and no case is without a rule.
#[test]
fn every_rule_has_its_cases() {
    let mut faults = Vec::new();
    for file in rule_files() {
        let stem = file.stem.display();
        match (&file.rule, &file.cases) {
            (None, _) => faults.push(format!("{stem}.slt belongs to no rule")),
            (Some(_), None) => faults.push(format!("{stem}.sql has no cases: write {stem}.slt")),
            (Some(rule), Some(text)) => {
                let cases = cases_of(text, &stem, &mut faults);
                faults.extend(missing(rule, &cases).into_iter().map(|fault| format!("{stem}.slt {fault}")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What a case expects of one column.
type Told = fn(&Expected) -> &str;

/// What a rule's cases leave open.
fn missing(rule: &Rule, cases: &[Example]) -> Vec<String> {
    let count = |kind: Kind| cases.iter().filter(|case| case.kind == kind).count();
    let few = [Kind::Fires, Kind::Quiet].into_iter().filter(|kind| count(*kind) < MIN_CASES);
    let mut faults: Vec<String> = few
        .map(|kind| format!("has {} `{}` case(s), of at least {MIN_CASES}", count(kind), kind.word()))
        .collect();
    let expected: Vec<&Expected> = cases.iter().flat_map(|case| &case.expected).collect();
    let severity: Told = |row| &row.severity;
    for (column, told) in [("severity", severity), ("confidence", |row| &row.confidence)] {
        let given = words(&rule.sql, column);
        if given.is_empty() {
            faults.push(format!(
                "has a rule whose {column} cannot be read: write it as a word or a CASE of words"
            ));
        }
        let open = given.iter().filter(|word| !expected.iter().any(|row| told(row) == word.as_str()));
        faults.extend(open.map(|word| format!("has no case of {column} {word}, which the rule can give")));
    }
    faults
}

/// The words that a rule can put in a column: the quoted ones of its last `CASE`, or the one that it always gives.
fn words(sql: &str, column: &str) -> Vec<String> {
    let before = sql.rsplit_once(&format!("AS {column}")).map_or("", |(before, _)| before).trim_end();
    let start = if before.ends_with("END") { before.rfind("CASE") } else { before.rfind(',') };
    let item = before.get(start.unwrap_or_default()..).unwrap_or_default();
    // What is compared is quoted too: only what follows THEN and ELSE (or nothing) is given.
    let given = item.split(['\n', ' ', ',']).collect::<Vec<_>>();
    let given = given.windows(2).filter(|pair| matches!(pair, ["THEN" | "ELSE" | "", _]));
    given.filter_map(|pair| pair.last()?.strip_prefix('\'')?.strip_suffix('\'')).map(str::to_owned).collect()
}

/// Scenario: the notations in which rules give a severity. Guarantees: the branches that must have a case are seen.
#[test]
fn branches_are_seen() {
    let case = "SELECT CASE WHEN a = 'x' THEN 'high' ELSE 'low' END AS severity, 'medium' AS confidence";
    assert_eq!(words(case, "severity"), ["high", "low"]);
    assert_eq!(words(case, "confidence"), ["medium"]);
}
