//! One thing that was looked at.
//!
//! In: what was found. Out: a row of the list. Owns: the states, and their words.

use serde::{Serialize, Serializer};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// As it should be.
    Well,
    /// It works, and somebody should know.
    Noted,
    /// It does not work.
    Failed,
    /// Nobody asked for it.
    NotConfigured,
}

impl State {
    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Noted => "note",
            Self::Failed => "failed",
            Self::NotConfigured => "not configured",
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    pub(crate) part: &'static str,
    pub(crate) what: String,
    pub(crate) state: State,
    pub(crate) found: String,
    /// What to do about it.
    pub(crate) advice: Option<String>,
}

impl Check {
    /// All is well.
    pub(crate) fn well(part: &'static str, what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { part, what: what.into(), state: State::Well, found: found.into(), advice: None }
    }

    /// It works, but.
    pub(crate) fn noted(
        part: &'static str,
        what: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { state: State::Noted, advice: Some(advice.into()), ..Self::well(part, what, found) }
    }

    /// It does not work.
    pub(crate) fn failed(
        part: &'static str,
        what: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { state: State::Failed, advice: Some(advice.into()), ..Self::well(part, what, found) }
    }

    /// A failure whose message says what to do.
    pub(crate) fn told(part: &'static str, what: impl Into<String>, message: impl Into<String>) -> Self {
        Self { state: State::Failed, ..Self::well(part, what, message) }
    }

    /// Nobody asked for it; `how` says how one would.
    pub(crate) fn not_configured(
        part: &'static str,
        what: impl Into<String>,
        how: impl Into<String>,
    ) -> Self {
        Self { state: State::NotConfigured, ..Self::well(part, what, how) }
    }
}
