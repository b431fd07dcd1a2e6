//! The driver: deliveries in, results out, and a point for the store every now and then.
//!
//! In: what the source tells. Out: results printed and published, work for the keeper, offsets for Kafka.
//! Owns: the loop, its clocks and their periods. Leaves every step to its module.
//! Law: a point holds positions and conclusions of the same records; whatever was delivered before it is in it.

mod points;
mod recall;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use offbound_correlate::{Again, Changes};
use offbound_ingest::kafka::{
    self, Assigned, Delivery, GapReason, KafkaSource, LIVE_NANOS, Notice, Revoked, Stretch,
};
use offbound_schemas::record::{Finding, Gap, Incident};
use offbound_schemas::vocabulary::FindingState;
use offbound_schemas::{EventTime, FindingId, IncidentId};
use offbound_store::Store;

use super::behind::Behind;
use super::connection::Positions;
use super::health::{Health, Part};
use super::hold_back::{self, HoldBack};
use super::keeper::{Keeper, Work};
use super::last_words::Unread;
use super::lead::Lead;
use super::metrics::{Metrics, Step, seconds};
use super::pace::Pace;
use super::printer::Printer;
use super::publish::Publisher;
use super::rebuild::{self, Start};
use super::reload::{Hangup, Inputs};
use super::watermark::{Partition, Watermarks};
use crate::clock::{self, Stopwatch};
use crate::config::stream::StreamSettings;
use crate::exit::{Done, Failure, say};
use crate::interrupt::Interrupt;

/// How long the loop waits for a delivery before it looks at its clocks.
const WAIT: Duration = Duration::from_millis(20);
/// Deliveries taken in before what they support is looked at, when more are waiting: a batch as large as the engine likes.
const MAX_DELIVERIES_PER_ROUND: usize = 32;
/// Time between two looks ahead while more is waiting than is taken in at once: a backlog is old, and what it says is
/// soon sealed.
const LOOK_EVERY_NANOS: i64 = 100_000_000;
/// Time between two rounds of looks at all that concerns incidents: findings are told as soon as they arise, and what has been
/// reached since a moment later …
const JUDGE_EVERY_NANOS: i64 = 250_000_000;
/// … of so many findings at a time, so that no finding waits for hundreds of others …
const JUDGED_AT_A_TIME: usize = 64;
/// … and more seldom where a look takes long, but not more than this.
const JUDGE_AT_LEAST_EVERY_NANOS: i64 = 2_000_000_000;
/// Shortest time between two moves of the watermark: confirmation may take this much longer than the lateness. Short, so
/// that none of them holds up what has just come …
const SEAL_EVERY_NANOS: i64 = 10_000_000;
/// … and longer where they cost more: this many times what the last one took, since what is confirmed in one go costs less
/// than in many …
const SEAL_REST: i64 = 8;
/// … at once where a stream is far behind, …
const SEAL_FAR_BEHIND_NANOS: i64 = 250_000_000;
/// … up to this.
const SEAL_AT_LEAST_EVERY_NANOS: i64 = 500_000_000;
/// Incidents that are judged again at each of them.
const AT_A_SEAL: Again = Again { at_most: JUDGED_AT_A_TIME, begins_round: true };

/// What a stream is made of.
pub(crate) struct Parts {
    pub(crate) source: KafkaSource,
    pub(crate) positions: Positions,
    pub(crate) folder: PathBuf,
    pub(crate) keeper: Keeper,
    pub(crate) publisher: Option<Arc<Publisher>>,
    /// The topic of findings, until it was looked at what an earlier run told there.
    pub(crate) unread: Option<Unread>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
    pub(crate) printer: Printer,
    pub(crate) inputs: Inputs,
    pub(crate) hangup: Hangup,
    /// Where several members stand by.
    pub(crate) lead: Option<Lead>,
    pub(crate) settings: StreamSettings,
    pub(crate) start: Start,
    pub(crate) until_end: bool,
}

