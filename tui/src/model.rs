//! Everything that the screen knows.
//!
//! In: nothing but what `update` puts here. Out: what views draw. Owns: pages and single records, never whole tables.
//! Law: the model is a function of the messages so far; drawing changes nothing.

use offbound_schemas::record::{Finding, Incident};
use offbound_schemas::{EventId, FindingId, IncidentId};

use crate::console::Console;
use crate::desk::{Desk, Status};
use crate::list::List;
use crate::location::{History, Location};
use crate::port::{
    Counts, Entity, EntityFacts, EntityNote, EntityRow, EventRow, EvidenceRecord, FindingRow, Header,
    IncidentRow, LaneOf, Page, SourceRow, Span, Timeline,
};
use crate::prompt::Prompt;
use crate::question::Slot;
use crate::view::entity::EntityLine;
use crate::view::finding::FindingLine;
use crate::view::help::HelpRow;
use crate::view::incident::VerdictRow;
use crate::view::pivot::PivotRow;
use crate::view::timeline::LaneRow;
use crate::view::{self, Ink, View};

/// A line for the analyst, until the next key.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    /// What it says.
    pub(crate) text: Ink,
    /// Whether something went wrong.
    pub(crate) is_error: bool,
}

/// The state.
pub(crate) struct Model {
    /// Columns and rows of the terminal.
    pub(crate) size: (u16, u16),
    /// Where one is and was.
    pub(crate) history: History,
    /// What is being typed.
    pub(crate) prompt: Option<Prompt>,
    /// What the analyst is told.
    pub(crate) notice: Option<Notice>,
    /// What was asked.
    pub(crate) desk: Desk,
    /// What is being looked at.
    pub(crate) header: Option<Header>,
    /// Header of the data on the screen; differs from `header` when there is news.
    pub(crate) header_seen: Option<Header>,
    /// Findings.
    pub(crate) findings: List<FindingRow>,
    /// Incidents.
    pub(crate) incidents: List<IncidentRow>,
    /// Sources and gaps.
    pub(crate) sources: List<SourceRow>,
    /// The finding looked at.
    pub(crate) finding: Option<Box<Finding>>,
    /// The incident looked at.
    pub(crate) incident: Option<Box<Incident>>,
    /// Its findings.
    pub(crate) members: Page<FindingRow>,
    /// The record looked at.
    pub(crate) record: Option<Box<EvidenceRecord>>,
    /// The timeline, without what was recorded.
    pub(crate) timeline: Option<Box<Timeline>>,
    /// What was recorded on its lanes.
    pub(crate) counts: Option<Box<Counts>>,
    /// The lanes as rows.
    pub(crate) lanes: List<LaneRow>,
    /// Events.
    pub(crate) events: List<EventRow>,
    /// What these are events of.
    pub(crate) events_of: Option<(Option<LaneOf>, Option<Span>)>,
    /// Entities.
    pub(crate) entities: List<EntityRow>,
    /// The entity looked at, in conclusions.
    pub(crate) note: Option<Box<EntityNote>>,
    /// Its findings.
    pub(crate) found_of: Option<(Entity, Page<FindingRow>)>,
    /// The entity looked at, in events.
    pub(crate) facts: Option<Box<EntityFacts>>,
    /// Lines of the entity looked at.
    pub(crate) entity_lines: List<EntityLine>,
    /// Entities that one can go to.
    pub(crate) pivot: List<PivotRow>,
    /// Lines of the finding looked at.
    pub(crate) finding_lines: List<FindingLine>,
    /// Lines of the incident screen.
    pub(crate) verdict: List<VerdictRow>,
    /// Lines of the help screen.
    pub(crate) help: List<HelpRow>,
    /// The SQL console.
    pub(crate) console: Console,
    /// What is to be called off.
    pub(crate) call_off: Option<Slot>,
    /// Whether long lines of raw records are wrapped.
    pub(crate) wrap: bool,
    /// Columns scrolled to the right where lines are not wrapped.
    pub(crate) sideways: usize,
    /// Whether Ctrl-c was pressed once.
    pub(crate) asked_to_stop: bool,
    /// Whether to end.
    pub(crate) quit: bool,
    /// Row and time of the last click.
    pub(crate) last_click: Option<(u64, u64)>,
}

/// What can be shown of a single record.
pub(crate) enum Look<'a, T> {
    /// It is being asked for.
    Loading,
    /// There is none.
    Missing,
    /// It could not be had, and why.
    Failed(&'a str),
    /// Here it is.
    Ready(&'a T),
}

impl Model {
    /// Begins at `start` on a terminal of `size`.
    pub(crate) fn new(start: Location, size: (u16, u16)) -> Self {
        Self {
            size,
            history: History::new(start),
            prompt: None,
            notice: None,
            desk: Desk::default(),
            header: None,
            header_seen: None,
            findings: List::default(),
            incidents: List::default(),
            sources: List::default(),
            finding: None,
            incident: None,
            members: Page::default(),
            record: None,
            timeline: None,
            counts: None,
            lanes: List::default(),
            events: List::default(),
            events_of: None,
            entities: List::default(),
            note: None,
            found_of: None,
            facts: None,
            entity_lines: List::default(),
            pivot: List::default(),
            finding_lines: List::default(),
            verdict: List::default(),
            help: List::default(),
            console: Console::default(),
            call_off: None,
            wrap: true,
            sideways: 0,
            asked_to_stop: false,
            quit: false,
            last_click: None,
        }
    }

    /// Where one is.
    pub(crate) fn here(&self) -> &Location {
        self.history.here()
    }

    /// The view that is shown.
    pub(crate) fn view(&self) -> &'static dyn View {
        view::by_name(self.here().view)
    }

    /// A finding, as far as it is there.
    pub(crate) fn look_finding(&self, id: FindingId) -> Look<'_, Finding> {
        self.look(Slot::Finding, self.finding.as_deref().filter(|finding| finding.id == id))
    }

    /// An incident, as far as it is there.
    pub(crate) fn look_incident(&self, id: IncidentId) -> Look<'_, Incident> {
        self.look(Slot::Incident, self.incident.as_deref().filter(|incident| incident.id == id))
    }

    /// A record, as far as it is there.
    pub(crate) fn look_record(&self, id: EventId) -> Look<'_, EvidenceRecord> {
        self.look(Slot::Record, self.record.as_deref().filter(|record| record.event_id == id))
    }

    fn look<'a, T>(&'a self, slot: Slot, value: Option<&'a T>) -> Look<'a, T> {
        match (value, self.desk.status(slot)) {
            (Some(value), _) => Look::Ready(value),
            (None, Some(Status::Failed(why))) => Look::Failed(why),
            (None, Some(Status::Ready)) => Look::Missing,
            (None, Some(Status::Waiting) | None) => Look::Loading,
        }
    }

    /// Tells the analyst something.
    pub(crate) fn tell(&mut self, text: Ink) {
        self.notice = Some(Notice { text, is_error: false });
    }

    /// Tells the analyst that something went wrong.
    pub(crate) fn complain(&mut self, text: &str) {
        self.notice = Some(Notice { text: Ink::outside(text), is_error: true });
    }
}
