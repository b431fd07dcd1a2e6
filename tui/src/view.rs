//! What is drawn.
//!
//! In: the model. Out: a frame, and what a click on it would mean. Owns: the one list of views.
//! Leaves colours to the theme and state to `update`. Law: drawing changes nothing and costs no more than a screen;
//! every outside string is an [`Ink`], which only the gate can make.

mod canvas;
mod chrome;
mod entities;
pub(crate) mod entity;
mod events;
mod facts;
pub(crate) mod finding;
mod findings;
pub(crate) mod help;
pub(crate) mod incident;
mod incidents;
mod ink;
mod peek;
pub(crate) mod pivot;
mod record;
mod row;
mod sources;
pub(crate) mod sql;
mod table;
pub(crate) mod timeline;
mod words;

use offbound_schemas::{EventId, FindingId, IncidentId};
use ratatui::layout::Rect;

pub(crate) use canvas::{Canvas, Hits, Target};
pub(crate) use chrome::draw;
pub(crate) use ink::{Ink, Line};

use crate::filter::{FIELDS, Filter, FilterError};
use crate::keymap::Key;
use crate::list::Motion;
use crate::location::{Location, Subject, Within};
use crate::model::Model;
use crate::port::Entity;
use crate::question::Question;

/// A screen. A new one is a file with an implementation, and a line in [`VIEWS`].
pub(crate) trait View: Sync {
    /// Its name, in places and on the command line.
    fn name(&self) -> &'static str;
    /// Its number key with its long and short title, if it has a tab.
    fn tab(&self) -> Option<(char, &'static str, &'static str)> {
        None
    }
    /// What it is about, as a step of the trail.
    fn crumb(&self, place: &Location) -> Line;
    /// What stands at the right of the trail, such as how many rows there are.
    fn status(&self, _model: &Model) -> Line {
        Line::new()
    }
    /// The data that it shows now.
    fn wants(&self, model: &Model) -> Vec<Question>;
    /// Its list, if it has one.
    fn list<'m>(&self, _model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        None
    }
    /// Lines of its list, or of its text.
    fn body(&self, model: &Model) -> u16;
    /// Whether it has text to scroll through instead of a list.
    fn has_text(&self) -> bool {
        false
    }
    /// Lines of that text.
    fn text_lines(&self, _model: &Model) -> usize {
        0
    }
    /// Whether its list can be filtered and ordered.
    fn filters(&self) -> bool {
        false
    }
    /// Whether a filter of its list can be read.
    fn check_filter(&self, text: &str) -> Result<(), FilterError> {
        Filter::parse(text).map(|_| ())
    }
    /// The fields that such a filter may name.
    fn fields(&self) -> &'static [&'static str] {
        FIELDS
    }
    /// Moves the selection by columns, where columns can be selected.
    fn step_sideways(&self, _model: &mut Model, _columns: i64) -> bool {
        false
    }
    /// Whether columns can be selected.
    fn has_columns(&self) -> bool {
        false
    }
    /// Whether its list can be ordered in several ways.
    fn sorts(&self) -> bool {
        self.filters()
    }
    /// Selects the column with this number, counted from where columns begin.
    fn pick_column(&self, _model: &mut Model, _column: u16) {}
    /// The finding that is selected.
    fn finding(&self, _model: &Model) -> Option<FindingId> {
        None
    }
    /// The entities that what is selected names, most telling first.
    fn entities(&self, _model: &Model) -> Vec<Entity> {
        Vec::new()
    }
    /// Takes a character as a choice, in a menu.
    fn pick(&self, _model: &mut Model, _key: char) -> bool {
        false
    }
    /// What a timeline from here is about.
    fn timeline_of(&self, model: &Model) -> Option<Subject> {
        let of_finding = self.finding(model).map(Subject::Finding);
        of_finding.or_else(|| self.incident(model).map(Subject::Incident))
    }
    /// Takes a key before any action does, where keys are text.
    fn press(&self, _model: &mut Model, _key: Key) -> bool {
        false
    }
    /// Takes pasted text, where keys are text.
    fn paste(&self, _model: &mut Model, _text: &str) {}
    /// What keys do while they are text: stands in the footer in place of the actions.
    fn typing_hints(&self, _model: &Model) -> &'static [(&'static str, &'static str)] {
        &[]
    }
    /// Whether typing searches it.
    fn types_to_search(&self) -> bool {
        false
    }
    /// Brings lists that are made of other data up to date.
    fn fill(&self, _model: &mut Model) {}
    /// Where Enter leads.
    fn open(&self, _model: &Model) -> Option<Location> {
        None
    }
    /// Does what the selected row stands for, if it stands for something to do.
    fn run_selected(&self, _model: &mut Model) -> bool {
        false
    }
    /// The first record behind what is selected.
    fn evidence(&self, _model: &Model) -> Option<(EventId, Within)> {
        None
    }
    /// The incident of what is selected.
    fn incident(&self, _model: &Model) -> Option<IncidentId> {
        None
    }
    /// The records that `n` and `N` walk through.
    fn siblings(&self, _model: &Model) -> Vec<EventId> {
        Vec::new()
    }
    /// Names of the actions that its footer offers.
    fn hints(&self) -> &'static [&'static str];
    /// Draws it.
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect);
}

