//! Logs to committed segments, and nothing else: the write path on all cores, as `offbound replay --store` has it.
//!
//! In: a folder for the store, then paths. Out: on standard output one JSON object with the counts, the time and the
//! memory it took. Leaves to `write_path.py` the comparison. Law: what is measured is what the command runs.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use offbound_ingest::{FingerprintKey, Formats, IngestOptions, IngestSink, Source, expand, read_all};
use offbound_schemas::EventBatch;
use offbound_schemas::table::DeadLetter;
use offbound_store::{Store, StoreError, Writer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((store, paths)) = arguments.split_first() else {
        eprintln!("usage: segments STORE PATH…");
        return ExitCode::from(3);
    };
    match run(Path::new(store), paths) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Reads and stores, and says what it took.
fn run(store: &Path, paths: &[String]) -> Result<String, Box<dyn std::error::Error>> {
    let started = Instant::now();
    let (inputs, errors) = expand(paths);
    if let Some(error) = errors.into_iter().next() {
        return Err(error.into());
    }
    let key = FingerprintKey::new(&[7; 32]);
    let options = IngestOptions { sources: Vec::new(), formats: Formats::default(), key };
    let sources: Vec<Source<'_>> = inputs.iter().map(Source::Input).collect();
    let desk = Mutex::new(Desk { writer: Store::create(store)?, failure: None });
    let threads = std::thread::available_parallelism()?.get();
    let answers = read_all(&sources, &options, threads, |_| Sink(&desk));
    let Desk { mut writer, failure } = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    let read_seconds = started.elapsed().as_secs_f64();
    let reads = answers.into_iter().flatten().collect::<Result<Vec<_>, _>>()?;
    writer.put_sources(&reads.iter().map(|read| read.count.clone()).collect::<Vec<_>>())?;
    writer.flush()?;
    let seconds = started.elapsed().as_secs_f64();
    let sum = |of: fn(&offbound_ingest::SourceRead) -> u64| reads.iter().map(of).sum::<u64>();
    let contents = writer.store().contents()?;
    let rows: Vec<String> =
        contents.iter().map(|table| format!("\"{}\":{}", table.table.name(), table.rows)).collect();
    Ok(format!(
        "{{\"seconds\":{seconds:.3},\"read_seconds\":{read_seconds:.3},\"bytes\":{},\"read\":{},\"decoded\":{},\
         \"dead_lettered\":{},\"stored_bytes\":{},\"segments\":{},\"rows\":{{{}}}}}",
        sum(|read| read.bytes),
        sum(|read| read.count.read),
        sum(|read| read.count.decoded),
        sum(|read| read.count.dead_lettered.values().sum()),
        contents.iter().map(|table| table.bytes).sum::<u64>(),
        contents.iter().map(|table| table.segments).sum::<u64>(),
        rows.join(",")
    ))
}