/// A running stream.
pub(crate) struct Driver {
    parts: Parts,
    marks: Watermarks,
    hold_back: HoldBack,
    behind: Behind,
    pace: Pace,
    /// First offsets not yet taken in, of partitions that moved since the last point.
    moved: BTreeMap<Partition, i64>,
    /// First offsets not yet taken in, of every partition that is read.
    reached: BTreeMap<Partition, i64>,
    /// Ends of partitions that were told: decoders may still hold records before them.
    ends: BTreeMap<Partition, i64>,
    /// Partitions that were made anew since the last point.
    made_anew: Vec<(String, i32)>,
    /// At the last point, far more waited than was read.
    was_far_behind: bool,
    /// What changed since the last point, each as it is now.
    findings: BTreeMap<FindingId, Finding>,
    incidents: BTreeMap<IncidentId, Incident>,
    dissolved: Vec<IncidentId>,
    gaps: Vec<Gap>,
    sealed_at: EventTime,
    /// What the last move of the watermark took.
    sealing_nanos: i64,
    point_at: EventTime,
    looked_at: EventTime,
    judged_at: EventTime,
    /// What the longest look took since then.
    looking_nanos: i64,
    /// Records came that nobody has looked at.
    is_news: bool,
    /// More is waiting than was taken in at once.
    is_behind: bool,
    /// Something was delivered or concluded since the last point.
    dirty: bool,
}

impl Driver {
    /// A stream that is ready to run.
    pub(crate) fn new(parts: Parts) -> Self {
        let marks = Watermarks::new(parts.start.watermark);
        let hold_back = HoldBack::new(parts.settings.shares.waiting_rows);
        let pace = Pace::new(parts.settings.longest_lateness_nanos());
        let now = clock::now();
        Self {
            parts,
            marks,
            hold_back,
            behind: Behind::new(now),
            pace,
            moved: BTreeMap::new(),
            reached: BTreeMap::new(),
            ends: BTreeMap::new(),
            made_anew: Vec::new(),
            was_far_behind: false,
            findings: BTreeMap::new(),
            incidents: BTreeMap::new(),
            dissolved: Vec::new(),
            gaps: Vec::new(),
            sealed_at: now,
            sealing_nanos: 0,
            point_at: now,
            looked_at: now,
            judged_at: now,
            looking_nanos: 0,
            is_news: false,
            is_behind: false,
            dirty: false,
        }
    }

    /// Runs until it is stopped, or until the end of the topics; then drains.
    pub(crate) fn run(mut self, interrupt: &Interrupt) -> Result<Done, Failure> {
        let flowed = self.flow(interrupt);
        let drained = self.drain();
        flowed.and(drained).map(|()| Done::Clean)
    }

    fn flow(&mut self, interrupt: &Interrupt) -> Result<(), Failure> {
        while !interrupt.asked() {
            let now = clock::now();
            self.parts.health.round(now);
            self.take_in(now)?;
            self.look(now)?;
            self.seal(now)?;
            self.hold_back(now);
            self.pace(now)?;
            self.point_if_due(now)?;
            self.tell_kafka();
            if self.parts.until_end && self.marks.all_at_end() {
                return self.end();
            }
            if self.parts.lead.as_ref().is_some_and(|lead| !lead.is_ours()) {
                return Err(Failure::could_not(
                    "another member reads now: this one was silent for too long; start it again to stand by",
                ));
            }
            if self.parts.hangup.taken() {
                self.reload(interrupt)?;
            }
        }
        Ok(())
    }

    /// Takes in what is there.
    fn take_in(&mut self, now: EventTime) -> Result<(), Failure> {
        let again = self.again(now);
        let mut wait = if self.parts.start.judge.owes_glance(again) { Duration::ZERO } else { WAIT };
        for _ in 0..MAX_DELIVERIES_PER_ROUND {
            let Some(notice) = self.parts.source.next(wait) else {
                self.is_behind = false;
                return Ok(());
            };
            wait = Duration::ZERO;
            // Taking in waits while the store has no room, and many deliveries take long: each is a sign of life.
            self.parts.health.round(clock::now());
            self.notice(notice, now)?;
        }
        self.is_behind = true;
        Ok(())
    }