/// Every view.
pub(crate) const VIEWS: &[&dyn View] = &[
    &findings::Findings,
    &incidents::Incidents,
    &timeline::Lanes,
    &entities::Entities,
    &events::Events,
    &sql::Console,
    &sources::Sources,
    &finding::OneFinding,
    &incident::OneIncident,
    &record::Record,
    &row::AnswerRow,
    &entity::OneEntity,
    &pivot::Pivot,
    &help::Help,
];

/// The view of that name.
pub(crate) fn by_name(name: &str) -> &'static dyn View {
    VIEWS.iter().copied().find(|view| view.name() == name).unwrap_or(&findings::Findings)
}

/// Columns from which panes stand side by side.
pub(crate) const WIDE_COLUMNS: u16 = 100;
/// Rows from which there is room for more than one pane beside the list.
pub(crate) const TALL_ROWS: u16 = 30;
/// Columns from which a third pane shows the record behind what is selected.
pub(crate) const VAST_COLUMNS: u16 = 180;
/// The smallest terminal that shows more than one line.
pub(crate) const SMALLEST: (u16, u16) = (40, 10);

/// Whether there is room for panes side by side.
pub(crate) fn is_wide(size: (u16, u16)) -> bool {
    size.0 >= WIDE_COLUMNS && size.1 >= TALL_ROWS
}

/// Divides `area` for a list and the record behind what is selected: the list gets `percent` of it.
pub(crate) fn split(area: Rect, percent: u16) -> (Rect, Rect) {
    let left = Rect { width: area.width / 100 * percent, ..area };
    (left, Rect { x: left.right() + 1, width: area.width.saturating_sub(left.width + 1), ..area })
}

/// Lines of the pane below a list of `rows`: what a short list leaves over, and never less than its share.
pub(crate) fn pane_below(height: u16, rows: u64) -> u16 {
    let share = match height {
        0..=11 => return 0,
        12..=25 => (height * 2 / 5).min(9),
        _ => (height * 2 / 5).min(18),
    };
    let needed = u16::try_from(rows.max(4)).unwrap_or(u16::MAX).saturating_add(2);
    height.saturating_sub(needed).max(share)
}

/// Columns in a hundred that a list keeps beside a record.
pub(crate) const LIST_PERCENT: u16 = 62;

/// Whether there is room for a third pane.
pub(crate) fn is_vast(size: (u16, u16)) -> bool {
    size.0 >= VAST_COLUMNS && size.1 >= TALL_ROWS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action;

    /// Scenario: the list of views. Guarantees: names differ, tabs have an action of their name, hints exist.
    #[test]
    fn the_list_is_sound() {
        for (at, view) in VIEWS.iter().enumerate() {
            assert!(VIEWS.iter().skip(at + 1).all(|other| other.name() != view.name()), "{}", view.name());
            if let Some((key, ..)) = view.tab() {
                let action = action::by_name(view.name()).expect("a tab has an action");
                assert!(action.keys.contains(&crate::keymap::Key::Char(key)), "{}", view.name());
            }
            for hint in view.hints() {
                assert!(action::by_name(hint).is_some(), "{}: {hint}", view.name());
            }
        }
    }
}
