//! The reading of one partition: messages to deliveries.
//!
//! In: messages in the order of their offsets. Out: deliveries. Owns: what has been read and not delivered, and the
//! contiguous low-water mark. Laws: no delivery's `next` passes a record that is still inside a decoder; a message
//! before `deliver_from` is read for what it says about later ones, and never delivered.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use offbound_schemas::record::SourceCount;
use offbound_schemas::table::DeadLetter;
use offbound_schemas::{EventBatch, EventRows, EventTime};

use crate::identity::Occurrences;
use crate::kafka::notice::Delivery;
use crate::pipeline::{IngestOptions, IngestSink};
use crate::run::Paused;
use crate::run::message::{Mark, Partition};
use crate::run::part::add;

/// How long records stay inside a decoder when nothing follows them: longer than the records of one event are apart.
pub(super) const SETTLE_AFTER: Duration = Duration::from_secs(5);
/// Most marks that are kept: of more, every second one goes, and the low-water mark moves in larger steps.
const MAX_MARKS: usize = 1_024;
/// Most dead letters of one message, and of one delivery: a message of a million bad lines would fill the memory. The
/// count has all of them, and one more letter says how many are left out and where they are.
const MAX_LETTERS: usize = 4_096;

/// A message, as it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'m> {
    pub(super) offset: i64,
    pub(super) value: Option<&'m [u8]>,
    pub(super) arrived: Option<EventTime>,
}

/// Keeps what messages give until it is delivered.
#[derive(Debug, Default)]
struct Got {
    batches: Vec<EventBatch>,
    letters: Vec<DeadLetter>,
    left_out: u64,
}

impl IngestSink for Got {
    fn rows(&mut self, rows: EventBatch) -> ControlFlow<()> {
        self.batches.push(rows);
        ControlFlow::Continue(())
    }

