//! Where one is, as a value: view, subject, filter, selection. And the way one came.
//!
//! In: jumps. Out: the current place. Owns: the history. Law: a place can be written down and gone back to;
//! going back finds the same row selected on the same line.

use offbound_schemas::{EventId, EventTime, FindingId, IncidentId};

use crate::port::{Entity, LaneOf, Sort, Span};

/// Places that the history remembers: enough for a day's wandering, small enough to forget about.
const HISTORY_MAX: usize = 128;

/// What a view is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Subject {
    /// Nothing in particular: a list.
    #[default]
    All,
    /// A finding.
    Finding(FindingId),
    /// An incident.
    Incident(IncidentId),
    /// A record, among those that the finding or incident rests on.
    Record(EventId, Within),
    /// An entity.
    Entity(Entity),
    /// What was recorded on a lane.
    Lane(LaneOf),
}

/// What a record is evidence of: `n` and `N` walk through that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Within {
    /// Nothing known.
    #[default]
    Alone,
    /// A finding.
    Finding(FindingId),
    /// An incident.
    Incident(IncidentId),
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// Name of the view.
    pub(crate) view: &'static str,
    /// What it is about.
    pub(crate) subject: Subject,
    /// Filter text.
    pub(crate) filter: String,
    /// Order.
    pub(crate) sort: Sort,
    /// Selected row.
    pub(crate) cursor: Option<String>,
    /// Screen line of the selected row.
    pub(crate) line: u16,
    /// Stretch of time, in views that have one; without, the whole.
    pub(crate) span: Option<Span>,
    /// Moment that is selected, in views that have time from left to right.
    pub(crate) moment: Option<EventTime>,
    /// Lines scrolled down, in views that have text instead of rows.
    pub(crate) scroll: usize,
}

impl Location {
    /// A view, about `subject`.
    pub(crate) fn new(view: &'static str, subject: Subject) -> Self {
        Self {
            view,
            subject,
            filter: String::new(),
            sort: Sort::default(),
            cursor: None,
            line: 0,
            span: None,
            moment: None,
            scroll: 0,
        }
    }
}

/// The way one came, and the way back.
#[derive(Debug, Clone)]
pub(crate) struct History {
    places: Vec<Location>,
    at: usize,
}

impl History {
    /// Begins at `start`.
    pub(crate) fn new(start: Location) -> Self {
        Self { places: vec![start], at: 0 }
    }

    /// Where one is.
    pub(crate) fn here(&self) -> &Location {
        self.places.get(self.at).expect("a history has a place, and its index is inside")
    }

    /// Where one is, to be changed.
    pub(crate) fn here_mut(&mut self) -> &mut Location {
        self.places.get_mut(self.at).expect("a history has a place, and its index is inside")
    }

    /// Goes to `place`; what lay ahead is forgotten.
    pub(crate) fn go(&mut self, place: Location) {
        self.places.truncate(self.at + 1);
        self.places.push(place);
        if self.places.len() > HISTORY_MAX {
            self.places.remove(0);
        }
        self.at = self.places.len() - 1;
    }

    /// One step back; false at the beginning.
    pub(crate) fn back(&mut self) -> bool {
        let can = self.at > 0;
        self.at = self.at.saturating_sub(1);
        can
    }

    /// One step forward again; false at the end.
    pub(crate) fn forward(&mut self) -> bool {
        let can = self.at + 1 < self.places.len();
        self.at += usize::from(can);
        can
    }

    /// The places before this one, nearest last.
    pub(crate) fn trail(&self) -> &[Location] {
        self.places.get(..self.at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: out, out, back, elsewhere. Guarantees: back and forward follow the way; a new way forgets the old.
    #[test]
    fn history_is_a_way() {
        let mut history = History::new(Location::new("a", Subject::All));
        history.go(Location::new("b", Subject::All));
        history.go(Location::new("c", Subject::All));
        assert!(history.back() && history.here().view == "b");
        assert!(history.forward() && history.here().view == "c");
        assert!(!history.forward());
        assert!(history.back());
        history.go(Location::new("d", Subject::All));
        assert!(!history.forward());
        assert_eq!(history.trail().iter().map(|place| place.view).collect::<Vec<_>>(), ["a", "b"]);
    }

    /// Scenario: more jumps than the history holds. Guarantees: it stays bounded and at the newest place.
    #[test]
    fn history_is_bounded() {
        let mut history = History::new(Location::new("a", Subject::All));
        (0..HISTORY_MAX * 2).for_each(|_| history.go(Location::new("b", Subject::All)));
        assert_eq!(history.trail().len(), HISTORY_MAX - 1);
    }
}
