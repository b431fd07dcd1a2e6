//! The progress bar: on standard error, when that is a terminal, and nowhere else.
//!
//! In: bytes to read, bytes and records read. Out: one line that changes. Owns: its look.
//! Law: it never mixes with results, and shows no outside text.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::count;

const STYLE: &str = "{bar:24} {bytes}/{total_bytes} {wide_msg}";

/// The progress of one run.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
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
        Self { bar }
    }

    /// So many stored bytes are to be read.
    pub(crate) fn start(&self, total_bytes: u64) {
        self.bar.set_length(total_bytes);
    }

    /// How far the reading is, over all inputs.
    pub(crate) fn show(&self, stored_bytes: u64, records: u64) {
        self.bar.set_position(stored_bytes);
        self.bar.set_message(format!("{} records", count(records)));
    }

    /// Everything is read: the line goes away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
