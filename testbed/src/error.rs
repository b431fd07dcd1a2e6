//! Why there is no broker, or why it did not do what was asked: one line, and what to do.

use std::path::PathBuf;

/// What went wrong.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TestbedError {
    /// A command is missing.
    #[error(
        "{command} is not installed: install Java 17 or newer and Maven (Debian: apt-get install default-jre-headless \
         maven), or set OFFBOUND_KAFKA=host:port to a broker that may be filled with test topics"
    )]
    Missing {
        /// Which.
        command: &'static str,
    },
    /// A command failed.
    #[error("{command} failed: {output}")]
    Failed {
        /// Which.
        command: &'static str,
        /// The end of what it printed.
        output: String,
    },
    /// A file or folder could not be read or written.
    #[error("{path}: {problem}; check the folder and its disk")]
    File {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The broker did not come up.
    #[error("the broker does not answer at {address} after {waited_secs} s: {log}")]
    NotReady {
        /// Where it should be.
        address: String,
        /// How long it was waited for.
        waited_secs: u64,
        /// The end of its log.
        log: String,
    },
    /// Only a broker of our own can be stopped, or has other listeners.
    #[error("{action} needs a broker of its own: unset OFFBOUND_KAFKA, or use Broker::start")]
    External {
        /// What was asked.
        action: &'static str,
    },
    /// A client's request failed.
    #[error("{action}: {problem}")]
    Client {
        /// What was asked.
        action: String,
        /// The client's own words.
        problem: String,
    },
    /// A certificate could not be made.
    #[error("certificate of {name}: {problem}")]
    Certificate {
        /// Whose.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

impl TestbedError {
    pub(crate) fn file(path: impl Into<PathBuf>, problem: impl std::fmt::Display) -> Self {
        Self::File { path: path.into(), problem: problem.to_string() }
    }

    pub(crate) fn client(action: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self::Client { action: action.into(), problem: problem.to_string() }
    }
}
