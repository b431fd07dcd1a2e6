//! Starting where an earlier run stopped: facts from the store's events, results and positions from its database.
//!
//! In: a store. Out: an engine that knows what the earlier run knew, and the account that goes on.
//! Owns: the order of it. Law STREAM-4: what was published is published again only where it differs.

use offbound_schemas::EventTime;
use offbound_store::Store;

use super::account::Account;
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::judge::{Judge, last_time};
use crate::scan_ahead::scan_ahead;

/// What a stream starts with.
pub(crate) struct Start {
    pub(crate) judge: Judge,
    pub(crate) account: Account,
    pub(crate) watermark: Option<EventTime>,
}

/// Gives the engine every event of the store, and tells it what was published.
pub(crate) fn rebuild(judge: Judge, store: &Store, interrupt: &Interrupt) -> Result<Start, Failure> {
    let judge = refill(judge, store, interrupt)?;
    let conclusions = store.conclusions()?;
    let (findings, incidents) = (conclusions.findings, conclusions.incidents);
    let account = Account::resume(store.sources()?, &findings, &incidents, conclusions.summary.as_ref());
    Ok(Start { judge, account, watermark: store.watermark()? })
}

/// Gives an empty engine every event of the store, and tells it what was published.
pub(crate) fn refill(mut judge: Judge, store: &Store, interrupt: &Interrupt) -> Result<Judge, Failure> {
    let watermark = store.watermark()?;
    judge.rest();
    scan_ahead(store, |batch| {
        interrupt.check()?;
        let Some(last) = last_time(&batch)? else { return Ok(()) };
        judge.push(&batch)?;
        // Beyond the watermark of the earlier run, events may still be missing between those that came.
        watermark.map_or(Ok(()), |watermark| judge.seal(last.min(watermark)))
    })?;
    judge.resume()?;
    let conclusions = store.conclusions()?;
    judge.restore(&conclusions.findings, &conclusions.incidents);
    Ok(judge)
}
