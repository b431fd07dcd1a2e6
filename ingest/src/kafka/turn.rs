//! A partition's turn: its messages to its reader, until there is nothing or enough.
//!
//! In: the queue of a partition that is ours. Out: rows, how many messages it were, what ended it. Owns: the queue, and what is
//! known of the partition beside what its reader knows. Laws: warm-up is over before anything is delivered; records of a
//! topic are numbered once, whichever partition they are in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use offbound_schemas::EventTime;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _, OwnedMessage};

use crate::identity::Occurrences;
use crate::kafka::context::Context;
use crate::kafka::gathering::Gathering;
use crate::kafka::notice::Gap;
use crate::kafka::reader::{Message, Reader};
use crate::kafka::silence::Silence;

/// Messages of one partition that are read before the next one has its turn.
const TURN_MESSAGES: usize = 2_048;

/// A partition that is ours.
pub(super) struct Owned {
    pub(super) reader: Reader,
    pub(super) queue: PartitionQueue<Context>,
    /// There may be messages in the queue.
    pub(super) ready: Arc<AtomicBool>,
    /// Reading of what comes before is not over.
    pub(super) is_warming: bool,
    /// The first message behind what is only read for what it says.
    pub(super) first: Option<OwnedMessage>,
    /// A gap that is told with the first message behind it.
    pub(super) gap: Option<Gap>,
    pub(super) silence: Silence,
    /// Since when its turn is put off.
    pub(super) put_off: Option<Instant>,
}

/// What the partitions of a topic share.
#[derive(Default)]
pub(super) struct Topic {
    pub(super) occurrences: Occurrences,
    /// Up to which offset each partition's records are numbered.
    pub(super) numbered: BTreeMap<i32, i64>,
    /// Partitions whose warm-up is not over: none of the others goes on before.
    pub(super) warming: usize,
}

/// What a turn of one partition came to.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) messages: usize,
    /// A record came, or the end.
    pub(super) is_news: bool,
    pub(super) ended_by: Option<KafkaError>,
}

impl Owned {
    /// Reads until there is nothing, or enough.
    pub(super) fn turn(
        &mut self,
        topic: &mut Topic,
        rows: &mut Gathering,
        chunk_bytes: usize,
        now: Instant,
    ) -> Turn {
        let mut turn = Turn::default();
        if !self.is_warming && topic.warming > 0 {
            return turn;
        }
        if !self.is_warming
            && let Some(first) = self.first.take()
        {
            read(&mut self.reader, &[message(&first)], topic, rows, now);
            (turn.messages, turn.is_news) = (1, true);
        }
        if !self.ready.swap(false, Ordering::AcqRel) {
            return turn;
        }
        // A partition that fills a batch has had its turn; the next ones have theirs all the same.
        let full = rows.full();
        while turn.messages < TURN_MESSAGES && rows.full() == full && !self.reader.is_full(chunk_bytes) {
            let step = if self.is_warming {
                self.warm_up(topic, rows, now)
            } else {
                self.step(topic, rows, (TURN_MESSAGES - turn.messages, chunk_bytes), now)
            };
            match step {
                Step::Read(messages) => (turn.messages, turn.is_news) = (turn.messages + messages, true),
                Step::Nothing => return turn,
                Step::Broken(error) => {
                    turn.ended_by = Some(error);
                    break;
                }
                Step::Warm => {
                    turn.is_news = true;
                    break;
                }
            }
        }
        self.ready.store(true, Ordering::Release);
        turn
    }

    /// Reads the messages that are there, so many and so many bytes at most, and takes notice of what ends them.
    fn step(&mut self, topic: &mut Topic, rows: &mut Gathering, most: (usize, usize), now: Instant) -> Step {
        let Self { reader, queue, gap, .. } = self;
        let (borrowed, ended_by) = gather(queue, most);
        let messages: Vec<Message<'_>> = borrowed.iter().map(message).collect();
        if let Some(gap) = gap {
            gap.to_time = gap.to_time.or_else(|| messages.iter().find_map(|message| message.arrived));
        }
        read(reader, &messages, topic, rows, now);
        match ended_by {
            Some(KafkaError::PartitionEOF(_)) => reader.end(),
            Some(error) => return Step::Broken(error),
            None if messages.is_empty() => return Step::Nothing,
            None => {}
        }
        Step::Read(messages.len().max(1))
    }

    /// Reads one message of those that are not delivered.
    fn warm_up(&mut self, topic: &mut Topic, rows: &mut Gathering, now: Instant) -> Step {
        match self.queue.poll(Duration::ZERO) {
            Some(Ok(borrowed)) => {
                if borrowed.offset() >= self.reader.deliver_from() {
                    self.first = Some(borrowed.detach());
                    self.end_warm_up(topic);
                    return Step::Warm;
                }
                read(&mut self.reader, &[message(&borrowed)], topic, rows, now);
            }
            Some(Err(KafkaError::PartitionEOF(_))) => self.reader.end(),
            Some(Err(error)) => return Step::Broken(error),
            None => return Step::Nothing,
        }
        if self.reader.is_at_end() || !self.reader.is_warming() {
            self.end_warm_up(topic);
            return Step::Warm;
        }
        Step::Read(1)
    }

    fn end_warm_up(&mut self, topic: &mut Topic) {
        self.reader.end_warm_up();
        self.is_warming = false;
        topic.warming = topic.warming.saturating_sub(1);
    }

    /// The gap before what was read.
    pub(super) fn known_gap(&mut self) -> Option<Gap> {
        let is_known = |gap: &mut Gap| gap.to_time.is_some() || self.reader.is_at_end();
        self.gap.take_if(is_known)
    }
}

/// What came of reading.
enum Step {
    /// So many messages were read, or the end.
    Read(usize),
    /// There is nothing.
    Nothing,
    /// The warm-up is over.
    Warm,
    Broken(KafkaError),
}

/// Takes messages out of the queue, so many and so many bytes at most; with what came in place of the next.
fn gather(
    queue: &PartitionQueue<Context>,
    (most, most_bytes): (usize, usize),
) -> (Vec<BorrowedMessage<'_>>, Option<KafkaError>) {
    let (mut messages, mut bytes) = (Vec::new(), 0);
    while messages.len() < most && bytes < most_bytes {
        match queue.poll(Duration::ZERO) {
            Some(Ok(message)) => {
                bytes += message.payload_len();
                messages.push(message);
            }
            Some(Err(error)) => return (messages, Some(error)),
            None => break,
        }
    }
    (messages, None)
}

/// Reads messages with the numbers of their topic, once.
fn read(
    reader: &mut Reader,
    messages: &[Message<'_>],
    topic: &mut Topic,
    rows: &mut Gathering,
    now: Instant,
) {
    let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return };
    let numbered = topic.numbered.entry(reader.partition()).or_insert(first.offset);
    let (known, fresh) = messages.split_at(messages.partition_point(|message| message.offset < *numbered));
    *numbered = last.offset.saturating_add(1).max(*numbered);
    // Their records were numbered when the partition was ours before.
    for message in known {
        reader.messages(std::slice::from_ref(message), (&mut Occurrences::default(), rows), now);
    }
    reader.messages(fresh, (&mut topic.occurrences, rows), now);
}

fn message<'m>(message: &'m impl rdkafka::Message) -> Message<'m> {
    let arrived_ms = message.timestamp().to_millis();
    Message {
        offset: message.offset(),
        value: message.payload(),
        arrived: arrived_ms.and_then(|ms| ms.checked_mul(1_000_000)).map(EventTime),
    }
}
