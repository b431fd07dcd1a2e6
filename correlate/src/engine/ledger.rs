//! A ledger: the facts of some events, and what they say.
//!
//! In: rows in the order in which they are to be folded. Out: a judgement of everything folded so far.
//! Owns: facts, and whether anything was folded since they were last judged.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use offbound_schemas::record::{Finding, Gap, Incident};
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::{EventTime, FindingId, IncidentId, SchemaError};

use super::{EngineError, Judgement};
use crate::environment::Environment;
use crate::fact::Facts;
use crate::fact::touched::Touched;
use crate::finding::{Found, Members, findings};
use crate::incident::incidents;
use crate::order::{CanonicalOrder, EventTable, Waiting};
use crate::scene::Scene;
use crate::session::Session;
use crate::standing::{Renewed, Standing};

/// The views of the batches that rows are in, by batch: live, neighbours in time come from as many batches as there are
/// partitions, and a view costs as much as the folding of several rows.
#[derive(Default)]
struct Views<'a> {
    hosts: HashMap<usize, host_events::View<'a>>,
    assertions: HashMap<usize, identity_assertions::View<'a>>,
    places: HashMap<usize, placements::View<'a>>,
}

/// The view of a row's batch, made where it is not there yet.
fn of_batch<'v, V>(
    views: &'v mut HashMap<usize, V>,
    row: &Waiting,
    make: impl FnOnce() -> Result<V, SchemaError>,
) -> Result<&'v V, SchemaError> {
    Ok(match views.entry(row.batch) {
        Entry::Occupied(view) => view.into_mut(),
        Entry::Vacant(place) => place.insert(make()?),
    })
}

/// Facts, and what they say.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) facts: Facts,
    /// Something was folded that was not judged yet.
    pub(super) touched: bool,
    /// What stands, where it is kept true as facts change.
    standing: Option<Standing>,
}

impl Ledger {
    /// Folds rows, in the order given.
    pub(super) fn fold(
        &mut self,
        environment: &Environment,
        order: &CanonicalOrder,
        rows: &[Waiting],
    ) -> Result<(), SchemaError> {
        let mut views = Views::default();
        for row in rows {
            let Some(batch) = order.batch(row.batch) else { continue };
            match row.table {
                EventTable::HostEvents => {
                    let view =
                        of_batch(&mut views.hosts, row, || host_events::View::new(&batch.host_events))?;
                    self.facts.host_event(view, row.row);
                }
                EventTable::IdentityAssertions => {
                    let made = || identity_assertions::View::new(&batch.identity_assertions);
                    let view = of_batch(&mut views.assertions, row, made)?;
                    self.facts.assertion(environment, view, row.row);
                }
                EventTable::Placements => {
                    let view = of_batch(&mut views.places, row, || placements::View::new(&batch.placements))?;
                    self.facts.placement(view, row.row);
                }
            }
        }
        self.touched |= !rows.is_empty();
        if self.standing.is_none() {
            // Nobody follows the changes: the first who asks looks at everything.
            self.facts.touched = Touched::default();
        }
        Ok(())
    }

    /// The facts, joined and compared, as of `now` or of the last event, whichever is later.
    pub(super) fn scene<'a>(&'a self, environment: &'a Environment, now: Option<EventTime>) -> Scene<'a> {
        Scene::new(environment, &self.facts, now)
    }

    /// Keeps the judgement true: looks again at what changed since the last time, as of `now` or of the last event.
    /// Gives what may be different.
    pub(super) async fn renew(
        &mut self,
        environment: &Environment,
        session: &Session,
        now: Option<EventTime>,
    ) -> Result<Renewed, EngineError> {
        self.touched = false;
        let touched = std::mem::take(&mut self.facts.touched);
        let (mut standing, touched) = match self.standing.take() {
            Some(standing) => (standing, touched),
            None => (Standing::default(), Standing::everything(&self.facts)),
        };
        let renewed = standing.renew(environment, &self.facts, session, touched, now).await?;
        self.standing = Some(standing);
        Ok(renewed)
    }

    /// A finding that stands, where changes are followed.
    pub(super) fn finding(&self, id: &FindingId) -> Option<Finding> {
        self.standing.as_ref()?.finding(id)
    }

    /// An incident that stands, where changes are followed.
    pub(super) fn incident(&self, id: &IncidentId) -> Option<&Incident> {
        self.standing.as_ref()?.incident(id)
    }

    /// The gaps that sources told of, by start.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        self.facts.gaps.sorted().into_iter().map(|(gap, _)| gap).collect()
    }

    /// Judges everything that was folded from nothing, as of `now` or of the last event, whichever is later.
    pub(super) async fn judge(
        &mut self,
        environment: &Environment,
        session: &Session,
        now: Option<EventTime>,
    ) -> Result<Judgement, EngineError> {
        self.touched = false;
        let scene = self.scene(environment, now);
        let members = Members::new(self.facts.uses.all().iter(), self.facts.signals.all().iter());
        let mut found: Vec<Found> = Vec::new();
        for (rule, batch) in session.run(&scene).await? {
            found.extend(findings(&scene, &members, &rule, &batch)?);
        }
        found.sort_by_key(|found| (found.finding.first_time, found.finding.id));
        let incidents = incidents(&scene, &mut found);
        let gaps = self.gaps();
        let findings = found.into_iter().map(|found| found.finding).collect();
        Ok(Judgement { findings, incidents, gaps, late: 0 })
    }
}
