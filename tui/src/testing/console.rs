//! A console over invented tables, for tests of the screens.
//!
//! In: statements, of which it knows a few words. Out: invented answers. Law: as whoever holds a store: rows come in pages,
//! a mistake has a place, nothing is written twice to one file.

use offbound_schemas::hash_id;

use crate::port::{
    AnswerColumn, AnswerRequest, AnswerRow, Answered, ColumnNote, Console, ExportRequest, Exported, Page,
    PortError, Statement, Stop, TableNote, Value,
};

/// Rows of every answer but the empty one.
const ROWS: u64 = 1_000;

/// The console.
pub struct InventedConsole {
    text: Box<dyn Fn(&str) -> String + Send>,
    held: Option<(u64, u64)>,
    written: Vec<ExportRequest>,
}

/// The console as it is.
#[must_use]
pub fn invented() -> InventedConsole {
    invented_with_text(Box::new(str::to_owned))
}

/// The same with every outside text replaced by what `text` makes of it.
#[must_use]
pub fn invented_with_text(text: Box<dyn Fn(&str) -> String + Send>) -> InventedConsole {
    InventedConsole { text, held: None, written: Vec::new() }
}

const COLUMNS: &[(&str, &str, bool)] = &[
    ("event_id", "text", false),
    ("event_time", "timestamp", false),
    ("host", "text", false),
    ("subject", "text", false),
    ("n", "int64", true),
    ("share", "float64", true),
    ("note", "text", false),
    ("reason", "text", false),
    ("raw", "text", false),
];

impl InventedConsole {
    fn columns(&self) -> Vec<AnswerColumn> {
        let one = |(name, kind, is_number): &(&str, &str, bool)| AnswerColumn {
            name: (self.text)(name),
            kind: (*kind).to_owned(),
            is_number: *is_number,
        };
        COLUMNS.iter().map(one).collect()
    }

    fn row(&self, statement: u64, index: u64) -> AnswerRow {
        let known = |text: &str| Value::known(&(self.text)(text));
        let id = hash_id("console", &[&index.to_be_bytes()]).map(|byte| format!("{byte:02x}")).concat();
        let raw = Value::Known { text: (self.text)("{\"verb\":\"list\"}"), left_out: 12_345 };
        let values = vec![
            Value::known(&id),
            known(&format!("2026-03-01T10:{:02}:{:02}Z", index / 60 % 60, index % 60)),
            known(if index.is_multiple_of(3) { "node-17" } else { "node-22" }),
            known("system:serviceaccount:shop:web"),
            Value::known(&(index * index).to_string()),
            Value::known("0.25"),
            Value::Null,
            Value::known(""),
            raw,
        ];
        AnswerRow { statement, index, values }
    }
}

impl Console for InventedConsole {
    fn tables(&mut self) -> Result<Vec<TableNote>, PortError> {
        let column = |(name, kind, _): &(&str, &str, bool)| ColumnNote {
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
            nullable: *name != "event_id",
            meaning: (self.text)(
                "What it says, in a sentence that goes on for a while so that it is cut on small screens.",
            ),
        };
        let table = |name: &str| TableNote {
            name: name.to_owned(),
            meaning: (self.text)("What its rows are."),
            columns: COLUMNS.iter().map(column).collect(),
        };
        Ok(["host_events", "identity_assertions", "findings"].map(table).to_vec())
    }

    fn ask(&mut self, statement: &Statement, _stop: &Stop) -> Result<Answered, PortError> {
        if statement.text.contains("mistake") {
            let what = (self.text)(
                "the SQL cannot be read at line 1, column 8: expected an expression, found mistake",
            );
            return Err(PortError { what, place: Some((1, 8)) });
        }
        let rows = if statement.text.contains("nothing") { 0 } else { ROWS };
        self.held = Some((statement.number, rows));
        let is_cut = statement.text.contains("everything");
        Ok(Answered { columns: self.columns(), rows, is_cut, seconds: 0.25 })
    }

    fn rows(&mut self, request: &AnswerRequest) -> Result<Page<AnswerRow>, PortError> {
        let Some((statement, total)) = self.held.filter(|(held, _)| *held == request.statement) else {
            return Err(PortError::new("this answer is no longer held"));
        };
        let end = total.min(request.offset + request.limit as u64);
        let rows = (request.offset..end).map(|index| self.row(statement, index)).collect();
        Ok(Page { rows, offset: request.offset, total, unfiltered: total })
    }

    fn export(&mut self, request: &ExportRequest) -> Result<Exported, PortError> {
        let file = request.file.display().to_string();
        if self.written.iter().any(|written| written.file == request.file) {
            return Err(PortError::new(format!("{file} is there already")));
        }
        self.written.push(request.clone());
        let rows = self.held.map_or(0, |(_, rows)| rows);
        Ok(Exported { rows, is_cut: false, file })
    }
}
