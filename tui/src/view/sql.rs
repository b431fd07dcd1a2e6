//! The SQL console: a statement, and what it is answered with; or the tables that it may read.
//!
//! In: the console's state. Out: three panes. Owns: how they divide the screen. Leaves the state to `console`.
//! Law: a value of an answer is outside text, whatever its type.

mod answer;
mod query;
mod schema;

use offbound_schemas::{EventId, FindingId, IncidentId};
use ratatui::layout::Rect;

pub(crate) use answer::widths;
pub(crate) use schema::SchemaRow;

use super::canvas::Canvas;
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::{View, is_wide, pane_below};
use crate::console::{Pane, Standing};
use crate::keymap::Key;
use crate::list::Motion;
use crate::location::{Location, Subject, Within};
use crate::model::Model;
use crate::port::{Entity, Exported};
use crate::question::Question;
use crate::theme::Role;

/// The view.
pub(crate) struct Console;

/// Lines of the statement that are always there.
const QUERY_LINES: u16 = 3;
/// Lines of the statement at most, on small and on large terminals.
const QUERY_LINES_MAX: (u16, u16) = (5, 10);
/// Lines for what is said of the selected table or column, with its rule.
const MEANING_LINES: u16 = 4;

/// The panes, each with a rule above it.
struct Layout {
    query: Rect,
    /// The answer, or the tables.
    list: Rect,
    /// The selected row, or what is said of the selected column.
    detail: Rect,
}

fn layout(model: &Model) -> Layout {
    let body = body_area(model.size);
    let most = if is_wide(model.size) { QUERY_LINES_MAX.1 } else { QUERY_LINES_MAX.0 };
    let lines = u16::try_from(query::lines(&model.console.editor, body.width).0.len()).unwrap_or(u16::MAX);
    let above = (1 + lines.clamp(QUERY_LINES, most)).min(body.height / 2);
    let below = body.height - above;
    let detail = match model.console.pane {
        Pane::Schema => MEANING_LINES.min(below / 3),
        Pane::Query | Pane::Rows => pane_below(below.saturating_sub(1), model.console.total()),
    };
    Layout {
        query: Rect { height: above, ..body },
        list: Rect { y: body.y + above, height: below - detail, ..body },
        detail: Rect { y: body.bottom() - detail, height: detail, ..body },
    }
}

/// The entities that the selected row of the answer names; that of the selected column first.
pub(super) fn named(model: &Model) -> Vec<Entity> {
    Entity::of_columns(&model.console.values())
}

/// Columns that hold the id of a record.
const RECORD_IDS: &[&str] = &["event_id", "use_id", "last_id", "sent_id", "signal_id", "issue_id"];

/// The record that the selected row of the answer names.
pub(super) fn record(model: &Model) -> Option<EventId> {
    let values = model.console.values();
    let mut ids = values.iter().filter(|(column, _)| RECORD_IDS.contains(&column.as_str()));
    ids.find_map(|(_, value)| value.parse().ok())
}

/// The finding that it is, or names.
pub(super) fn finding(model: &Model) -> Option<FindingId> {
    let values = model.console.values();
    let is_finding = value_of(&values, "rule").is_some();
    let id = value_of(&values, "finding_id").or_else(|| value_of(&values, "id").filter(|_| is_finding))?;
    id.parse().ok()
}

/// The incident that it is, or names.
pub(super) fn incident(model: &Model) -> Option<IncidentId> {
    let values = model.console.values();
    let is_incident = value_of(&values, "outcome").is_some() && value_of(&values, "onset").is_some();
    let named = value_of(&values, "incident").or_else(|| value_of(&values, "incident_id"));
    named.or_else(|| value_of(&values, "id").filter(|_| is_incident))?.parse().ok()
}

fn value_of<'v>(values: &'v [(String, String)], name: &str) -> Option<&'v str> {
    values.iter().find(|(column, _)| column == name).map(|(_, value)| value.as_str())
}

/// What is said when an answer was written to a file.
pub(crate) fn told(exported: &Exported) -> Ink {
    let Exported { rows, is_cut, file } = exported;
    let (first, rest) = match is_cut {
        true => ("the first ", "; `offbound hunt --out` writes more"),
        false => ("", ""),
    };
    let word = if *rows == 1 { "row" } else { "rows" };
    Ink::outside(&format!("{first}{rows} {word} written to {file}, for you alone{rest}"))
}

