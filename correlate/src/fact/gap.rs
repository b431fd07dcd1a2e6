//! Gaps: telemetry that a source says it lost.
//!
//! In: host events of action `telemetry_gap`. Out: intervals with source, scope and count.
//! Owns: nothing but the list. Law: an absence inside a gap proves nothing.

use offbound_schemas::EventTime;
use offbound_schemas::record::Gap;
use offbound_schemas::table::host_events;

/// All gaps.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    gaps: Vec<(Gap, String)>,
}

impl Gaps {
    pub(crate) fn host_event(&mut self, view: &host_events::View<'_>, row: usize) {
        let to = view.event_time(row);
        let scope = match (view.host(row), view.pod_uid(row)) {
            (_, Some(pod)) => format!("pod:{pod}"),
            (Some(host), None) => format!("host:{host}"),
            (None, None) => format!("source:{}", view.source(row)),
        };
        let gap = Gap {
            record_type: "gap".to_owned(),
            schema: "offbound.gap/1".to_owned(),
            source: view.source(row).to_owned(),
            scope,
            from: view.gap_from(row).unwrap_or(to).min(to),
            to,
            lost: view.lost(row),
            reason: view.rule(row).unwrap_or("the source reports lost records").to_owned(),
        };
        self.gaps.push((gap, view.location(row).to_owned()));
    }

    /// Every gap with its location, by start.
    pub(crate) fn sorted(&self) -> Vec<(Gap, String)> {
        let mut gaps = self.gaps.clone();
        gaps.sort_by(|a, b| (a.0.from, &a.0, &a.1).cmp(&(b.0.from, &b.0, &b.1)));
        gaps
    }

    /// Whether any gap of that scope touches the stretch.
    pub(crate) fn touches(&self, scope: &str, from: EventTime, to: EventTime) -> Option<&Gap> {
        self.gaps
            .iter()
            .map(|(gap, _)| gap)
            .find(|gap| gap.scope == scope && gap.from <= to && gap.to >= from)
    }
}
