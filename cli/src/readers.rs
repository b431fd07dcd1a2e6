//! Several inputs at a time: readers decode, and put what they have into the one store.
//!
//! In: inputs. Out: batches and dead letters in the store, the account of every input.
//! Owns: who may use the store at a time; there is no queue before it, so that nothing waits in memory.
//! Law: what is stored is a set; which reader came first changes no result.

use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use offbound_ingest::{IngestOptions, IngestSink, InputError, Source, SourceRead};
use offbound_schemas::EventBatch;
use offbound_schemas::table::DeadLetter;
use offbound_store::Writer;

use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// What became of one input: its account, or why there is none; and the first record that could not be read.
pub(crate) struct Done {
    pub(crate) read: Result<SourceRead, InputError>,
    pub(crate) example: Option<DeadLetter>,
}

/// What the readers share.
struct Desk<'a> {
    writer: &'a mut Writer,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    /// By number of the input: the first record that could not be read.
    examples: Vec<Option<DeadLetter>>,
    /// By number of the input: stored bytes and records read.
    reached: Vec<(u64, u64)>,
    /// Why nothing more is read.
    failure: Option<Failure>,
}

/// Reads all sources into the store; the answers are in the order of the sources.
pub(crate) fn read_all(
    sources: &[Source<'_>],
    options: &IngestOptions,
    writer: &mut Writer,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Vec<Done>, Failure> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let desk = Mutex::new(Desk {
        writer,
        progress,
        interrupt,
        examples: sources.iter().map(|_| None).collect(),
        reached: vec![(0, 0); sources.len()],
        failure: None,
    });
    let sink = |index| Sink { index, desk: &desk };
    let reads = offbound_ingest::read_all(sources, options, cores, sink);
    let Desk { examples, failure, .. } = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = failure {
        return Err(failure);
    }
    let done = reads.into_iter().zip(examples);
    Ok(done.filter_map(|(read, example)| Some(Done { read: read?, example })).collect())
}

/// Takes what one input gives; a failure ends the reading of all.
struct Sink<'a, 'b> {
    index: usize,
    desk: &'a Mutex<Desk<'b>>,
}

impl<'b> Sink<'_, 'b> {
    /// Does `work` unless something failed before; the first failure is kept.
    fn with(&self, work: impl FnOnce(&mut Desk<'b>) -> Result<(), Failure>) -> ControlFlow<()> {
        let mut desk: MutexGuard<'_, Desk<'b>> = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        if desk.failure.is_none() {
            desk.failure = desk.interrupt.check().and_then(|()| work(&mut desk)).err();
        }
        if desk.failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl IngestSink for Sink<'_, '_> {
    fn rows(&mut self, rows: EventBatch) -> ControlFlow<()> {
        self.with(|desk| Ok(desk.writer.append(&rows)?))
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        let index = self.index;
        // The next chunk of rows, or the end of the input, carries a failure on.
        let _stop_comes_later = self.with(|desk| {
            desk.writer.append_dead_letters(std::slice::from_ref(&letter))?;
            if let Some(example) = desk.examples.get_mut(index) {
                example.get_or_insert(letter);
            }
            Ok(())
        });
    }

    fn progress(&mut self, stored_bytes: u64, records: u64) {
        let index = self.index;
        let _stop_comes_later = self.with(|desk| {
            if let Some(place) = desk.reached.get_mut(index) {
                *place = (stored_bytes, records);
            }
            let total = desk.reached.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            desk.progress.show(total.0, total.1);
            Ok(())
        });
    }
}
