//! Going back and forth on the way one came.

use super::{Action, always};
use crate::keymap::Key;
use crate::model::Model;
use crate::update::arrive;

/// Back.
pub(crate) const BACK: Action = Action {
    name: "back",
    short: "back",
    help: "Goes back one step, to the same row.",
    argument: None,
    keys: &[Key::Esc, Key::Backspace],
    applies: |model| !model.history.trail().is_empty(),
    run: |model, _| back(model),
};

/// Earlier place.
pub(crate) const EARLIER: Action = Action {
    name: "earlier",
    short: "earlier",
    help: "Goes to the place before this one; ] undoes it.",
    argument: None,
    keys: &[Key::Char('[')],
    applies: |model| !model.history.trail().is_empty(),
    run: |model, _| back(model),
};

/// Later place.
pub(crate) const LATER: Action = Action {
    name: "later",
    short: "later",
    help: "Goes forward again after going back.",
    argument: None,
    keys: &[Key::Char(']')],
    applies: always,
    run: |model, _| {
        if !model.history.forward() {
            return Err("this is the latest place".to_owned());
        }
        arrive(model);
        Ok(())
    },
};

fn back(model: &mut Model) -> Result<(), String> {
    if !model.history.back() {
        return Err("this is where you began; q quits".to_owned());
    }
    arrive(model);
    Ok(())
}
