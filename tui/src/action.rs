//! Everything that can be done, in one list.
//!
//! In: a name, a key, a click. Out: a changed model. Owns: the list that feeds keys, the command line, help and
//! mouse. Law: every action has a name, a help line and a way to it without the keyboard (the help screen's rows).

mod command;
mod console;
mod evidence;
mod history;
mod jump;
mod motion;
pub(crate) mod open;
mod quit;
mod refresh;
mod sort;
mod time;
mod visit;
mod wrap;

use crate::keymap::Key;
use crate::model::Model;

pub(crate) use command::{command, complete_command, complete_field};

/// Something that can be done.
pub(crate) struct Action {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// Two or three words for footers.
    pub(crate) short: &'static str,
    /// One sentence.
    pub(crate) help: &'static str,
    /// What its argument is, for those that take one on the command line.
    pub(crate) argument: Option<&'static str>,
    /// Keys bound to it.
    pub(crate) keys: &'static [Key],
    /// Whether it does something here.
    pub(crate) applies: fn(&Model) -> bool,
    /// Does it, or says why not.
    pub(crate) run: fn(&mut Model, &str) -> Result<(), String>,
}

/// Every action, in the order of the help screen.
pub(crate) const ACTIONS: &[&Action] = &[
    &open::OPEN,
    &history::BACK,
    &evidence::INCIDENT,
    &evidence::EVIDENCE,
    &evidence::FINDING,
    &evidence::ENTITY,
    &evidence::NEXT,
    &evidence::PREVIOUS,
    &command::FILTER,
    &sort::SORT,
    &wrap::WRAP,
    &wrap::LEFT,
    &wrap::RIGHT,
    &motion::DOWN,
    &motion::UP,
    &motion::TOP,
    &motion::BOTTOM,
    &motion::HALF_DOWN,
    &motion::HALF_UP,
    &motion::PAGE_DOWN,
    &motion::PAGE_UP,
    &visit::FINDINGS,
    &visit::INCIDENTS,
    &visit::TIMELINE,
    &visit::ENTITIES,
    &visit::EVENTS,
    &visit::SQL,
    &visit::SOURCES,
    &console::EDIT,
    &console::RUN,
    &console::TABLES,
    &console::EXPORT,
    &time::ZOOM_IN,
    &time::ZOOM_OUT,
    &time::SHIFT_BACK,
    &time::SHIFT_ON,
    &time::GO_TO_TIME,
    &time::PREVIOUS_FINDING,
    &time::NEXT_FINDING,
    &time::WHOLE,
    &history::EARLIER,
    &history::LATER,
    &jump::FINDING,
    &jump::INCIDENT,
    &jump::RECORD,
    &jump::HOST,
    &jump::WORKLOAD,
    &jump::CREDENTIAL,
    &refresh::REFRESH,
    &command::COMMAND,
    &visit::HELP,
    &quit::CLOSE,
    &quit::QUIT,
    &quit::STOP,
];

/// The action of that name.
pub(crate) fn by_name(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().copied().find(|action| action.name == name)
}

fn always(_: &Model) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Scenario: the whole list. Guarantees: every action has a name and a help sentence; no name and no key twice.
    #[test]
    fn the_list_is_sound() {
        let mut names = BTreeMap::new();
        let mut keys = BTreeMap::new();
        for action in ACTIONS {
            assert!(action.help.ends_with('.') && action.help.len() > 10, "{}: {}", action.name, action.help);
            assert!(!action.short.is_empty() && !action.name.contains(' '), "{}", action.name);
            assert!(names.insert(action.name, ()).is_none(), "two actions are called {}", action.name);
            assert!(
                !action.keys.is_empty() || action.argument.is_some(),
                "{} cannot be reached",
                action.name
            );
            for key in action.keys {
                let other = keys.insert(*key, action.name);
                assert_eq!(other, None, "{key} does {} too", action.name);
            }
        }
        assert!(names.len() >= 30);
    }

    /// Scenario: keys that terminals keep for themselves. Guarantees: nothing is bound to them.
    #[test]
    fn terminal_keys_stay_free() {
        for reserved in ['s', 'q', '\\', 'z'] {
            assert!(crate::keymap::action_of(Key::Ctrl(reserved)).is_none(), "Ctrl-{reserved}");
        }
    }
}
