//! The SQL console: a statement being typed, statements asked before, and the answer to the last one.
//!
//! In: keys, answers. Out: what is to be asked. Owns: which pane has the keys, the history of statements.
//! Laws: a statement is asked when it is told to and not again by itself; an answer belongs to the statement above it.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;

use crate::editor::{Edited, Editor};
use crate::keymap::Key;
use crate::list::{List, Motion as _, Row};
use crate::port::{
    AnswerColumn, AnswerRequest, AnswerRow, Answered, ExportRequest, Page, PortError, Statement, TableNote,
};
use crate::question::Question;
use crate::view::sql::{SchemaRow, widths};

/// Statements that are remembered.
const STATEMENTS_MAX: usize = 100;

/// Which pane has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Pane {
    /// The statement: keys are text.
    Query,
    /// The rows of the answer.
    #[default]
    Rows,
    /// The tables and their columns.
    Schema,
}

/// How the last statement stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Standing {
    /// There is none.
    None,
    /// It is being asked.
    Running,
    /// It was called off.
    CalledOff,
    /// It has no answer, and why.
    Refused(String),
    /// It has one.
    Answered(Answered),
}

/// The console.
pub(crate) struct Console {
    /// The statement being typed.
    pub(crate) editor: Editor,
    /// Which pane has the keys.
    pub(crate) pane: Pane,
    /// How the last statement stands.
    pub(crate) standing: Standing,
    /// For how many seconds it has been asked.
    pub(crate) running_secs: u64,
    /// The rows of its answer.
    pub(crate) rows: List<AnswerRow>,
    /// Columns of the screen that each column of the answer takes.
    pub(crate) widths: Vec<u16>,
    /// The column that is selected.
    pub(crate) column: usize,
    /// The tables, once they are known.
    pub(crate) tables: Option<Vec<TableNote>>,
    /// The same as lines.
    pub(crate) schema: List<SchemaRow>,
    /// Tables whose columns are shown.
    pub(crate) unfolded: BTreeSet<String>,
    /// Which pane had the keys before the tables.
    pane_before: Pane,
    statement: Option<Statement>,
    export: Option<ExportRequest>,
    last_number: u64,
    /// Oldest first.
    asked: VecDeque<String>,
    /// Which of them is shown, and what was being typed before.
    recalled: Option<(usize, String)>,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            editor: Editor::default(),
            pane: Pane::default(),
            standing: Standing::None,
            running_secs: 0,
            rows: List::default(),
            widths: Vec::new(),
            column: 0,
            tables: None,
            schema: List::default(),
            unfolded: BTreeSet::new(),
            pane_before: Pane::default(),
            statement: None,
            export: None,
            last_number: 0,
            asked: VecDeque::new(),
            recalled: None,
        }
    }
}

impl Row for AnswerRow {
    fn id(&self) -> String {
        format!("{}:{}", self.statement, self.index)
    }
}

impl Console {
    /// What is to be asked.
    pub(crate) fn wants(&self) -> Vec<Question> {
        let mut wants = vec![Question::Tables];
        wants.extend(self.statement.clone().map(Question::Statement));
        if let (Standing::Answered(answered), Some(statement)) = (&self.standing, &self.statement)
            && answered.rows > 0
        {
            let (page, turn) = self.rows.request();
            // Rows of an answer keep their places, so that a place says as much as a row.
            let offset = match page.at {
                crate::port::At::Offset(offset) => offset,
                crate::port::At::Around { otherwise, .. } => otherwise,
            };
            let request = AnswerRequest { statement: statement.number, offset, limit: page.limit };
            wants.push(Question::AnswerRows(request, turn));
        }
        wants.extend(self.export.clone().map(Question::Export));
        wants
    }