    /// Looks at what came before it is sealed.
    fn look(&mut self, now: EventTime) -> Result<(), Failure> {
        let again = self.again(now);
        let judge = &mut self.parts.start.judge;
        let is_due = !self.is_behind || now.nanos_since(self.looked_at) >= LOOK_EVERY_NANOS;
        if !is_due || !(self.is_news || judge.owes_glance(again)) {
            return Ok(());
        }
        let began = clock::now();
        let changes = judge.glance(again)?;
        if again.begins_round {
            (self.judged_at, self.looking_nanos) = (now, 0);
        }
        let took = clock::now().nanos_since(began);
        self.parts.metrics.step(Step::Look, seconds(took));
        self.looking_nanos = self.looking_nanos.max(took);
        (self.looked_at, self.is_news) = (now, false);
        self.publish(changes)
    }

    fn again(&self, now: EventTime) -> Again {
        let rest = (self.looking_nanos * SEAL_REST).clamp(JUDGE_EVERY_NANOS, JUDGE_AT_LEAST_EVERY_NANOS);
        let begins_round = now.nanos_since(self.judged_at) >= rest;
        Again { at_most: JUDGED_AT_A_TIME, begins_round }
    }

    fn delivery(&mut self, delivery: Delivery, now: EventTime) -> Result<(), Failure> {
        let Delivery { rows, letters, bytes, stretches } = delivery;
        let Parts { keeper, start, metrics, .. } = &mut self.parts;
        if rows.num_rows() > 0 {
            self.is_news = true;
            let stopwatch = Stopwatch::start();
            start.judge.push(&rows)?;
            metrics.step(Step::Fold, stopwatch.seconds());
        }
        keeper.give(Work::Rows(rows, letters, bytes))?;
        stretches.into_iter().for_each(|stretch| self.stretch(stretch, now));
        self.dirty = true;
        Ok(())
    }

    /// A partition is as far as this.
    fn stretch(&mut self, stretch: Stretch, now: EventTime) {
        let Stretch {
            topic, partition, count, bytes, next, oldest, newest, complete, arrived, at_end, ..
        } = stretch;
        let Parts { metrics, start, positions, .. } = &mut self.parts;
        metrics.delivered(&topic, partition, &count, bytes);
        start.account.delivered(&topic, &count, bytes);
        start.account.times(oldest, newest);
        positions.moved(&topic, partition, next);
        let place = (topic, partition);
        self.marks.delivered(&place, complete, arrived.unwrap_or(now), now);
        self.reached.insert(place.clone(), next);
        if at_end {
            self.ends.insert(place.clone(), next);
        }
        self.end_reached(&place);
        self.moved.insert(place, next);
    }

    fn notice(&mut self, notice: Notice, now: EventTime) -> Result<(), Failure> {
        match notice {
            Notice::Delivery(delivery) => self.delivery(*delivery, now)?,
            Notice::Assigned { partitions, .. } => self.assigned(partitions),
            Notice::Revoking { epoch, partitions, is_lost: _ } => {
                // The positions are this member's own: what it took in stays in its store, whoever reads on.
                self.point(now)?;
                self.parts.source.release(epoch);
                self.given_up(&partitions);
            }
            Notice::Fenced { partitions, .. } => self.given_up(&partitions),
            Notice::AtEnd { topic, partition, next, .. } => {
                let place = (topic, partition);
                self.ends.insert(place.clone(), next);
                self.end_reached(&place);
            }
            Notice::Silent { topic, partition, .. } => self.marks.silent(&(topic, partition)),
            Notice::Gap(gap) => self.gap(&gap, now)?,
            Notice::Trouble { text, is_fatal: true } => return Err(Failure::could_not(text)),
            Notice::Trouble { text, is_fatal: false } => {
                if self.parts.health.trouble(Part::Kafka, &text) {
                    say("warning", &text);
                }
            }
            Notice::Recovered => {
                if self.parts.health.well(Part::Kafka) {
                    say("note", "Kafka is reached again");
                }
            }
        }
        Ok(())
    }

    fn assigned(&mut self, partitions: Vec<Assigned>) {
        self.recall();
        for Assigned { topic, partition, lateness, begin } in partitions {
            self.reached.insert((Arc::clone(&topic), partition), begin);
            let own = lateness.and_then(|lateness| i64::try_from(lateness.as_nanos()).ok());
            self.marks.assigned((topic, partition), own.unwrap_or(self.parts.settings.lateness_nanos));
        }
    }

