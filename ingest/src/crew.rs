//! Threads that read inputs side by side, and help each other with the large ones.
//!
//! In: inputs. Out: the account of each; what they hold goes to a sink for each. Owns: the threads, and the parts of
//! inputs that wait for one. Bound: parts on their way, see [`Crew::parts_ahead`].
//! Law: how many threads there are changes no result.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use crate::divide::{PART_BYTES, Part};
use crate::input::{Input, InputError};
use crate::pipeline::{IngestOptions, IngestSink, SourceRead, read_source};
use crate::run::part::{Outcome, Start, read_part};

/// Most threads: more would wait for the disk, and each holds its share of memory.
pub const MAX_READERS: usize = 8;

/// One thing to read.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// An input that the user named.
    Input(&'a Input),
    /// A file in memory: name and bytes.
    BuiltIn(&'a str, &'a [u8]),
}

/// Reads all sources on at most `threads` threads, this one included, each into the sink that `sink_of` makes for its
/// number. The answers are in the order of the sources; there is none for those that were not read, because a sink
/// wanted no more.
pub fn read_all<S: IngestSink>(
    sources: &[Source<'_>],
    options: &IngestOptions,
    threads: usize,
    sink_of: impl Fn(usize) -> S + Sync,
) -> Vec<Option<Result<SourceRead, InputError>>> {
    let threads = threads.clamp(1, MAX_READERS);
    let crew = Crew::new(options, threads, PART_BYTES);
    let next = AtomicUsize::new(0);
    let answers: Vec<OnceLock<_>> = sources.iter().map(|_| OnceLock::new()).collect();
    let work = &|| {
        let reading = Reading(&crew);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (Some(source), Some(place)) = (sources.get(index), answers.get(index)) else { break };
            match read_source(source, options, &crew, &mut sink_of(index)) {
                Ok(finished) if finished.was_stopped => next.store(sources.len(), Ordering::Relaxed),
                Ok(finished) => place.set(Ok(finished.read)).unwrap_or_default(),
                Err(error) => place.set(Err(error)).unwrap_or_default(),
            }
        }
        drop(reading);
        crew.help();
    };
    thread::scope(|scope| {
        for number in 1..threads {
            let builder = thread::Builder::new().name(format!("reader-{number}"));
            if builder.spawn_scoped(scope, work).is_err() {
                // The others do its work.
                drop(Reading(&crew));
            }
        }
        work();
    });
    answers.into_iter().map(OnceLock::into_inner).collect()
}

/// A part of an input, to be read by whoever comes first.
pub(crate) struct Task {
    pub(crate) part: Part,
    start: Start,
    location: Arc<str>,
    answer: Mutex<Answer>,
}

enum Answer {
    Awaited,
    Here(Box<Outcome>),
    /// It was taken, or whoever read the part failed.
    Gone,
}

impl AsRef<Part> for Task {
    fn as_ref(&self) -> &Part {
        &self.part
    }
}

/// The threads at work.
pub(crate) struct Crew<'a> {
    options: &'a IngestOptions,
    /// Most bytes of a part.
    pub(crate) part_bytes: usize,
    board: Mutex<Board>,
    changed: Condvar,
    /// Threads that have no input of their own any more.
    helpers: AtomicUsize,
}

struct Board {
    waiting: VecDeque<Arc<Task>>,
    /// Threads that may still hand out parts.
    reading: usize,
}

/// A thread that may still hand out parts; it no longer does when this goes away.
pub(crate) struct Reading<'a, 'b>(pub(crate) &'a Crew<'b>);

impl Drop for Reading<'_, '_> {
    fn drop(&mut self) {
        self.0.board().reading -= 1;
        self.0.changed.notify_all();
    }
}

/// Somebody at work on a task; whoever waits for it hears of the end, whatever it is.
struct AtWork<'a, 'b>(&'a Crew<'b>, &'a Task);

impl Drop for AtWork<'_, '_> {
    fn drop(&mut self) {
        let Self(crew, task) = self;
        let mut answer = lock(&task.answer);
        if matches!(*answer, Answer::Awaited) {
            *answer = Answer::Gone;
        }
        drop(answer);
        drop(crew.board());
        crew.changed.notify_all();
    }
}

impl<'a> Crew<'a> {
    pub(crate) fn new(options: &'a IngestOptions, threads: usize, part_bytes: usize) -> Self {
        let board = Mutex::new(Board { waiting: VecDeque::new(), reading: threads });
        Self { options, part_bytes, board, changed: Condvar::new(), helpers: AtomicUsize::new(0) }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        lock(&self.board)
    }

    /// How many parts of one input are worth being on their way: one for each thread that can read one, and one more,
    /// so that nobody waits. Over all inputs that is 25 at most, while [`MAX_READERS`] is 8.
    pub(crate) fn parts_ahead(&self) -> usize {
        match self.helpers.load(Ordering::Relaxed) {
            0 => 1,
            helpers => helpers + 2,
        }
    }

    /// Lets anybody read a part.
    pub(crate) fn hand_out(&self, part: Part, start: Start, location: &Arc<str>) -> Arc<Task> {
        let task = Task { part, start, location: Arc::clone(location), answer: Mutex::new(Answer::Awaited) };
        let task = Arc::new(task);
        self.board().waiting.push_back(Arc::clone(&task));
        self.changed.notify_one();
        task
    }

    /// What came of a part: read here if nobody began, else awaited, and other parts are read meanwhile. None when
    /// whoever read it failed.
    pub(crate) fn outcome(&self, task: &Arc<Task>) -> Option<Outcome> {
        let mut board = self.board();
        loop {
            let mut answer = lock(&task.answer);
            match std::mem::replace(&mut *answer, Answer::Gone) {
                Answer::Here(outcome) => return Some(*outcome),
                Answer::Gone => return None,
                Answer::Awaited => *answer = Answer::Awaited,
            }
            drop(answer);
            let mine = board.waiting.iter().position(|other| Arc::ptr_eq(other, task));
            if let Some(work) = board.waiting.remove(mine.unwrap_or_default()) {
                drop(board);
                self.read(&work);
                board = self.board();
            } else {
                board = self.changed.wait(board).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Takes back parts that nobody has begun to read.
    pub(crate) fn take_back(&self, tasks: &VecDeque<Arc<Task>>) {
        self.board().waiting.retain(|waiting| !tasks.iter().any(|task| Arc::ptr_eq(task, waiting)));
    }

    fn read(&self, task: &Task) {
        let at_work = AtWork(self, task);
        let outcome = read_part(&task.part, &task.start, &task.location, self.options);
        *lock(&task.answer) = Answer::Here(Box::new(outcome));
        drop(at_work);
    }

    /// Reads parts of others' inputs until nobody can hand out any.
    pub(crate) fn help(&self) {
        self.helpers.fetch_add(1, Ordering::Relaxed);
        let mut board = self.board();
        loop {
            if let Some(task) = board.waiting.pop_front() {
                drop(board);
                self.read(&task);
                board = self.board();
            } else if board.reading == 0 {
                return;
            } else {
                board = self.changed.wait(board).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// What a thread that failed left behind is still whole: every change here is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
