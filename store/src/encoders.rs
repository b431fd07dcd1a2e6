//! Segments being written side by side, while the writer goes on gathering.
//!
//! In: work that writes one segment each. Out: their entries, in the order in which they were begun.
//! Owns: the threads. Bound: as many segments at once as the writer allows, so their rows bound the memory.
//! Law: what finishes first is not committed first; the order of commits is the order of beginnings.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread::{Builder, JoinHandle};

use crate::StoreError;
use crate::manifest::Entry;

type Encoding = JoinHandle<Result<Entry, StoreError>>;

/// Segments that are being written, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Encoders {
    running: VecDeque<Encoding>,
}

impl Encoders {
    /// How many segments are on their way.
    pub(crate) fn count(&self) -> usize {
        self.running.len()
    }

    /// Whether the oldest is done, so that taking it does not wait.
    pub(crate) fn oldest_is_done(&self) -> bool {
        self.running.front().is_some_and(JoinHandle::is_finished)
    }

    /// Begins to write a segment of the store at `folder`.
    pub(crate) fn begin(
        &mut self,
        folder: &Path,
        work: impl FnOnce() -> Result<Entry, StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let spawned = Builder::new().name("segment".to_owned()).spawn(work);
        self.running.push_back(spawned.map_err(StoreError::io("start a thread to write", folder))?);
        Ok(())
    }

    /// Waits for the oldest; none when nothing is on its way.
    pub(crate) fn take_oldest(&mut self) -> Option<Result<Entry, StoreError>> {
        let encoding = self.running.pop_front()?;
        Some(encoding.join().unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl Drop for Encoders {
    /// Waits for all: files that appear after the writer is gone would lie in another writer's folder.
    fn drop(&mut self) {
        for encoding in self.running.drain(..) {
            // Never committed: the next writer sweeps the file away, whether it was finished or not.
            drop(encoding.join());
        }
    }
}
