//! `offbound dead-letters replay`: reads dead letters again with today's decoders, and judges the whole store anew.
//!
//! In: a store with dead letters. Out: their events in the store, and results like those of `replay`.
//! Owns: the order of the steps: events are committed, then conclusions, and only then letters go, together with the
//! change of their sources' accounts. Law: a stop between any two steps loses nothing and doubles nothing, because
//! reading a letter again gives the same events.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use offbound_correlate::Bounds;
use offbound_ingest::{IngestOptions, IngestSink, LetterReader, SourceRead};
use offbound_schemas::record::{SourceCount, Summary};
use offbound_schemas::table::DeadLetter;
use offbound_schemas::{EventBatch, EventId, EventTime};
use offbound_store::{LetterFilter, Refusal, Reread, Store, Writer};

use super::folder;
use super::letters::Letters;
use crate::args::{InputArgs, ReplayLettersArgs};
use crate::exit::{Done, Failure, say};
use crate::interrupt::Interrupt;
use crate::judge::{self, Judge, Window};
use crate::output::{Results, count};
use crate::read::{self, Account};
use crate::replay::Target;
use crate::{Context, rules};

/// Letters that are read before the store is judged and they are settled: what is kept of one that still fails is
/// about 1 KiB.
const ROUND_LETTERS: usize = 65_536;

/// Runs the command.
pub(super) fn run(args: &ReplayLettersArgs, context: &Context) -> Result<Done, Failure> {
    let input = context.config.input(&args.input);
    let mut target = Target::open("dead-letters replay", &args.output, context)?;
    let folder = folder(args.store.as_deref(), context)?;
    // Opened first, so that no store is made where there is none. It reads letters while the writer adds events.
    let letters = Store::open(&folder)?;
    let options = read::options(&input)?;
    let filter = LetterFilter { reason: args.reason.clone(), source: None };
    let mut replay = Replay {
        accounts: letters.sources()?.into_iter().map(|source| (source.location.clone(), source)).collect(),
        before: letters.summary()?,
        writer: Store::create(&folder)?,
        interrupt: Interrupt::listen(),
        options,
        bounds: context.config.bounds(input.facts_memory, input.facts_retention)?,
        input,
        told: Told::default(),
    };
    let results = replay.all(&mut Letters::new(&letters, &filter))?;
    target.write(&results, context)?;
    if !context.common.quiet {
        say("note", &replay.told.to_string());
    }
    match replay.told.unreadable() {
        0 => Ok(target.done(&results)),
        left if replay.input.strict => {
            Err(Failure::could_not(format!("--strict: {} dead letters still cannot be read", count(left))))
        }
        _ => Ok(target.done(&results)),
    }
}

/// What is said at the end.
#[derive(Debug, Default)]
struct Told {
    read: u64,
    refused: u64,
    partial: u64,
}

impl Told {
    fn unreadable(&self) -> u64 {
        self.refused + self.partial
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [read, refused, partial] = [self.read, self.refused, self.partial].map(count);
        write!(f, "{read} dead letters have been read; {refused} still cannot be read; ")?;
        write!(f, "{partial} are kept in part only, and need their input")
    }
}

struct Replay {
    writer: Writer,
    /// The account of every source, by location, as the letters read so far make it.
    accounts: BTreeMap<String, SourceCount>,
    /// The summary before.
    before: Option<Summary>,
    options: IngestOptions,
    bounds: Bounds,
    input: InputArgs,
    interrupt: Interrupt,
    told: Told,
}

/// What came of the letters of one round.
#[derive(Default)]
struct Round {
    /// Letters that were read again, whatever came of it.
    taken: Vec<EventId>,
    refused: BTreeMap<EventId, Refusal>,
    /// Sources whose account changed.
    changed: Vec<String>,
    /// Earliest and latest event time.
    times: [Option<EventTime>; 2],
}

