//! Segments being written side by side, while the writer goes on gathering.
//!
//! In: rows that become one segment each. Out: the segments' entries, in the order in which they were begun.
//! Owns: the rows until their segment is written. Bound: as many segments at once as the writer
//! allows, so their rows bound the memory.
//! Law: what finishes first is not committed first; rows whose segment could not be written are written again.

use std::collections::VecDeque;

use crate::copies::Keys;
use crate::folder::Folder;
use crate::hands::{Doing, Hands};
use crate::manifest::Entry;
use crate::pending::Gathered;
use crate::segment::Plan;
use crate::{Options, StoreError, segment};

type Encoding = Doing<Result<(Entry, Keys), StoreError>>;

/// One segment on its way.
#[derive(Debug)]
struct Job {
    plan: Plan,
    rows: Gathered,
    /// None while it waits to be begun again.
    encoding: Option<Encoding>,
}

/// Segments that are being written, oldest first.
#[derive(Debug)]
pub(crate) struct Encoders {
    folder: Folder,
    options: Options,
    hands: Hands,
    jobs: VecDeque<Job>,
}

impl Encoders {
    /// None yet; they will write into `folder`.
    pub(crate) fn new(folder: Folder, options: Options, hands: Hands) -> Self {
        Self { folder, options, hands, jobs: VecDeque::new() }
    }

    /// How many segments are on their way.
    pub(crate) fn count(&self) -> usize {
        self.jobs.len()
    }

    /// Whether the oldest is done, so that taking it does not wait.
    pub(crate) fn oldest_is_done(&mut self) -> bool {
        let oldest = self.jobs.front_mut();
        oldest.is_some_and(|job| job.encoding.as_mut().is_none_or(Doing::is_done))
    }

    /// Number of the last segment with which the oldest was compared.
    pub(crate) fn oldest_knows(&self) -> u64 {
        self.jobs.front().map_or(0, |job| job.plan.known_up_to)
    }

    /// Begins to write a segment.
    pub(crate) fn begin(&mut self, plan: Plan, rows: Gathered) -> Result<(), StoreError> {
        // Should the thread not start, the rows wait for the next try.
        let encoding = self.spawn(&plan, &rows);
        let (encoding, failed) = match encoding {
            Ok(encoding) => (Some(encoding), Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.jobs.push_back(Job { plan, rows, encoding });
        failed
    }

    /// Waits for the oldest, with its keys; none when nothing is on its way. After an error the same segment is still the
    /// oldest, and the next call writes it anew.
    pub(crate) fn take_oldest(&mut self) -> Option<Result<(Entry, Keys), StoreError>> {
        let mut job = self.jobs.pop_front()?;
        let encoding = job.encoding.take().map_or_else(|| self.spawn(&job.plan, &job.rows), Ok);
        let written = encoding.and_then(Doing::wait);
        if written.is_err() {
            self.jobs.push_front(job);
        }
        Some(written)
    }

    fn spawn(&self, plan: &Plan, rows: &Gathered) -> Result<Encoding, StoreError> {
        let (folder, options) = (self.folder.clone(), self.options);
        let (plan, rows) = (plan.clone(), rows.clone());
        let work = move || {
            let rows = rows.sort()?;
            let plan = (plan, rows.schema());
            segment::write(&folder, plan, rows.chunks(options.row_group_rows), &options)
        };
        self.hands.begin(work).map_err(StoreError::io("start a thread to write", self.folder.path()))
    }
}

impl Drop for Encoders {
    /// Waits for all: files that appear after the writer is gone would lie in another writer's folder.
    fn drop(&mut self) {
        for encoding in self.jobs.drain(..).filter_map(|job| job.encoding) {
            // Never committed: the next writer sweeps the file away, whether it was finished or not.
            drop(encoding.join());
        }
    }
}
