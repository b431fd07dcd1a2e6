//! What stands: findings and incidents, kept true as facts change, by looking again only where they did.
//!
//! In: facts, and what folding touched of them. Out: the findings and incidents that follow.
//! Owns: which rows, groups of rules and incidents depend on what. Leaves the rows to `scene`, the judging to
//! rules and `incident`. Law: what stands equals what a judgement of the same facts from nothing would say.

mod cases;
mod groups;
mod index;
mod issues;
mod rows;
mod silences;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::{EventTime, FindingId, IncidentId};

use crate::asked::{About, Key};
use crate::engine::EngineError;
use crate::environment::Environment;
use crate::fact::Facts;
use crate::fact::placement::Stay;
use crate::fact::touched::Touched;
use crate::finding::Found;
use crate::incident::{Graph, GroupNumber};
use crate::keyed::HashSet;
use crate::place::{self, Question};
use crate::scene::issues::IssueKeys;
use crate::scene::{Past, Scene};
use crate::session::Session;
use cases::Case;
use groups::Touch;
pub(crate) use index::{Index, Sought};
use rows::{SignState, UseState};
use silences::Silences;
pub(crate) use units::Unit;

/// Everything that stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    index: Index,
    uses: Vec<Option<UseState>>,
    /// Names of the workloads that uses are of.
    workloads: HashSet<Arc<str>>,
    signs: Vec<Option<SignState>>,
    /// Credentials that were issued for too long, by their place.
    issues: BTreeMap<usize, IssueKeys>,
    /// Uses whose issuer, by its number, is to be heard until a moment before anything can be said of them.
    unheard_issues: BTreeSet<(usize, EventTime, usize)>,
    /// Uses while their hosts were silent.
    silences: Silences,
    past: Past,
    found: BTreeMap<FindingId, Found>,
    /// Findings by rule and group.
    by_group: BTreeMap<(usize, Key), BTreeSet<FindingId>>,
    /// Rules and groups by what their findings were looked up by.
    by_question: BTreeMap<Key, BTreeSet<(usize, Key)>>,
    /// The same by hosts of which nothing was heard when it would have told something of their findings.
    unheard: BTreeMap<Key, BTreeSet<(usize, Key)>>,
    /// Which findings belong together.
    graph: Graph,
    cases: BTreeMap<IncidentId, Case>,
    /// The incident of each group that is one.
    case_of: BTreeMap<GroupNumber, IncidentId>,
    /// Incidents that something concerns which they do not tell yet: judged again in the next round …
    stale: BTreeSet<IncidentId>,
    /// … or in this one, some at each look.
    due: BTreeSet<IncidentId>,
    /// The incident of each finding that has one.
    incident_of: BTreeMap<FindingId, IncidentId>,
    now: EventTime,
    /// Stretches of time in which rules look at refusals of others, in seconds.
    crowds: BTreeSet<u32>,
}

/// How what stands is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// The moment that it is, where that is later than the last event.
    pub(crate) now: Option<EventTime>,
    /// Which incidents are judged again that have the findings that they had.
    pub(crate) again: Again,
}

/// Which incidents are judged again: those with the findings that they had, which something else concerns now, and large ones
/// with others. New and small ones always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// Those whose turn it is, until they have so many findings together. A known incident of more findings waits for its
    /// turn when it gets others: these are told at once, as its own, and it is told with them then.
    pub at_most: usize,
    /// Once none of the last round is left, it is the turn of all that something concerned since.
    pub begins_round: bool,
}

impl Again {
    /// All that something concerns.
    pub const ALL: Self = Self { at_most: usize::MAX, begins_round: true };
}

impl Look {
    /// A thorough look as of `now`.
    pub(crate) fn thorough(now: Option<EventTime>) -> Self {
        Self { now, again: Again::ALL }
    }
}

/// What stands otherwise than before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Renewed {
    /// Findings that are new, others (their incident counts), or gone.
    pub(crate) findings: BTreeSet<FindingId>,
    /// Incidents that are new, judged again, or gone.
    pub(crate) incidents: BTreeSet<IncidentId>,
}

/// What changed of the rows, and what of the standing judgement is to be made again for it.
#[derive(Debug, Default)]
struct Changed {
    uses: BTreeSet<usize>,
    signs: BTreeSet<usize>,
    /// Questions whose answers may be others now, and the earliest moment for which they may.
    questions: BTreeMap<Key, EventTime>,
    /// Groups of rules to look at again.
    groups: Touch,
    /// What incidents ask for of the uses off their place that changed, and places of all that did, with the time that they span.
    used: BTreeMap<Key, (EventTime, EventTime)>,
    /// Places whose signs changed, with the time that these span, or to which a credential came to belong: any time, then.
    scopes: BTreeMap<Key, (EventTime, EventTime)>,
    /// Workloads with new edges.
    edges: BTreeSet<Key>,
    /// Findings that are new, others, or gone.
    found: BTreeSet<FindingId>,
}

impl Changed {
    /// Something changed at a place, which may matter to whoever looks at that time.
    fn at(&mut self, scope: Key, (from, to): (EventTime, EventTime)) {
        let (first, last) = self.scopes.entry(scope).or_insert((from, to));
        (*first, *last) = ((*first).min(from), (*last).max(to));
    }
}

