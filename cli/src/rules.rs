//! `offbound rules`: the detection catalogue, as list and one by one; rules of one's own are checked and tried.
//!
//! In: the built-in rules, and those of `--rules DIR`. Out: a table, a page, or JSON.
//! Owns: reading the folder, in name order. Leaves to `correlate` the meaning of a rule file.
//! Law: what is shown is the very rule that judges.

mod check;
mod test;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use offbound_correlate::{Rule, RuleSet};
use offbound_schemas::untrusted::safe;
use serde::Serialize;

use crate::Context;
use crate::args::{Format, ListArgs, RulesArgs, RulesCommand};
use crate::config::format_or_table;
use crate::exit::{Done, Failure};
use crate::listing::{self, List};
use crate::output::layout::{pad, wrap};
use crate::output::{LIST_FORMATS, Look, Sink, Tone, json, supported};

/// Columns of a label on a rule's page.
const LABEL_COLUMNS: usize = 12;

/// One rule, as `--format json` shows it.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    title: String,
    family: String,
    severity: String,
    attack: Vec<String>,
    nhi: Vec<String>,
    maestro: Vec<String>,
    nist: Vec<String>,
    reads: Vec<String>,
    why: String,
    blind_spots: String,
    benign: String,
    next: String,
    origin: String,
    sql: String,
}

impl From<&Rule> for Row {
    fn from(rule: &Rule) -> Self {
        Self {
            id: rule.id.clone(),
            title: rule.title.clone(),
            family: rule.family.clone(),
            severity: rule.severity.to_string(),
            attack: rule.attack.clone(),
            nhi: rule.nhi.clone(),
            maestro: rule.maestro.clone(),
            nist: rule.nist.clone(),
            reads: rule.reads.clone(),
            why: rule.why.clone(),
            blind_spots: rule.blind_spots.clone(),
            benign: rule.benign.clone(),
            next: rule.next.clone(),
            origin: rule.origin.clone(),
            sql: rule.sql.clone(),
        }
    }
}

/// Runs `rules list`, `rules show`, `rules check` or `rules test`.
pub(crate) fn run(args: &RulesArgs, context: &Context) -> Result<Done, Failure> {
    match &args.command {
        RulesCommand::List { rules, list } => {
            let rules = load(context.config.rules(rules.as_deref()).as_deref())?;
            run_list(&rules, list, context)
        }
        RulesCommand::Show { id, rules, list } => {
            let rules = load(context.config.rules(rules.as_deref()).as_deref())?;
            show(&rules, id, list, context)
        }
        RulesCommand::Check { paths } => check::run(paths),
        RulesCommand::Test { paths } => test::run(paths, context.common.quiet),
    }
}

/// The built-in rules, and those of `folder`.
pub(crate) fn load(folder: Option<&Path>) -> Result<RuleSet, Failure> {
    let mut rules = builtin()?;
    for path in folder.map(rule_files).transpose()?.unwrap_or_default() {
        add(&mut rules, &path)?;
    }
    Ok(rules)
}

fn builtin() -> Result<RuleSet, Failure> {
    RuleSet::builtin().map_err(|error| {
        Failure::could_not(format!("a built-in rule is unsound: {error}; please report this"))
    })
}

/// Reads the rule in a file.
fn add(rules: &mut RuleSet, path: &Path) -> Result<(), Failure> {
    let origin = path.display().to_string();
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read rule {origin}: {error}; correct the path")))?;
    rules.add(&origin, &text).map_err(|error| Failure::usage(format!("{error}; correct the rule")))
}

/// The `*.sql` files of a folder, in name order.
fn rule_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let wrong = |error: io::Error| {
        Failure::usage(format!("cannot read rule folder {}: {error}; correct the path", folder.display()))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::usage(format!(
            "no *.sql file in rule folder {}; correct the path",
            folder.display()
        )));
    }
    Ok(files)
}

fn run_list(rules: &RuleSet, args: &ListArgs, context: &Context) -> Result<Done, Failure> {
    let rows: Vec<Row> = rules.rules().iter().map(Row::from).collect();
    let list = List {
        command: "rules list",
        header: &["RULE", "SEVERITY", "FAMILY", "ATT&CK", "TITLE"],
        rows: &rows,
        cells: |row| {
            vec![
                row.id.clone(),
                row.severity.clone(),
                row.family.clone(),
                row.attack.join(" "),
                row.title.clone(),
            ]
        },
        below: None,
    };
    listing::write(&list, args, context)
}

fn show(rules: &RuleSet, id: &str, args: &ListArgs, context: &Context) -> Result<Done, Failure> {
    let rule = rules.rules().iter().find(|rule| rule.id.eq_ignore_ascii_case(id));
    let rule = rule.ok_or_else(|| {
        Failure::usage(format!("there is no rule {id:?}; `offbound rules list` names them all"))
    })?;
    let row = Row::from(rule);
    let format = supported(format_or_table(args.format), "rules show", LIST_FORMATS)?;
    let mut sink = Sink::open(args.out.as_deref())?;
    let look = Look::of(context.common.color, sink.is_terminal());
    sink.write(|to| match format {
        Format::Json => json::write_line(&row, to),
        _ => write_page(&row, look, to),
    })?;
    Ok(Done::Clean)
}

fn write_page(row: &Row, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let heading = format!("{}  {}", safe::cell(&row.id), safe::line(&row.title));
    writeln!(to, "{}\n", look.paint.tone(Tone::Strong, heading))?;
    let frameworks = [&row.attack, &row.nhi, &row.maestro, &row.nist].map(|names| names.join(" ")).join(" ");
    for (label, text) in [
        ("severity", &row.severity),
        ("family", &row.family),
        ("reads", &row.reads.join(", ")),
        ("maps to", &frameworks),
        ("why", &row.why),
        ("blind spots", &row.blind_spots),
        ("benign", &row.benign),
        ("ask next", &row.next),
        ("from", &row.origin),
    ] {
        let mut label = pad(label, LABEL_COLUMNS);
        for line in wrap(&safe::line(text), look.width.saturating_sub(LABEL_COLUMNS + 1)) {
            writeln!(to, "{} {line}", look.paint.tone(Tone::Dim, label))?;
            label = " ".repeat(LABEL_COLUMNS);
        }
    }
    writeln!(to, "\n{}", safe::block(row.sql.trim_end()))
}
