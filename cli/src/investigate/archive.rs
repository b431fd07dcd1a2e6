//! The events of a store, as the screens ask for them: counted by lane and cell, or row by row.
//!
//! In: questions. Out: answers, by SQL through the engine of `offbound hunt`. Owns: how a question becomes SQL.
//! Law: a question changes nothing, is of one commit, and ends soon when it is called off.

mod counts;
mod entities;
mod events;
mod facts;
mod lanes;
mod sql;

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use offbound_store::Store;
use offbound_tui::{
    Archive, Counts, CountsRequest, EntitiesRequest, Entity, EntityFacts, EntityRow, EventRow, EventsRequest,
    Page, PortError, Stop,
};

use crate::exit::Failure;
use crate::hunt::Asker;
use crate::interrupt::Interrupt;
use sql::Numbers;

/// The events of a store.
pub(crate) struct Archived {
    asker: Asker,
}

impl Archived {
    /// Those of the store in that folder.
    pub(crate) fn of(folder: &Path, environment: Option<PathBuf>, facts: offbound_correlate::Bounds) -> Self {
        Self { asker: Asker::of(folder, environment, facts) }
    }
}

/// One question of the screens, which may take several of SQL.
struct Asking<'a> {
    asker: &'a Asker,
    stop: Interrupt,
}

impl Asking<'_> {
    fn rows(&self, sql: String) -> Result<Vec<RecordBatch>, Failure> {
        self.asker.rows(sql, &self.stop)
    }

    /// How many rows a table, or what stands for one, has.
    fn count(&self, from: &str) -> Result<u64, Failure> {
        let mut total = 0;
        for batch in self.rows(format!("SELECT count(*) FROM {from}"))? {
            let counts = Numbers::of(&batch, 0)?;
            total += (0..batch.num_rows()).map(|row| counts.count(row)).sum::<u64>();
        }
        Ok(total)
    }

    fn store(&self) -> Result<Store, Failure> {
        Ok(Store::open(self.asker.folder())?)
    }
}

impl Archived {
    fn ask<T>(
        &self,
        stop: &Stop,
        answer: impl FnOnce(&Asking<'_>) -> Result<T, Failure>,
    ) -> Result<T, PortError> {
        let asking = Asking { asker: &self.asker, stop: Interrupt::of(stop.flag()) };
        answer(&asking).map_err(super::told)
    }
}

impl Archive for Archived {
    fn counts(&mut self, request: &CountsRequest, stop: &Stop) -> Result<Counts, PortError> {
        self.ask(stop, |asking| counts::answer(asking, request))
    }

    fn events(&mut self, request: &EventsRequest, stop: &Stop) -> Result<Page<EventRow>, PortError> {
        self.ask(stop, |asking| events::answer(asking, request))
    }

    fn entities(&mut self, request: &EntitiesRequest, stop: &Stop) -> Result<Page<EntityRow>, PortError> {
        self.ask(stop, |asking| entities::answer(asking, request))
    }

    fn facts(&mut self, entity: &Entity, stop: &Stop) -> Result<EntityFacts, PortError> {
        self.ask(stop, |asking| facts::answer(asking, entity))
    }
}

#[cfg(test)]
mod tests;
