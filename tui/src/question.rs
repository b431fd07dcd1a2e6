//! Questions and answers as values, so that they can wait, be dropped and be replayed.
//!
//! In: what a view wants to show. Out: the same, answered by an [`Investigation`]. Owns: one slot per kind of data.
//! Law: a slot holds one question at a time; the newest replaces the one before.

use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::{EventId, FindingId, IncidentId};

use crate::port::{
    AnswerRequest, AnswerRow, Answered, Archive, Console, Counts, CountsRequest, EntitiesRequest, Entity,
    EntityFacts, EntityNote, EntityRow, EventRow, EventsRequest, EvidenceRecord, ExportRequest, Exported,
    FindingRow, Header, IncidentRow, Investigation, Page, PageRequest, PortError, SourceRow, Statement, Stop,
    TableNote, Timeline, TimelineRequest,
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
    /// Lanes with findings.
    Timeline(TimelineRequest),
    /// How much was recorded on the lanes.
    Counts(CountsRequest),
    /// A window of events.
    Events(EventsRequest, u64),
    /// A window of entities.
    Entities(EntitiesRequest, u64),
    /// What conclusions say of an entity.
    Note(Entity),
    /// The findings that name it.
    FindingsOf(Entity, PageRequest),
    /// What events say of it.
    Facts(Entity),
    /// The tables that a statement may read.
    Tables,
    /// A statement.
    Statement(Statement),
    /// A window of its answer, and its number.
    AnswerRows(AnswerRequest, u64),
    /// Its answer, to be written to a file.
    Export(ExportRequest),
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
    /// To [`Question::Timeline`].
    Timeline(Box<Timeline>),
    /// To [`Question::Counts`].
    Counts(Box<Counts>),
    /// To [`Question::Events`].
    Events(Page<EventRow>),
    /// To [`Question::Entities`].
    Entities(Page<EntityRow>),
    /// To [`Question::Note`].
    Note(Box<EntityNote>),
    /// To [`Question::FindingsOf`].
    FindingsOf(Entity, Page<FindingRow>),
    /// To [`Question::Facts`].
    Facts(Box<EntityFacts>),
    /// To [`Question::Tables`].
    Tables(Vec<TableNote>),
    /// To [`Question::Statement`].
    Statement(Answered),
    /// To [`Question::AnswerRows`].
    Rows(Page<AnswerRow>),
    /// To [`Question::Export`].
    Export(Exported),
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
    /// The timeline's lanes.
    Timeline,
    /// What was recorded on them.
    Counts,
    /// The events list.
    Events,
    /// The entities list.
    Entities,
    /// The entity looked at, in conclusions.
    Note,
    /// Its findings.
    FindingsOf,
    /// The same entity, in events.
    Facts,
    /// The tables of the console.
    Tables,
    /// Its statement.
    Statement,
    /// The rows of the answer.
    AnswerRows,
    /// What is being written.
    Export,
}