    fn dead_letter(&mut self, letter: DeadLetter) {
        if self.letters.len() < MAX_LETTERS {
            self.letters.push(letter);
        } else {
            self.left_out += 1;
        }
    }

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

/// Reading of one partition.
pub(super) struct Reader {
    topic: Arc<str>,
    partition: i32,
    epoch: u64,
    deliver_from: i64,
    /// Always there between two calls.
    paused: Option<Paused>,
    got: Got,
    /// Offset behind the last message that was read.
    position: i64,
    /// The last low-water mark that was told.
    told: i64,
    marks: VecDeque<Waiting>,
    chunk: Chunk,
    /// There is nothing behind the position.
    is_at_end: bool,
    end_is_told: bool,
    arrived: Option<EventTime>,
}

/// What was delivered, and may still be inside decoders in part.
struct Waiting {
    /// Offset behind its last message.
    position: i64,
    made: Instant,
    mark: Mark,
    /// What became of its messages. It is told together with the offset: after a crash these messages are read again, and
    /// must not be counted twice.
    count: SourceCount,
}

/// What was read since the last delivery.
#[derive(Debug, Default)]
struct Chunk {
    first: Option<i64>,
    since: Option<Instant>,
    bytes: u64,
}

impl Reader {
    pub(super) fn new(
        partition: &Partition<'_>,
        options: &IngestOptions,
        epoch: u64,
        (read_from, deliver_from): (i64, i64),
    ) -> Self {
        Self {
            topic: Arc::clone(partition.topic),
            partition: partition.partition,
            epoch,
            deliver_from,
            paused: Some(Paused::of_partition(partition, options)),
            got: Got::default(),
            position: read_from,
            told: deliver_from,
            marks: VecDeque::new(),
            chunk: Chunk::default(),
            is_at_end: false,
            end_is_told: false,
            arrived: None,
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn partition(&self) -> i32 {
        self.partition
    }

    /// Whether what is read now is not to be delivered.
    pub(super) fn is_warming(&self) -> bool {
        self.position < self.deliver_from
    }

    pub(super) fn deliver_from(&self) -> i64 {
        self.deliver_from
    }

    pub(super) fn position(&self) -> i64 {
        self.position
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    pub(super) fn arrived(&self) -> Option<EventTime> {
        self.arrived
    }

    /// When the first message that is not delivered was read.
    pub(super) fn since(&self) -> Option<Instant> {
        self.chunk.since
    }

    /// Reads a message; `occurrences` are those of its topic.
    pub(super) fn message(&mut self, message: &Message<'_>, occurrences: &mut Occurrences, now: Instant) {
        let Some(paused) = self.paused.take() else { return };
        let is_warming = message.offset < self.deliver_from;
        let mut run = paused.go_on(&mut self.got);
        run.swap_occurrences(occurrences);
        run.message(message.value, u64::try_from(message.offset).unwrap_or_default());
        run.swap_occurrences(occurrences);
        self.paused = Some(run.pause());
        self.position = message.offset.saturating_add(1);
        (self.is_at_end, self.end_is_told) = (false, false);
        if is_warming {
            self.got = Got::default();
            return;
        }
        self.arrived = message.arrived.or(self.arrived);
        self.chunk.first.get_or_insert(message.offset);
        self.chunk.since.get_or_insert(now);
        self.chunk.bytes += message.value.map_or(0, |value| value.len() as u64);
    }

    /// Whether as much is gathered as one delivery should have.
    pub(super) fn is_full(&self, chunk_bytes: usize) -> bool {
        let has_many_letters = self.got.letters.len() >= MAX_LETTERS / 2;
        self.chunk.bytes >= chunk_bytes as u64 || !self.got.batches.is_empty() || has_many_letters
    }

    /// Reading of what came before is over: what is still inside decoders was delivered in an earlier life.
    pub(super) fn end_warm_up(&mut self) {
        self.position = self.position.max(self.deliver_from);
        if let Some(paused) = self.paused.take() {
            let mut run = paused.go_on(&mut self.got);
            run.settle();
            drop(run.take_read());
            self.paused = Some(run.pause());
        }
        self.got = Got::default();
    }

    /// The broker has nothing behind the position.
    pub(super) fn end(&mut self) {
        self.is_at_end = true;
    }

    /// Goes on at another offset, which the broker has.
    pub(super) fn jump(&mut self, to: i64) {
        self.position = to;
    }

    /// Whether something has been inside decoders for long, with nothing behind it.
    pub(super) fn is_due_to_settle(&self, now: Instant) -> bool {
        let is_old = |waiting: &Waiting| now.saturating_duration_since(waiting.made) >= SETTLE_AFTER;
        self.is_at_end && self.marks.front().is_some_and(is_old)
    }

    /// When [`Reader::is_due_to_settle`] will be true, if nothing comes.
    pub(super) fn settles_at(&self) -> Option<Instant> {
        self.marks.front().filter(|_| self.is_at_end).map(|waiting| waiting.made + SETTLE_AFTER)
    }

    /// What was read comes out; also what is inside decoders, where `settle` says so. Several deliveries where a
    /// message gave very many rows; none where there is no news.
    pub(super) fn deliver(&mut self, settle: bool, now: Instant) -> Vec<Delivery> {
        let Some(paused) = self.paused.take() else { return Vec::new() };
        let mut run = paused.go_on(&mut self.got);
        if settle {
            run.settle();
        }
        run.flush();
        let read = run.take_read();
        let mut count = SourceCount::default();
        if self.chunk.first.is_some() {
            let (position, mark) = (self.position, run.mark());
            self.marks.push_back(Waiting { position, made: now, mark, count: read.count });
        } else {
            // What came out of decoders only now: of the last messages, where those still wait.
            take_over(self.marks.back_mut().map_or(&mut count, |last| &mut last.count), read.count);
        }
        let mut next = self.told;
        while self.marks.front().is_some_and(|waiting| run.is_settled(&waiting.mark)) {
            let Some(settled) = self.marks.pop_front() else { break };
            next = settled.position;
            take_over(&mut count, settled.count);
        }
        self.paused = Some(run.pause());
        self.thin_out();
        let is_news = self.chunk.first.is_some() || !self.got.batches.is_empty() || next > self.told;
        let at_end = self.is_at_end && self.marks.is_empty();
        if !is_news {
            return Vec::new();
        }
        self.end_is_told |= at_end;
        self.cut(count, (read.from, read.to), next, at_end)
    }

    /// Whether the end was reached and no delivery has said so.
    pub(super) fn has_untold_end(&mut self) -> bool {
        let is_new =
            self.is_at_end && self.marks.is_empty() && self.chunk.first.is_none() && !self.end_is_told;
        self.end_is_told |= is_new;
        is_new
    }

    fn thin_out(&mut self) {
        if self.marks.len() <= MAX_MARKS {
            return;
        }
        let mut rest = std::mem::take(&mut self.marks).into_iter();
        while let Some(earlier) = rest.next() {
            let Some(mut later) = rest.next() else {
                self.marks.push_back(earlier);
                return;
            };
            take_over(&mut later.count, earlier.count);
            self.marks.push_back(later);
        }
    }

    /// Makes the deliveries. Only the last one moves the low-water mark, for a message may reach over several.
    fn cut(
        &mut self,
        count: SourceCount,
        (oldest, newest): (Option<EventTime>, Option<EventTime>),
        next: i64,
        at_end: bool,
    ) -> Vec<Delivery> {
        let Got { mut batches, mut letters, left_out } = std::mem::take(&mut self.got);
        let Chunk { first, since: _, bytes } = std::mem::take(&mut self.chunk);
        if let Some(last) = letters.last().filter(|_| left_out > 0).cloned() {
            letters.push(left_out_letter(last, left_out));
        }
        let delivery = |rows| Delivery {
            epoch: self.epoch,
            topic: Arc::clone(&self.topic),
            partition: self.partition,
            rows,
            letters: Vec::new(),
            count: SourceCount::default(),
            bytes: 0,
            first_offset: first.unwrap_or(self.position),
            next: self.told,
            oldest,
            newest,
            arrived: self.arrived,
            at_end: false,
        };
        let last_rows = batches.pop().unwrap_or_else(|| EventRows::default().to_batch());
        let mut deliveries: Vec<Delivery> = batches.into_iter().map(delivery).collect();
        deliveries.push(Delivery { letters, count, bytes, next, at_end, ..delivery(last_rows) });
        self.told = next;
        deliveries
    }
}

/// Adds what became of more messages; a format that is known stays.
fn take_over(count: &mut SourceCount, mut part: SourceCount) {
    if count.format.is_empty() {
        count.format = std::mem::take(&mut part.format);
        count.location = std::mem::take(&mut part.location);
    }
    for (name, number) in std::mem::take(&mut part.unmapped) {
        *count.unmapped.entry(name).or_default() += number;
    }
    add(count, part);
}

/// A letter that stands for those that are not kept.
fn left_out_letter(last: DeadLetter, left_out: u64) -> DeadLetter {
    let detail = format!("{left_out} more dead letters up to this offset are counted, and not kept");
    let event_id = offbound_schemas::EventId::of(&[detail.as_bytes(), last.location.as_bytes()]);
    DeadLetter {
        event_id,
        reason: "too-many-letters".to_owned(),
        detail,
        length: 0,
        bytes: String::new(),
        content: None,
        context: None,
        ..last
    }
}
