//! Asking for everything on the screen again.

use super::{Action, always};
use crate::keymap::Key;

/// Refreshes.
pub(crate) const REFRESH: Action = Action {
    name: "refresh",
    short: "refresh",
    help: "Asks again for everything on the screen; the selection stays.",
    argument: None,
    keys: &[Key::Char('R')],
    applies: always,
    run: |model, _| {
        if model.here().view == "sql" {
            model.console.again();
        }
        model.desk.forget();
        model.header_seen = None;
        Ok(())
    },
};
