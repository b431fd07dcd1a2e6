//! The thread that asks.
//!
//! In: questions. Out: answers, as events. Owns: the investigation port. Law: the screen never waits: handing over
//! a question takes no longer than a lock that is never held while asking; a newer question replaces an older one
//! of its slot, so that at most one per slot waits.

use std::collections::BTreeMap;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::event::Event;
use crate::port::Investigation;
use crate::question::{Question, Slot};

#[derive(Default)]
struct Waiting {
    /// By slot, so bounded by the number of slots.
    questions: BTreeMap<Slot, (u64, Question)>,
    closed: bool,
}

#[derive(Default)]
struct Mailbox {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest waiting question; nothing when the mailbox is closed.
    fn take(&self) -> Option<(u64, Question)> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            let oldest = waiting
                .questions
                .iter()
                .min_by_key(|(_, (generation, _))| *generation)
                .map(|(slot, _)| *slot);
            if let Some(slot) = oldest {
                return waiting.questions.remove(&slot);
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A handle on the thread. Dropping it lets the thread end after the question at hand.
pub(crate) struct Worker {
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread.
    pub(crate) fn start(port: Box<dyn Investigation>, events: SyncSender<Event>) -> std::io::Result<Self> {
        let mailbox = Arc::new(Mailbox::default());
        let theirs = Arc::clone(&mailbox);
        let thread = std::thread::Builder::new().name("offbound-ask".to_owned()).spawn(move || {
            let farewell = Farewell(events.clone());
            answer_all(port, &theirs, &events);
            drop(farewell);
        })?;
        Ok(Self { mailbox, thread: Some(thread) })
    }

    /// Hands over a question.
    pub(crate) fn ask(&self, generation: u64, question: Question) {
        self.mailbox.lock().questions.insert(question.slot(), (generation, question));
        self.mailbox.changed.notify_one();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.mailbox.lock().closed = true;
        self.mailbox.changed.notify_one();
        // Not joined: a long question must not keep the terminal from its owner.
        drop(self.thread.take());
    }
}

/// Says that the thread has ended, also when it ends by a panic.
struct Farewell(SyncSender<Event>);

impl Drop for Farewell {
    fn drop(&mut self) {
        // Nobody listens when the screen ended first, which is how it should be.
        self.0.try_send(Event::WorkerEnded).ok();
    }
}

fn answer_all(mut port: Box<dyn Investigation>, mailbox: &Mailbox, events: &SyncSender<Event>) {
    while let Some((generation, question)) = mailbox.take() {
        let slot = question.slot();
        let answer = question.ask(port.as_mut());
        if events.send(Event::Answered { slot, generation, answer }).is_err() {
            return;
        }
    }
}
