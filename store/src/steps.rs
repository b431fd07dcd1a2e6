//! The steps of a commit, so that tests can be there before and after each of them.
//!
//! In: a watcher, or none. Out: the same work, with the watcher asked around it. Owns: the list [`Step::ALL`].
//! Law: without a watcher a step costs a comparison, and nothing can be left out.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::StoreError;

/// A step of a commit, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A segment's file is made, under its temporary name.
    MakeSegment,
    /// Its rows are written.
    WriteSegment,
    /// Its content is made to survive a power cut.
    SyncSegment,
    /// It gets its name.
    NameSegment,
    /// The name is made to survive a power cut.
    SyncFolder,
    /// The transaction begins.
    Begin,
    /// Manifest, conclusions, offsets and outbox are written into it.
    Write,
    /// The transaction is committed, and made to survive a power cut.
    Commit,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 8] = [
        Self::MakeSegment,
        Self::WriteSegment,
        Self::SyncSegment,
        Self::NameSegment,
        Self::SyncFolder,
        Self::Begin,
        Self::Write,
        Self::Commit,
    ];
}

/// Which side of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// It is not begun.
    Before,
    /// It is done.
    After,
}

/// Who is asked before and after each step. Made for tests: it may fail a step, end the process, or keep notes.
pub trait Steps: Debug + Send + Sync {
    /// Goes on, or fails as if the system had. `path` is the file or folder concerned.
    fn at(&self, step: Step, side: Side, path: &Path) -> io::Result<()>;

    /// Whether a step that only waits for the disk is left out, to show that this is noticed.
    fn leaves_out(&self, _step: Step) -> bool {
        false
    }
}

/// The watcher of a store, mostly nobody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(pub(crate) Option<Arc<dyn Steps>>);

impl Watch {
    /// Takes a step.
    pub(crate) fn step<T>(
        &self,
        step: Step,
        path: &Path,
        work: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Some(steps) = &self.0 else { return work() };
        steps.at(step, Side::Before, path).map_err(StoreError::io("go on with", path))?;
        let done = work()?;
        steps.at(step, Side::After, path).map_err(StoreError::io("go on after", path))?;
        Ok(done)
    }

    /// Takes a step that only waits for the disk.
    pub(crate) fn sync(
        &self,
        step: Step,
        path: &Path,
        work: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let left_out = self.leaves_out(step);
        self.step(step, path, || if left_out { Ok(()) } else { work() })
    }

    pub(crate) fn leaves_out(&self, step: Step) -> bool {
        self.0.as_ref().is_some_and(|steps| steps.leaves_out(step))
    }
}
