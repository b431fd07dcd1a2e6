//! A store that somebody may be writing: looked at anew whenever it has changed.
//!
//! In: a folder. Out: answers to what the screens ask, as of the last commit.
//! Owns: when to look. Leaves to `investigate` what is read, to the screens how often they ask.
//! Law: an answer is of one commit; a store that cannot be read for a moment keeps the last answers and says so.

use std::path::{Path, PathBuf};

use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::{EventId, FindingId, IncidentId};
use offbound_store::Store;
use offbound_tui::{
    Entity, EntityNote, EvidenceRecord, FindingRow, Header, IncidentRow, Investigation, Page, PageRequest,
    PortError, Recorded, SourceRow, Timeline, TimelineRequest,
};

use crate::exit::Failure;

/// Conclusions as of a commit.
pub(crate) struct Followed {
    folder: PathBuf,
    title: String,
    watch: Store,
    seen: u64,
    recorded: Recorded,
}

impl Followed {
    /// Reads what is there now.
    pub(crate) fn open(folder: &Path, title: &str) -> Result<Self, Failure> {
        let watch = Store::open(folder)?;
        // Asked first: what is committed between the two is seen again, never missed.
        let seen = watch.version()?;
        let recorded = super::recorded(Store::open(folder)?, title)?;
        Ok(Self { folder: folder.to_owned(), title: title.to_owned(), watch, seen, recorded })
    }

    /// The answers of the last commit.
    fn current(&mut self) -> Result<&mut Recorded, PortError> {
        let told = |error: &dyn std::fmt::Display| PortError::new(error.to_string());
        let version = self.watch.version().map_err(|error| told(&error))?;
        if version != self.seen {
            let fresh = Store::open(&self.folder).map_err(|error| told(&error))?;
            self.recorded = super::recorded(fresh, &self.title).map_err(|error| told(&error))?;
            self.seen = version;
        }
        Ok(&mut self.recorded)
    }
}

impl Investigation for Followed {
    fn header(&mut self) -> Result<Header, PortError> {
        self.current()?.header()
    }

    fn findings(&mut self, request: &PageRequest) -> Result<Page<FindingRow>, PortError> {
        self.current()?.findings(request)
    }

    fn finding(&mut self, id: FindingId) -> Result<Option<Finding>, PortError> {
        self.current()?.finding(id)
    }

    fn incidents(&mut self, request: &PageRequest) -> Result<Page<IncidentRow>, PortError> {
        self.current()?.incidents(request)
    }

    fn incident(&mut self, id: IncidentId) -> Result<Option<Incident>, PortError> {
        self.current()?.incident(id)
    }

    fn record(&mut self, id: EventId) -> Result<Option<EvidenceRecord>, PortError> {
        self.current()?.record(id)
    }

    fn sources(&mut self, request: &PageRequest) -> Result<Page<SourceRow>, PortError> {
        self.current()?.sources(request)
    }

    fn note(&mut self, entity: &Entity) -> Result<EntityNote, PortError> {
        self.current()?.note(entity)
    }

    fn timeline(&mut self, request: &TimelineRequest) -> Result<Timeline, PortError> {
        self.current()?.timeline(request)
    }
}
