//! The reading of one partition: messages to rows.
//!
//! In: messages in the order of their offsets. Out: their rows, and how far the partition is with them. Owns: what has
//! been read and not delivered, and the contiguous low-water mark. Laws: no stretch's `next` passes a record that is still
//! inside a decoder; a message before `deliver_from` is read for what it says about later ones, and never delivered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use offbound_schemas::EventTime;
use offbound_schemas::record::SourceCount;
use offbound_schemas::table::DeadLetter;

use crate::identity::Occurrences;
use crate::kafka::gathering::{Gathering, Letters, MAX_LETTERS};
use crate::kafka::notice::Stretch;
use crate::kafka::options::SourceOptions;
use crate::run::Paused;
use crate::run::message::{Mark, Partition};
use crate::run::part::add;

/// Most marks that are kept: of more, every second one goes, and the low-water mark moves in larger steps.
const MAX_MARKS: usize = 1_024;

/// A message, as it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'m> {
    pub(super) offset: i64,
    pub(super) value: Option<&'m [u8]>,
    pub(super) arrived: Option<EventTime>,
}

impl Message<'_> {
    /// Its offset, as the number of its records.
    fn number(&self) -> u64 {
        u64::try_from(self.offset).unwrap_or_default()
    }
}

/// Reading of one partition.
pub(super) struct Reader {
    topic: Arc<str>,
    partition: i32,
    epoch: u64,
    deliver_from: i64,
    /// Always there between two calls.
    paused: Option<Paused>,
    letters: Letters,
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
    settle_after: Duration,
    /// Latest event time of all rows so far.
    newest: Option<EventTime>,
}