    /// A partition is at its end when nothing before the end is held back, such as half of an audit event.
    fn end_reached(&mut self, place: &Partition) {
        let (reached, end) = (self.reached.get(place), self.ends.get(place));
        if reached.zip(end).is_some_and(|(reached, end)| reached >= end) {
            self.marks.at_end(place);
        }
    }

    fn given_up(&mut self, partitions: &[Revoked]) {
        for Revoked { topic, partition, .. } in partitions {
            let place = (Arc::clone(topic), *partition);
            self.marks.revoked(&place);
            self.reached.remove(&place);
            self.ends.remove(&place);
            self.parts.metrics.forget(topic, *partition);
        }
    }

    /// Records are gone that were never read: an absence in that stretch proves nothing.
    fn gap(&mut self, gap: &kafka::Gap, now: EventTime) -> Result<(), Failure> {
        let kafka::Gap { topic, partition, from, to, reason, from_time, to_time } = gap;
        let end = to_time.unwrap_or(now);
        let gap = Gap {
            record_type: "gap".to_owned(),
            schema: "offbound.gap/1".to_owned(),
            source: "kafka".to_owned(),
            scope: format!("topic:{topic}/{partition}"),
            from: from_time.or(self.marks.reached()).unwrap_or(end).min(end),
            to: end,
            lost: u64::try_from(to - from).ok(),
            reason: match reason {
                GapReason::Retention => {
                    format!("{}: offsets {from} to {} were never read", reason.code(), to - 1)
                }
                GapReason::Truncated => format!(
                    "{}: the topic ended at offset {from}, and {to} was reached before",
                    reason.code()
                ),
            },
        };
        if *reason == GapReason::Truncated {
            self.made_anew.push((topic.to_string(), *partition));
        }
        say("warning", &format!("topic {topic}, partition {partition}: {}", gap.reason));
        self.parts.printer.gap(&gap)?;
        self.gaps.push(gap);
        self.dirty = true;
        Ok(())
    }

    /// Moves the watermark, and confirms, revises or withdraws what it decides.
    fn seal(&mut self, now: EventTime) -> Result<(), Failure> {
        let least =
            if self.parts.start.judge.is_resting() { SEAL_FAR_BEHIND_NANOS } else { SEAL_EVERY_NANOS };
        let rest = (self.sealing_nanos * SEAL_REST).clamp(least, SEAL_AT_LEAST_EVERY_NANOS);
        if now.nanos_since(self.sealed_at) < rest {
            return Ok(());
        }
        self.sealed_at = now;
        let before = self.marks.reached();
        let judge = &mut self.parts.start.judge;
        let is_due = |mark: &EventTime| Some(*mark) > before || judge.owes_turns();
        let Some(watermark) = self.marks.current().filter(is_due) else {
            return Ok(());
        };
        let began = clock::now();
        let changes = judge.advance_by_turns(watermark, AT_A_SEAL)?;
        self.parts.metrics.step(Step::Seal, seconds(clock::now().nanos_since(began)));
        self.publish(changes)?;
        self.sealing_nanos = clock::now().nanos_since(began).max(0);
        self.dirty = true;
        let metrics = &self.parts.metrics;
        metrics.seal_delay.set(seconds(now.nanos_since(watermark)));
        for ((topic, partition), nanos) in self.marks.delays() {
            metrics.watermark_delay(topic, *partition, nanos);
        }
        Ok(())
    }

    /// Lets partitions that are ahead wait while too many rows wait for the slowest.
    fn hold_back(&mut self, now: EventTime) {
        let waiting = self.parts.start.judge.waiting();
        if !self.hold_back.is_due(waiting) {
            return;
        }
        let ahead = self.marks.ahead((hold_back::SLACK_NANOS, LIVE_NANOS), now);
        let Some(held) = self.hold_back.change(waiting, &ahead) else { return };
        self.parts.metrics.held_back.set(i64::try_from(held.len()).unwrap_or(i64::MAX));
        if let Some((topic, partition)) = ahead.slowest {
            tracing::debug!(waiting, held = held.len(), %topic, partition, "partitions wait for the slowest");
        }
        self.parts.source.hold_back(held);
    }

