//! Facts: the small set of things that events imply, kept per key.
//!
//! In: event rows in canonical order. Out: who holds what, who is where, what was tried, what controls did.
//! Owns: one fold per kind of fact, each in its own file; nothing here judges.
//! Law: a fold sees events in canonical order, so its result is a function of the set of events.

pub(crate) mod activity;
pub(crate) mod binding;
pub(crate) mod columns;
mod copies;
pub(crate) mod coverage;
mod destination;
pub(crate) mod evidence;
pub(crate) mod gap;
pub(crate) mod issuing;
pub(crate) mod keep;
pub(crate) mod lineage;
mod operations;
mod packed;
mod pair;
pub(crate) mod placement;
pub(crate) mod program;
pub(crate) mod sensitive;
mod shared;
mod sides;
pub(crate) mod signal;
#[cfg(test)]
mod testing;
pub(crate) mod touched;
pub(crate) mod twin;
pub(crate) mod usage;

use offbound_schemas::EventTime;
use offbound_schemas::table::{host_events, identity_assertions, placements};
use offbound_schemas::vocabulary::{Action, Phase};

use crate::environment::Environment;
use crate::names::Names;
use copies::Copy;
use coverage::{Kind, Subject};
use destination::Destinations;
use evidence::Witness;
use touched::Touched;
use usage::Shown;

/// Everything that the events so far imply.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) names: Names,
    destinations: Destinations,
    pub(crate) placements: placement::Placements,
    pub(crate) bindings: binding::Bindings,
    pub(crate) uses: usage::Uses,
    pub(crate) lineage: lineage::Lineage,
    pub(crate) signals: signal::Signals,
    pub(crate) coverage: coverage::CoverageFacts,
    pub(crate) issuing: issuing::Issuing,
    pub(crate) gaps: gap::Gaps,
    /// Time of the first event.
    pub(crate) begin: Option<EventTime>,
    /// Time of the first assertion: before it nobody could have been missed on a host.
    pub(crate) asserted_since: Option<EventTime>,
    /// Time of the last event: "now" for lifetimes in a replay.
    pub(crate) end: Option<EventTime>,
    /// What changed since somebody looked.
    pub(crate) touched: Touched,
    /// What is known of rows that are held no more.
    pub(crate) past: keep::Remembered,
    /// Stays of this stretch of time were given up: that nobody is known to have been somewhere then proves nothing.
    pub(crate) lost_stays: Option<(EventTime, EventTime)>,
}

impl Facts {
    fn reach(&mut self, time: EventTime) {
        self.begin = Some(self.begin.map_or(time, |begin| begin.min(time)));
        self.end = self.end.max(Some(time));
    }

    /// Logical size in bytes by fact table: a function of the folded events, whatever was allocated for them.
    pub(crate) fn sizes(&self) -> [(&'static str, usize); 8] {
        [
            ("bindings", self.bindings.bytes()),
            ("coverage", self.coverage.bytes()),
            ("lineage", self.lineage.bytes()),
            ("names", self.names.bytes()),
            ("placements", self.placements.bytes()),
            ("remembered", self.past.bytes()),
            ("signals", self.signals.bytes()),
            ("uses", self.uses.bytes()),
        ]
    }

    /// Logical size of all fact tables, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.sizes().into_iter().map(|(_, bytes)| bytes).sum()
    }

    /// Folds one host event.
    pub(crate) fn host_event(&mut self, view: &host_events::View<'_>, row: usize) {
        let time = view.event_time(row);
        self.reach(time);
        let host = self.names.maybe(view.host(row));
        if let Some(scope) = host {
            let source = self.names.name(view.source(row));
            self.coverage.hear(Subject { kind: Kind::Host, scope, source }, time);
            self.touched.heard(scope, time);
        }
        if view.action(row) == Action::TelemetryGap {
            self.gaps.host_event(view, row);
            self.touched.gaps = true;
            return;
        }
        let process = self.lineage.host_event(&mut self.names, host, view, row);
        let signs = &mut self.touched.signs;
        self.signals.host_event(&mut self.names, &self.lineage, process, (view, row), signs);
    }

    /// Folds one identity assertion.
    pub(crate) fn assertion(
        &mut self,
        environment: &Environment,
        view: &identity_assertions::View<'_>,
        row: usize,
    ) {
        let time = view.event_time(row);
        self.reach(time);
        self.touched.begins_earlier |= self.asserted_since.is_some_and(|since| time < since);
        self.asserted_since = Some(self.asserted_since.map_or(time, |since| since.min(time)));
        let Self { names, destinations, coverage, issuing, bindings, uses, touched, .. } = self;
        touched.issuing(issuing.assertion(environment, view, row));
        let called = destinations.of(environment, view, row);
        let (destination, source) = (names.name(&called.name), names.name(view.source(row)));
        let is_sent = sides::is_sent(view, row);
        // That a caller tells of its calls is no log of whom it called.
        if !is_sent {
            coverage.hear(Subject { kind: Kind::Destination, scope: destination, source }, time);
        }
        let credential = names.maybe_id(view.credential_id(row));
        let is_shown = matches!(view.phase(row), Phase::Present | Phase::Verify);
        if credential.is_none() && !is_shown {
            return;
        }
        let witness = Witness::by(names, time, view.event_id(row), source, view.location(row));
        if let Some(id) = credential {
            touched.credential(bindings.assertion(environment, names, (id, witness), view, row));
        }
        if is_shown {
            coverage.tell(source, time);
            let copy = Copy::of(view, row);
            let shown = Shown { environment, credential, destination, called, witness, copy, is_sent };
            let folded = uses.assertion(names, &shown, view, row);
            touched.usage(folded.place);
            touched.usage(folded.repeated);
        }
    }

    /// Folds one placement.
    pub(crate) fn placement(&mut self, view: &placements::View<'_>, row: usize) {
        self.reach(view.event_time(row));
        self.placements.placement(&mut self.names, view, row, self.touched.stays());
    }
}