impl Replay {
    fn all(&mut self, letters: &mut Letters<'_>) -> Result<Results, Failure> {
        loop {
            let round = self.read(letters)?;
            let results = self.conclude(&round)?;
            self.settle(round)?;
            if letters.input()?.is_none() {
                return Ok(results);
            }
        }
    }

    /// Reads letters until there are enough for a round; their events are in the store afterwards.
    fn read(&mut self, letters: &mut Letters<'_>) -> Result<Round, Failure> {
        let mut round = Round::default();
        while round.taken.len() < ROUND_LETTERS
            && let Some(input) = letters.input()?.map(str::to_owned)
        {
            self.read_input(&input, letters, &mut round)?;
        }
        self.writer.flush()?;
        Ok(round)
    }

    /// Reads letters of one input, as one stream.
    fn read_input(
        &mut self,
        input: &str,
        letters: &mut Letters<'_>,
        round: &mut Round,
    ) -> Result<(), Failure> {
        let mut taken: BTreeMap<String, u64> = BTreeMap::new();
        let mut sink = Sink { writer: &mut self.writer, refused: &mut round.refused, failure: None };
        let mut reader = LetterReader::new(input, &self.options, &mut sink);
        while round.taken.len() < ROUND_LETTERS && reader.goes_on() && letters.input()? == Some(input) {
            self.interrupt.check()?;
            let Some(letter) = letters.next()? else { break };
            if LetterReader::can_read(&letter) {
                reader.read(&letter);
                *taken.entry(letter.reason).or_default() += 1;
                round.taken.push(letter.event_id);
            } else {
                self.told.partial += 1;
            }
        }
        let read = reader.finish();
        if let Some(failure) = sink.failure {
            return Err(failure);
        }
        round.times = join(round.times, [read.from, read.to]);
        if let Some(account) = self.accounts.get_mut(input)
            && adjust(account, &taken, &read.count)
        {
            round.changed.push(input.to_owned());
        }
        Ok(())
    }

    /// Judges everything that the store holds, and commits it.
    fn conclude(&mut self, round: &Round) -> Result<Results, Failure> {
        let environment = judge::environment(self.input.env.as_deref())?;
        let judge = Judge::new(environment, &rules::load(self.input.rules.as_deref())?)?.within(self.bounds);
        let window = Window { since: self.input.since, until: self.input.until };
        let judgement = judge.judge(self.writer.store(), window, &self.interrupt)?;
        let to_read = |count: &SourceCount| SourceRead { count: count.clone(), ..SourceRead::default() };
        let account = Account { sources: self.accounts.values().map(to_read).collect(), unopened: 0 };
        let mut results = judge::results(judgement, &account);
        let times = self.before.as_ref().map(|before| [before.from, before.to]).unwrap_or_default();
        let summary = &mut results.summary;
        [summary.from, summary.to] = join(times, round.times);
        summary.bytes = self.before.as_ref().map_or(0, |before| before.bytes);
        let Results { findings, incidents, gaps, summary } = &results;
        self.writer.commit_results(findings, incidents, gaps, summary)?;
        self.before = Some(summary.clone());
        Ok(results)
    }

    /// Lets go of the letters that were read.
    fn settle(&mut self, round: Round) -> Result<(), Failure> {
        let Round { taken, refused, changed, .. } = round;
        let read: Vec<EventId> = taken.into_iter().filter(|id| !refused.contains_key(id)).collect();
        self.told.read += read.len() as u64;
        self.told.refused += refused.len() as u64;
        let sources = changed.iter().filter_map(|input| self.accounts.get(input).cloned()).collect();
        let reread = Reread { read, refused: refused.into_values().collect(), sources };
        Ok(self.writer.settle_dead_letters(&reread)?)
    }
}

/// The span of two spans.
fn join(one: [Option<EventTime>; 2], other: [Option<EventTime>; 2]) -> [Option<EventTime>; 2] {
    let ([from, to], [other_from, other_to]) = (one, other);
    [from.into_iter().chain(other_from).min(), to.into_iter().chain(other_to).max()]
}

