//! The store to results: every event of the window, in canonical order, through the engine.
//!
//! In: a store, an environment, rules, a window of event time. Out: findings, incidents, gaps, summary.
//! Owns: the window, and when the engine may seal. Leaves to `correlate` the judgement.
//! Law STREAM-1: how the scan is cut into batches changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use offbound_correlate::environment::Environment;
use offbound_correlate::{
    Again, Bounds, Changes, Engine, EngineError, FactTable, Judgement, RuleSet, Tracked,
};
use offbound_schemas::record::{Finding, Incident, SourceCount, Summary};
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::{EventBatch, EventTime, FindingId};
use offbound_store::Store;
use tokio::runtime::Runtime;

use crate::exit::{Failure, say};
use crate::interrupt::Interrupt;
use crate::output::{Results, count};
use crate::read::Account;
use crate::scan_ahead::scan_ahead;

/// Which events are judged: at or after `since`, before `until`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Window {
    pub(crate) since: Option<EventTime>,
    pub(crate) until: Option<EventTime>,
}

impl Window {
    fn holds_all(self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// First and last row (not included) of a time-ordered column that lie inside.
    fn rows(self, count: usize, time: impl Fn(usize) -> EventTime) -> (usize, usize) {
        let start = self.since.map_or(0, |since| first_at_or_after(count, since, &time));
        let end = self.until.map_or(count, |until| first_at_or_after(count, until, &time));
        (start, end.saturating_sub(start))
    }
}

/// The first of `count` ordered rows that is not before `moment`.
fn first_at_or_after(count: usize, moment: EventTime, time: impl Fn(usize) -> EventTime) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if time(middle) < moment { low = middle + 1 } else { high = middle }
    }
    low
}

/// Name of the environment file that is looked for beside logs.
const BESIDE_LOGS: &str = "environment.toml";

/// The environment file: the named one, else the one in the only folder that is read. Which one is used is said.
pub(crate) fn environment_file(named: Option<&Path>, paths: &[String], quiet: bool) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_owned());
    }
    let [folder] = paths else { return None };
    let beside = Path::new(folder).join(BESIDE_LOGS);
    if !beside.is_file() {
        return None;
    }
    if !quiet {
        say("note", &format!("the environment file is {}; --env names another", beside.display()));
    }
    Some(beside)
}

/// Reads the environment file; without one, everything that it would say is unknown.
pub(crate) fn environment(path: Option<&Path>) -> Result<Environment, Failure> {
    let Some(path) = path else {
        return Ok(Environment::default());
    };
    let origin = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("cannot read environment file {origin}: {error}; correct --env"))
    })?;
    parse_environment(&text, &origin)
}

/// Reads the text of an environment file.
pub(crate) fn parse_environment(text: &str, origin: &str) -> Result<Environment, Failure> {
    let environment = Environment::parse(text, origin).map_err(|error| {
        let line = |problem: &offbound_correlate::environment::Problem| {
            format!("{}:{}:{}: {}", error.origin, problem.line, problem.column, problem.message)
        };
        Failure::Usage(error.problems.iter().map(line).collect())
    })?;
    for section in environment.unused() {
        say(
            "warning",
            &format!("{origin}: section {section:?} is understood, but this version does not use it yet"),
        );
    }
    Ok(environment)
}

/// An exception to a rule that does not exist excepts nothing; it may be a slip, or a rule that is not loaded.
fn warn_of_exceptions(environment: &Environment, rules: &RuleSet) {
    let is_known = |id: &str| rules.rules().iter().any(|rule| rule.id == id);
    let named: BTreeSet<&str> = environment.exceptions.iter().map(|entry| entry.rule.as_str()).collect();
    for id in named.into_iter().filter(|id| !is_known(id)) {
        let text = format!(
            "[[exception]] names {id:?}, and there is no such rule; `offbound rules list` names them all"
        );
        say("warning", &text);
    }
}

/// An engine, and what it runs on.
pub(crate) struct Judge {
    engine: Engine,
    runtime: Runtime,
}

impl Judge {
    /// Plans every rule; an unsound one is refused here, before anything is read.
    pub(crate) fn new(environment: Environment, rules: &RuleSet) -> Result<Self, Failure> {
        warn_of_exceptions(&environment, rules);
        Self::begin(Engine::new(environment, rules))
    }

    /// The same for a stream: it also says what the evidence at hand supports before it is sealed.
    pub(crate) fn live(environment: Environment, rules: &RuleSet) -> Result<Self, Failure> {
        warn_of_exceptions(&environment, rules);
        Self::begin(Engine::live(environment, rules))
    }

    /// An engine without rules: it makes facts, and judges nothing.
    pub(crate) fn of_facts(environment: Environment) -> Result<Self, Failure> {
        Self::begin(Engine::new(environment, &RuleSet::default()))
    }