/// Who answers a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Desks {
    /// Whoever holds the conclusions: at once.
    Conclusions,
    /// Whoever holds the events: it takes its time.
    Events,
    /// Whoever answers statements: as long as the analyst likes.
    Console,
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
            Self::Timeline(_) => Slot::Timeline,
            Self::Counts(_) => Slot::Counts,
            Self::Events(..) => Slot::Events,
            Self::Entities(..) => Slot::Entities,
            Self::Note(_) => Slot::Note,
            Self::FindingsOf(..) => Slot::FindingsOf,
            Self::Facts(_) => Slot::Facts,
            Self::Tables => Slot::Tables,
            Self::Statement(_) => Slot::Statement,
            Self::AnswerRows(..) => Slot::AnswerRows,
            Self::Export(_) => Slot::Export,
        }
    }

    /// Whether an answer to `self` also answers `other`. Windows are told apart by number: where exactly a
    /// window would begin changes with every motion, and does not matter as long as the window will do.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Findings(_, a), Self::Findings(_, b))
            | (Self::Incidents(_, a), Self::Incidents(_, b))
            | (Self::Entities(_, a), Self::Entities(_, b))
            | (Self::Sources(_, a), Self::Sources(_, b)) => a == b,
            (Self::Events(one, a), Self::Events(other, b)) => {
                a == b && (&one.of, one.span) == (&other.of, other.span)
            }
            (Self::AnswerRows(one, a), Self::AnswerRows(other, b)) => {
                a == b && one.statement == other.statement
            }
            (a, b) => a == b,
        }
    }

    /// Asks whoever holds the conclusions; none of the other questions.
    pub(crate) fn ask(&self, port: &mut dyn Investigation) -> Option<Result<Answer, PortError>> {
        Some(match self {
            Self::Header => port.header().map(Answer::Header),
            Self::Findings(request, _) => port.findings(request).map(Answer::Findings),
            Self::Finding(id) => port.finding(*id).map(|finding| Answer::Finding(finding.map(Box::new))),
            Self::Incidents(request, _) => port.incidents(request).map(Answer::Incidents),
            Self::Incident(id) => port.incident(*id).map(|incident| Answer::Incident(incident.map(Box::new))),
            Self::Members(_, request) => port.findings(request).map(Answer::Members),
            Self::Record(id) => port.record(*id).map(|record| Answer::Record(record.map(Box::new))),
            Self::Sources(request, _) => port.sources(request).map(Answer::Sources),
            Self::Timeline(request) => {
                port.timeline(request).map(|timeline| Answer::Timeline(Box::new(timeline)))
            }
            Self::Note(entity) => port.note(entity).map(|note| Answer::Note(Box::new(note))),
            Self::FindingsOf(entity, request) => {
                port.findings(request).map(|page| Answer::FindingsOf(entity.clone(), page))
            }
            _ => return None,
        })
    }

    /// Asks whoever holds the events; none of the other questions.
    pub(crate) fn ask_archive(
        &self,
        archive: &mut dyn Archive,
        stop: &Stop,
    ) -> Option<Result<Answer, PortError>> {
        Some(match self {
            Self::Counts(request) => {
                archive.counts(request, stop).map(|counts| Answer::Counts(Box::new(counts)))
            }
            Self::Events(request, _) => archive.events(request, stop).map(Answer::Events),
            Self::Entities(request, _) => archive.entities(request, stop).map(Answer::Entities),
            Self::Facts(entity) => archive.facts(entity, stop).map(|facts| Answer::Facts(Box::new(facts))),
            _ => return None,
        })
    }

    /// Asks whoever answers statements; none of the other questions.
    pub(crate) fn ask_console(
        &self,
        console: &mut dyn Console,
        stop: &Stop,
    ) -> Option<Result<Answer, PortError>> {
        Some(match self {
            Self::Tables => console.tables().map(Answer::Tables),
            Self::Statement(statement) => console.ask(statement, stop).map(Answer::Statement),
            Self::AnswerRows(request, _) => console.rows(request).map(Answer::Rows),
            Self::Export(request) => console.export(request).map(Answer::Export),
            _ => return None,
        })
    }
}

impl Slot {
    /// Who answers what goes there.
    pub(crate) fn desk(self) -> Desks {
        match self {
            Self::Counts | Self::Events | Self::Entities | Self::Facts => Desks::Events,
            Self::Tables | Self::Statement | Self::AnswerRows | Self::Export => Desks::Console,
            _ => Desks::Conclusions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixture;

    /// Scenario: a question to each desk, asked at both. Guarantees: exactly the one that its slot names has an answer.
    #[test]
    fn each_question_has_one_desk() {
        let window = crate::port::Window { from: offbound_schemas::EventTime(0), cell_nanos: 1, cells: 1 };
        let questions = [
            Question::Header,
            Question::Timeline(TimelineRequest::default()),
            Question::Counts(CountsRequest { window, lanes: Vec::new() }),
            Question::Events(EventsRequest::default(), 0),
            Question::Entities(EntitiesRequest::default(), 0),
            Question::Note(Entity::default()),
            Question::FindingsOf(Entity::default(), PageRequest::default()),
            Question::Facts(Entity::default()),
            Question::Tables,
            Question::Statement(Statement::default()),
            Question::AnswerRows(AnswerRequest::default(), 0),
            Question::Export(ExportRequest::default()),
        ];
        let (mut port, mut archive) = (fixture::investigation(), fixture::archive());
        let mut console = crate::testing::console::invented();
        for question in questions {
            let answered = [
                (Desks::Conclusions, question.ask(&mut port).is_some()),
                (Desks::Events, question.ask_archive(&mut archive, &Stop::default()).is_some()),
                (Desks::Console, question.ask_console(&mut console, &Stop::default()).is_some()),
            ];
            for (desk, is_answered) in answered {
                assert_eq!(is_answered, question.slot().desk() == desk, "{question:?} {desk:?}");
            }
        }
    }
}
