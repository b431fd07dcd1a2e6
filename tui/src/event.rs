//! Everything that can wake the screen.
//!
//! In: terminal, worker, signals. Out: one closed list. Law: what is not in it changes nothing.

use crate::keymap::Key;
use crate::port::PortError;
use crate::question::{Answer, Question, Slot};

/// What woke the screen.
#[derive(Debug)]
pub(crate) enum Event {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted: one literal insertion, never keys.
    Paste(String),
    /// A mouse button was pressed at this column and row; when, in milliseconds since the start.
    Click {
        /// Column.
        x: u16,
        /// Row.
        y: u16,
        /// Milliseconds since the screen began.
        at_millis: u64,
    },
    /// The wheel was turned, by lines.
    Wheel(i64),
    /// The terminal has this size now.
    Resize(u16, u16),
    /// A question was answered.
    Answered {
        /// Where the answer goes.
        slot: Slot,
        /// Of which question.
        generation: u64,
        /// The answer.
        answer: Result<Answer, PortError>,
    },
    /// Time to see whether there is news, when the investigation is live.
    Tick,
    /// For how many seconds a statement has been running.
    Running(u64),
    /// The system asks us to end.
    Terminate,
    /// The thread that asks has ended, which it should not.
    WorkerEnded,
}

/// What to do after a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Ask.
    Ask(u64, Question),
    /// Call off what is asked there.
    CallOff(Slot),
    /// End.
    Quit,
}
