//! A ledger: the facts of some events, and what they say.
//!
//! In: rows in the order in which they are to be folded. Out: a judgement of everything folded so far.
//! Owns: facts, whether anything was folded since they were last judged, and when they have to become fewer.
//! Law: that moment follows from the folded rows and the bounds, never from how rows were delivered.

use std::collections::hash_map::Entry;

use offbound_schemas::record::{Finding, Gap, Incident};
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::{EventTime, FindingId, IncidentId, SchemaError};

use super::settled::Settled;
use super::{EngineError, Judgement};
use crate::bounded::{self, Limits};
use crate::bounds::Bounds;
use crate::environment::Environment;
use crate::fact::Facts;
use crate::fact::touched::Touched;
use crate::finding::{Found, Members, findings};
use crate::incident::incidents;
use crate::keyed::HashMap;
use crate::order::{CanonicalOrder, EventTable, Waiting};
use crate::scene::Scene;
use crate::session::Session;
use crate::standing::{Again, Index, Look, Renewed, Standing};

/// The views of the batches that rows are in, by batch: live, neighbours in time come from as many batches as there are
/// partitions, and a view costs as much as the folding of several rows.
#[derive(Default)]
struct Views<'a> {
    hosts: HashMap<usize, host_events::View<'a>>,
    assertions: HashMap<usize, identity_assertions::View<'a>>,
    places: HashMap<usize, placements::View<'a>>,
}

/// The view of a row's batch, made where it is not there yet.
fn of_batch<V>(
    views: &mut HashMap<usize, V>,
    number: usize,
    make: impl FnOnce() -> Result<V, SchemaError>,
) -> Result<&V, SchemaError> {
    Ok(match views.entry(number) {
        Entry::Occupied(view) => view.into_mut(),
        Entry::Vacant(place) => place.insert(make()?),
    })
}

/// Facts have to grow by this part of their bound before they are looked through again, where what something stands on
/// fills it.
const REGROWTH: usize = 8;

/// What judging goes by.
#[derive(Clone, Copy)]
pub(super) struct Basis<'a> {
    pub(super) environment: &'a Environment,
    pub(super) session: &'a Session,
    pub(super) bounds: Bounds,
}

/// Facts, and what they say.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    pub(super) facts: Facts,
    /// Something was folded that was not judged yet.
    pub(super) touched: bool,
    /// What stands, where it is kept true as facts change.
    standing: Option<Standing>,
    /// What stood on rows that are gone.
    pub(super) settled: Settled,
    /// What stood before facts became fewer: all of it is looked at again.
    carried: Renewed,
    /// The stretch of event time that was reached, by number; none where others say when facts are too old.
    step: Option<i64>,
    /// The moment before which facts are too old.
    pub(super) horizon: Option<EventTime>,
    /// The size at which facts are too large, where that is more than the bound.
    full_at: usize,
    /// Rows that were given up for lack of room.
    pub(super) given_up: u64,
}

impl Ledger {
    /// A ledger of rows in canonical order: their time says when facts are too old.
    pub(super) fn sealed() -> Self {
        Self { step: Some(i64::MIN), ..Self::default() }
    }

    /// The same facts and judgement, to go on with rows in any order.
    pub(super) fn to_look_ahead(&self) -> Self {
        Self { step: None, ..self.clone() }
    }

    /// Folds rows, in the order given.
    pub(super) async fn fold(
        &mut self,
        basis: Basis<'_>,
        order: &CanonicalOrder,
        rows: &[Waiting],
    ) -> Result<(), EngineError> {
        let mut views = Views::default();
        // Where nobody follows the changes, the first who asks looks at everything.
        self.facts.touched.is_followed = self.standing.is_some();
        for row in rows {
            let Some((number, batch, place)) = order.find(row) else { continue };
            if let Some(horizon) = self.reaches(row.time, basis.bounds) {
                self.age(basis, horizon).await?;
            }
            match row.table {
                EventTable::HostEvents => {
                    let view =
                        of_batch(&mut views.hosts, number, || host_events::View::new(&batch.host_events))?;
                    self.facts.host_event(view, place);
                }
                EventTable::IdentityAssertions => {
                    let made = || identity_assertions::View::new(&batch.identity_assertions);
                    let view = of_batch(&mut views.assertions, number, made)?;
                    self.facts.assertion(basis.environment, view, place);
                }
                EventTable::Placements => {
                    let view =
                        of_batch(&mut views.places, number, || placements::View::new(&batch.placements))?;
                    self.facts.placement(view, place);
                }
            }
            if self.facts.bytes() > self.full_at.max(basis.bounds.facts_bytes) {
                self.give_up(basis).await?;
            }
        }
        self.touched |= !rows.is_empty();
        if self.standing.is_none() {
            self.facts.touched = Touched::default();
        }
        Ok(())
    }

    /// Whether a row begins a new stretch of time, and what is too old then.
    fn reaches(&mut self, time: EventTime, bounds: Bounds) -> Option<EventTime> {
        let before = self.step?;
        let step = bounds.step_of(time);
        self.step = Some(before.max(step));
        let horizon = bounds.horizon(step);
        (step > before && self.facts.begin.is_some_and(|begin| begin < horizon)).then_some(horizon)
    }

