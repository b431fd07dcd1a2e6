//! Colours of the command line, and when to use them.
//!
//! In: `--color`, `NO_COLOR`, `CLICOLOR_FORCE`, whether a terminal listens. Out: text with or without colour.
//! Owns: the only escape sequences that the command writes itself.
//! Law: without colour nothing is lost; every colour repeats what a word already says.

use std::env;
use std::fmt;

use offbound_schemas::vocabulary::{ContainmentOutcome, LayerVerdict, Severity};

use crate::args::ColorWhen;

/// Width of text that is not for a terminal, in columns.
const DEFAULT_WIDTH: usize = 100;
/// Narrowest and widest layout, in columns: below, lines would be unreadable; above, hard to follow.
const WIDTH_BOUNDS: (usize, usize) = (40, 160);

/// How results look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: usize,
    pub(crate) paint: Paint,
    /// Whether to tell what is rarely asked for.
    pub(crate) details: bool,
}

impl Look {
    /// The look for a writer that is, or is not, a terminal.
    pub(crate) fn of(when: ColorWhen, is_terminal: bool) -> Self {
        let terminal = if is_terminal { terminal_size::terminal_size() } else { None };
        let known = terminal.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0);
        let width = known.unwrap_or(DEFAULT_WIDTH);
        let width = width.clamp(WIDTH_BOUNDS.0, WIDTH_BOUNDS.1);
        Self {
            width,
            paint: Paint { on: wants_color(when, is_terminal, |name| env::var_os(name).is_some()) },
            details: false,
        }
    }

    /// The same, with what is rarely asked for.
    pub(crate) fn with_details(self, details: bool) -> Self {
        Self { details, ..self }
    }

    /// Text only, in the default width.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { width: DEFAULT_WIDTH, paint: Paint { on: false }, details: false }
    }
}

fn wants_color(when: ColorWhen, is_terminal: bool, is_set: impl Fn(&str) -> bool) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => !is_set("NO_COLOR") && (is_terminal || is_set("CLICOLOR_FORCE")),
    }
}

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Act now.
    Bad,
    /// Look.
    Warn,
    /// Fine.
    Good,
    /// Headings.
    Strong,
    /// Beside the point.
    Dim,
    /// Nothing.
    Plain,
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical | Severity::High => Self::Bad,
            Severity::Medium => Self::Warn,
            Severity::Low => Self::Plain,
            Severity::Info => Self::Dim,
        }
    }
}

impl From<LayerVerdict> for Tone {
    fn from(verdict: LayerVerdict) -> Self {
        match verdict {
            LayerVerdict::Bypassed | LayerVerdict::NotEnforced => Self::Bad,
            LayerVerdict::Blind => Self::Warn,
            LayerVerdict::Held => Self::Good,
            LayerVerdict::NotChallenged => Self::Dim,
        }
    }
}

impl From<ContainmentOutcome> for Tone {
    fn from(outcome: ContainmentOutcome) -> Self {
        match outcome {
            ContainmentOutcome::NotContained => Self::Bad,
            ContainmentOutcome::Unknown => Self::Warn,
            ContainmentOutcome::Contained
            | ContainmentOutcome::ContainedByHost
            | ContainmentOutcome::ContainedByIdentity => Self::Good,
        }
    }
}

/// Puts tones on text, or leaves it alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// Whether there is colour at all.
    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    /// `text` in `tone`; the text must have passed the gate.
    pub(crate) fn tone(self, tone: impl Into<Tone>, text: impl fmt::Display) -> String {
        // Blue-ish for good and never red against green, so that the colour-blind lose nothing.
        let code = match tone.into() {
            Tone::Plain => "",
            _ if !self.on => "",
            Tone::Bad => "1;31",
            Tone::Warn => "33",
            Tone::Good => "36",
            Tone::Strong => "1",
            Tone::Dim => "2",
        };
        if code.is_empty() { text.to_string() } else { format!("\u{1b}[{code}m{text}\u{1b}[0m") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: option, variables and terminal in turn. Guarantees: who wins.
    #[test]
    fn colour_follows_option_then_variables_then_terminal() {
        let none = |_: &str| false;
        assert!(wants_color(ColorWhen::Always, false, |name| name == "NO_COLOR"));
        assert!(!wants_color(ColorWhen::Never, true, none));
        assert!(wants_color(ColorWhen::Auto, true, none));
        assert!(!wants_color(ColorWhen::Auto, false, none));
        assert!(wants_color(ColorWhen::Auto, false, |name| name == "CLICOLOR_FORCE"));
        assert!(!wants_color(ColorWhen::Auto, true, |name| name == "NO_COLOR"));
    }
}
