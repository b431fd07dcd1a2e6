//! Accounts: what speaks for a verdict on each control, and which of them showed first.
//!
//! In: votes, each with its record and the clock that wrote it. Out: one verdict per control; those that came first.
//! Owns: the order of records of several clocks. Law: what two clocks may have told either way round is not put in order.

use std::collections::BTreeMap;

use offbound_schemas::record::ControlVerdict;
use offbound_schemas::table::{Signal, Use};
use offbound_schemas::vocabulary::{Control, LayerVerdict};
use offbound_schemas::{EventId, EventTime};

use crate::environment::Environment;

/// Records listed per control.
const MAX_EVIDENCE: usize = 8;

/// The clock that a record's time is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Clock {
    source: String,
    /// Not known of identity logs, which several machines may write.
    host: Option<String>,
}

impl Clock {
    pub(super) fn of_sign(row: &Signal) -> Self {
        Self { source: row.source.clone(), host: row.host.clone() }
    }

    pub(super) fn of_use(row: &Use) -> Self {
        Self { source: row.source.clone(), host: None }
    }

    /// How far apart two moments have to be to be put in order.
    fn distance(&self, other: &Self, environment: &Environment) -> i64 {
        if self.host.is_some() && self == other {
            return 0;
        }
        let error = |clock: &Self| environment.clock_error_nanos(&clock.source, clock.host.as_deref());
        error(self).saturating_add(error(other))
    }
}

/// What speaks for a verdict on one control.
#[derive(Debug, Clone)]
struct Vote {
    verdict: LayerVerdict,
    time: EventTime,
    id: EventId,
    clock: Clock,
}

/// All that speaks for verdicts on a control.
#[derive(Debug, Default)]
pub(super) struct Account {
    votes: Vec<Vote>,
}

impl Account {
    pub(super) fn vote(&mut self, verdict: LayerVerdict, (time, id): (EventTime, EventId), clock: Clock) {
        self.votes.push(Vote { verdict, time, id, clock });
    }

    /// Whether anything speaks for a control that failed, or was missing.
    pub(super) fn is_past(&self) -> bool {
        self.votes.iter().any(|vote| vote.verdict >= LayerVerdict::NotEnforced)
    }

    fn verdict(&self) -> LayerVerdict {
        self.votes.iter().map(|vote| vote.verdict).max().unwrap_or_default()
    }

    /// The votes for the weightiest verdict, by time.
    fn showing(&self) -> Vec<&Vote> {
        let verdict = self.verdict();
        let mut showing: Vec<&Vote> = self.votes.iter().filter(|vote| vote.verdict == verdict).collect();
        showing.sort_unstable_by_key(|vote| (vote.time, vote.id, &vote.clock));
        showing.dedup_by_key(|vote| (vote.time, vote.id));
        showing
    }

    /// The weightiest verdict, when it first showed, and the records that show it.
    pub(super) fn close(&self, control: Control) -> ControlVerdict {
        let showing = self.showing();
        let time = showing.first().map(|vote| vote.time);
        let evidence = showing.iter().take(MAX_EVIDENCE).map(|vote| vote.id).collect();
        ControlVerdict { control, verdict: self.verdict(), time, evidence }
    }
}

pub(super) type Accounts = BTreeMap<Control, Account>;

/// The controls of some accounts of which that verdict showed first; what the clocks cannot put in order stays together, in the
/// order of stages.
pub(super) fn first(all: &[&Accounts], verdict: LayerVerdict, environment: &Environment) -> Vec<Control> {
    let accounts = all.iter().flat_map(|accounts| accounts.iter());
    let of_verdict = accounts.filter(|(_, account)| account.verdict() == verdict);
    let shown: Vec<(Control, &Vote)> = of_verdict
        .filter_map(|(control, account)| Some((*control, account.showing().into_iter().next()?)))
        .collect();
    let Some((_, earliest)) = shown.iter().min_by_key(|(control, vote)| (vote.time, *control)) else {
        return Vec::new();
    };
    let is_first = |vote: &Vote| {
        vote.time.nanos_since(earliest.time) <= vote.clock.distance(&earliest.clock, environment)
    };
    let mut first: Vec<Control> =
        shown.iter().filter(|(_, vote)| is_first(vote)).map(|(control, _)| *control).collect();
    first.sort_unstable();
    first.dedup();
    first
}
