//! The shipper: open files on one side, a sink on the other, and what is on its way between them.
//!
//! In: rounds. Out: messages to the sink, places to the positions. Owns: the bound of bytes on their way, fairness between
//! files, what is counted. Knows neither Kafka nor a clock.
//! Law: what was read is sent, or told; a file is let go only when everything of it has been answered.

use std::borrow::Cow;

use offbound_ingest::FingerprintKey;
use offbound_ingest::redact::Redactor;

use super::keys::Keys;
use super::positions::Positions;
use super::sink::{Report, Sink, Ticket};
use super::tail::{Tail, Taken};
use super::watch::Watch;
use crate::exit::{Failure, say};

/// Bytes on their way, at most: beyond it nothing is read until brokers have taken some.
const MAX_BYTES_ON_THEIR_WAY: usize = 16 * 1024 * 1024;
/// Messages on their way, at most: each costs some bytes of its own.
const MAX_ON_THEIR_WAY: usize = 100_000;
/// Bytes of one file before the next has its turn.
const TURN_BYTES: usize = 256 * 1024;
/// What a record counts as at least: a short one costs more than its bytes.
const MIN_COST_BYTES: usize = 64;

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Records that the broker has.
    pub(crate) records: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Records that will not be there: too long, or refused.
    pub(crate) refused: u64,
}

/// Ships.
pub(crate) struct Shipper<S> {
    pub(crate) watch: Watch,
    pub(crate) tally: Tally,
    positions: Positions,
    keys: Keys,
    redaction: Option<FingerprintKey>,
    sink: S,
    on_their_way: usize,
    bytes_on_their_way: usize,
    could_save: bool,
}

impl<S: Sink> Shipper<S> {
    /// Nothing is open yet.
    pub(crate) fn new(
        watch: Watch,
        positions: Positions,
        keys: Keys,
        redaction: Option<FingerprintKey>,
        sink: S,
    ) -> Self {
        Self {
            watch,
            tally: Tally::default(),
            positions,
            keys,
            redaction,
            sink,
            on_their_way: 0,
            bytes_on_their_way: 0,
            could_save: true,
        }
    }

    /// Opens what is there.
    pub(crate) fn begin(&mut self) {
        self.watch.begin(&self.positions);
    }

    /// Looks what became of the names.
    pub(crate) fn look(&mut self) {
        self.watch.look(&self.positions);
    }

    /// Whether everything was sent and answered.
    pub(crate) fn is_done(&self) -> bool {
        self.watch.is_done()
    }

    /// Messages that were not answered yet.
    pub(crate) fn on_their_way(&self) -> usize {
        self.on_their_way
    }

    /// Gives every file its turn; true when something was sent.
    pub(crate) fn round(&mut self) -> Result<bool, Failure> {
        self.settle()?;
        let mut moved = false;
        for index in 0..self.watch.open.len() {
            moved |= self.turn(index)?;
        }
        self.let_go();
        self.watch.open_next(&self.positions);
        Ok(moved)
    }

    fn turn(&mut self, index: usize) -> Result<bool, Failure> {
        let mut sent_bytes = 0;
        while sent_bytes < TURN_BYTES && self.has_room() {
            let Some(tail) = self.watch.open.get_mut(index).filter(|tail| !tail.is_broken) else { break };
            let Taken { record, number } = match tail.take() {
                Ok(Some(taken)) => taken,
                Ok(None) => break,
                Err(error) => {
                    tail.is_broken = true;
                    let location = tail.location.clone();
                    self.watch.tell(&location, &format!("{error}; what comes behind it was not shipped"));
                    break;
                }
            };
            let key = self.keys.of(&record);
            let payload = match &self.redaction {
                None => Cow::Borrowed(record.as_slice()),
                Some(key) => {
                    redacted(&record, tail.redactor.get_or_insert_with(|| Redactor::new(key.clone())))
                }
            };
            let bytes = payload.len();
            self.sink.send(Ticket { file: tail.number, number, bytes }, key.as_deref(), &payload)?;
            self.on_their_way += 1;
            self.bytes_on_their_way += bytes;
            sent_bytes += bytes.max(MIN_COST_BYTES);
        }
        self.tell_too_long(index);
        Ok(sent_bytes > 0)
    }

    fn tell_too_long(&mut self, index: usize) {
        let Some(tail) = self.watch.open.get_mut(index) else { return };
        for place in std::mem::take(&mut tail.too_long) {
            self.tally.refused += 1;
            say(
                "warning",
                &format!("{} at byte {place}: a record longer than 1 MiB was not shipped", tail.location),
            );
        }
    }

    fn has_room(&self) -> bool {
        self.bytes_on_their_way < MAX_BYTES_ON_THEIR_WAY && self.on_their_way < MAX_ON_THEIR_WAY
    }

    /// Takes in what became of messages.
    pub(crate) fn settle(&mut self) -> Result<(), Failure> {
        for Report { ticket, refusal } in self.sink.reports()? {
            let Ticket { file, number, bytes } = ticket;
            self.on_their_way = self.on_their_way.saturating_sub(1);
            self.bytes_on_their_way = self.bytes_on_their_way.saturating_sub(bytes);
            let tail = self.watch.open.iter_mut().find(|tail| tail.number == file);
            match &refusal {
                None => {
                    self.tally.records += 1;
                    self.tally.bytes += bytes as u64;
                }
                Some(why) => {
                    self.tally.refused += 1;
                    let location = tail.as_ref().map_or("a file that is gone", |tail| &tail.location);
                    say(
                        "warning",
                        &format!("{location}: the broker refuses a record of {bytes} bytes: {why}"),
                    );
                }
            }
            // A file that was begun anew has another number: what was on its way of the old one moves no place.
            if let Some(tail) = tail {
                tail.ledger.done(number);
            }
        }
        Ok(())
    }

    /// Lets files go that are sent and answered.
    fn let_go(&mut self) {
        let is_over = |tail: &Tail| tail.is_finished() && tail.ledger.is_idle();
        for mut tail in self.watch.open.extract_if(.., |tail| is_over(tail)) {
            if let Some(position) = tail.position() {
                self.positions.remember(position);
            }
        }
    }

    /// Keeps the places; where that fails it is told once, and tried again.
    pub(crate) fn save(&mut self) {
        for tail in &mut self.watch.open {
            if let Some(position) = tail.position() {
                self.positions.remember(position);
            }
        }
        match self.positions.save() {
            Ok(()) => self.could_save = true,
            Err(error) => {
                if std::mem::replace(&mut self.could_save, false) {
                    let place = self.positions.path().display();
                    let then = "a restart would send records again";
                    say("warning", &format!("cannot keep positions in {place}: {error}; {then}"));
                }
            }
        }
    }
}

/// What leaves this machine of a record. Bytes that are no text become marks of that: a secret may be among them.
fn redacted<'a>(record: &'a [u8], redactor: &mut Redactor) -> Cow<'a, [u8]> {
    let text = String::from_utf8_lossy(record);
    let clean = redactor.redact(&text);
    match (clean.count, &text) {
        (0, Cow::Borrowed(_)) => Cow::Borrowed(record),
        _ => Cow::Owned(clean.text.into_owned().into_bytes()),
    }
}
