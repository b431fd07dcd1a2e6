//! A ledger: the facts of some events, and what they say.
//!
//! In: rows in the order in which they are to be folded. Out: a judgement of everything folded so far.
//! Owns: facts, and whether anything was folded since they were last judged.

use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::{EventTime, SchemaError};

use super::{EngineError, Judgement};
use crate::environment::Environment;
use crate::fact::Facts;
use crate::fact::touched::Touched;
use crate::finding::{Found, Members, findings};
use crate::incident::incidents;
use crate::order::{CanonicalOrder, EventTable, Waiting};
use crate::scene::Scene;
use crate::session::Session;
use crate::standing::Standing;

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
        // Consecutive rows mostly come from one batch: its views are made once per run of them.
        for run in rows.chunk_by(|a, b| a.batch == b.batch) {
            let Some(batch) = run.first().and_then(|row| order.batch(row.batch)) else { continue };
            let hosts = host_events::View::new(&batch.host_events)?;
            let assertions = identity_assertions::View::new(&batch.identity_assertions)?;
            let places = placements::View::new(&batch.placements)?;
            for row in run {
                match row.table {
                    EventTable::HostEvents => self.facts.host_event(&hosts, row.row),
                    EventTable::IdentityAssertions => self.facts.assertion(environment, &assertions, row.row),
                    EventTable::Placements => self.facts.placement(&places, row.row),
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
    pub(super) async fn renew(
        &mut self,
        environment: &Environment,
        session: &Session,
        now: Option<EventTime>,
    ) -> Result<Judgement, EngineError> {
        self.touched = false;
        let touched = std::mem::take(&mut self.facts.touched);
        let (mut standing, touched) = match self.standing.take() {
            Some(standing) => (standing, touched),
            None => (Standing::default(), Standing::everything(&self.facts)),
        };
        standing.renew(environment, &self.facts, session, touched, now).await?;
        let gaps = self.facts.gaps.sorted().into_iter().map(|(gap, _)| gap).collect();
        let (findings, incidents) = (standing.findings(), standing.incidents());
        self.standing = Some(standing);
        Ok(Judgement { findings, incidents, gaps, late: 0 })
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
        let gaps = self.facts.gaps.sorted().into_iter().map(|(gap, _)| gap).collect();
        let findings = found.into_iter().map(|found| found.finding).collect();
        Ok(Judgement { findings, incidents, gaps, late: 0 })
    }
}
