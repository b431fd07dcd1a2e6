//! Points of the driver: positions and conclusions of the same records, for the keeper, and what operators see then.
//!
//! In: what changed since the last point. Out: a point for the keeper; offsets for Kafka; metrics. Owns: what a point is made
//! of. Law: whatever was delivered before a point is in it.

use std::sync::Arc;

use offbound_ingest::kafka;
use offbound_schemas::EventTime;
use offbound_store::PartitionOffset;

use super::{Driver, Parts};
use crate::exit::{Failure, say};
use crate::stream::keeper::{Point, Work};
use crate::stream::watermark::Partition;

/// Commit intervals that make one where a stream is far behind: segments are larger, and nobody waits for what is old.
const INTERVALS_FAR_BEHIND: i64 = 4;

impl Driver {
    /// Makes a point once it is time for one, and there is anything new.
    pub(super) fn point_if_due(&mut self, now: EventTime) -> Result<(), Failure> {
        let often = if self.parts.start.judge.is_resting() { INTERVALS_FAR_BEHIND } else { 1 };
        let due = now.nanos_since(self.point_at) >= self.parts.settings.commit_nanos.saturating_mul(often);
        if due && self.dirty { self.point(now) } else { Ok(()) }
    }

    /// Hands the keeper everything that is decided by what was taken in.
    pub(super) fn point(&mut self, now: EventTime) -> Result<(), Failure> {
        self.point_at = now;
        self.dirty = false;
        let moved = std::mem::take(&mut self.moved).into_iter();
        let offset = |((topic, partition), next): (Partition, i64)| PartitionOffset {
            topic: topic.to_string(),
            partition,
            next,
        };
        let Parts { publisher, unread, start, .. } = &mut self.parts;
        let (account, is_resting) = (&mut start.account, start.judge.is_resting());
        // What is tidied up takes room: not in the moment in which looking ahead goes on.
        let was_far_behind = std::mem::replace(&mut self.was_far_behind, is_resting);
        let point = Point {
            offsets: moved.map(offset).collect(),
            made_anew: std::mem::take(&mut self.made_anew),
            findings: std::mem::take(&mut self.findings).into_values().collect(),
            incidents: std::mem::take(&mut self.incidents).into_values().collect(),
            dissolved: std::mem::take(&mut self.dissolved),
            gaps: std::mem::take(&mut self.gaps),
            sources: account.take_changed(),
            summary: account.summary(),
            watermark: self.marks.reached(),
            // What an earlier run told is not passed by before it was looked at.
            told: publisher.as_ref().filter(|_| unread.is_none()).map(|publisher| publisher.places()),
            is_far_behind: is_resting || was_far_behind,
        };
        self.measure(now);
        self.parts.keeper.give(Work::Commit(Box::new(point)))
    }

    /// What operators see of how far the stream is.
    fn measure(&mut self, now: EventTime) {
        let Parts { source, start, metrics, .. } = &self.parts;
        let mut lag = 0;
        for ((topic, partition), own) in self.lags() {
            metrics.lag(&topic, partition, own);
            lag += own;
        }
        metrics.queue_bytes.set(i64::try_from(source.queued_bytes()).unwrap_or(i64::MAX));
        let tracked = start.judge.tracked();
        metrics.facts(&tracked);
        metrics.waiting_rows.set(i64::try_from(tracked.waiting).unwrap_or(i64::MAX));
        metrics.late.set(i64::try_from(start.account.late_so_far()).unwrap_or(i64::MAX));
        if let Some(told) = self.behind.look(lag, start.account.read_so_far(), now) {
            say("note", &told);
        }
    }

    /// How many records of each partition wait in its topic.
    pub(super) fn lags(&self) -> impl Iterator<Item = (Partition, u64)> + '_ {
        self.parts.source.ends().into_iter().filter_map(|(topic, partition, end)| {
            let place = (Arc::from(topic), partition);
            let reached = self.reached.get(&place)?;
            Some((place, (end - reached).max(0).unsigned_abs()))
        })
    }

    /// Tells Kafka what is durable: advice for monitoring, the store's own positions decide.
    pub(super) fn tell_kafka(&mut self) {
        let committed = self.parts.keeper.committed();
        if !committed.is_empty() {
            let advice = committed.into_iter().map(|at| kafka::PartitionOffset {
                topic: at.topic.into(),
                partition: at.partition,
                next: at.next,
            });
            self.parts.source.commit(&advice.collect::<Vec<_>>());
        }
    }
}
