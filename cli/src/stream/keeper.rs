//! The keeper: what the stream read and concluded, into the store, one durable commit after the other.
//!
//! In: rows, dead letters, and points up to which everything is judged. Out: a store; offsets that may be told to Kafka.
//! Owns: the writer, on a thread of its own, and what happens when there is no room.
//! Law: an offset is told to nobody before everything below it is durable; what waits is bounded, so that a full disk
//! holds up reading instead of filling memory.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use offbound_schemas::record::{Finding, Gap, Incident, SourceCount, Summary};
use offbound_schemas::table::DeadLetter;
use offbound_schemas::vocabulary::FindingState;
use offbound_schemas::{EventBatch, EventTime, IncidentId};
use offbound_store::{OutboxItem, OutboxKind, PartitionOffset, StoreError, StreamCommit, Writer};
use serde::Serialize;

use super::health::{Health, Part};
use super::metrics::Metrics;
use super::places::Places;
use super::publish::Publisher;
use crate::clock::Stopwatch;
use crate::dead_letters::Row;
use crate::exit::{Failure, say};
use crate::output::json;

/// Pieces of work that may wait, where deliveries are small.
const QUEUE_PIECES: usize = 4_096;
/// How often whoever waits for room looks whether the store's thread is still there.
const LOOK: Duration = Duration::from_millis(100);
/// Positions that may wait to be told to Kafka; a later one tells more.
const QUEUE_POSITIONS: usize = 64;
/// How often the outbox is looked at when nothing is committed.
const OUTBOX_EVERY: Duration = Duration::from_millis(200);
/// Items of the outbox that are read at a time.
const OUTBOX_BATCH: usize = 1_000;
/// How long to wait for room on the disk before the next try.
const RETRY: Duration = Duration::from_secs(1);

/// Something for the store.
pub(crate) enum Work {
    /// Rows of events, and records that could not be read, of so many bytes.
    Rows(EventBatch, Vec<DeadLetter>, u64),
    /// Everything so far is judged: make it durable.
    Commit(Box<Point>),
    /// Tell when everything before it is done.
    Settle(SyncSender<()>),
}

/// A point of the stream: positions, and what was concluded since the last point.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) offsets: Vec<PartitionOffset>,
    /// Partitions that were made anew: their positions may go back.
    pub(crate) made_anew: Vec<(String, i32)>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) incidents: Vec<Incident>,
    pub(crate) dissolved: Vec<IncidentId>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) sources: Vec<SourceCount>,
    pub(crate) summary: Summary,
    pub(crate) watermark: Option<EventTime>,
    /// How far the topic of findings was when the point was made, once it was looked at what stood there before.
    pub(crate) told: Option<Places>,
    /// Far more waits than is read: what can be tidied up later is left until then.
    pub(crate) is_far_behind: bool,
}

/// How many bytes of messages wait.
struct Backlog {
    bytes: Mutex<u64>,
    most: u64,
    shrunk: Condvar,
}

