//! What a source tells.
//!
//! In: nothing. Out: the plain data of every notice. Owns: what each of them promises.

use std::sync::Arc;

use offbound_schemas::record::SourceCount;
use offbound_schemas::table::DeadLetter;
use offbound_schemas::{EventBatch, EventTime};

/// One piece of news, in the order in which it came to be.
#[derive(Debug)]
pub enum Notice {
    /// Records of some partitions.
    Delivery(Box<Delivery>),
    /// Partitions are ours now.
    Assigned {
        /// Number that their deliveries carry.
        epoch: u64,
        /// Which, and where each begins.
        partitions: Vec<Assigned>,
    },
    /// Partitions are to be given away: what was delivered of them should be committed, then
    /// [`crate::kafka::KafkaSource::release`] says so. No delivery of theirs comes behind this.
    Revoking {
        /// Number of this revocation.
        epoch: u64,
        /// Which.
        partitions: Vec<Revoked>,
        /// They are gone already (the member was silent for too long): nothing may be committed any more.
        is_lost: bool,
    },
    /// The time to release a revocation has passed: another member may have the partitions. What was not committed yet
    /// must be thrown away.
    Fenced {
        /// Number of the revocation.
        epoch: u64,
        /// Which.
        partitions: Vec<Revoked>,
    },
    /// Records are gone that were never read.
    Gap(Gap),
    /// A partition has nothing more for now. Comes behind the delivery of its last record; also in deliveries, as
    /// [`Stretch::at_end`].
    AtEnd {
        /// Number of its assignment.
        epoch: u64,
        /// Topic.
        topic: Arc<str>,
        /// Partition.
        partition: i32,
        /// Offset that its next record will have.
        next: i64,
    },
    /// A partition has nothing more, and nothing came for [`crate::kafka::SourceOptions::idle`]: its broker, asked after that
    /// time, had nothing behind its end. Nothing need wait for it until something comes of it. Also said of one whose broker
    /// has not answered for a minute while others did; a trouble tells that.
    Silent {
        /// Number of its assignment.
        epoch: u64,
        /// Topic.
        topic: Arc<str>,
        /// Partition.
        partition: i32,
    },
    /// Something is wrong; reading goes on when it can, unless it is fatal. The same text comes once until
    /// [`Notice::Recovered`].
    Trouble {
        /// One line: what, where, and what to do; librdkafka's own words at the end.
        text: String,
        /// The source has ended.
        is_fatal: bool,
    },
    /// What was wrong is over.
    Recovered,
}

/// Rows and dead letters of some partitions, and how far each of these is with them.
#[derive(Debug)]
pub struct Delivery {
    /// Rows of all of them: one batch, since a small batch costs nearly as much as one of a thousand rows.
    pub rows: EventBatch,
    /// Records that could not be read.
    pub letters: Vec<DeadLetter>,
    /// Bytes of the messages.
    pub bytes: u64,
    /// How far partitions are; none where more rows of the same messages follow.
    pub stretches: Vec<Stretch>,
}

/// A stretch of one partition.
#[derive(Debug)]
pub struct Stretch {
    /// Number of the assignment that it belongs to.
    pub epoch: u64,
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// What became of its records.
    pub count: SourceCount,
    /// Bytes of its messages.
    pub bytes: u64,
    /// Offset of its first message.
    pub first_offset: i64,
    /// Contiguous low-water mark: everything of every record below is in its delivery or an earlier one.
    pub next: i64,
    /// Earliest event time of its rows.
    pub oldest: Option<EventTime>,
    /// Latest event time of its rows.
    pub newest: Option<EventTime>,
    /// Latest event time of all rows before `next` that were not told before: later ones may still have to do with a record
    /// that is inside a decoder, and whose rows will have earlier times.
    pub complete: Option<EventTime>,
    /// The broker's time of its last message.
    pub arrived: Option<EventTime>,
    /// There was nothing behind it.
    pub at_end: bool,
}

/// A partition that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// Offset of the first record that will be delivered.
    pub begin: i64,
    /// How far event times in it may lie behind the newest, where its rule says so.
    pub lateness: Option<std::time::Duration>,
}

/// A partition that is not ours any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// Number of its assignment, as in its deliveries.
    pub epoch: u64,
}

/// Records that are gone and were never read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// First offset that is missing.
    pub from: i64,
    /// Offset behind the last that is missing.
    pub to: i64,
    /// Why.
    pub reason: GapReason,
    /// The broker's time of the last record before the gap, where it was read in this run.
    pub from_time: Option<EventTime>,
    /// The broker's time of the first record behind it, where there is one.
    pub to_time: Option<EventTime>,
}

/// Why records are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapReason {
    /// The topic keeps records for too short a time.
    Retention,
    /// The topic ends before the offset that was reached: it was made anew, or its brokers lost its end.
    Truncated,
}

impl GapReason {
    /// The reason code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Retention => "kafka-retention",
            Self::Truncated => "kafka-truncated",
        }
    }
}

/// How far a partition is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionOffset {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// Offset of the first record that is not committed.
    pub next: i64,
}
