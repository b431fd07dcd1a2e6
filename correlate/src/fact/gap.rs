//! Gaps: telemetry that a source says it lost.
//!
//! In: host events of action `telemetry_gap`, rows of facts that were given up. Out: intervals with source, scope and count.
//! Owns: nothing but the list. Law: an absence inside a gap proves nothing.

use offbound_schemas::EventTime;
use offbound_schemas::record::Gap;
use offbound_schemas::table::host_events;

/// The scope of what several have lost that are not named.
pub(crate) const OTHERS: &str = "others";
/// Where the records are that say what facts were given up: nowhere but in this process.
const OWN_LOCATION: &str = "facts";

/// A gap, and who says so.
#[derive(Debug, Clone)]
struct Told {
    gap: Gap,
    location: String,
    /// It speaks of what sensors of hosts would have shown.
    is_of_hosts: bool,
}

/// All gaps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gaps {
    gaps: Vec<Told>,
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
        self.gaps.push(Told { gap, location: view.location(row).to_owned(), is_of_hosts: true });
    }

    /// Rows of facts were given up.
    pub(crate) fn given_up(&mut self, gap: Gap, is_of_hosts: bool) {
        self.gaps.push(Told { gap, location: OWN_LOCATION.to_owned(), is_of_hosts });
    }

    /// Every gap with its location, by start.
    pub(crate) fn sorted(&self) -> Vec<(Gap, String)> {
        let mut gaps: Vec<(Gap, String)> =
            self.gaps.iter().map(|told| (told.gap.clone(), told.location.clone())).collect();
        gaps.sort_by(|a, b| (a.0.from, &a.0, &a.1).cmp(&(b.0.from, &b.0, &b.1)));
        gaps
    }

    /// Whether any gap in what sensors show of that scope touches the stretch.
    pub(crate) fn touches(&self, scope: &str, from: EventTime, to: EventTime) -> Option<&Gap> {
        let of_hosts = self.gaps.iter().filter(|told| told.is_of_hosts).map(|told| &told.gap);
        of_hosts
            .filter(|gap| gap.scope == scope || gap.scope == OTHERS)
            .find(|gap| gap.from <= to && gap.to >= from)
    }
}
