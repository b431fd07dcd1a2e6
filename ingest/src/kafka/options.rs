//! What is read, from where on, and within which bounds.
//!
//! In: what the configuration says. Out: [`SourceOptions`] for a source. Owns: the named defaults, and what a topic
//! pattern may be. A topic's first matching rule decides.

use std::time::Duration;

use regex::Regex;

use crate::formats::Formats;
use crate::kafka::connection::Connection;
use crate::pipeline::IngestOptions;

/// Bytes of messages after which what a partition gave is handed over.
pub const CHUNK_BYTES: usize = 1024 * 1024;
/// How long the first record of a delivery waits for others.
pub const CHUNK_WAIT: Duration = Duration::from_millis(2);
/// Bytes of messages in deliveries that nobody has taken yet: some hundred thousand records, and a small part of the
/// memory that a stream may use. At most one delivery more than that waits.
pub const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// How long records stay inside a decoder when nothing follows them: longer than the records of one event are apart.
pub const SETTLE_AFTER: Duration = Duration::from_secs(5);
/// How long nothing comes of a partition before it is silent.
pub const IDLE: Duration = Duration::from_secs(10);
/// Records that arrived at most so long ago arrive now, in nanoseconds: whoever is ahead with them waits for nobody.
pub const LIVE_NANOS: i64 = 30_000_000_000;
/// How long a member may be silent before the group gives its partitions to others.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(45);
/// How long a revoked partition waits for its deliveries to be committed: well within the session, so that nobody else
/// has the partition meanwhile.
pub const DRAIN_TIME: Duration = Duration::from_secs(20);
/// How often topics and partitions are looked for.
pub const METADATA_REFRESH: Duration = Duration::from_secs(10);
/// Records of a topic before the stored offsets that are read for what they say about those behind, over all its
/// partitions: as many as equal records are numbered in ([`crate::OCCURRENCE_WINDOW`]).
pub const WARM_UP_RECORDS: u64 = crate::OCCURRENCE_WINDOW as u64;

/// Everything that a source is told.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// How brokers are reached.
    pub connection: Connection,
    /// Consumer group.
    pub group: String,
    /// Which topics, and how they are read.
    pub topics: Vec<TopicRule>,
    /// How records are read; its `sources` rules are not asked.
    pub ingest: IngestOptions,
    /// Where a partition begins that the store has no offset of.
    pub start: Start,
    /// See [`QUEUE_BYTES`].
    pub queue_bytes: usize,
    /// See [`CHUNK_BYTES`].
    pub chunk_bytes: usize,
    /// See [`CHUNK_WAIT`].
    pub chunk_wait: Duration,
    /// See [`SETTLE_AFTER`].
    pub settle_after: Duration,
    /// See [`IDLE`].
    pub idle: Duration,
    /// See [`SESSION_TIMEOUT`].
    pub session_timeout: Duration,
    /// See [`DRAIN_TIME`].
    pub drain_time: Duration,
    /// See [`METADATA_REFRESH`].
    pub metadata_refresh: Duration,
    /// See [`WARM_UP_RECORDS`].
    pub warm_up_records: u64,
}

impl SourceOptions {
    /// The defaults for a connection, a group and topics.
    #[must_use]
    pub fn new(
        connection: Connection,
        group: impl Into<String>,
        topics: Vec<TopicRule>,
        ingest: IngestOptions,
    ) -> Self {
        Self {
            connection,
            group: group.into(),
            topics,
            ingest,
            start: Start::Earliest,
            queue_bytes: QUEUE_BYTES,
            chunk_bytes: CHUNK_BYTES,
            chunk_wait: CHUNK_WAIT,
            settle_after: SETTLE_AFTER,
            idle: IDLE,
            session_timeout: SESSION_TIMEOUT,
            drain_time: DRAIN_TIME,
            metadata_refresh: METADATA_REFRESH,
            warm_up_records: WARM_UP_RECORDS,
        }
    }
}

/// Where a partition begins that the store has no offset of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// With the oldest record that is there.
    #[default]
    Earliest,
    /// With the next record that comes.
    Latest,
}

/// The offsets that the store has.
pub trait Offsets: Send {
    /// The offset below which everything of a partition is stored. Asked each time the partition is assigned.
    fn stored(&self, topic: &str, partition: i32) -> Option<i64>;
}

/// Which topics, and how their records are read.
#[derive(Debug, Clone)]
pub struct TopicRule {
    /// Which.
    pub pattern: TopicPattern,
    /// Format of all records; none leaves that to their content.
    pub format: Option<String>,
    /// What source labels say behind the format: `format:instance`.
    pub instance: Option<String>,
    /// How far event times in these topics may lie behind the newest, where that is not the default.
    pub lateness: Option<Duration>,
}

impl TopicRule {
    /// Reads `TOPIC` or `LABEL=TOPIC`, where LABEL is `format`, `format:instance` or `auto:instance`.
    ///
    /// # Errors
    /// In one line, when the label names no format or the topic cannot be one.
    pub fn parse(text: &str, formats: &Formats) -> Result<Self, String> {
        let (label, topic) = match text.split_once('=') {
            Some((label, topic)) => (label, topic),
            None => ("auto", text),
        };
        let (format, instance) = label.split_once(':').unwrap_or((label, ""));
        let is_known = format == "auto" || formats.iter().any(|known| known.id() == format);
        if !is_known {
            return Err(format!("{format:?} in {text:?} names no format; see `offbound formats`"));
        }
        Ok(Self {
            pattern: TopicPattern::parse(topic)?,
            format: Some(format.to_owned()).filter(|format| format != "auto"),
            instance: Some(instance.to_owned()).filter(|instance| !instance.is_empty()),
            lateness: None,
        })
    }
}

/// The first rule that means a topic.
pub(super) fn rule_of<'r>(rules: &'r [TopicRule], topic: &str) -> Option<&'r TopicRule> {
    rules.iter().find(|rule| rule.pattern.fits(topic))
}

/// A topic's name, or a pattern that begins with `^`.
#[derive(Debug, Clone)]
pub struct TopicPattern {
    text: String,
    pattern: Option<Regex>,
}

impl TopicPattern {
    /// Reads a name or, behind `^`, a regular expression as librdkafka knows them (POSIX extended).
    ///
    /// # Errors
    /// In one line, when no topic can be called that.
    pub fn parse(text: &str) -> Result<Self, String> {
        let owned = text.to_owned();
        if text.starts_with('^') {
            let pattern = Regex::new(text).map_err(|error| {
                format!("{text:?} is no pattern: {}", error.to_string().replace('\n', " "))
            })?;
            return Ok(Self { text: owned, pattern: Some(pattern) });
        }
        let is_name = !text.is_empty()
            && text.len() <= 249
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if is_name {
            Ok(Self { text: owned, pattern: None })
        } else {
            Err(format!(
                "{text:?} is no topic: expected letters, digits, `.`, `_`, `-`, or a pattern that begins with ^"
            ))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it means this topic.
    #[must_use]
    pub fn fits(&self, topic: &str) -> bool {
        self.pattern.as_ref().map_or(self.text == topic, |pattern| pattern.is_match(topic))
    }
}
