//! Several inputs at a time: readers decode, one thread stores.
//!
//! In: inputs. Out: batches and dead letters in the store, the account of every input.
//! Owns: the reader threads and the bounded queue between them and the store.
//! Law: what is stored is a set; which reader came first changes no result.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use offbound_ingest::{IngestOptions, IngestSink, Input, InputError, SourceRead, read_bytes, read_input};
use offbound_schemas::EventBatch;
use offbound_schemas::table::DeadLetter;
use offbound_store::Writer;

use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// Readers at a time; more would only wait for the one thread that stores.
const MAX_READERS: usize = 8;
/// Messages that wait for the store; a batch of rows is some ten megabytes, so this bounds the memory.
const QUEUE_MESSAGES: usize = 4;

/// One thing to read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// An input that the user named.
    Input(&'a Input),
    /// A file in memory: name and bytes.
    BuiltIn(&'static str, &'static [u8]),
}

/// What became of one input: its account, or why there is none; and the first record that could not be read.
pub(crate) struct Done {
    pub(crate) read: Result<SourceRead, InputError>,
    pub(crate) example: Option<DeadLetter>,
}

/// What readers tell the thread that stores; each names the input that it is about.
enum Message {
    Rows(Box<EventBatch>),
    Letter(usize, Box<DeadLetter>),
    Progress(usize, u64, u64),
    Done(usize, Box<Result<SourceRead, InputError>>),
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
    let readers = cores.min(MAX_READERS).min(sources.len());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(QUEUE_MESSAGES);
        for number in 0..readers {
            let (sender, next) = (sender.clone(), &next);
            let work = move || work(sources, options, next, &sender);
            let spawned = thread::Builder::new().name(format!("reader-{number}")).spawn_scoped(scope, work);
            spawned.map_err(|error| Failure::could_not(format!("cannot start a reader: {error}")))?;
        }
        drop(sender);
        // When this returns early, the queue closes, and every reader stops at its next message.
        store(sources, receiver, writer, progress, interrupt)
    })
}

/// One reader: takes the next source until there is none.
fn work(sources: &[Source<'_>], options: &IngestOptions, next: &AtomicUsize, sender: &SyncSender<Message>) {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(source) = sources.get(index) else { return };
        let mut sink = Sink { index, sender, closed: false };
        let read = match source {
            Source::Input(input) => read_input(input, options, &mut sink),
            Source::BuiltIn(name, bytes) => read_bytes(name, *bytes, options, &mut sink),
        };
        if sink.closed || sender.send(Message::Done(index, Box::new(read))).is_err() {
            return;
        }
    }
}

/// Stores what the readers send.
fn store(
    sources: &[Source<'_>],
    receiver: Receiver<Message>,
    writer: &mut Writer,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Vec<Done>, Failure> {
    let mut reads: Vec<Option<Result<SourceRead, InputError>>> = sources.iter().map(|_| None).collect();
    let mut examples: Vec<Option<DeadLetter>> = sources.iter().map(|_| None).collect();
    let mut reached: Vec<(u64, u64)> = vec![(0, 0); sources.len()];
    for message in receiver {
        interrupt.check()?;
        match message {
            Message::Rows(batch) => writer.append(&batch)?,
            Message::Letter(index, letter) => {
                writer.append_dead_letters(std::slice::from_ref(&*letter))?;
                if let Some(example) = examples.get_mut(index) {
                    example.get_or_insert(*letter);
                }
            }
            Message::Progress(index, bytes, records) => {
                if let Some(place) = reached.get_mut(index) {
                    *place = (bytes, records);
                }
                let total = reached.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
                progress.show(total.0, total.1);
            }
            Message::Done(index, read) => {
                if let Some(place) = reads.get_mut(index) {
                    *place = Some(*read);
                }
            }
        }
    }
    let done = reads.into_iter().zip(examples);
    Ok(done.filter_map(|(read, example)| Some(Done { read: read?, example })).collect())
}

/// Sends what one input gives; a closed queue ends the reading.
struct Sink<'a> {
    index: usize,
    sender: &'a SyncSender<Message>,
    closed: bool,
}

impl Sink<'_> {
    fn send(&mut self, message: Message) -> ControlFlow<()> {
        self.closed |= self.sender.send(message).is_err();
        if self.closed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl IngestSink for Sink<'_> {
    fn rows(&mut self, rows: EventBatch) -> ControlFlow<()> {
        self.send(Message::Rows(Box::new(rows)))
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        // The next chunk of rows, or the end of the input, carries a closed queue on.
        let _stop_comes_later = self.send(Message::Letter(self.index, Box::new(letter)));
    }

    fn progress(&mut self, stored_bytes: u64, records: u64) {
        let _stop_comes_later = self.send(Message::Progress(self.index, stored_bytes, records));
    }
}
