//! Rules and environment: read at the start, and again on SIGHUP.
//!
//! In: their paths. Out: an engine that uses them, or every fault of theirs.
//! Owns: the signal. Law: a file with a fault changes nothing: what ran goes on, and the fault is told.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use offbound_correlate::Bounds;
use signal_hook::consts::SIGHUP;
use signal_hook::flag;

use crate::exit::Failure;
use crate::judge::{self, Judge};
use crate::rules;

/// Where rules and environment lie.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    pub(crate) environment: Option<PathBuf>,
    pub(crate) rules: Option<PathBuf>,
    pub(crate) bounds: Bounds,
}

impl Inputs {
    /// An engine with what the files say now.
    pub(crate) fn load(&self) -> Result<Judge, Failure> {
        let environment = judge::environment(self.environment.as_deref())?;
        Ok(Judge::live(environment, &rules::load(self.rules.as_deref())?)?.within(self.bounds))
    }
}

/// Whether the files are to be read again.
#[derive(Debug, Clone)]
pub(crate) struct Hangup(Arc<AtomicBool>);

impl Hangup {
    /// Listens from now on.
    pub(crate) fn listen() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        if let Err(error) = flag::register(SIGHUP, Arc::clone(&asked)) {
            tracing::warn!(%error, "no signal handler: rules and environment are read again only by a restart");
        }
        Self(asked)
    }

    /// Whether it was asked for since the last call.
    pub(crate) fn taken(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}