impl Standing {
    /// Nothing stands yet on these facts.
    pub(crate) fn of(facts: &Facts) -> Self {
        let (edges, learned) = (facts.past.edges.clone(), facts.past.learned.clone());
        Self { past: Past { edges, learned, ..Past::default() }, ..Self::default() }
    }

    /// Everything is to be looked at, since nothing was yet.
    pub(crate) fn everything(facts: &Facts) -> Touched {
        Touched {
            uses: (0..facts.uses.len()).collect(),
            signs: (0..facts.signals.all().len()).collect(),
            credentials: facts.bindings.overlong().collect(),
            ..Touched::default()
        }
    }

    /// Makes what stands true again; facts changed as `touched` says.
    pub(crate) async fn renew(
        &mut self,
        environment: &Environment,
        facts: &Facts,
        session: &Session,
        touched: Touched,
        look: Look,
    ) -> Result<Renewed, EngineError> {
        self.crowds = session.rules().filter_map(|(_, rule)| rule.crowd_secs).collect();
        let past = std::mem::take(&mut self.past);
        let mut scene = Scene::with_past(environment, facts, look.now, (past, &touched.stays));
        let mut changed =
            Changed { questions: questions(environment, facts, &touched), ..Changed::default() };
        changed.questions.extend(scene.places.renamed.iter().map(|key| (*key, EventTime::MIN)));
        changed.questions.extend(touched.issuing.map(|since| (About::Issuing.key(), since)));
        let asked = changed.questions.keys().flat_map(|key| self.index.signs_by_question.of(*key));
        changed.signs = touched.signs.iter().copied().chain(asked).collect();
        let relearned = scene.learn(changed.signs.iter().copied());
        self.renew_signs(&scene, relearned, &mut changed);
        self.renew_uses(&mut scene, &touched, &mut changed);
        self.renew_issues(&scene, &touched, &mut changed);
        let index = std::mem::take(&mut self.index);
        scene.index = Some(&index);
        let renewed = self.renew_judgements(&scene, session, (&touched, look), &mut changed).await;
        self.past = scene.into_past();
        self.index = index;
        renewed
    }

    async fn renew_judgements(
        &mut self,
        scene: &Scene<'_>,
        session: &Session,
        (touched, look): (&Touched, Look),
        changed: &mut Changed,
    ) -> Result<Renewed, EngineError> {
        self.touch_findings(scene, session, touched, changed);
        self.renew_findings(scene, session, changed).await?;
        let incidents = self.renew_incidents(scene, (touched, look), changed);
        self.now = scene.now;
        Ok(Renewed { findings: std::mem::take(&mut changed.found), incidents })
    }

    /// Whether there are incidents that such a look would judge again.
    pub(crate) fn owes(&self, again: Again) -> bool {
        !self.due.is_empty() || (again.begins_round && !self.stale.is_empty())
    }

    /// Everything that stands.
    pub(crate) fn all(&self) -> Renewed {
        Renewed {
            findings: self.found.keys().copied().collect(),
            incidents: self.cases.keys().copied().collect(),
        }
    }

    /// A finding that stands, with its incident.
    pub(crate) fn finding(&self, id: &FindingId) -> Option<Finding> {
        let found = self.found.get(id)?;
        Some(Finding { incident: self.incident_of.get(id).copied(), ..found.finding.clone() })
    }

    /// An incident that stands.
    pub(crate) fn incident(&self, id: &IncidentId) -> Option<&Incident> {
        self.cases.get(id).map(|case| &case.incident)
    }
}

/// Every question that a changed stay may be part of the answer to, as it was and as it is, with the earliest moment for
/// which it answers otherwise.
fn questions(environment: &Environment, facts: &Facts, touched: &Touched) -> BTreeMap<Key, EventTime> {
    let mut questions = BTreeMap::new();
    for (place, before) in &touched.stays {
        let stay = facts.placements.stays().get(*place);
        if stay == before.as_ref() {
            continue;
        }
        let differs = differs_from(stay, before.as_ref());
        for stay in stay.into_iter().chain(before) {
            for Question { key, is_of_a_moment } in place::questions(environment, &facts.names, stay) {
                let since = if is_of_a_moment { differs } else { EventTime::MIN };
                let known = questions.entry(key).or_insert(since);
                *known = since.min(*known);
            }
        }
    }
    questions
}

/// The first moment at which it matters that a stay is another: its beginning, or, where only its end is another, that.
fn differs_from(stay: Option<&Stay>, before: Option<&Stay>) -> EventTime {
    if let Some((stay, before)) = stay.zip(before)
        && *stay == (Stay { end: stay.end, over: stay.over, ..before.clone() })
    {
        return stay.end.unwrap_or(EventTime::MAX).min(before.end.unwrap_or(EventTime::MAX));
    }
    let starts = stay.into_iter().chain(before).map(|stay| stay.start.unwrap_or(EventTime::MIN));
    starts.min().unwrap_or(EventTime::MIN)
}
