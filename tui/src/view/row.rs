//! One row of an answer: every value in full.

use offbound_schemas::{EventId, FindingId, IncidentId};
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::chrome::body_area;
use super::facts::pad;
use super::ink::{Ink, Line};
use super::record::{position, scrolled};
use super::{View, sql};
use crate::location::{Location, Within};
use crate::model::Model;
use crate::port::{AnswerColumn, Entity, Value};
use crate::question::Question;
use crate::theme::Role;

/// The view.
pub(crate) struct AnswerRow;

/// Columns of the names, at most.
const NAME_COLUMNS: usize = 28;

fn lines(model: &Model) -> Vec<Line> {
    let room = usize::from(body_area(model.size).width.saturating_sub(2));
    let Some(row) = model.console.rows.selected() else {
        return vec![vec![Ink::fixed("no row is selected in the SQL console").role(Role::Doubt)]];
    };
    let columns = model.console.columns();
    let longest = columns.iter().map(|column| Ink::outside(&column.name).width()).max().unwrap_or(0);
    let names = longest.min(NAME_COLUMNS).min(room / 2);
    columns
        .iter()
        .zip(&row.values)
        .flat_map(|(column, value)| value_lines(column, value, names, room))
        .collect()
}

/// A value with the name of its column, its type where it is unknown or empty.
fn value_lines(column: &AnswerColumn, value: &Value, names: usize, room: usize) -> Vec<Line> {
    let mut name = Ink::outside(&column.name).role(Role::Dim).wrap(names.max(1), true).into_iter();
    let mut line = |text: Vec<Ink>| {
        let label = name.next().unwrap_or(Ink::fixed(""));
        let gap = pad((names + 2).saturating_sub(label.width()));
        [vec![label, gap], text].concat()
    };
    match value {
        Value::Null => vec![line(vec![Ink::fixed("null").role(Role::Token)])],
        Value::Known { text, .. } if text.is_empty() => vec![line(vec![Ink::fixed("''").role(Role::Token)])],
        Value::Known { text, left_out } => {
            let value_room = room.saturating_sub(names + 2).max(8);
            let parts = Ink::outside(text).wrap(value_room, false);
            let mut lines: Vec<Line> = parts.into_iter().map(|part| line(vec![part])).collect();
            if *left_out > 0 {
                let more = Ink::fixed(" more bytes; export writes them").role(Role::Warn);
                lines.push(line(vec![Ink::number(*left_out).role(Role::Warn), more]));
            }
            lines
        }
    }
}

impl View for AnswerRow {
    fn name(&self) -> &'static str {
        "row"
    }
    fn crumb(&self, _place: &Location) -> Line {
        vec![Ink::fixed("row")]
    }
    fn status(&self, model: &Model) -> Line {
        match model.console.rows.selected() {
            Some(row) => {
                let of = Ink::number(model.console.total());
                vec![Ink::fixed("row "), Ink::number(row.index + 1), Ink::fixed(" of "), of]
            }
            None => Line::new(),
        }
    }
    fn wants(&self, model: &Model) -> Vec<Question> {
        model.console.wants()
    }
    fn body(&self, model: &Model) -> u16 {
        body_area(model.size).height.saturating_sub(1)
    }
    fn has_text(&self) -> bool {
        true
    }
    fn text_lines(&self, model: &Model) -> usize {
        lines(model).len()
    }
    fn evidence(&self, model: &Model) -> Option<(EventId, Within)> {
        sql::record(model).map(|event| (event, Within::Alone))
    }
    fn entities(&self, model: &Model) -> Vec<Entity> {
        sql::named(model)
    }
    fn finding(&self, model: &Model) -> Option<FindingId> {
        sql::finding(model)
    }
    fn incident(&self, model: &Model) -> Option<IncidentId> {
        sql::incident(model)
    }
    fn hints(&self) -> &'static [&'static str] {
        &["evidence", "to-entity", "to-finding", "to-incident", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let lines = lines(model);
        canvas.rule(area, area.y, &[Ink::fixed("values")], &position(model, lines.len(), area.height));
        scrolled(canvas, area, &lines, model.here().scroll);
    }
}
