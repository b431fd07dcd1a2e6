//! How a command ends: exit codes, and the one line that says why.
//!
//! In: what a command returned. Out: an exit code of the contract, and at most one line on standard error.
//! Owns: the codes 0, 1, 2, 3 and 130. Leaves to commands: saying what failed, where, and what to do.
//! Law: an error is told once, in one line, and passes the gate for outside text.

use std::fmt;
use std::io;
use std::process::ExitCode;

use offbound_schemas::SchemaError;
use offbound_schemas::untrusted::safe;
use offbound_store::StoreError;

/// A command that went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Nothing more to say.
    Clean,
    /// There are findings at or above `--fail-on`.
    Findings,
    /// What was tried came out otherwise than it should.
    Failed,
}

/// A command that did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It could not be done: what, where, what to do.
    CouldNot(String),
    /// A bound was met: which, and the option that raises it.
    Bound {
        /// What happened, and what to do but to raise it.
        what: String,
        /// The option of the command.
        option: &'static str,
    },
    /// The command line or a configuration file is wrong: a line for each mistake, with what, where, what to do.
    Usage(Vec<String>),
    /// The user interrupted it.
    Interrupted,
    /// Whoever read the results went away.
    ClosedPipe,
}

impl Failure {
    /// It could not be done.
    pub(crate) fn could_not(message: impl Into<String>) -> Self {
        Self::CouldNot(message.into())
    }

    /// A bound was met that this option raises.
    pub(crate) fn bound(what: impl Into<String>, option: &'static str) -> Self {
        Self::Bound { what: what.into(), option }
    }

    /// The command line or a configuration file is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(vec![message.into()])
    }

    /// Results could not be written to `target`.
    pub(crate) fn write(target: &str, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ClosedPipe;
        }
        Self::CouldNot(format!("cannot write results to {target}: {error}; check space and permissions"))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::CouldNot(error.to_string())
    }
}

impl From<SchemaError> for Failure {
    fn from(error: SchemaError) -> Self {
        Self::CouldNot(format!("{error}; the store was written by another version"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CouldNot(message) => f.write_str(message),
            Self::Bound { what, option } => write!(f, "{what}, or raise {option}"),
            Self::Usage(messages) => f.write_str(&messages.join("; ")),
            Self::Interrupted => f.write_str("interrupted"),
            Self::ClosedPipe => f.write_str("the reader of the results went away"),
        }
    }
}

/// Says why, if there is anything to say, and gives the exit code.
pub(crate) fn finish(result: Result<Done, Failure>) -> ExitCode {
    match &result {
        Err(Failure::CouldNot(message)) => say("error", message),
        Err(failure @ Failure::Bound { .. }) => say("error", &failure.to_string()),
        Err(Failure::Usage(messages)) => messages.iter().for_each(|message| say("error", message)),
        Ok(_) | Err(Failure::Interrupted | Failure::ClosedPipe) => {}
    }
    ExitCode::from(code(&result))
}

fn code(result: &Result<Done, Failure>) -> u8 {
    match result {
        Ok(Done::Clean) | Err(Failure::ClosedPipe) => 0,
        Ok(Done::Findings | Done::Failed) => 1,
        Err(Failure::CouldNot(_) | Failure::Bound { .. }) => 2,
        Err(Failure::Usage(_)) => 3,
        Err(Failure::Interrupted) => 130,
    }
}

/// One line on standard error; a closed standard error is nobody's business.
pub(crate) fn say(kind: &str, message: &str) {
    eprint_line(&format!("offbound: {kind}: {}", safe::line(message)));
}

/// Writes a line that has already passed the gate.
pub(crate) fn eprint_line(line: &str) {
    use io::Write as _;
    // Nobody is left to tell when standard error itself is closed.
    writeln!(io::stderr().lock(), "{line}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: every way to end. Guarantees: the exit codes of the contract.
    #[test]
    fn codes_are_those_of_the_contract() {
        let cases = [
            (Ok(Done::Clean), 0),
            (Ok(Done::Findings), 1),
            (Ok(Done::Failed), 1),
            (Err(Failure::could_not("x")), 2),
            (Err(Failure::bound("x", "--most")), 2),
            (Err(Failure::usage("x")), 3),
            (Err(Failure::Interrupted), 130),
            (Err(Failure::ClosedPipe), 0),
        ];
        for (result, expected) in cases {
            assert_eq!(code(&result), expected, "{result:?}");
        }
    }
}
