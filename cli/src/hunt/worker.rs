//! The thread that answers, and the one that watches it.
//!
//! In: a question. Out: what is told, one thing after the other; or why there is no answer.
//! Owns: the stack of the answering thread, the time, the memory of the process, Ctrl-C.
//! Leaves to the command what is said of a panic.
//! Law: whatever the question does, the watching thread lives: it says which bound was met, and ends the command.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use tokio::runtime::Runtime;

use super::bounds::{BATCHES_UNDER_WAY, Bounds, LOOK_EVERY, STACK_BYTES, size};
use super::{Sources, session};
use crate::clock::{Stopwatch, resident_memory_bytes};
use crate::exit::Failure;
use crate::interrupt::Interrupt;

/// A part of the answer.
#[derive(Debug)]
pub(super) enum Told {
    /// The names and types of the columns; first of all.
    Columns(SchemaRef),
    /// Some rows.
    Rows(RecordBatch),
}

/// A part of the answer, or nothing at its end, or why there is none.
type Heard = Result<Option<Told>, Failure>;

/// Where the answering thread speaks.
#[derive(Debug)]
pub(super) struct Mouth(SyncSender<Heard>);

impl Mouth {
    /// Says a part of the answer; where nobody listens any more, the answer ends.
    pub(super) fn say(&self, told: Told) -> Result<(), Failure> {
        self.0.send(Ok(Some(told))).map_err(|_nobody_listens| Failure::Interrupted)
    }

    /// Says that this was all. What the answer took is let go of afterwards, and nobody waits for that.
    pub(super) fn end(&self) -> Result<(), Failure> {
        self.0.send(Ok(None)).map_err(|_nobody_listens| Failure::Interrupted)
    }
}

/// A question under way.
#[derive(Debug)]
pub(super) struct Worker {
    ear: Receiver<Heard>,
    thread: Option<JoinHandle<()>>,
    bounds: Bounds,
    interrupt: Interrupt,
    /// Seconds waited for the answer; what its reader takes is not counted.
    waited_secs: f64,
}

impl Worker {
    /// Begins to answer.
    pub(super) fn begin(
        text: String,
        sources: Sources,
        bounds: Bounds,
        interrupt: Interrupt,
    ) -> Result<Self, Failure> {
        let (mouth, ear) = sync_channel(BATCHES_UNDER_WAY);
        let answer = move || {
            let mouth = Mouth(mouth);
            if let Err(failure) = session::answer(&text, &sources, &bounds, &mouth) {
                // Nobody listens where the command has ended already.
                mouth.0.send(Err(failure)).ok();
            }
        };
        let thread = thread::Builder::new().name("hunt".to_owned()).stack_size(STACK_BYTES).spawn(answer);
        let thread = thread.map_err(|error| {
            Failure::could_not(format!(
                "cannot start a thread with {} of stack: {error}",
                size(STACK_BYTES as u64)
            ))
        })?;
        Ok(Self { ear, thread: Some(thread), bounds, interrupt, waited_secs: 0.0 })
    }

    /// The next part of the answer; none at its end.
    pub(super) fn next(&mut self) -> Result<Option<Told>, Failure> {
        loop {
            self.interrupt.check()?;
            self.look_at_memory()?;
            let watch = Stopwatch::start();
            let told = self.ear.recv_timeout(LOOK_EVERY);
            self.waited_secs += watch.seconds();
            match told {
                Ok(told) => return told,
                Err(RecvTimeoutError::Timeout) => self.look_at_time()?,
                Err(RecvTimeoutError::Disconnected) => return self.end().map(|()| None),
            }
        }
    }

    fn look_at_time(&self) -> Result<(), Failure> {
        let timeout = self.bounds.timeout;
        if self.waited_secs < timeout.as_secs_f64() {
            return Ok(());
        }
        Err(Failure::bound(format!("no answer within {timeout:?}; narrow the question"), "--timeout"))
    }

    fn look_at_memory(&self) -> Result<(), Failure> {
        let most = self.bounds.resident_bytes();
        if resident_memory_bytes().is_none_or(|held| held <= most) {
            return Ok(());
        }
        let most = size(most);
        let what = format!("the question made the process larger than {most}; narrow it");
        Err(Failure::bound(what, "--memory"))
    }

    /// The answering thread has ended: by itself, or by a panic.
    fn end(&mut self) -> Result<(), Failure> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_panic)) => Err(Failure::could_not(
                "the query engine gave up on this question (an error of its own); ask it in another way",
            )),
            _ => Ok(()),
        }
    }
}

/// What computes: threads with as large a stack as planning has, because expressions are as deep there.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(session::threads())
        .thread_name("hunt")
        .thread_stack_size(STACK_BYTES)
        .enable_time()
        .build()
        .map_err(|error| Failure::could_not(format!("cannot start the query engine: {error}")))
}
