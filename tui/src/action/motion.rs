//! Moving the cursor, or the text where there is none.

use super::{Action, always};
use crate::keymap::Key;
use crate::model::Model;
use crate::update::scroll;

/// Rows that nothing is longer than.
const FAR: i64 = i64::MAX / 2;

const fn motion(name: &'static str, help: &'static str, keys: &'static [Key], run: Run) -> Action {
    Action { name, short: name, help, argument: None, keys, applies: always, run }
}

type Run = fn(&mut Model, &str) -> Result<(), String>;

/// One row down.
pub(crate) const DOWN: Action =
    motion("down", "One row down.", &[Key::Char('j'), Key::Down], |model, _| by(model, 1));
/// One row up.
pub(crate) const UP: Action =
    motion("up", "One row up.", &[Key::Char('k'), Key::Up], |model, _| by(model, -1));
/// First row.
pub(crate) const TOP: Action =
    motion("top", "To the first row.", &[Key::Char('g'), Key::Home], |model, _| by(model, -FAR));
/// Last row.
pub(crate) const BOTTOM: Action =
    motion("bottom", "To the last row.", &[Key::Char('G'), Key::End], |model, _| by(model, FAR));
/// Half a screen down.
pub(crate) const HALF_DOWN: Action =
    motion("half-down", "Half a screen down.", &[Key::Ctrl('d')], |model, _| by(model, screen(model) / 2));
/// Half a screen up.
pub(crate) const HALF_UP: Action =
    motion("half-up", "Half a screen up.", &[Key::Ctrl('u')], |model, _| by(model, -screen(model) / 2));
/// A screen down.
pub(crate) const PAGE_DOWN: Action =
    motion("page-down", "A screen down.", &[Key::PageDown, Key::Ctrl('f')], |model, _| {
        by(model, screen(model))
    });
/// A screen up.
pub(crate) const PAGE_UP: Action =
    motion("page-up", "A screen up.", &[Key::PageUp, Key::Ctrl('b')], |model, _| by(model, -screen(model)));

fn screen(model: &Model) -> i64 {
    i64::from(model.view().body(model)).max(2)
}

fn by(model: &mut Model, rows: i64) -> Result<(), String> {
    scroll(model, rows);
    Ok(())
}
