//! The progress bar: on standard error, when that is a terminal, and nowhere else.
//!
//! In: bytes to read, bytes and records read. Out: one line that changes. Owns: its look.
//! Law: it never mixes with results, and shows outside text through the gate only.

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use offbound_schemas::untrusted::safe;

use crate::output::count;

const STYLE: &str = "{bar:24} {bytes}/{total_bytes} {wide_msg}";

/// The progress of one run.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Stored bytes of the inputs before the current one.
    before_bytes: Cell<u64>,
    /// The current input, ready to be shown.
    name: RefCell<String>,
}

impl Progress {
    /// A bar, or none when nobody would see it.
    pub(crate) fn new(quiet: bool) -> Self {
        let shown = !quiet && io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, before_bytes: Cell::new(0), name: RefCell::default() }
    }

    /// So many stored bytes are to be read.
    pub(crate) fn start(&self, total_bytes: u64) {
        self.bar.set_length(total_bytes);
    }

    /// The next input.
    pub(crate) fn open(&self, location: &str) {
        *self.name.borrow_mut() = safe::cell(location).into_owned();
    }

    /// How far the current input is.
    pub(crate) fn set(&self, stored_bytes: u64, records: u64) {
        self.bar.set_position(self.before_bytes.get().saturating_add(stored_bytes));
        self.bar.set_message(format!("{} records of {}", count(records), self.name.borrow()));
    }

    /// The current input is done.
    pub(crate) fn close(&self, bytes: Option<u64>) {
        self.before_bytes.set(self.before_bytes.get().saturating_add(bytes.unwrap_or(0)));
    }

    /// Everything is read: the line goes away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
