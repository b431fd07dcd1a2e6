//! A thread that asks.
//!
//! In: questions. Out: answers, as events. Owns: whoever answers. Laws: the screen never waits: handing over
//! a question takes no longer than a lock that is never held while asking; a newer question replaces an older one
//! of its slot, so that at most one per slot waits; one that is being answered then is called off.

use std::collections::BTreeMap;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::event::Event;
use crate::port::{PortError, Stop};
use crate::question::{Answer, Question, Slot};

/// Answers a question, unless it is called off.
pub(crate) type Answerer = Box<dyn FnMut(&Question, &Stop) -> Option<Result<Answer, PortError>> + Send>;

#[derive(Default)]
struct Waiting {
    /// By slot, so bounded by the number of slots.
    questions: BTreeMap<Slot, (u64, Question)>,
    /// The question that is being answered, and how it is called off.
    under_way: Option<(Slot, Stop)>,
    closed: bool,
}

impl Waiting {
    fn call_off(&self, slot: Slot) {
        if let Some((_, stop)) = self.under_way.as_ref().filter(|(under_way, _)| *under_way == slot) {
            stop.call_off();
        }
    }
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
    fn take(&self) -> Option<(u64, Question, Stop)> {
        let mut waiting = self.lock();
        waiting.under_way = None;
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
                let stop = Stop::default();
                waiting.under_way = Some((slot, stop.clone()));
                return waiting
                    .questions
                    .remove(&slot)
                    .map(|(generation, question)| (generation, question, stop));
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
    pub(crate) fn start(name: &str, answerer: Answerer, events: SyncSender<Event>) -> std::io::Result<Self> {
        let mailbox = Arc::new(Mailbox::default());
        let theirs = Arc::clone(&mailbox);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let farewell = Farewell(events.clone());
            answer_all(answerer, &theirs, &events);
            drop(farewell);
        })?;
        Ok(Self { mailbox, thread: Some(thread) })
    }

    /// Hands over a question.
    pub(crate) fn ask(&self, generation: u64, question: Question) {
        let mut waiting = self.mailbox.lock();
        let slot = question.slot();
        waiting.call_off(slot);
        waiting.questions.insert(slot, (generation, question));
        drop(waiting);
        self.mailbox.changed.notify_one();
    }

    /// Takes back what is asked of a slot: what waits is not asked, what is being answered is called off.
    pub(crate) fn call_off(&self, slot: Slot) {
        let mut waiting = self.mailbox.lock();
        waiting.questions.remove(&slot);
        waiting.call_off(slot);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let mut waiting = self.mailbox.lock();
        waiting.closed = true;
        if let Some((_, stop)) = &waiting.under_way {
            stop.call_off();
        }
        drop(waiting);
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

fn answer_all(mut answerer: Answerer, mailbox: &Mailbox, events: &SyncSender<Event>) {
    while let Some((generation, question, stop)) = mailbox.take() {
        let slot = question.slot();
        let nobody = || Err(PortError::new("nobody answers this question; this is a defect"));
        let answer = answerer(&question, &stop).unwrap_or_else(nobody);
        if events.send(Event::Answered { slot, generation, answer }).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{CountsRequest, Window};
    use offbound_schemas::EventTime;
    use std::sync::mpsc::sync_channel;

    fn counts(cells: u32) -> Question {
        let window = Window { from: EventTime(0), cell_nanos: 1, cells };
        Question::Counts(CountsRequest { window, lanes: Vec::new() })
    }

    /// Scenario: a question that goes on until it is called off, and a newer one of its slot. Guarantees: the first is
    /// called off, and the second is answered.
    #[test]
    fn newer_questions_call_older_ones_off() {
        let (events, inbox) = sync_channel(8);
        let (began, beginnings) = sync_channel(8);
        let answerer: Answerer = Box::new(move |question, stop| {
            began.send(()).expect("the test listens");
            while *question == counts(1) && !stop.is_called_off() {
                std::thread::yield_now();
            }
            Some(Err(PortError::new(if stop.is_called_off() { "called off" } else { "answered" })))
        });
        let worker = Worker::start("test", answerer, events).expect("a thread");
        worker.ask(1, counts(1));
        beginnings.recv().expect("it begins");
        worker.ask(2, counts(2));
        let said: Vec<(u64, String)> = inbox
            .iter()
            .take(2)
            .filter_map(|event| match event {
                Event::Answered { generation, answer: Err(said), .. } => Some((generation, said.what)),
                _ => None,
            })
            .collect();
        assert_eq!(said, [(1, "called off".to_owned()), (2, "answered".to_owned())]);
    }
}
