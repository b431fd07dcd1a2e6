//! The engine: events in, findings and incidents out.
//!
//! In: batches of events in any order, watermarks, an environment, rules. Out: a judgement.
//! Owns: the sequence order → facts → scene → rules → findings → incidents.
//! Law: the judgement is a function of the set of events, the environment and the rules; nothing else.

use offbound_schemas::record::{Finding, Gap, Incident};
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::{EventBatch, EventTime, SchemaError};

use crate::environment::Environment;
use crate::fact::Facts;
use crate::finding::{Found, Members, findings};
use crate::incident::incidents;
use crate::order::{CanonicalOrder, EventTable, Waiting};
use crate::rule::RuleSet;
use crate::scene::Scene;
use crate::session::{Session, SessionError};

/// Why the engine stopped.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A batch is not of the shape that its table promises.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A rule is refused, or failed.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// What the events so far say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    /// Findings, by first time and id.
    pub findings: Vec<Finding>,
    /// Incidents, by onset and id.
    pub incidents: Vec<Incident>,
    /// Gaps, by start.
    pub gaps: Vec<Gap>,
    /// Events that came after the watermark had passed them.
    pub late: u64,
}

/// Events in, findings and incidents out.
pub struct Engine {
    environment: Environment,
    session: Session,
    order: CanonicalOrder,
    facts: Facts,
}

impl Engine {
    /// An engine without events; every rule is planned, and refused here if it is unsound.
    pub async fn new(environment: Environment, rules: &RuleSet) -> Result<Self, EngineError> {
        let session = Session::new(rules).await?;
        Ok(Self { environment, session, order: CanonicalOrder::default(), facts: Facts::default() })
    }

    /// Forgets every event, and keeps environment, rules and plans: the next events start anew.
    pub fn forget(&mut self) {
        self.order = CanonicalOrder::default();
        self.facts = Facts::default();
    }

    /// Takes events in, in any order; they wait for the watermark.
    pub fn push(&mut self, batch: &EventBatch) -> Result<(), EngineError> {
        Ok(self.order.push(batch)?)
    }

    /// Folds every event strictly before `watermark`.
    pub fn seal(&mut self, watermark: EventTime) -> Result<(), EngineError> {
        let due = self.order.seal(Some(watermark));
        self.fold(&due)
    }

    /// Folds what still waits, and judges.
    pub async fn judge(&mut self) -> Result<Judgement, EngineError> {
        self.fold_all()?;
        let scene = self.scene();
        let members = Members::new(&scene);
        let mut found: Vec<Found> = Vec::new();
        for (rule, batch) in self.session.run(&scene).await? {
            found.extend(findings(&scene, &members, &rule, &batch)?);
        }
        found.sort_by_key(|found| (found.finding.first_time, found.finding.id));
        let incidents = incidents(&scene, &mut found);
        let gaps = self.facts.gaps.sorted().into_iter().map(|(gap, _)| gap).collect();
        Ok(Judgement {
            findings: found.into_iter().map(|found| found.finding).collect(),
            incidents,
            gaps,
            late: self.order.late(),
        })
    }

    /// Folds what still waits.
    pub(crate) fn fold_all(&mut self) -> Result<(), EngineError> {
        let due = self.order.seal(None);
        self.fold(&due)
    }

    /// The facts so far, joined and compared.
    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene::new(&self.environment, &self.facts)
    }

    fn fold(&mut self, due: &[Waiting]) -> Result<(), EngineError> {
        // Consecutive rows mostly come from one batch: its views are made once per run of them.
        for run in due.chunk_by(|a, b| a.batch == b.batch) {
            let Some(batch) = run.first().and_then(|row| self.order.batch(row.batch)) else { continue };
            let hosts = host_events::View::new(&batch.host_events)?;
            let assertions = identity_assertions::View::new(&batch.identity_assertions)?;
            let places = placements::View::new(&batch.placements)?;
            for row in run {
                match row.table {
                    EventTable::HostEvents => self.facts.host_event(&hosts, row.row),
                    EventTable::IdentityAssertions => {
                        self.facts.assertion(&self.environment, &assertions, row.row)
                    }
                    EventTable::Placements => self.facts.placement(&places, row.row),
                }
            }
        }
        self.order.release();
        Ok(())
    }
}
