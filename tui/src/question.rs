//! Questions and answers as values, so that they can wait, be dropped and be replayed.
//!
//! In: what a view wants to show. Out: the same, answered by an [`Investigation`]. Owns: one slot per kind of data.
//! Law: a slot holds one question at a time; the newest replaces the one before.

use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::{EventId, FindingId, IncidentId};

use crate::port::{
    EvidenceRecord, FindingRow, Header, IncidentRow, Investigation, Page, PageRequest, PortError, SourceRow,
};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// What is being looked at.
    Header,
    /// A window of findings, and its number.
    Findings(PageRequest, u64),
    /// One finding.
    Finding(FindingId),
    /// A window of incidents.
    Incidents(PageRequest, u64),
    /// One incident.
    Incident(IncidentId),
    /// The findings of an incident.
    Members(IncidentId, PageRequest),
    /// One record.
    Record(EventId),
    /// A window of sources.
    Sources(PageRequest, u64),
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// To [`Question::Header`].
    Header(Header),
    /// To [`Question::Findings`].
    Findings(Page<FindingRow>),
    /// To [`Question::Finding`].
    Finding(Option<Box<Finding>>),
    /// To [`Question::Incidents`].
    Incidents(Page<IncidentRow>),
    /// To [`Question::Incident`].
    Incident(Option<Box<Incident>>),
    /// To [`Question::Members`].
    Members(Page<FindingRow>),
    /// To [`Question::Record`].
    Record(Option<Box<EvidenceRecord>>),
    /// To [`Question::Sources`].
    Sources(Page<SourceRow>),
}

/// Where an answer goes: one place per kind of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    /// The header.
    Header,
    /// The findings list.
    Findings,
    /// The finding looked at.
    Finding,
    /// The incidents list.
    Incidents,
    /// The incident looked at.
    Incident,
    /// Its findings.
    Members,
    /// The record looked at.
    Record,
    /// The sources list.
    Sources,
}

impl Question {
    /// Where the answer goes.
    pub(crate) fn slot(&self) -> Slot {
        match self {
            Self::Header => Slot::Header,
            Self::Findings(..) => Slot::Findings,
            Self::Finding(_) => Slot::Finding,
            Self::Incidents(..) => Slot::Incidents,
            Self::Incident(_) => Slot::Incident,
            Self::Members(..) => Slot::Members,
            Self::Record(_) => Slot::Record,
            Self::Sources(..) => Slot::Sources,
        }
    }

    /// Whether an answer to `self` also answers `other`. Windows are told apart by number: where exactly a
    /// window would begin changes with every motion, and does not matter as long as the window will do.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Findings(_, a), Self::Findings(_, b))
            | (Self::Incidents(_, a), Self::Incidents(_, b))
            | (Self::Sources(_, a), Self::Sources(_, b)) => a == b,
            (a, b) => a == b,
        }
    }

    /// Asks.
    pub(crate) fn ask(&self, port: &mut dyn Investigation) -> Result<Answer, PortError> {
        Ok(match self {
            Self::Header => Answer::Header(port.header()?),
            Self::Findings(request, _) => Answer::Findings(port.findings(request)?),
            Self::Finding(id) => Answer::Finding(port.finding(*id)?.map(Box::new)),
            Self::Incidents(request, _) => Answer::Incidents(port.incidents(request)?),
            Self::Incident(id) => Answer::Incident(port.incident(*id)?.map(Box::new)),
            Self::Members(_, request) => Answer::Members(port.findings(request)?),
            Self::Record(id) => Answer::Record(port.record(*id)?.map(Box::new)),
            Self::Sources(request, _) => Answer::Sources(port.sources(request)?),
        })
    }
}
