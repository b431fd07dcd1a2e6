//! Text that somebody else chose: process names, arguments, paths, subjects, whole records.
//!
//! In: any string from a log, a file name, a network. Out: text that is safe to show, with everything
//! else made visible. Owns: the one gate ([`safe`]) and the type that must pass it ([`Untrusted`]).
//! Law: SCREEN-1, nothing but allowed characters comes out; SCREEN-2, two different values never look
//! the same, because every output can be read back to exactly one input.

pub mod safe;
mod scalar;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub use scalar::{Shown, shown};

/// A string from outside. It has no `Display` on purpose: it is shown through the gate, or not at all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Untrusted(String);

impl Untrusted {
    /// Takes hold of outside text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Exactly what came in: for comparing, searching and machine formats, never for a screen.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// For a table cell; see [`safe::cell`].
    #[must_use]
    pub fn cell(&self) -> Cow<'_, str> {
        safe::cell(&self.0)
    }

    /// For running text on one line; see [`safe::line`].
    #[must_use]
    pub fn line(&self) -> Cow<'_, str> {
        safe::line(&self.0)
    }

    /// For text that may have lines of its own; see [`safe::block`].
    #[must_use]
    pub fn block(&self) -> Cow<'_, str> {
        safe::block(&self.0)
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Untrusted({})", safe::line(&self.0))
    }
}
