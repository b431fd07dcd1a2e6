//! Looking ahead: the ledger of every event at hand, where it is kept.
//!
//! In: events as they come; the ledger of the sealed ones. Out: the ledger that provisional results are told from.
//! Owns: whether there is one now. Law: a ledger that begins again is that of the sealed events, with those folded
//! that wait: it says nothing else than one that was kept all along.

use super::EngineError;
use super::ledger::{Basis, Ledger};
use crate::order::CanonicalOrder;

/// Of how many rows that wait packed form is opened at once.
const OPEN_ROWS: usize = 16_384;

/// The ledger ahead of the watermark.
#[derive(Debug)]
pub(super) enum Ahead {
    /// Nobody wants provisional results.
    Unwanted,
    /// None is kept for now: what comes is soon sealed.
    Resting,
    /// Every event at hand is in it, in the order in which they came.
    Kept(Box<Ledger>),
}

impl Ahead {
    /// A ledger of no event.
    pub(super) fn kept() -> Self {
        Self::Kept(Box::default())
    }

    /// Whether provisional results are wanted, now or later.
    pub(super) fn is_wanted(&self) -> bool {
        !matches!(self, Self::Unwanted)
    }

    /// Whether none is kept, and one is wanted.
    pub(super) fn is_resting(&self) -> bool {
        matches!(self, Self::Resting)
    }

    /// The ledger, where it is kept.
    pub(super) fn ledger(&mut self) -> Option<&mut Ledger> {
        if let Self::Kept(ledger) = self { Some(ledger) } else { None }
    }

    /// Lets the ledger go, until it begins again.
    pub(super) fn rest(&mut self) {
        if self.is_wanted() {
            *self = Self::Resting;
        }
    }

    /// Begins again where it rests: with what is sealed, and all rows that wait.
    pub(super) async fn resume(
        &mut self,
        basis: Basis<'_>,
        sealed: &Ledger,
        order: &mut CanonicalOrder,
    ) -> Result<(), EngineError> {
        if self.is_resting() {
            let mut ledger = Box::new(sealed.to_look_ahead());
            for rows in order.all().chunks(OPEN_ROWS) {
                order.open(rows)?;
                ledger.fold(basis, order, rows).await?;
                order.close();
            }
            *self = Self::Kept(ledger);
        }
        Ok(())
    }
}
