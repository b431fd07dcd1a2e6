//! What the verdict rests on, as rows that can be selected and opened.

use std::collections::BTreeMap;

use offbound_schemas::record::{ControlVerdict, Incident, Reach, ResidualExposure};
use offbound_schemas::{EventId, IncidentId};
use ratatui::layout::Rect;

use super::verdict::seconds_ink;
use crate::filter::exactly;
use crate::list::Row;
use crate::location::{Location, Subject, Within};
use crate::port::{Entity, EntityKind, FindingRow, Page};
use crate::theme::Role;
use crate::view::canvas::Canvas;
use crate::view::ink::{Ink, Line};
use crate::view::words;

/// Destinations of one credential and kind of edge that get a row of their own; the rest is counted.
const REACHES_MAX: usize = 500;

/// Which layer a control belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Host hardening.
    Host,
    /// Workload identity.
    Identity,
}

/// How sure an edge of the blast radius is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edge {
    /// Allowed for certain.
    Reached,
    /// Possibly allowed.
    Suspected,
    /// Refused.
    Denied,
    /// Not tried.
    Reachable,
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) enum VerdictRow {
    /// The beginning of a section.
    Heading(&'static str, &'static str),
    /// A line of the verdict, where it has no place of its own.
    Text(usize, Line),
    /// Nothing in a section.
    Nothing(&'static str, &'static str),
    /// What a control did.
    Control(Side, ControlVerdict),
    /// A credential that the blast radius hangs on.
    Credential(Option<String>),
    /// Something that it reached, or did not.
    Reach(Edge, Reach, bool),
    /// More of the same than is listed.
    More(u64),
    /// What a stolen credential is still good for.
    Exposure(ResidualExposure),
    /// A credential, host or workload concerned: the field that filters know it by, and its name.
    Concerned(&'static str, String),
    /// A finding.
    Finding(FindingRow),
}

/// The rows of an incident, after the lines `above`.
pub(super) fn of(incident: &Incident, members: &Page<FindingRow>, above: Vec<Line>) -> Vec<VerdictRow> {
    let mut rows: Vec<VerdictRow> =
        above.into_iter().enumerate().map(|(at, line)| VerdictRow::Text(at, line)).collect();
    rows.push(VerdictRow::Heading("controls, in order of time", "Enter shows the record"));
    rows.extend(section(controls(incident), "controls", "no control was challenged"));
    rows.push(VerdictRow::Heading("blast radius", "Enter shows the findings"));
    rows.extend(section(radius(incident), "radius", "nothing was reached or tried"));
    rows.push(VerdictRow::Heading("residual exposure, at the end of the data", ""));
    let exposures = incident.residual_exposure.iter().cloned().map(VerdictRow::Exposure).collect();
    rows.extend(section(exposures, "exposure", "no credential was stolen"));
    rows.push(VerdictRow::Heading("credentials, hosts and workloads", "Enter shows the findings"));
    rows.extend(section(concerned(incident), "concerned", "none known"));
    rows.push(VerdictRow::Heading("findings, latest first", "Enter opens"));
    let own = members.rows.iter().filter(|row| row.incident == Some(incident.id));
    let findings = own.cloned().map(VerdictRow::Finding).collect();
    rows.extend(section(findings, "findings", "loading"));
    rows
}

fn section(rows: Vec<VerdictRow>, name: &'static str, none: &'static str) -> Vec<VerdictRow> {
    if rows.is_empty() { vec![VerdictRow::Nothing(name, none)] } else { rows }
}

fn controls(incident: &Incident) -> Vec<VerdictRow> {
    let host = incident.host_layer.controls.iter().map(|control| (Side::Host, control));
    let identity = incident.identity_layer.controls.iter().map(|control| (Side::Identity, control));
    let mut all: Vec<(Side, &ControlVerdict)> = host.chain(identity).collect();
    // Those that nothing was seen of come last, in stage order.
    all.sort_by_key(|(_, control)| (control.time.is_none(), control.time, control.control));
    all.into_iter().map(|(side, control)| VerdictRow::Control(side, control.clone())).collect()
}

fn concerned(incident: &Incident) -> Vec<VerdictRow> {
    let things =
        [("credential", &incident.credentials), ("host", &incident.hosts), ("workload", &incident.workloads)];
    let named = |(field, names): (&'static str, &Vec<String>)| {
        names.iter().map(|name| VerdictRow::Concerned(field, name.clone())).collect::<Vec<_>>()
    };
    things.into_iter().flat_map(named).collect()
}

fn radius(incident: &Incident) -> Vec<VerdictRow> {
    let radius = &incident.blast_radius;
    let kinds = [
        (Edge::Reached, &radius.reached),
        (Edge::Suspected, &radius.suspected),
        (Edge::Denied, &radius.denied),
        (Edge::Reachable, &radius.reachable),
    ];
    let mut by_credential: BTreeMap<Option<&str>, Vec<(Edge, &Reach)>> = BTreeMap::new();
    for (edge, reaches) in kinds {
        for reach in reaches {
            by_credential.entry(reach.credential.as_deref()).or_default().push((edge, reach));
        }
    }
    let mut rows = Vec::new();
    for (credential, reaches) in by_credential {
        rows.push(VerdictRow::Credential(credential.map(str::to_owned)));
        let last = reaches.len().min(REACHES_MAX) - 1;
        let listed = reaches.iter().take(REACHES_MAX).enumerate();
        rows.extend(listed.map(|(at, (edge, reach))| VerdictRow::Reach(*edge, (*reach).clone(), at == last)));
        if let Some(more) = reaches.len().checked_sub(REACHES_MAX).filter(|more| *more > 0) {
            rows.push(VerdictRow::More(more as u64));
        }
    }
    rows
}

impl Row for VerdictRow {
    fn id(&self) -> String {
        match self {
            Self::Heading(title, _) => format!("heading {title}"),
            Self::Text(number, _) => format!("text {number}"),
            Self::Nothing(section, _) => format!("nothing {section}"),
            Self::Control(side, control) => format!("control {side:?} {}", control.control),
            Self::Credential(id) => format!("credential {id:?}"),
            Self::Reach(edge, reach, _) => {
                format!("reach {edge:?} {:?} {}", reach.credential, reach.destination)
            }
            Self::More(count) => format!("more {count}"),
            Self::Exposure(exposure) => format!("exposure {}", exposure.credential),
            Self::Concerned(field, name) => format!("concerned {field} {name}"),
            Self::Finding(row) => format!("finding {}", row.id),
        }
    }

    fn selectable(&self) -> bool {
        !matches!(self, Self::Heading(..) | Self::Nothing(..) | Self::More(_))
    }
}

impl VerdictRow {
    /// The first record behind it.
    pub(super) fn record(&self) -> Option<EventId> {
        match self {
            Self::Control(_, control) => control.evidence.first().copied(),
            _ => None,
        }
    }

    /// The entity that it names, if it names one.
    pub(super) fn entity(&self) -> Option<Entity> {
        match self {
            Self::Credential(Some(id)) => Some(Entity::new(EntityKind::Credential, id)),
            Self::Exposure(exposure) => Some(Entity::new(EntityKind::Credential, &exposure.credential)),
            Self::Reach(_, reach, _) => {
                reach.credential.as_deref().map(|id| Entity::new(EntityKind::Credential, id))
            }
            Self::Concerned(field, name) => EntityKind::named(field).map(|kind| Entity::new(kind, name)),
            _ => None,
        }
    }

    /// Where Enter leads.
    pub(super) fn leads_to(&self, incident: IncidentId) -> Option<Location> {
        let within = Within::Incident(incident);
        match self {
            Self::Control(..) => {
                self.record().map(|event| Location::new("record", Subject::Record(event, within)))
            }
            Self::Finding(row) => Some(Location::new("finding", Subject::Finding(row.id))),
            Self::Credential(Some(id)) => Some(findings_with("credential", id)),
            Self::Exposure(exposure) => Some(findings_with("credential", &exposure.credential)),
            Self::Reach(_, reach, _) => Some(findings_with("destination", &reach.destination)),
            Self::Concerned(field, name) => Some(findings_with(field, name)),
            Self::Credential(None)
            | Self::Heading(..)
            | Self::Text(..)
            | Self::Nothing(..)
            | Self::More(_) => None,
        }
    }

    /// Draws it.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, row: Rect) {
        if let Self::Heading(title, right) = self {
            let hint: &[Ink] = if right.is_empty() { &[] } else { &[Ink::fixed(right).role(Role::Dim)] };
            canvas.rule(row, row.y, &[Ink::fixed(title).role(Role::Strong)], hint);
            return;
        }
        let line = self.line(canvas.theme.branches(), row.width >= 100);
        canvas.line(row.x + 2, row.y, row.width.saturating_sub(3), &line);
    }

    fn line(&self, branches: [&'static str; 3], wide: bool) -> Line {
        match self {
            Self::Heading(..) => Line::new(),
            Self::Text(_, line) => line.clone(),
            Self::Nothing(_, text) => vec![Ink::fixed(text).role(Role::Dim)],
            Self::Control(side, control) => control_line(*side, control),
            Self::Credential(Some(id)) => vec![Ink::outside(id).role(Role::Strong)],
            Self::Credential(None) => vec![Ink::fixed("no credential known").role(Role::Doubt)],
            Self::Reach(edge, reach, last) => reach_line(*edge, reach, branches[usize::from(*last)], wide),
            Self::More(count) => {
                vec![Ink::fixed("   "), Ink::number(*count), Ink::fixed(" more").role(Role::Dim)]
            }
            Self::Exposure(exposure) => exposure_line(exposure),
            Self::Concerned(field, name) => {
                let mut line = column(Ink::fixed(field).role(Role::Dim), 12).to_vec();
                line.push(Ink::outside(name));
                line
            }
            Self::Finding(row) => finding_line(row),
        }
    }
}

/// The findings list, filtered to this value.
fn findings_with(field: &str, value: &str) -> Location {
    let mut place = Location::new("findings", Subject::All);
    place.filter = exactly(field, value);
    place
}

/// `text` and spaces up to `columns`.
fn column(ink: Ink, columns: usize) -> [Ink; 2] {
    let gap = columns.saturating_sub(ink.width());
    [ink, crate::view::facts::pad(gap + 1)]
}

fn control_line(side: Side, control: &ControlVerdict) -> Line {
    let time = control.time.map_or(Ink::fixed("-").role(Role::Dim), Ink::clock);
    let layer = Ink::fixed(match side {
        Side::Host => "host",
        Side::Identity => "identity",
    });
    let mut line = Line::new();
    line.extend(column(time, 12));
    line.extend(column(layer, 8));
    line.extend(column(Ink::fixed(control.control.as_str()), 26));
    line.extend(column(words::verdict(control.verdict), 14));
    line.push(match control.evidence.len() as u64 {
        0 => Ink::fixed("no record").role(Role::Dim),
        count => Ink::count(count, "record", "records").role(Role::Dim),
    });
    line
}

fn reach_line(edge: Edge, reach: &Reach, branch: &'static str, wide: bool) -> Line {
    let (word, role) = match edge {
        Edge::Reached => ("REACHED", Role::Bad),
        Edge::Suspected => ("suspected", Role::Doubt),
        Edge::Denied => ("denied", Role::Good),
        Edge::Reachable => ("not tried", Role::Dim),
    };
    let mut line = vec![Ink::fixed(branch).role(Role::Rule)];
    line.extend(column(Ink::fixed(word).role(role), 9));
    line.extend(column(Ink::outside(&reach.destination), if wide { 40 } else { 30 }));
    if reach.count > 0 {
        line.extend([Ink::number(reach.count), Ink::fixed("x ")]);
    }
    if let (Some(first), Some(last)) = (reach.first, reach.last) {
        line.push(Ink::clock(first).role(Role::Dim));
        if last != first {
            line.extend([Ink::fixed(" to ").role(Role::Dim), Ink::clock(last).role(Role::Dim)]);
        }
    }
    line
}

fn exposure_line(exposure: &ResidualExposure) -> Line {
    let (left, role) = match exposure.seconds {
        None => (Ink::fixed("no known end"), Role::Bad),
        Some(seconds) if seconds > 0 => (seconds_ink(seconds), Role::Warn),
        Some(_) => (Ink::fixed("over"), Role::Good),
    };
    let mut line = Line::new();
    line.extend(column(left.role(role), 12));
    line.extend(column(Ink::outside(&exposure.reason), 14));
    line.push(Ink::outside(&exposure.credential));
    line
}

fn finding_line(row: &FindingRow) -> Line {
    let mut line = Line::new();
    line.extend(column(words::severity(row.severity), 3));
    line.extend(column(Ink::clock(row.last), 12));
    line.extend(column(Ink::outside(&row.rule), 7));
    line.extend([Ink::outside(&row.title), Ink::fixed("  "), Ink::outside(&row.entity).role(Role::Dim)]);
    line
}