    /// Asks what stands in the editor.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        if self.editor.is_blank() {
            return Err("type a statement first, such as SHOW TABLES".to_owned());
        }
        let text = self.editor.text();
        self.remember(&text);
        self.begin(text);
        Ok(())
    }

    /// Asks the last statement again, also one that was called off.
    pub(crate) fn again(&mut self) {
        if let Some(text) = self.asked.back().cloned() {
            self.begin(text);
        }
    }

    fn begin(&mut self, text: String) {
        self.statement = Some(Statement { number: self.next_number(), text });
        (self.standing, self.running_secs) = (Standing::Running, 0);
        (self.rows, self.widths, self.column) = (List::default(), Vec::new(), 0);
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Whether a statement is being asked.
    pub(crate) fn is_running(&self) -> bool {
        self.running().is_some()
    }

    /// The number of the statement that is being asked.
    pub(crate) fn running(&self) -> Option<u64> {
        self.statement
            .as_ref()
            .filter(|_| self.standing == Standing::Running)
            .map(|statement| statement.number)
    }

    /// Lets go of the statement that is being asked.
    pub(crate) fn call_off(&mut self) {
        self.standing = Standing::CalledOff;
        self.statement = None;
    }

    /// Takes in the answer, or why there is none.
    pub(crate) fn take_answer(&mut self, answer: Result<Answered, PortError>) {
        self.standing = match answer {
            Ok(answered) => Standing::Answered(answered),
            Err(PortError { what, place }) => {
                if let Some((line, column)) = place.filter(|_| self.shows_statement()) {
                    self.editor.go_to(line, column);
                }
                Standing::Refused(what)
            }
        };
    }

    /// Whether what was asked stands in the editor as it was.
    fn shows_statement(&self) -> bool {
        self.statement.as_ref().is_some_and(|statement| statement.text == self.editor.text())
    }

    /// Takes in rows.
    pub(crate) fn take_rows(&mut self, page: Page<AnswerRow>) {
        let wanted = widths(self.columns(), &page.rows);
        self.widths.resize(wanted.len(), 0);
        for (width, wanted) in self.widths.iter_mut().zip(wanted) {
            *width = wanted.max(*width);
        }
        self.rows.apply(page);
    }

    /// The columns of the answer.
    pub(crate) fn columns(&self) -> &[AnswerColumn] {
        match &self.standing {
            Standing::Answered(answered) => &answered.columns,
            _ => &[],
        }
    }

    /// The values of the selected row that are known in full, each with the name of its column; that of the selected
    /// column first.
    pub(crate) fn values(&self) -> Vec<(String, String)> {
        let Some(row) = self.rows.selected() else { return Vec::new() };
        let named = self.columns().iter().zip(&row.values);
        let mut values: Vec<(usize, (String, String))> = named
            .enumerate()
            .filter_map(|(at, (column, value))| Some((at, (column.name.clone(), value.whole()?.to_owned()))))
            .collect();
        values.sort_by_key(|(at, _)| *at != self.column);
        values.into_iter().map(|(_, value)| value).collect()
    }

    /// Begins to write the answer to a file.
    pub(crate) fn export(&mut self, format: &str, file: &str) -> Result<(), String> {
        let (Standing::Answered(_), Some(statement)) = (&self.standing, &self.statement) else {
            return Err("there is no answer to write; run a statement first".to_owned());
        };
        let statement = statement.number;
        let number = self.next_number();
        let (format, file) = (format.to_owned(), PathBuf::from(file));
        self.export = Some(ExportRequest { statement, format, file, number });
        Ok(())
    }

    /// Notes that it was written, or could not be.
    pub(crate) fn end_export(&mut self) {
        self.export = None;
    }

    /// Takes a key as part of the statement; false where it means something else.
    pub(crate) fn press(&mut self, key: Key) -> bool {
        match self.editor.press(key) {
            Edited::Taken => {}
            Edited::Above => self.recall(true),
            Edited::Below => self.recall(false),
            Edited::Other => return false,
        }
        true
    }

    fn remember(&mut self, text: &str) {
        self.recalled = None;
        self.asked.retain(|asked| asked != text);
        self.asked.push_back(text.to_owned());
        if self.asked.len() > STATEMENTS_MAX {
            self.asked.pop_front();
        }
    }

    /// Shows an earlier statement, or a later one; behind the latest stands what was being typed.
    fn recall(&mut self, earlier: bool) {
        let (at, draft) = match self.recalled.take() {
            Some(recalled) => recalled,
            None => (self.asked.len(), self.editor.text()),
        };
        let next = if earlier { at.saturating_sub(1) } else { at + 1 };
        match self.asked.get(next) {
            Some(text) => {
                self.editor.set(text);
                self.recalled = Some((next, draft));
            }
            None if at < self.asked.len() => self.editor.set(&draft),
            None => {}
        }
    }

    /// Shows the columns of a table, or no longer.
    pub(crate) fn fold(&mut self, table: &str) {
        if !self.unfolded.remove(table) {
            self.unfolded.insert(table.to_owned());
        }
    }

    /// Gives the keys to the tables; from there, back to where they were.
    pub(crate) fn turn_to_tables(&mut self) {
        (self.pane, self.pane_before) = match self.pane {
            Pane::Schema => (self.pane_before, self.pane_before),
            pane => (Pane::Schema, pane),
        };
    }

    /// Inserts a name where the cursor of the statement stands, and goes there.
    pub(crate) fn insert_name(&mut self, name: &str) {
        let glued =
            self.editor.before().chars().last().is_some_and(|c| !c.is_whitespace() && !"(,.".contains(c));
        self.editor.insert(if glued { " " } else { "" });
        self.editor.insert(name);
        self.pane = Pane::Query;
    }

    /// Selects a column of the answer to the right or left of the selected one.
    pub(crate) fn step_column(&mut self, columns: i64) {
        let last = self.columns().len().saturating_sub(1);
        let step = usize::try_from(columns.unsigned_abs()).unwrap_or(usize::MAX);
        self.column =
            if columns < 0 { self.column.saturating_sub(step) } else { self.column.saturating_add(step) };
        self.column = self.column.min(last);
    }

    /// How many rows there are to go through.
    pub(crate) fn total(&self) -> u64 {
        self.rows.total()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(console: &mut Console, text: &str) {
        console.editor.set(text);
        console.run().expect("a statement");
    }

    /// Scenario: statements one after the other, then up and down among them while something is typed. Guarantees: each
    /// is there once, the latest first; what was being typed comes back.
    #[test]
    fn statements_are_remembered() {
        let mut console = Console::default();
        for text in ["a", "b", "a"] {
            typed(&mut console, text);
        }
        console.editor.set("draft");
        let texts: Vec<String> = [Key::Up, Key::Up, Key::Up, Key::Down, Key::Down, Key::Down]
            .map(|key| {
                console.press(key);
                console.editor.text()
            })
            .to_vec();
        assert_eq!(texts, ["a", "b", "b", "a", "draft", "draft"]);
        (0..STATEMENTS_MAX * 2).for_each(|number| typed(&mut console, &number.to_string()));
        assert_eq!(console.asked.len(), STATEMENTS_MAX);
    }

    /// Scenario: nothing to ask, a mistake with a place, the same after something else was typed. Guarantees: it is said;
    /// the cursor stands at the mistake, and stays where one types.
    #[test]
    fn a_mistake_is_pointed_at() {
        let mut console = Console::default();
        assert!(console.run().is_err());
        let mistake = || Err(PortError { what: "no".to_owned(), place: Some((1, 8)) });
        typed(&mut console, "SELECT ,");
        console.take_answer(mistake());
        assert_eq!(console.editor.before(), "SELECT ");
        assert_eq!(console.standing, Standing::Refused("no".to_owned()));
        typed(&mut console, "SELECT ,");
        console.press(Key::Char('x'));
        console.take_answer(mistake());
        assert_eq!(console.editor.before(), "SELECT ,x");
    }
}
