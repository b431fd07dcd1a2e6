//! Ctrl-C: the first asks to stop, the second stops.
//!
//! In: SIGINT and SIGTERM. Out: a flag that long loops ask between two steps.
//! Owns: the signal handlers. Law: a stop that was asked for leaves no temporary folder behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::exit::Failure;

/// Exit code of a process that its user interrupted.
const INTERRUPTED: i32 = 130;

/// Whether the user asked to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. Where handlers cannot be set, the system's own (stop at once) remain.
    pub(crate) fn listen() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Order matters: the second signal finds the flag set and ends the process at once.
            let registered = flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&asked))
                .and_then(|_| flag::register(signal, Arc::clone(&asked)));
            if let Err(error) = registered {
                tracing::warn!(%error, "no signal handler");
            }
        }
        Self(asked)
    }

    /// Listens to a flag instead of signals.
    pub(crate) fn of(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }

    /// Whether a stop was asked for.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends the command when a stop was asked for.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.asked() { Err(Failure::Interrupted) } else { Ok(()) }
    }
}
