//! Settings to what `ingest` connects with.
//!
//! In: settings of the command. Out: a connection, and a source's options. Owns: the positions that a source asks for.
//! Law: a position is that of the last delivery taken in by this process, else the store's; never Kafka's own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use offbound_ingest::kafka::{Offsets, SourceOptions, Start, TopicRule};
use offbound_ingest::{FingerprintKey, Formats, IngestOptions};
use offbound_store::PartitionOffset;

use crate::config::stream::StreamSettings;
use crate::exit::Failure;
use crate::key;

/// First offsets not yet taken in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Positions(Arc<Mutex<BTreeMap<(String, i32), i64>>>);

impl Positions {
    /// Those of the store.
    pub(crate) fn of(stored: Vec<PartitionOffset>) -> Self {
        let known = stored.into_iter().map(|at| ((at.topic, at.partition), at.next)).collect();
        Self(Arc::new(Mutex::new(known)))
    }

    /// Everything below `next` was taken in.
    pub(crate) fn moved(&self, topic: &str, partition: i32, next: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((topic.to_owned(), partition), next);
    }
}

impl Offsets for Positions {
    fn stored(&self, topic: &str, partition: i32) -> Option<i64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(topic.to_owned(), partition)).copied()
    }
}

/// How long the end of a topic is waited at for the rest of an event, where reading ends with it: all of an event comes
/// within a moment.
const SETTLE_AT_THE_END: Duration = Duration::from_millis(500);

/// What the source is told.
pub(crate) fn source(
    settings: &StreamSettings,
    formats: Formats,
    until_end: bool,
) -> Result<SourceOptions, Failure> {
    let mut topics = Vec::new();
    for topic in &settings.topics {
        let text = topic
            .label
            .as_ref()
            .map_or_else(|| topic.pattern.clone(), |label| format!("{label}={}", topic.pattern));
        let mut rule = TopicRule::parse(&text, &formats)
            .map_err(|problem| Failure::usage(format!("topic: {problem}")))?;
        rule.lateness =
            topic.lateness_nanos.and_then(|nanos| u64::try_from(nanos).ok()).map(Duration::from_nanos);
        topics.push(rule);
    }
    let key = FingerprintKey::new(&key::of_installation()?);
    let ingest = IngestOptions { formats, sources: Vec::new(), key };
    let mut options = SourceOptions::new(settings.connection.clone(), &settings.group, topics, ingest);
    options.start = if settings.from_latest { Start::Latest } else { Start::Earliest };
    options.queue_bytes = settings.shares.queue_bytes;
    options.idle = settings.idle;
    if until_end {
        options.settle_after = SETTLE_AT_THE_END;
    }
    Ok(options)
}
