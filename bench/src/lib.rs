//! What the benchmarks share: logs into a store, on all cores, with nothing of the correlation.
//!
//! In: a store's writer, paths. Out: rows and dead letters in the store, and what was read.
//! Law: what is measured is what the command runs.

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use offbound_ingest::{
    FingerprintKey, Formats, IngestOptions, IngestSink, Source, SourceRead, expand, read_all,
};
use offbound_schemas::EventBatch;
use offbound_schemas::table::DeadLetter;
use offbound_store::{StoreError, Writer};

/// Anything that ends a benchmark.
pub type Failure = Box<dyn std::error::Error>;

/// The store, and what went wrong with it.
struct Desk {
    writer: Writer,
    failure: Option<StoreError>,
}

/// Takes what one input gives.
struct Sink<'a>(&'a Mutex<Desk>);

impl Sink<'_> {
    fn with(&self, work: impl FnOnce(&mut Writer) -> Result<(), StoreError>) -> ControlFlow<()> {
        let mut desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if desk.failure.is_none() {
            desk.failure = work(&mut desk.writer).err();
        }
        if desk.failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl IngestSink for Sink<'_> {
    fn rows(&mut self, rows: EventBatch) -> ControlFlow<()> {
        self.with(|writer| writer.append(&rows))
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        let _stop_comes_later = self.with(|writer| writer.append_dead_letters(&[letter]));
    }

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

/// Reads everything at `paths` into the store; nothing is flushed yet.
pub fn store_logs(writer: Writer, paths: &[String]) -> Result<(Writer, Vec<SourceRead>), Failure> {
    let (inputs, errors) = expand(paths);
    if let Some(error) = errors.into_iter().next() {
        return Err(error.into());
    }
    let key = FingerprintKey::new(&[7; 32]);
    let options = IngestOptions { sources: Vec::new(), formats: Formats::default(), key };
    let sources: Vec<Source<'_>> = inputs.iter().map(Source::Input).collect();
    let desk = Mutex::new(Desk { writer, failure: None });
    let threads = std::thread::available_parallelism()?.get();
    let answers = read_all(&sources, &options, threads, |_| Sink(&desk));
    let Desk { writer, failure } = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failure {
        Some(failure) => Err(failure.into()),
        None => Ok((writer, answers.into_iter().flatten().collect::<Result<Vec<_>, _>>()?)),
    }
}
