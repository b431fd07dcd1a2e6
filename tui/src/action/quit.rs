//! Leaving.

use super::{Action, always};
use crate::keymap::Key;
use crate::question::Slot;
use crate::update::arrive;
use crate::view::Ink;

/// Back, or out.
pub(crate) const CLOSE: Action = Action {
    name: "close",
    short: "back, quit",
    help: "Goes back one step; quits where you began.",
    argument: None,
    keys: &[Key::Char('q')],
    applies: always,
    run: |model, _| {
        if model.history.back() {
            arrive(model);
        } else {
            model.quit = true;
        }
        Ok(())
    },
};

/// Out, from anywhere.
pub(crate) const QUIT: Action = Action {
    name: "quit",
    short: "quit",
    help: "Quits at once.",
    argument: None,
    keys: &[Key::Char('Q')],
    applies: always,
    run: |model, _| {
        model.quit = true;
        Ok(())
    },
};

/// Calls off, or asks first.
pub(crate) const STOP: Action = Action {
    name: "stop",
    short: "call off, quit",
    help: "Calls off the statement that is running; where none is, quits when pressed twice.",
    argument: None,
    keys: &[Key::Ctrl('c')],
    applies: always,
    run: |model, _| {
        if model.console.is_running() {
            model.console.call_off();
            model.desk.forget_slot(Slot::Statement);
            model.call_off = Some(Slot::Statement);
            model.tell(Ink::fixed("the statement was called off"));
            return Ok(());
        }
        model.asked_to_stop = true;
        model.tell(Ink::fixed("Ctrl-c again quits"));
        Ok(())
    },
};
