//! The filter prompt and the command line.

use super::{ACTIONS, Action, always, by_name};
use crate::keymap::Key;
use crate::model::Model;
use crate::prompt::Purpose;
use crate::update::{begin_prompt, set_filter};

/// Filters.
pub(crate) const FILTER: Action = Action {
    name: "filter",
    short: "filter",
    help: "Filters the list while you type: words, field:value, -not, severity>=high. Esc brings the old one back.",
    argument: Some("TEXT"),
    keys: &[Key::Char('/')],
    applies: |model| model.view().filters(),
    run: |model, text| filter(model, text),
};

/// The command line.
pub(crate) const COMMAND: Action = Action {
    name: "command",
    short: "command",
    help: "Runs an action by its name; Tab completes.",
    argument: None,
    keys: &[Key::Char(':')],
    applies: always,
    run: |model, _| {
        begin_prompt(model, Purpose::Command);
        Ok(())
    },
};

fn filter(model: &mut Model, text: &str) -> Result<(), String> {
    if !model.view().filters() {
        return Err("this view has nothing to filter".to_owned());
    }
    if text.is_empty() {
        begin_prompt(model, Purpose::Filter);
        return Ok(());
    }
    model.view().check_filter(text).map_err(|problem| problem.to_string())?;
    set_filter(model, text);
    Ok(())
}

/// Runs a line of the command line.
pub(crate) fn command(model: &mut Model, line: &str) -> Result<(), String> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(());
    }
    let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
    let action = match name {
        "q" => Some(&super::quit::QUIT),
        name => by_name(name).or_else(|| only_match(name)),
    };
    let action = action.ok_or_else(|| format!("no command {name}; ? lists them all"))?;
    (action.run)(model, argument.trim())
}

/// The one action whose name begins with `prefix`.
fn only_match(prefix: &str) -> Option<&'static Action> {
    let mut matches = ACTIONS.iter().copied().filter(|action| action.name.starts_with(prefix));
    matches.next().filter(|_| matches.next().is_none())
}

/// What `text` can be completed to, and the choices.
pub(crate) fn complete_command(text: &str) -> (String, Vec<String>) {
    complete(text, "", " ", ACTIONS.iter().map(|action| action.name))
}

/// The same for the last word of a filter.
pub(crate) fn complete_field(text: &str, fields: &[&'static str]) -> (String, Vec<String>) {
    let start = text.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (head, word) = text.split_at(start);
    complete(word, head, ":", fields.iter().copied())
}

fn complete(
    word: &str,
    head: &str,
    end: &str,
    names: impl Iterator<Item = &'static str>,
) -> (String, Vec<String>) {
    let matches: Vec<String> = names.filter(|name| name.starts_with(word)).map(str::to_owned).collect();
    let completed = match matches.as_slice() {
        [] => word.to_owned(),
        [one] => format!("{one}{end}"),
        [first, rest @ ..] => rest.iter().fold(first.clone(), |common, name| shared(&common, name)),
    };
    (format!("{head}{completed}"), matches)
}

fn shared(a: &str, b: &str) -> String {
    a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::FIELDS;

    /// Scenario: beginnings of commands and fields. Guarantees: what Tab makes of them.
    #[test]
    fn tab_completes() {
        assert_eq!(complete_command("inci").0, "incident");
        assert_eq!(complete_command("ref").0, "refresh ");
        assert_eq!(complete_command("zzz"), ("zzz".to_owned(), vec![]));
        assert_eq!(complete_field("a -wor", FIELDS).0, "a -workload:");
    }
}
