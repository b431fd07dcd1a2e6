//! Questions to the events themselves, which take their time.
//!
//! In: questions. Out: counts and pages, never whole tables. Owns: the trait that the holder of events implements, and
//! how a question is called off. Law: a question changes nothing; one that is called off ends soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{
    Counts, CountsRequest, EntitiesRequest, Entity, EntityFacts, EntityRow, EventRow, EventsRequest, Page,
    PortError,
};

/// The questions. They are asked on a thread of their own, beside those of [`super::Investigation`].
pub trait Archive: Send {
    /// How much was recorded on each lane in each cell.
    fn counts(&mut self, request: &CountsRequest, stop: &Stop) -> Result<Counts, PortError>;
    /// Events in order of time.
    fn events(&mut self, request: &EventsRequest, stop: &Stop) -> Result<Page<EventRow>, PortError>;
    /// Entities, those of the weightiest findings first.
    fn entities(&mut self, request: &EntitiesRequest, stop: &Stop) -> Result<Page<EntityRow>, PortError>;
    /// What events say of one entity.
    fn facts(&mut self, entity: &Entity, stop: &Stop) -> Result<EntityFacts, PortError>;
}

/// Whether a question was called off.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Calls it off.
    pub fn call_off(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was called off.
    #[must_use]
    pub fn is_called_off(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The flag itself, for what stops by a flag of its own.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}
