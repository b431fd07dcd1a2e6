//! Help: every action, those that do something here first. Typing searches; Enter runs.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::table::{Column, Rows, fixed, flexible};
use super::{View, facts, table};
use crate::action::{ACTIONS, Action};
use crate::list::{Motion, Row};
use crate::location::Location;
use crate::model::Model;
use crate::prompt::{Prompt, Purpose};
use crate::question::Question;
use crate::theme::Role;
use crate::update::{arrive, run};

/// The view.
pub(crate) struct Help;

/// Lines for the whole help text of the selected action, with its rule.
const SELECTED_LINES: u16 = 3;

/// An action, and whether it does something where one came from.
#[derive(Clone)]
pub(crate) struct HelpRow {
    action: &'static Action,
    applies: bool,
}

impl Row for HelpRow {
    fn id(&self) -> String {
        self.action.name.to_owned()
    }
}

impl View for Help {
    fn name(&self) -> &'static str {
        "help"
    }
    fn crumb(&self, _place: &Location) -> Line {
        vec![Ink::fixed("help")]
    }
    fn status(&self, model: &Model) -> Line {
        vec![Ink::number(model.help.total()), Ink::fixed(" actions")]
    }
    fn wants(&self, _model: &Model) -> Vec<Question> {
        Vec::new()
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.help)
    }
    fn body(&self, model: &Model) -> u16 {
        {
            let height = body_area(model.size).height;
            height.saturating_sub(2 + SELECTED_LINES.min(height / 3))
        }
    }
    fn types_to_search(&self) -> bool {
        true
    }
    fn fill(&self, model: &mut Model) {
        let wanted = model.here().filter.to_lowercase();
        // Whether an action applies is asked about the place that help was called from.
        let stepped = model.history.back();
        let applying = |row: &&'static Action| HelpRow { action: row, applies: (row.applies)(model) };
        let mut rows: Vec<HelpRow> =
            ACTIONS.iter().filter(|action| matches(action, &wanted)).map(applying).collect();
        if stepped {
            model.history.forward();
        }
        rows.sort_by_key(|row| !row.applies);
        model.help.fill(rows);
    }
    fn run_selected(&self, model: &mut Model) -> bool {
        let Some(action) = model.help.selected().map(|row| row.action) else { return true };
        if model.history.back() {
            arrive(model);
        }
        if action.keys.is_empty() {
            let mut prompt = Prompt::new(Purpose::Command, "");
            prompt.set(&format!("{} ", action.name));
            model.prompt = Some(prompt);
        } else {
            run(model, action, "");
        }
        true
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let search =
            [Ink::fixed("search: ").role(Role::Dim), Ink::part(&model.here().filter), Ink::fixed("_")];
        canvas.line(area.x + 1, area.y, area.width.saturating_sub(2), &search);
        let below = SELECTED_LINES.min(area.height / 3);
        let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + below), ..area };
        table::draw(canvas, rows, &model.help, &HelpRows);
        let Some(action) = model.help.selected().map(|row| row.action) else { return };
        let title = [Ink::fixed(action.short).role(Role::Strong)];
        canvas.rule(area, rows.bottom(), &title, &[Ink::fixed("Enter runs it").role(Role::Dim)]);
        let text = Rect {
            x: 1,
            y: rows.bottom() + 1,
            width: area.width.saturating_sub(2),
            height: below.saturating_sub(1),
        };
        let lines: Vec<Line> = Ink::fixed(action.help)
            .wrap(text.width.into(), false)
            .into_iter()
            .map(|part| vec![part])
            .collect();
        facts::draw_lines(canvas, text, &lines);
    }
}

fn matches(action: &Action, wanted: &str) -> bool {
    let text = format!("{} {} {}", action.name, action.short, action.help).to_lowercase();
    wanted.split_whitespace().all(|word| text.contains(word))
}

struct HelpRows;

impl Rows<HelpRow> for HelpRows {
    fn columns(&self, width: u16) -> Vec<Column> {
        let command = if width < 100 { 14 } else { 24 };
        vec![fixed("KEYS", 13), fixed("COMMAND", command), flexible("DOES", 20, 1)]
    }

    fn cells(&self, row: &HelpRow, _width: u16) -> Vec<Line> {
        let role = if row.applies { Role::Plain } else { Role::Dim };
        let mut keys = Line::new();
        for key in row.action.keys {
            if !keys.is_empty() {
                keys.push(Ink::fixed(" "));
            }
            keys.push(Ink::key(*key));
        }
        let mut command = vec![Ink::fixed(":"), Ink::fixed(row.action.name).role(role)];
        if let Some(argument) = row.action.argument {
            command.extend([Ink::fixed(" "), Ink::fixed(argument).role(Role::Dim)]);
        }
        vec![keys, command, vec![Ink::fixed(row.action.help).role(role)]]
    }
}
