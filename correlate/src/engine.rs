//! The engine: events in, findings and incidents out.
//!
//! In: batches of events in any order, watermarks, an environment, rules. Out: a judgement, or what changed in it.
//! Owns: the sequence order → facts → scene → rules → findings → incidents → what is published.
//! Law: the judgement is a function of the set of events, the environment and the rules; nothing else.

mod ahead;
mod changes;
mod ledger;
mod published;
mod settled;

use arrow::error::ArrowError;
use offbound_schemas::record::{Finding, Gap, Incident};
use offbound_schemas::{EventBatch, EventTime, FindingId, SchemaError};

use ahead::Ahead;
pub use changes::{Changes, Tracked};
use ledger::{Basis, Ledger};
use published::{Published, Sealed};

use crate::bounds::Bounds;
use crate::environment::Environment;
use crate::order::CanonicalOrder;
use crate::rule::RuleSet;
use crate::scene::Scene;
use crate::session::{Session, SessionError};
pub use crate::standing::Again;
use crate::standing::Look;

/// Why the engine stopped.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A batch is not of the shape that its table promises.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Rows that waited in packed form cannot be unpacked.
    #[error("rows that waited for the watermark cannot be read any more: {0}")]
    Packed(#[from] ArrowError),
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
    /// What is certain: every event before the watermark, in canonical order.
    sealed: Ledger,
    /// What may be: every event at hand, as it came. Only where provisional results are wanted.
    ahead: Ahead,
    published: Published,
    bounds: Bounds,
}

impl Engine {
    /// An engine without events, for events of the past; every rule is planned, and refused here if it is unsound.
    pub async fn new(environment: Environment, rules: &RuleSet) -> Result<Self, EngineError> {
        let session = Session::new(rules).await?;
        let (published, bounds) = <(Published, Bounds)>::default();
        let (order, sealed) = (CanonicalOrder::new(bounds.loose_rows), Ledger::sealed());
        Ok(Self { environment, session, order, sealed, ahead: Ahead::Unwanted, published, bounds })
    }