impl View for Console {
    fn name(&self) -> &'static str {
        "sql"
    }
    fn tab(&self) -> Option<(char, &'static str, &'static str)> {
        Some(('7', "SQL", "SQL"))
    }
    fn crumb(&self, _place: &Location) -> Line {
        vec![Ink::fixed("SQL")]
    }
    fn status(&self, model: &Model) -> Line {
        match &model.console.standing {
            Standing::Running => {
                let mut line = vec![Ink::fixed("running").role(Role::Warn)];
                if model.console.running_secs > 0 {
                    line.extend([
                        Ink::fixed("  "),
                        Ink::number(model.console.running_secs),
                        Ink::fixed(" s"),
                    ]);
                }
                line
            }
            Standing::CalledOff => vec![Ink::fixed("called off").role(Role::Dim)],
            Standing::Refused(_) => vec![Ink::fixed("refused").role(Role::Warn)],
            Standing::None => Line::new(),
            Standing::Answered(answered) => {
                let seconds = Ink::duration(answered.seconds).role(Role::Dim);
                let rows = Ink::count(answered.rows, "row", "rows");
                if answered.is_cut {
                    let there_are_more = Ink::fixed("; there are more  ").role(Role::Warn);
                    return vec![Ink::fixed("first ").role(Role::Warn), rows, there_are_more, seconds];
                }
                vec![rows, Ink::fixed("  "), seconds]
            }
        }
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        model.console.wants()
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        match model.console.pane {
            Pane::Schema => Some(&mut model.console.schema),
            Pane::Query | Pane::Rows => Some(&mut model.console.rows),
        }
    }
    fn body(&self, model: &Model) -> u16 {
        layout(model).list.height.saturating_sub(2)
    }
    fn step_sideways(&self, model: &mut Model, columns: i64) -> bool {
        model.console.step_column(columns);
        true
    }
    fn has_columns(&self) -> bool {
        true
    }
    fn press(&self, model: &mut Model, key: Key) -> bool {
        if model.console.pane != Pane::Query {
            return false;
        }
        match key {
            Key::Tab => return false,
            Key::Esc => model.console.pane = Pane::Rows,
            Key::Enter => {
                if let Err(problem) = model.console.run() {
                    model.complain(&problem);
                }
            }
            key => return model.console.press(key),
        }
        true
    }
    fn paste(&self, model: &mut Model, text: &str) {
        if model.console.pane == Pane::Query && !model.console.editor.insert(text) {
            model.complain("the statement is full: what did not fit was left out");
        }
    }
    fn typing_hints(&self, model: &Model) -> &'static [(&'static str, &'static str)] {
        match model.console.pane {
            Pane::Query if model.prompt.is_none() => &[
                ("Enter", "run"),
                ("Ctrl-j", "new line"),
                ("Up Down", "recall"),
                ("Tab", "tables"),
                ("Esc", "rows"),
                ("Ctrl-c", "call off"),
            ],
            _ => &[],
        }
    }
    fn fill(&self, model: &mut Model) {
        schema::fill(&mut model.console);
    }
    fn open(&self, model: &Model) -> Option<Location> {
        let has_row = model.console.pane == Pane::Rows && model.console.rows.selected().is_some();
        has_row.then(|| Location::new("row", Subject::All))
    }
    fn run_selected(&self, model: &mut Model) -> bool {
        model.console.pane == Pane::Schema && schema::take(&mut model.console)
    }
    fn evidence(&self, model: &Model) -> Option<(EventId, Within)> {
        record(model).map(|event| (event, Within::Alone))
    }
    fn entities(&self, model: &Model) -> Vec<Entity> {
        named(model)
    }
    fn finding(&self, model: &Model) -> Option<FindingId> {
        finding(model)
    }
    fn incident(&self, model: &Model) -> Option<IncidentId> {
        incident(model)
    }
    fn hints(&self) -> &'static [&'static str] {
        &["edit", "open", "to-entity", "evidence", "tables", "export", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, _area: Rect) {
        let Layout { query, list, detail } = layout(model);
        query::draw(model, canvas, query);
        match model.console.pane {
            Pane::Schema => schema::draw(model, canvas, list, detail),
            Pane::Query | Pane::Rows => answer::draw(model, canvas, list, detail),
        }
    }
}
