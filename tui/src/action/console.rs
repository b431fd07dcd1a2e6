//! The SQL console: typing a statement, asking it, writing its answer.

use super::{Action, always};
use crate::console::Pane;
use crate::keymap::Key;
use crate::model::Model;

/// Types a statement.
pub(crate) const EDIT: Action = Action {
    name: "edit",
    short: "statement",
    help: "Types a statement in the SQL console: Enter runs it, Ctrl-j begins a line, up and down recall others.",
    argument: None,
    keys: &[Key::Char(';')],
    applies: always,
    run: |model, _| {
        super::visit::to(model, "sql")?;
        model.console.pane = Pane::Query;
        Ok(())
    },
};

/// Runs a statement.
pub(crate) const RUN: Action = Action {
    name: "run",
    short: "run",
    help: "Runs the statement of the SQL console, or the one that is named.",
    argument: Some("[SQL]"),
    keys: &[],
    applies: always,
    run: |model, statement| {
        super::visit::to(model, "sql")?;
        if !statement.is_empty() {
            model.console.editor.set(statement);
        }
        model.console.pane = Pane::Rows;
        model.console.run()
    },
};

/// Shows what may be asked.
pub(crate) const TABLES: Action = Action {
    name: "tables",
    short: "tables",
    help: "Shows the tables and columns that a statement of the SQL console may read, or the answer again.",
    argument: None,
    keys: &[Key::Tab],
    applies: |model| model.here().view == "sql",
    run: |model, _| {
        super::visit::to(model, "sql")?;
        model.console.turn_to_tables();
        model.view().fill(model);
        Ok(())
    },
};

/// Writes the answer to a file.
pub(crate) const EXPORT: Action = Action {
    name: "export",
    short: "export",
    help: "Writes the rows of the SQL console's answer to a new file, which only you may read.",
    argument: Some("csv|json|ndjson|parquet|table FILE"),
    keys: &[],
    applies: |model| model.here().view == "sql",
    run: export,
};

fn export(model: &mut Model, argument: &str) -> Result<(), String> {
    let (format, file) = argument
        .split_once(' ')
        .map(|(format, file)| (format, file.trim()))
        .filter(|(_, file)| !file.is_empty())
        .ok_or("name a form and a file: export csv FILE; forms are csv, json, ndjson, parquet and table")?;
    super::visit::to(model, "sql")?;
    model.console.export(format, file)
}
