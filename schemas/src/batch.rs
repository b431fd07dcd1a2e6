//! What flows from ingest to store and correlation: rows of the three event tables, and the same as Arrow.
//!
//! In: decoded rows. Out: one Arrow batch per event table.
//! Owns: the grouping of the three tables, and nothing about their columns.

use arrow::array::RecordBatch;

use crate::SchemaError;
use crate::table::{HostEvent, IdentityAssertion, Placement, host_events, identity_assertions, placements};

/// Decoded rows of the three event tables.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventRows {
    /// Rows for `host_events`.
    pub host_events: Vec<HostEvent>,
    /// Rows for `identity_assertions`.
    pub identity_assertions: Vec<IdentityAssertion>,
    /// Rows for `placements`.
    pub placements: Vec<Placement>,
}

impl EventRows {
    /// Number of rows in all three tables.
    #[must_use]
    pub fn len(&self) -> usize {
        let Self { host_events, identity_assertions, placements } = self;
        host_events.len() + identity_assertions.len() + placements.len()
    }

    /// Whether there is no row at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same rows in Arrow.
    #[must_use]
    pub fn to_batch(&self) -> EventBatch {
        let Self { host_events, identity_assertions, placements } = self;
        EventBatch {
            host_events: host_events::to_batch(host_events),
            identity_assertions: identity_assertions::to_batch(identity_assertions),
            placements: placements::to_batch(placements),
        }
    }
}

/// Builders of the three event tables.
#[derive(Debug, Default)]
pub struct EventBuilder {
    /// Builder of `host_events`.
    pub host_events: host_events::Builder,
    /// Builder of `identity_assertions`.
    pub identity_assertions: identity_assertions::Builder,
    /// Builder of `placements`.
    pub placements: placements::Builder,
}

impl EventBuilder {
    /// Number of rows in all three tables.
    #[must_use]
    pub fn len(&self) -> usize {
        let Self { host_events, identity_assertions, placements } = self;
        host_events.len() + identity_assertions.len() + placements.len()
    }

    /// Whether there is no row at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all rows out.
    #[must_use]
    pub fn finish(&mut self) -> EventBatch {
        let Self { host_events, identity_assertions, placements } = self;
        EventBatch {
            host_events: host_events.finish(),
            identity_assertions: identity_assertions.finish(),
            placements: placements.finish(),
        }
    }
}

/// One Arrow batch per event table.
#[derive(Debug, Clone)]
pub struct EventBatch {
    /// Batch of `host_events`.
    pub host_events: RecordBatch,
    /// Batch of `identity_assertions`.
    pub identity_assertions: RecordBatch,
    /// Batch of `placements`.
    pub placements: RecordBatch,
}

impl EventBatch {
    /// The same as owned rows.
    ///
    /// # Errors
    /// When a batch has not the shape of its table.
    pub fn to_rows(&self) -> Result<EventRows, SchemaError> {
        let host_events = host_events::View::new(&self.host_events)?;
        let identity_assertions = identity_assertions::View::new(&self.identity_assertions)?;
        let placements = placements::View::new(&self.placements)?;
        Ok(EventRows {
            host_events: (0..host_events.len()).map(|row| host_events.row(row)).collect(),
            identity_assertions: (0..identity_assertions.len())
                .map(|row| identity_assertions.row(row))
                .collect(),
            placements: (0..placements.len()).map(|row| placements.row(row)).collect(),
        })
    }

    /// Number of rows in all three tables.
    #[must_use]
    pub fn num_rows(&self) -> usize {
        let Self { host_events, identity_assertions, placements } = self;
        host_events.num_rows() + identity_assertions.num_rows() + placements.num_rows()
    }
}