    /// Sets other bounds than the usual ones; to be said before the first event.
    pub fn bound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
        self.order = self.empty_order();
    }

    fn empty_order(&self) -> CanonicalOrder {
        let most_loose = self.bounds.loose_rows;
        if self.ahead.is_wanted() {
            CanonicalOrder::read_ahead(most_loose)
        } else {
            CanonicalOrder::new(most_loose)
        }
    }

    /// The same for events as they happen: [`Self::provisional`] speaks before the watermark does.
    pub async fn live(environment: Environment, rules: &RuleSet) -> Result<Self, EngineError> {
        let mut engine = Self::new(environment, rules).await?;
        engine.ahead = Ahead::kept();
        engine.order = engine.empty_order();
        Ok(engine)
    }

    /// Forgets every event and everything published, and keeps environment, rules and plans.
    pub fn forget(&mut self) {
        self.sealed = Ledger::sealed();
        self.published = Published::default();
        self.order = self.empty_order();
        if self.ahead.is_wanted() {
            self.ahead = Ahead::kept();
        }
    }

    /// Whether looking ahead rests: it was let go, and has not begun again.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        self.ahead.is_resting()
    }

    /// Looks ahead no more, until [`Self::resume`]: what comes is sealed so soon that it is not worth a second set of facts.
    pub fn rest(&mut self) {
        self.ahead.rest();
    }

    /// Looks ahead again: at what was sealed meanwhile, and at what waits.
    pub async fn resume(&mut self) -> Result<(), EngineError> {
        let Self { environment, session, order, sealed, ahead, bounds, .. } = self;
        let basis = Basis { environment, session, bounds: share(*bounds, true) };
        ahead.resume(basis, sealed, order).await
    }

    /// What an earlier run published: from now on only what differs from it is published, and revisions go on.
    ///
    /// Before the first changes are asked for, the events of that run should be pushed and sealed again. What rests
    /// on events from before the first of them is left as it is.
    pub fn restore(&mut self, findings: &[Finding], incidents: &[Incident]) {
        self.published.restore(findings, incidents);
    }

    /// The revision of a finding that was published last; the highest where that was for good.
    #[must_use]
    pub fn revision(&self, id: &FindingId) -> Option<u32> {
        self.published.revision(id)
    }

    /// Takes events in, in any order; they wait for the watermark.
    pub async fn push(&mut self, batch: &EventBatch) -> Result<(), EngineError> {
        let mut fresh = self.order.push(batch)?;
        let Self { environment, session, order, ahead, .. } = self;
        if let Some(ahead) = ahead.ledger() {
            fresh.sort_unstable();
            let basis = Basis { environment, session, bounds: share(self.bounds, true) };
            ahead.fold(basis, order, &fresh).await?;
        }
        order.pack();
        Ok(())
    }

    /// Folds every event strictly before `watermark`, and publishes nothing yet.
    pub async fn seal(&mut self, watermark: EventTime) -> Result<(), EngineError> {
        self.fold(Some(watermark)).await
    }

    /// What the events at hand, sealed or not, say and was not published yet: provisional findings, also where one is
    /// graver than was published, and the incidents that they make.
    pub async fn provisional(&mut self) -> Result<Changes, EngineError> {
        self.glance(Again::ALL).await
    }

    /// The same sooner: incidents that are there already take turns in being judged again, as told by [`Again`].
    pub async fn glance(&mut self, again: Again) -> Result<Changes, EngineError> {
        let sealed = self.covered();
        let is_due = |ahead: &&mut Ledger| ahead.touched || ahead.owes(again);
        let Some(ahead) = self.ahead.ledger().filter(is_due) else {
            return Ok(Changes::default());
        };
        let look = Look { now: None, again };
        let renewed = ahead.renew(&self.environment, &self.session, look).await?;
        Ok(self.published.look_ahead(ahead, renewed, sealed))
    }

    /// Whether a glance would judge incidents again, be there news or not.
    pub fn owes_glance(&mut self, again: Again) -> bool {
        self.ahead.ledger().is_some_and(|ahead| ahead.owes(again))
    }

    /// Folds every event strictly before `watermark`, and tells what that makes different: findings confirmed, revised
    /// or withdrawn, incidents judged anew. Lifetimes are judged as of the watermark.
    pub async fn advance(&mut self, watermark: EventTime) -> Result<Changes, EngineError> {
        self.advance_by_turns(watermark, Again::ALL).await
    }

    /// The same sooner: incidents that are there already take turns in being judged again, as told by [`Again`].
    pub async fn advance_by_turns(
        &mut self,
        watermark: EventTime,
        again: Again,
    ) -> Result<Changes, EngineError> {
        self.fold(Some(watermark)).await?;
        let now = self.now();
        let tells_gaps = self.sealed.facts.touched.gaps || self.sealed.is_anew();
        let renewed = self.sealed.renew(&self.environment, &self.session, Look { now, again }).await?;
        let gaps = if tells_gaps { self.sealed.gaps() } else { Vec::new() };
        let (sealed, late) = (self.covered(), self.order.late());
        let mut changes = self.published.confirm(&self.sealed, renewed, sealed);
        self.published.tell_rest(&mut changes, gaps, late);
        if self.ahead.is_wanted() {
            // What is told for good needs no room any more.
            let (findings, incidents) = self.sealed.take_settled();
            self.published.close(&mut changes, findings, incidents);
        }
        match self.ahead.ledger() {
            Some(ahead) => ahead.settled.forget_before(watermark),
            None => self.published.forget_looks(),
        }
        Ok(changes)
    }

    /// Whether incidents wait for their turn, be there more events before the watermark or not.
    #[must_use]
    pub fn owes_turns(&self) -> bool {
        self.sealed.owes(Again::ALL)
    }

    /// Folds what still waits, and judges everything. Publishes nothing.
    pub async fn judge(&mut self) -> Result<Judgement, EngineError> {
        self.judge_by(true).await
    }

    /// The same, with or without an index of what incidents look for.
    pub(crate) async fn judge_by(&mut self, is_indexed: bool) -> Result<Judgement, EngineError> {
        self.fold_all().await?;
        let now = self.now();
        let judged = self.sealed.judge(&self.environment, &self.session, now, is_indexed).await?;
        Ok(Judgement { late: self.order.late(), ..judged })
    }

    /// Folds what still waits.
    pub(crate) async fn fold_all(&mut self) -> Result<(), EngineError> {
        self.fold(None).await
    }

    /// The sealed facts, joined and compared.
    pub(crate) fn scene(&self) -> Scene<'_> {
        self.sealed.scene(&self.environment, self.now())
    }

    /// How many rows wait for the watermark.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.order.waiting()
    }

    /// How much the engine holds.
    #[must_use]
    pub fn tracked(&self) -> Tracked {
        let facts = &self.sealed.facts;
        Tracked {
            credentials: facts.bindings.len(),
            uses: facts.uses.len(),
            signals: facts.signals.all().len(),
            stays: facts.placements.stays().len(),
            names: facts.names.len(),
            waiting: self.order.waiting(),
            given_up: self.sealed.given_up,
            bytes: facts.sizes().to_vec(),
        }
    }

    /// The last moment that is sealed: the one before the watermark.
    fn now(&self) -> Option<EventTime> {
        self.order.watermark().map(|watermark| watermark.plus_nanos(-1))
    }

    fn covered(&self) -> Sealed {
        Sealed { watermark: self.order.watermark(), begin: self.sealed.facts.begin }
    }

    async fn fold(&mut self, watermark: Option<EventTime>) -> Result<(), EngineError> {
        let due = self.order.seal(watermark);
        self.order.open(&due)?;
        let Self { environment, session, order, sealed, ahead, .. } = self;
        let basis = Basis { environment, session, bounds: share(self.bounds, ahead.is_wanted()) };
        let before = sealed.horizon;
        sealed.fold(basis, order, &due).await?;
        if let Some((ahead, horizon)) = ahead.ledger().zip(sealed.horizon)
            && before < Some(horizon)
        {
            // Stamps of events that just came may lie: only the sealed ones say what is too old.
            ahead.age(basis, horizon).await?;
        }
        self.order.release(&due);
        Ok(())
    }
}

/// The bounds of one ledger, where there may be two.
fn share(bounds: Bounds, is_live: bool) -> Bounds {
    Bounds { facts_bytes: if is_live { bounds.facts_bytes / 2 } else { bounds.facts_bytes }, ..bounds }
}