    fn begin(engine: impl Future<Output = Result<Engine, EngineError>>) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let engine = runtime.block_on(engine);
        let engine = engine.map_err(|error| Failure::usage(format!("{error}; correct the rule")))?;
        Ok(Self { engine, runtime })
    }

    /// Keeps facts within these bounds.
    pub(crate) fn within(mut self, bounds: Bounds) -> Self {
        self.engine.bound(bounds);
        self
    }

    /// Takes events in.
    pub(crate) fn push(&mut self, batch: &EventBatch) -> Result<(), Failure> {
        self.runtime.block_on(self.engine.push(batch)).map_err(engine_failure)
    }

    /// Folds every event before `watermark`, and judges nothing yet.
    pub(crate) fn seal(&mut self, watermark: EventTime) -> Result<(), Failure> {
        self.runtime.block_on(self.engine.seal(watermark)).map_err(engine_failure)
    }

    /// Whether looking ahead rests.
    pub(crate) fn is_resting(&self) -> bool {
        self.engine.is_resting()
    }

    /// Looks ahead no more, until [`Self::resume`].
    pub(crate) fn rest(&mut self) {
        self.engine.rest();
    }

    /// Looks ahead again.
    pub(crate) fn resume(&mut self) -> Result<(), Failure> {
        self.runtime.block_on(self.engine.resume()).map_err(engine_failure)
    }

    /// What the evidence at hand supports, and was not said yet.
    pub(crate) fn provisional(&mut self) -> Result<Changes, Failure> {
        self.runtime.block_on(self.engine.provisional()).map_err(engine_failure)
    }

    /// The same sooner: incidents that are there already take turns in being judged again.
    pub(crate) fn glance(&mut self, again: Again) -> Result<Changes, Failure> {
        self.runtime.block_on(self.engine.glance(again)).map_err(engine_failure)
    }

    /// Whether a glance has something to say of them, be there news or not.
    pub(crate) fn owes_glance(&mut self, again: Again) -> bool {
        self.engine.owes_glance(again)
    }

    /// What is decided by every event before `watermark`.
    pub(crate) fn advance(&mut self, watermark: EventTime) -> Result<Changes, Failure> {
        self.runtime.block_on(self.engine.advance(watermark)).map_err(engine_failure)
    }

    /// The same sooner: incidents that are there already take turns in being judged again.
    pub(crate) fn advance_by_turns(
        &mut self,
        watermark: EventTime,
        again: Again,
    ) -> Result<Changes, Failure> {
        self.runtime.block_on(self.engine.advance_by_turns(watermark, again)).map_err(engine_failure)
    }

    /// Whether incidents wait for their turn, be there more events or not.
    pub(crate) fn owes_turns(&self) -> bool {
        self.engine.owes_turns()
    }

    /// What all events say, at the end of them.
    pub(crate) fn conclude(&mut self) -> Result<Judgement, Failure> {
        self.runtime.block_on(self.engine.judge()).map_err(engine_failure)
    }

    /// Tells what was published before.
    pub(crate) fn restore(&mut self, findings: &[Finding], incidents: &[Incident]) {
        self.engine.restore(findings, incidents);
    }

    /// The revision of a finding that was told last.
    pub(crate) fn revision(&self, id: &FindingId) -> Option<u32> {
        self.engine.revision(id)
    }

    /// How many rows wait for the watermark.
    pub(crate) fn waiting(&self) -> usize {
        self.engine.waiting()
    }

    /// What the facts take.
    pub(crate) fn tracked(&self) -> Tracked {
        self.engine.tracked()
    }

    /// Judges what the store holds.
    pub(crate) fn judge(
        mut self,
        store: &Store,
        window: Window,
        interrupt: &Interrupt,
    ) -> Result<Judgement, Failure> {
        self.take_in(store, window, interrupt)?;
        self.conclude()
    }

    /// Those tables of facts that follow from what the store holds.
    pub(crate) fn fact_tables(
        mut self,
        wanted: &[&str],
        store: &Store,
        window: Window,
        interrupt: &Interrupt,
    ) -> Result<Vec<FactTable>, Failure> {
        self.take_in(store, window, interrupt)?;
        self.runtime.block_on(self.engine.fact_tables(wanted)).map_err(engine_failure)
    }

    fn take_in(&mut self, store: &Store, window: Window, interrupt: &Interrupt) -> Result<(), Failure> {
        let mut outside: u64 = 0;
        scan_ahead(store, |batch| {
            interrupt.check()?;
            let whole = batch.num_rows();
            let batch = cut(batch, window)?;
            outside += (whole - batch.num_rows()) as u64;
            let Some(last) = last_time(&batch)? else {
                return Ok(());
            };
            self.push(&batch)?;
            // Later batches hold nothing before this moment, but may hold more of the moment itself.
            self.seal(last)
        })?;
        if outside > 0 {
            let outside = count(outside);
            say(
                "note",
                &format!("{outside} events lie outside --since/--until: they are read, and not judged"),
            );
        }
        Ok(())
    }
}

/// What the engine's questions run on.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map_err(|error| Failure::could_not(format!("cannot start the engine: {error}")))
}

