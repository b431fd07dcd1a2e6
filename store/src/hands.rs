//! Hands: threads that write segments, and stay for the next one.
//!
//! In: pieces of work. Out: what came of each, to whoever waits for it. Owns: the threads. Bound: as many as there were
//! pieces of work at once, which whoever gives them bounds.
//! Law: a thread that has done its work takes the next. Writing a segment needs tens of megabytes; a new thread for each
//! would take them from the system anew while those of the last one still wait to be given back.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, Builder};

type Work = Box<dyn FnOnce() + Send>;

/// Threads that have nothing to do, each by the way to it.
type Idle = Mutex<Vec<SyncSender<Work>>>;

/// What is said for an answer that never comes.
const NO_ANSWER: &str = "a thread that wrote a segment ended without an answer";

/// Threads for the taking.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hands {
    idle: Arc<Idle>,
}

fn lock(idle: &Idle) -> MutexGuard<'_, Vec<SyncSender<Work>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hands {
    /// Begins a piece of work.
    pub(crate) fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Doing<T>> {
        let (tell, told) = sync_channel(1);
        let known = lock(&self.idle).pop();
        let own = known.map_or_else(|| self.start(), Ok)?;
        let (idle, next) = (Arc::downgrade(&self.idle), own.clone());
        let work = Box::new(move || do_and_tell(work, &tell, || rest(&idle, next)));
        own.send(work).map_err(|_gone| io::Error::other(NO_ANSWER))?;
        Ok(Doing { told, answer: None })
    }

    fn start(&self) -> io::Result<SyncSender<Work>> {
        // A thread that is idle has no work waiting.
        let (own, works) = sync_channel::<Work>(1);
        let serve = move || works.into_iter().for_each(|work| work());
        Builder::new().name("segment".to_owned()).spawn(serve)?;
        Ok(own)
    }
}

/// Idle before the answer is told: whoever waits for it finds this thread when it has more to do.
fn do_and_tell<T>(work: impl FnOnce() -> T, tell: &SyncSender<thread::Result<T>>, rest: impl FnOnce()) {
    let answer = catch_unwind(AssertUnwindSafe(work));
    rest();
    // Whoever asked may have given up.
    tell.send(answer).ok();
}

/// Makes a thread idle; where nobody has work any more, its last way is lost here, and it ends.
fn rest(idle: &Weak<Idle>, own: SyncSender<Work>) {
    if let Some(idle) = idle.upgrade() {
        lock(&idle).push(own);
    }
}

/// A piece of work on its way.
#[derive(Debug)]
pub(crate) struct Doing<T> {
    told: Receiver<thread::Result<T>>,
    answer: Option<thread::Result<T>>,
}

impl<T> Doing<T> {
    /// Whether it is done, so that waiting takes no time.
    pub(crate) fn is_done(&mut self) -> bool {
        if self.answer.is_none() {
            self.answer = match self.told.try_recv() {
                Ok(answer) => Some(answer),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(Err(Box::new(NO_ANSWER))),
            };
        }
        self.answer.is_some()
    }

    /// Waits for what comes of it, or for its panic.
    pub(crate) fn join(self) -> thread::Result<T> {
        let Self { told, answer } = self;
        answer.or_else(|| told.recv().ok()).unwrap_or_else(|| Err(Box::new(NO_ANSWER)))
    }

    /// Waits for what comes of it; a panic goes on here.
    pub(crate) fn wait(self) -> T {
        self.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: one piece of work after the other, then two at once. Guarantees: each answer is that of its work; the
    /// first thread does the next work too, and a second one comes only where both are busy.
    #[test]
    fn threads_stay() {
        let hands = Hands::default();
        let who = || thread::current().id();
        let first = hands.begin(who).expect("a thread").wait();
        assert_eq!(hands.begin(who).expect("a thread").wait(), first);
        let (go, wait) = sync_channel::<()>(1);
        let busy = hands.begin(move || wait.recv().map(|()| who())).expect("a thread");
        let other = hands.begin(who).expect("a thread").wait();
        go.send(()).expect("it waits");
        assert_eq!(busy.wait(), Ok(first));
        assert_ne!(other, first);
        assert_eq!(lock(&hands.idle).len(), 2);
    }

    /// Scenario: work that panics, then work that does not. Guarantees: the panic reaches who waits, and the thread stays.
    #[test]
    fn a_panic_is_told() {
        let hands = Hands::default();
        let mut doing = hands.begin(|| -> u8 { resume_unwind(Box::new("no")) }).expect("a thread");
        while !doing.is_done() {
            thread::yield_now();
        }
        assert!(catch_unwind(AssertUnwindSafe(|| doing.wait())).is_err());
        assert_eq!(hands.begin(|| 7).expect("a thread").wait(), 7);
    }
}