    /// Looks ahead no more where findings come sooner without, and goes on when they do not.
    fn pace(&mut self, now: EventTime) -> Result<(), Failure> {
        if !self.pace.is_due(now) {
            return Ok(());
        }
        let waiting = self.lags().map(|(_, lag)| lag).sum();
        let read = self.parts.start.account.read_so_far();
        let judge = &mut self.parts.start.judge;
        let was_resting = judge.is_resting();
        let is_to_rest = self.pace.look(waiting, read, self.marks.reached(), now, was_resting);
        self.parts.metrics.looks_ahead.set(i64::from(!is_to_rest));
        if was_resting == is_to_rest {
            return Ok(());
        }
        tracing::debug!(waiting, is_to_rest, "looking ahead rests, or goes on");
        if is_to_rest {
            judge.rest();
            return Ok(());
        }
        self.is_news = true;
        judge.resume()
    }

    /// Prints changes, sends provisional findings, and keeps all for the next point.
    fn publish(&mut self, changes: Changes) -> Result<(), Failure> {
        let stopwatch = Stopwatch::start();
        let Changes { findings, incidents, dissolved, gaps, late } = changes;
        let Parts { metrics, printer, publisher, start, .. } = &mut self.parts;
        self.dirty |= late > 0 || !(findings.is_empty() && incidents.is_empty() && dissolved.is_empty());
        start.account.late(late);
        for finding in findings {
            metrics.published(&finding);
            printer.finding(&finding)?;
            start.account.finding(&finding);
            if finding.state == FindingState::Provisional
                && let Some(publisher) = publisher
            {
                publisher.at_once(&finding);
            }
            self.findings.insert(finding.id, finding);
        }
        for incident in incidents {
            printer.incident(&incident)?;
            start.account.incident(&incident);
            self.dissolved.retain(|id| *id != incident.id);
            self.incidents.insert(incident.id, incident);
        }
        for id in dissolved {
            start.account.dissolved(&id);
            self.incidents.remove(&id);
            self.dissolved.push(id);
        }
        for gap in gaps {
            printer.gap(&gap)?;
            self.gaps.push(gap);
        }
        metrics.step(Step::Tell, stopwatch.seconds());
        Ok(())
    }

    /// The topics are read to their end, and nobody will read on: everything is sealed, as at the end of a replay.
    fn end(&mut self) -> Result<(), Failure> {
        let Some(last) = self.parts.start.account.last_time() else { return Ok(()) };
        let changes = self.parts.start.judge.advance(last.plus_nanos(1))?;
        self.publish(changes)?;
        // How long something stays usable is told anew only when it ends; the last word is as of the end of the data.
        for incident in self.parts.start.judge.conclude()?.incidents {
            let merged_from = self.parts.start.account.merged_into(&incident.id);
            self.incidents.insert(incident.id, Incident { merged_from, ..incident });
        }
        Ok(())
    }

    /// Judges the store anew with what the files say now; a fault in them leaves everything as it was.
    fn reload(&mut self, interrupt: &Interrupt) -> Result<(), Failure> {
        let judge = match self.parts.inputs.load() {
            Ok(judge) => judge,
            Err(fault) => {
                say("warning", &format!("rules and environment stay as they were: {fault}"));
                return Ok(());
            }
        };
        self.parts
            .health
            .trouble(Part::Start, "rules and environment were read again: facts are being rebuilt");
        self.point(clock::now())?;
        self.parts.keeper.settle()?;
        let store = Store::open(&self.parts.folder)?;
        self.parts.start.judge = rebuild::refill(judge, &store, interrupt)?;
        let changes = self.parts.start.judge.provisional()?;
        self.publish(changes)?;
        self.parts.health.well(Part::Start);
        say("note", "rules and environment were read again, and everything was judged anew");
        Ok(())
    }

    /// Stops reading, makes everything durable, tells Kafka how far that is, and lets results go out.
    fn drain(mut self) -> Result<(), Failure> {
        self.point(clock::now())?;
        self.parts.keeper.settle()?;
        self.tell_kafka();
        let Parts { source, keeper, .. } = self.parts;
        keeper.finish()?;
        source.stop();
        Ok(())
    }
}