/// What was delivered, and may still be inside decoders in part.
struct Waiting {
    /// Offset behind its last message.
    position: i64,
    made: Instant,
    mark: Mark,
    /// Latest event time of its rows.
    newest: Option<EventTime>,
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
        options: &SourceOptions,
        epoch: u64,
        (read_from, deliver_from): (i64, i64),
    ) -> Self {
        Self {
            topic: Arc::clone(partition.topic),
            partition: partition.partition,
            epoch,
            deliver_from,
            paused: Some(Paused::of_partition(partition, &options.ingest)),
            letters: Letters::default(),
            position: read_from,
            told: deliver_from,
            marks: VecDeque::new(),
            chunk: Chunk::default(),
            is_at_end: false,
            end_is_told: false,
            arrived: None,
            settle_after: options.settle_after,
            newest: None,
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

    /// Latest event time of what was delivered.
    pub(super) fn newest(&self) -> Option<EventTime> {
        self.newest
    }

    /// When the first message that is not delivered was read.
    pub(super) fn since(&self) -> Option<Instant> {
        self.chunk.since
    }

    /// Reads messages; `occurrences` are those of their topic, `rows` those of all partitions, or nobody's while warming.
    pub(super) fn messages(
        &mut self,
        messages: &[Message<'_>],
        (occurrences, rows): (&mut Occurrences, &mut Gathering),
        now: Instant,
    ) {
        let Some(last) = messages.last() else { return };
        let Some(paused) = self.paused.take() else { return };
        let offered = messages.iter().map(|message| (message.value, message.number())).collect::<Vec<_>>();
        let (paused, ()) = rows.during(&mut self.letters, paused, |run| {
            run.swap_occurrences(occurrences);
            run.messages(&offered);
            run.swap_occurrences(occurrences);
        });
        self.paused = Some(paused);
        self.position = last.offset.saturating_add(1);
        (self.is_at_end, self.end_is_told) = (false, false);
        let before = messages.partition_point(|message| message.offset < self.deliver_from);
        let Some((first, _)) = messages.get(before..).and_then(<[_]>::split_first) else {
            self.letters = Letters::default();
            return;
        };
        self.arrived = messages.iter().rev().find_map(|message| message.arrived).or(self.arrived);
        self.chunk.first.get_or_insert(first.offset);
        self.chunk.since.get_or_insert(now);
        let bytes = |message: &Message<'_>| message.value.map_or(0, |value| value.len() as u64);
        self.chunk.bytes += messages.iter().map(bytes).sum::<u64>();
    }

    /// Whether as much is gathered as one delivery should have.
    pub(super) fn is_full(&self, chunk_bytes: usize) -> bool {
        self.chunk.bytes >= chunk_bytes as u64 || self.letters.kept.len() >= MAX_LETTERS / 2
    }

    /// Reading of what came before is over: what is still inside decoders was delivered in an earlier life.
    pub(super) fn end_warm_up(&mut self) {
        self.position = self.position.max(self.deliver_from);
        if let Some(paused) = self.paused.take() {
            let mut nobodys = Gathering::default();
            let (paused, _read) = nobodys.during(&mut self.letters, paused, |run| {
                run.settle();
                run.take_read()
            });
            self.paused = Some(paused);
        }
        self.letters = Letters::default();
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
        let is_old = |waiting: &Waiting| now.saturating_duration_since(waiting.made) >= self.settle_after;
        self.is_at_end && self.marks.front().is_some_and(is_old)
    }

    /// When [`Reader::is_due_to_settle`] will be true, if nothing comes.
    pub(super) fn settles_at(&self) -> Option<Instant> {
        self.marks.front().filter(|_| self.is_at_end).map(|waiting| waiting.made + self.settle_after)
    }

    /// What was read comes out, its rows into `rows`; also what is inside decoders, where `settle` says so. None where
    /// there is no news.
    pub(super) fn deliver(
        &mut self,
        settle: bool,
        rows: &mut Gathering,
        now: Instant,
    ) -> Option<(Stretch, Vec<DeadLetter>)> {
        let paused = self.paused.take()?;
        let Self { letters, marks, chunk, told, .. } = self;
        let position = self.position;
        let (paused, (read, count, next, complete)) = rows.during(letters, paused, |run| {
            if settle {
                run.settle();
            }
            let mut read = run.take_read();
            let (mut count, read_count) = (SourceCount::default(), std::mem::take(&mut read.count));
            let (mut complete, newest) = (None, read.to);
            if chunk.first.is_some() {
                marks.push_back(Waiting { position, made: now, mark: run.mark(), newest, count: read_count });
            } else {
                // What came out of decoders only now: of the last messages, where those still wait.
                let (time, known) = match marks.back_mut() {
                    Some(last) => (&mut last.newest, &mut last.count),
                    None => (&mut complete, &mut count),
                };
                *time = newest.max(*time);
                take_over(known, read_count);
            }
            let mut next = *told;
            while marks.front().is_some_and(|waiting| run.is_settled(&waiting.mark)) {
                let Some(settled) = marks.pop_front() else { break };
                next = settled.position;
                complete = settled.newest.max(complete);
                take_over(&mut count, settled.count);
            }
            (read, count, next, complete)
        });
        self.paused = Some(paused);
        self.newest = self.newest.max(read.to);
        self.thin_out();
        let is_news = self.chunk.first.is_some() || read.from.is_some() || next > self.told;
        if !is_news {
            return None;
        }
        let stretch = self.stretch(count, (read.from, read.to), (next, complete));
        Some((stretch, self.take_letters()))
    }

    /// The news of this partition.
    fn stretch(
        &mut self,
        count: SourceCount,
        (oldest, newest): (Option<EventTime>, Option<EventTime>),
        (next, complete): (i64, Option<EventTime>),
    ) -> Stretch {
        let at_end = self.is_at_end && self.marks.is_empty();
        self.end_is_told |= at_end;
        self.told = next;
        let Chunk { first, since: _, bytes } = std::mem::take(&mut self.chunk);
        Stretch {
            epoch: self.epoch,
            topic: Arc::clone(&self.topic),
            partition: self.partition,
            count,
            bytes,
            first_offset: first.unwrap_or(self.position),
            next,
            oldest,
            newest,
            complete,
            arrived: self.arrived,
            at_end,
        }
    }

    fn take_letters(&mut self) -> Vec<DeadLetter> {
        let Letters { mut kept, left_out } = std::mem::take(&mut self.letters);
        if let Some(last) = kept.last().filter(|_| left_out > 0).cloned() {
            kept.push(left_out_letter(last, left_out));
        }
        kept
    }

    /// Whether everything that was read is delivered; at the end also what was inside decoders.
    pub(super) fn is_drained(&self) -> bool {
        self.chunk.first.is_none() && (self.marks.is_empty() || !self.is_at_end)
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
            later.newest = later.newest.max(earlier.newest);
            self.marks.push_back(later);
        }
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