impl Backlog {
    fn new(most: u64) -> Self {
        Self { bytes: Mutex::default(), most, shrunk: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds bytes once there is room, or nobody is left to make room.
    fn add(&self, more: u64, is_over: impl Fn() -> bool) {
        let mut bytes = self.lock();
        while *bytes >= self.most && !is_over() {
            bytes = self.shrunk.wait_timeout(bytes, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        *bytes += more;
    }

    fn remove(&self, less: u64) {
        let mut bytes = self.lock();
        *bytes = bytes.saturating_sub(less);
        self.shrunk.notify_one();
    }
}

/// The way to the store.
pub(crate) struct Keeper {
    work: Option<SyncSender<Work>>,
    backlog: Arc<Backlog>,
    committed: Receiver<Vec<PartitionOffset>>,
    thread: Option<JoinHandle<Result<Writer, Failure>>>,
}

/// What the thread works with.
struct Desk {
    writer: Writer,
    publisher: Option<Arc<Publisher>>,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    /// Dead letters since the last commit, for their topic.
    letters: Vec<OutboxItem>,
    committed: SyncSender<Vec<PartitionOffset>>,
    backlog: Arc<Backlog>,
}

impl Keeper {
    /// Starts the thread; rows of so many bytes of messages may wait for it.
    pub(crate) fn start(
        writer: Writer,
        most_bytes: u64,
        publisher: Option<Arc<Publisher>>,
        metrics: Arc<Metrics>,
        health: Arc<Health>,
    ) -> Result<Self, Failure> {
        let (work, waiting) = sync_channel(QUEUE_PIECES);
        let (committed, told) = sync_channel(QUEUE_POSITIONS);
        let (letters, backlog) = (Vec::new(), Arc::new(Backlog::new(most_bytes)));
        let theirs = Arc::clone(&backlog);
        let mut desk = Desk { writer, publisher, metrics, health, letters, committed, backlog: theirs };
        let named = thread::Builder::new().name("offbound-store".to_owned());
        let thread = named.spawn(move || {
            desk.run(&waiting)?;
            Ok(desk.writer)
        });
        let thread = thread.map_err(|error| Failure::could_not(format!("cannot start a thread: {error}")))?;
        Ok(Self { work: Some(work), backlog, committed: told, thread: Some(thread) })
    }

    /// Hands work over; waits where the store is behind.
    pub(crate) fn give(&mut self, work: Work) -> Result<(), Failure> {
        if let Work::Rows(_, _, bytes) = &work {
            let is_over = || self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            self.backlog.add(*bytes, is_over);
        }
        let given = self.work.as_ref().is_some_and(|to| to.send(work).is_ok());
        if given { Ok(()) } else { Err(self.ended()) }
    }

    /// Waits until everything that was given is done.
    pub(crate) fn settle(&mut self) -> Result<(), Failure> {
        let (done, wait) = sync_channel(1);
        self.give(Work::Settle(done))?;
        wait.recv().map_err(|_gone| self.ended())
    }

    /// Offsets that are durable since the last call.
    pub(crate) fn committed(&self) -> Vec<PartitionOffset> {
        self.committed.try_iter().flatten().collect()
    }

    /// Does all work that was given, and gives the writer back.
    pub(crate) fn finish(mut self) -> Result<Writer, Failure> {
        self.work = None;
        self.join()
    }

    fn join(&mut self) -> Result<Writer, Failure> {
        let lost = || Failure::could_not("the store's thread ended; please report this");
        let Some(thread) = self.thread.take() else { return Err(lost()) };
        thread.join().map_err(|_panic| lost())?
    }

    /// Why no work is taken any more.
    fn ended(&mut self) -> Failure {
        self.work = None;
        match self.join() {
            Err(failure) => failure,
            Ok(_) => Failure::could_not("the store takes nothing more; please report this"),
        }
    }
}

impl Desk {
    fn run(&mut self, waiting: &Receiver<Work>) -> Result<(), Failure> {
        loop {
            match waiting.recv_timeout(OUTBOX_EVERY) {
                Ok(Work::Rows(rows, letters, bytes)) => {
                    self.keep(&rows, &letters)?;
                    self.backlog.remove(bytes);
                }
                Ok(Work::Commit(point)) => {
                    self.commit(*point)?;
                    self.serve_outbox()?;
                }
                Ok(Work::Settle(done)) => {
                    // Whoever asked may have given up.
                    done.send(()).ok();
                }
                Err(RecvTimeoutError::Timeout) => self.serve_outbox()?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(publisher) = self.publisher.clone() {
            self.serve_outbox()?;
            publisher.drain();
            self.serve_outbox()?;
        }
        Ok(())
    }

    fn keep(&mut self, rows: &EventBatch, letters: &[DeadLetter]) -> Result<(), Failure> {
        self.retry(|writer| writer.append(rows))?;
        if letters.is_empty() {
            return Ok(());
        }
        self.retry(|writer| writer.append_dead_letters(letters))?;
        if self.wants(OutboxKind::DeadLetter) {
            let items = letters
                .iter()
                .map(|letter| item(OutboxKind::DeadLetter, &letter.event_id, &Row::from(letter)));
            self.letters.extend(items.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(())
    }

    fn commit(&mut self, point: Point) -> Result<(), Failure> {
        let mut outbox = std::mem::take(&mut self.letters);
        outbox.extend(self.outbox(&point)?);
        let told = point.told.as_ref().and_then(Places::text);
        let meta: Vec<_> = told.into_iter().map(|text| (Places::KEY.to_owned(), text)).collect();
        let commit = StreamCommit {
            offsets: &point.offsets,
            made_anew: &point.made_anew,
            findings: &point.findings,
            incidents: &point.incidents,
            dissolved: &point.dissolved,
            gaps: &point.gaps,
            sources: &point.sources,
            summary: &point.summary,
            outbox: &outbox,
            watermark: point.watermark,
            meta: &meta,
        };
        self.writer.leave_small_segments(point.is_far_behind);
        let stopwatch = Stopwatch::start();
        self.retry(|writer| writer.commit_stream(&commit).map(|_| ()))?;
        self.metrics.commits.observe(stopwatch.seconds());
        match self.committed.try_send(point.offsets) {
            // Telling Kafka is advice; a later commit tells it more.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    /// What is to be told of a point. Provisional findings have gone out before.
    fn outbox(&self, point: &Point) -> Result<Vec<OutboxItem>, Failure> {
        let mut items = Vec::new();
        if self.wants(OutboxKind::Finding) {
            let settled = point.findings.iter().filter(|finding| finding.state != FindingState::Provisional);
            for finding in settled {
                items.push(item(OutboxKind::Finding, &finding.id, finding)?);
            }
        }
        if self.wants(OutboxKind::Incident) {
            for incident in &point.incidents {
                items.push(item(OutboxKind::Incident, &incident.id, incident)?);
            }
        }
        if self.wants(OutboxKind::Gap) {
            for gap in &point.gaps {
                items.push(item(OutboxKind::Gap, &gap.scope, gap)?);
            }
        }
        Ok(items)
    }

    fn wants(&self, kind: OutboxKind) -> bool {
        self.publisher.as_ref().is_some_and(|publisher| publisher.topic(kind).is_some())
    }

    /// Takes out of the outbox what was taken, and sends what waits.
    fn serve_outbox(&mut self) -> Result<(), Failure> {
        let Some(publisher) = self.publisher.clone() else { return Ok(()) };
        let taken = publisher.taken();
        if !taken.is_empty() {
            self.retry(|writer| writer.outbox_done(&taken))?;
            publisher.gone(&taken);
        }
        for (number, item) in self.writer.outbox(OUTBOX_BATCH)? {
            if !publisher.send(number, &item) {
                break;
            }
        }
        let waiting = self.writer.store().outbox_len()?;
        self.metrics.outbox.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Tries until there is room; nothing is lost meanwhile, and the operator is told once.
    fn retry(&mut self, mut work: impl FnMut(&mut Writer) -> Result<(), StoreError>) -> Result<(), Failure> {
        loop {
            match work(&mut self.writer) {
                Ok(()) => break,
                Err(error) if error.is_temporary() => {
                    let why = format!("{error}; reading waits until there is room");
                    if self.health.trouble(Part::Store, &why) {
                        say("warning", &why);
                    }
                    self.metrics.retries.inc();
                    thread::sleep(RETRY);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if self.health.well(Part::Store) {
            say("note", "the store has room again; reading goes on");
        }
        Ok(())
    }
}

fn item(
    kind: OutboxKind,
    key: &dyn std::fmt::Display,
    record: &impl Serialize,
) -> Result<OutboxItem, Failure> {
    let payload = json::text(record).map_err(|error| {
        Failure::could_not(format!("cannot write {} {key} as JSON: {error}", kind.name()))
    })?;
    Ok(OutboxItem { kind, key: key.to_string(), payload })
}