/// Counts letters of a source as what they are now. Where the account does not hold them, because the input itself was
/// read again since, it is right as it is.
fn adjust(account: &mut SourceCount, taken: &BTreeMap<String, u64>, now: &SourceCount) -> bool {
    let held = |reason: &String| account.dead_lettered.get(reason).copied().unwrap_or_default();
    if taken.is_empty() || taken.iter().any(|(reason, number)| held(reason) < *number) {
        return false;
    }
    if account.decoded == 0 && now.decoded > 0 {
        account.format.clone_from(&now.format);
    }
    for (reason, number) in taken {
        let left = account.dead_lettered.get(reason).copied().unwrap_or_default().saturating_sub(*number);
        account.dead_lettered.insert(reason.clone(), left);
        account.read = account.read.saturating_sub(*number);
    }
    account.read += now.read;
    account.decoded += now.decoded;
    now.skipped.iter().for_each(|(name, more)| *account.skipped.entry(name.clone()).or_default() += more);
    for (reason, more) in &now.dead_lettered {
        *account.dead_lettered.entry(reason.clone()).or_default() += more;
    }
    for (name, more) in &now.unmapped {
        *account.unmapped.entry(name.clone()).or_default() += more;
    }
    account.dead_lettered.retain(|_, number| *number > 0);
    true
}

/// Takes what the letters of one input give.
struct Sink<'a> {
    writer: &'a mut Writer,
    refused: &'a mut BTreeMap<EventId, Refusal>,
    failure: Option<Failure>,
}

impl Sink<'_> {
    fn keep(&mut self, done: Result<(), offbound_store::StoreError>) -> ControlFlow<()> {
        let Err(error) = done else { return ControlFlow::Continue(()) };
        self.failure.get_or_insert(error.into());
        ControlFlow::Break(())
    }
}

impl IngestSink for Sink<'_> {
    fn rows(&mut self, rows: EventBatch) -> ControlFlow<()> {
        let done = self.writer.append(&rows);
        self.keep(done)
    }

    /// One that was there before is not added again; one that is a part of such a letter is new.
    fn dead_letter(&mut self, letter: DeadLetter) {
        let done = self.writer.append_dead_letters(std::slice::from_ref(&letter));
        // The end of this input carries a failure on.
        let _stop_comes_later = self.keep(done);
        let DeadLetter { event_id, source, reason, detail, parser, .. } = letter;
        self.refused.insert(event_id, Refusal { event_id, source, reason, detail, parser });
    }

    fn progress(&mut self, _stored_bytes: u64, _records: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(read: u64, decoded: u64, skipped: u64, dead: &[(&str, u64)]) -> SourceCount {
        let dead_lettered = dead.iter().map(|(reason, number)| ((*reason).to_owned(), *number)).collect();
        let skipped =
            if skipped > 0 { BTreeMap::from([("blank".to_owned(), skipped)]) } else { BTreeMap::new() };
        SourceCount { read, decoded, skipped, dead_lettered, ..SourceCount::default() }
    }

    /// Scenario: letters of a source whose account holds them, and of one whose input was read again since. Guarantees:
    /// the former adds up as before, the latter stays as it is.
    #[test]
    fn accounts_follow_the_letters() {
        let taken = BTreeMap::from([("bad-json".to_owned(), 3), ("no-time".to_owned(), 1)]);
        let now = account(4, 2, 1, &[("too-deep", 1)]);
        let mut one = account(10, 4, 0, &[("bad-json", 5), ("no-time", 1)]);
        assert!(adjust(&mut one, &taken, &now));
        assert_eq!(one, account(10, 6, 1, &[("bad-json", 2), ("too-deep", 1)]));
        let mut other = account(10, 9, 0, &[("bad-json", 1)]);
        assert!(!adjust(&mut other, &taken, &now));
        assert_eq!(other, account(10, 9, 0, &[("bad-json", 1)]));
    }
}