    /// Lets go of what is older than `horizon`.
    pub(super) async fn age(&mut self, basis: Basis<'_>, horizon: EventTime) -> Result<(), EngineError> {
        self.horizon = self.horizon.max(Some(horizon));
        self.give_up(basis).await
    }

    /// Lets go of what is too old, and of what there is no room for. What stands on it is told for good.
    async fn give_up(&mut self, basis: Basis<'_>) -> Result<(), EngineError> {
        let Basis { environment, session, bounds } = basis;
        let (mut standing, touched) = self.take_standing();
        let renewed =
            standing.renew(environment, &self.facts, session, touched, Look::thorough(None)).await?;
        for Renewed { findings, incidents } in [renewed, standing.all()] {
            self.carried.findings.extend(findings);
            self.carried.incidents.extend(incidents);
        }
        let units = standing.units(&self.facts);
        self.facts.past = standing.into_past();
        let horizon = self.horizon.unwrap_or(EventTime::MIN);
        let limits = Limits { horizon, bytes: bounds.facts_bytes };
        let (released, rows) = bounded::shrink(environment, &mut self.facts, units, limits);
        self.settled.add(released);
        self.given_up += rows;
        self.touched = true;
        self.full_at = self.facts.bytes() + bounds.facts_bytes / REGROWTH;
        Ok(())
    }

    /// The facts, joined and compared, as of `now` or of the last event, whichever is later.
    pub(super) fn scene<'a>(&'a self, environment: &'a Environment, now: Option<EventTime>) -> Scene<'a> {
        Scene::new(environment, &self.facts, now)
    }

    /// Keeps the judgement true: looks again at what changed since the last time. Gives what may be different.
    pub(super) async fn renew(
        &mut self,
        environment: &Environment,
        session: &Session,
        look: Look,
    ) -> Result<Renewed, EngineError> {
        self.touched = false;
        let (mut standing, touched) = self.take_standing();
        let renewed = standing.renew(environment, &self.facts, session, touched, look).await?;
        self.standing = Some(standing);
        let carried = std::mem::take(&mut self.carried);
        Ok(Renewed {
            findings: renewed.findings.into_iter().chain(carried.findings).collect(),
            incidents: renewed.incidents.into_iter().chain(carried.incidents).collect(),
        })
    }

    /// What stands, and what changed since it was looked at; everything, where nothing stands.
    fn take_standing(&mut self) -> (Standing, Touched) {
        let touched = std::mem::take(&mut self.facts.touched);
        match self.standing.take() {
            Some(standing) => (standing, touched),
            None => (Standing::of(&self.facts), Standing::everything(&self.facts)),
        }
    }

    /// Whether there are incidents that such a look would judge again.
    pub(super) fn owes(&self, again: Again) -> bool {
        self.standing.as_ref().is_some_and(|standing| standing.owes(again))
    }

    /// Whether everything will be looked at anew.
    pub(super) fn is_anew(&self) -> bool {
        self.standing.is_none()
    }

    /// Takes out what was told for good, but for what still stands as well.
    pub(super) fn take_settled(&mut self) -> (Vec<Finding>, Vec<Incident>) {
        let standing = self.standing.as_ref();
        let finds = |id: &FindingId| standing.is_some_and(|standing| standing.finding(id).is_some());
        let holds = |id: &IncidentId| standing.is_some_and(|standing| standing.incident(id).is_some());
        self.settled.take(finds, holds)
    }

    /// A finding that stands, or was told for good, where changes are followed.
    pub(super) fn finding(&self, id: &FindingId) -> Option<Finding> {
        self.settled.finding(id, self.standing.as_ref().and_then(|standing| standing.finding(id)))
    }

    /// An incident that stands, or was told for good, where changes are followed.
    pub(super) fn incident(&self, id: &IncidentId) -> Option<&Incident> {
        self.settled.incident(id, self.standing.as_ref().and_then(|standing| standing.incident(id)))
    }

    /// The gaps that sources told of, and those of facts, by start.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        self.facts.gaps.sorted().into_iter().map(|(gap, _)| gap).collect()
    }

    /// Judges everything that was folded from nothing, as of `now` or of the last event, whichever is later. Incidents look
    /// for uses and signs in an index, or, where `is_indexed` does not say so, go through all of them: that has to come to the same.
    pub(super) async fn judge(
        &mut self,
        environment: &Environment,
        session: &Session,
        now: Option<EventTime>,
        is_indexed: bool,
    ) -> Result<Judgement, EngineError> {
        self.touched = false;
        let mut scene = self.scene(environment, now);
        let looked_at = session.looked_at(&scene);
        let signs = self.facts.signals.all().iter();
        let members = Members::new(&self.facts, looked_at.iter().copied(), signs)
            .with_issues(&self.facts, self.facts.bindings.overlong());
        let mut found: Vec<Found> = Vec::new();
        for (rule, batch) in session.run(&scene, &looked_at).await? {
            found.extend(findings(&scene, &members, &rule, &batch)?);
        }
        found.sort_by_key(|found| (found.finding.first_time, found.finding.id));
        let index = is_indexed.then(|| Index::of_incidents(&scene, &found));
        scene.index = index.as_ref();
        let incidents = incidents(&scene, &mut found);
        let gaps = self.gaps();
        let findings = found.into_iter().map(|found| found.finding).collect();
        Ok(self.settled.join(Judgement { findings, incidents, gaps, late: 0 }))
    }
}