fn engine_failure(error: EngineError) -> Failure {
    Failure::could_not(format!("cannot judge: {error}"))
}

/// The rows of a batch that lie in the window.
fn cut(batch: EventBatch, window: Window) -> Result<EventBatch, Failure> {
    if window.holds_all() {
        return Ok(batch);
    }
    let EventBatch { host_events, identity_assertions, placements } = &batch;
    let view = host_events::View::new(host_events)?;
    let (start, length) = window.rows(view.len(), |row| view.event_time(row));
    let host_events = host_events.slice(start, length);
    let view = identity_assertions::View::new(identity_assertions)?;
    let (start, length) = window.rows(view.len(), |row| view.event_time(row));
    let identity_assertions = identity_assertions.slice(start, length);
    let view = placements::View::new(placements)?;
    let (start, length) = window.rows(view.len(), |row| view.event_time(row));
    let placements = placements.slice(start, length);
    Ok(EventBatch { host_events, identity_assertions, placements })
}

/// The latest event time of a batch.
pub(crate) fn last_time(batch: &EventBatch) -> Result<Option<EventTime>, Failure> {
    let EventBatch { host_events, identity_assertions, placements } = batch;
    let host = host_events::View::new(host_events)?;
    let identity = identity_assertions::View::new(identity_assertions)?;
    let place = placements::View::new(placements)?;
    let times = [
        host.len().checked_sub(1).map(|row| host.event_time(row)),
        identity.len().checked_sub(1).map(|row| identity.event_time(row)),
        place.len().checked_sub(1).map(|row| place.event_time(row)),
    ];
    Ok(times.into_iter().flatten().max())
}

/// Judgement and account together.
pub(crate) fn results(judgement: Judgement, account: &Account) -> Results {
    let Judgement { findings, incidents, gaps, late } = judgement;
    let summary = summary(account, late, &findings, &incidents);
    Results { findings, incidents, gaps, summary }
}

fn summary(account: &Account, late: u64, findings: &[Finding], incidents: &[Incident]) -> Summary {
    let totals = Totals {
        bytes: account.sources.iter().map(|source| source.bytes).sum(),
        late,
        from: account.sources.iter().filter_map(|source| source.from).min(),
        to: account.sources.iter().filter_map(|source| source.to).max(),
    };
    let sources = account.sources.iter().map(|source| source.count.clone()).collect();
    let findings = findings.iter().map(|finding| (finding.rule.as_str(), finding.severity.as_str()));
    totals.sum_up(sources, findings, incidents.iter().map(|incident| incident.outcome.as_str()))
}

/// What a summary says besides its counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Totals {
    pub(crate) bytes: u64,
    pub(crate) late: u64,
    pub(crate) from: Option<EventTime>,
    pub(crate) to: Option<EventTime>,
}

impl Totals {
    /// The summary of these sources, of findings by rule and severity, and of incidents by outcome.
    pub(crate) fn sum_up<'a>(
        self,
        sources: Vec<SourceCount>,
        findings: impl Iterator<Item = (&'a str, &'a str)>,
        outcomes: impl Iterator<Item = &'a str>,
    ) -> Summary {
        let Self { bytes, late, from, to } = self;
        let mut summary = Summary {
            record_type: "summary".into(),
            schema: "offbound.summary/1".into(),
            read: sources.iter().map(|count| count.read).sum(),
            decoded: sources.iter().map(|count| count.decoded).sum(),
            skipped: BTreeMap::new(),
            dead_lettered: BTreeMap::new(),
            late,
            bytes,
            from,
            to,
            sources: Vec::new(),
            findings: BTreeMap::new(),
            incidents: BTreeMap::new(),
        };
        for count in &sources {
            add(&mut summary.skipped, &count.skipped);
            add(&mut summary.dead_lettered, &count.dead_lettered);
        }
        summary.sources = sources;
        for (rule, severity) in findings {
            let by_severity = summary.findings.entry(rule.to_owned()).or_default();
            *by_severity.entry(severity.to_owned()).or_default() += 1;
        }
        for outcome in outcomes {
            *summary.incidents.entry(outcome.to_owned()).or_default() += 1;
        }
        summary
    }
}

/// Adds counts by name.
pub(crate) fn add(to: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (name, number) in counts {
        *to.entry(name.clone()).or_default() += number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: windows over ten rows, one a second. Guarantees: `since` is inside, `until` is not, an empty or
    /// inverted window holds nothing.
    #[test]
    fn windows_cut_ordered_rows() {
        let time = |row: usize| EventTime(i64::try_from(row).expect("small"));
        let rows = |since: Option<i64>, until: Option<i64>| {
            Window { since: since.map(EventTime), until: until.map(EventTime) }.rows(10, time)
        };
        assert_eq!(rows(None, None), (0, 10));
        assert_eq!(rows(Some(3), None), (3, 7));
        assert_eq!(rows(Some(3), Some(5)), (3, 2));
        assert_eq!(rows(Some(20), None), (10, 0));
        assert_eq!(rows(Some(5), Some(3)), (5, 0));
    }
}
