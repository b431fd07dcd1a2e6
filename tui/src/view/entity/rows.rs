//! What is known of an entity, as rows that can be selected and opened.

use offbound_schemas::{EventTime, FindingId};
use ratatui::layout::Rect;

use crate::desk::Status;
use crate::filter::exactly;
use crate::list::Row;
use crate::location::{Location, Subject};
use crate::port::{
    Entity, EntityFacts, EntityKind, EntityNote, EntityRow, FindingRow, IncidentRow, Judged, Page, Telemetry,
    Use,
};
use crate::theme::Role;
use crate::view::canvas::Canvas;
use crate::view::ink::{Ink, Line};
use crate::view::{facts, words};

/// A row.
#[derive(Debug, Clone)]
pub(crate) enum EntityLine {
    /// The beginning of a section.
    Heading(&'static str, &'static str),
    /// Text: its section and number in it.
    Text(&'static str, usize, Line),
    /// Uses of one kind, and what findings say of them.
    Use(Use, Vec<Judged>),
    /// A finding.
    Finding(FindingRow),
    /// An incident.
    Incident(IncidentRow),
    /// Another entity.
    Related(EntityRow),
    /// What a source recorded.
    Telemetry(Telemetry),
}

/// The rows of an entity, as far as answers are there.
pub(super) fn of(
    entity: &Entity,
    note: Option<&EntityNote>,
    found: Option<&Page<FindingRow>>,
    known: Option<&EntityFacts>,
    asked: Option<&Status>,
    room: u16,
) -> Vec<EntityLine> {
    let mut rows = vec![EntityLine::Heading("what it is", "")];
    let name = Ink::outside(&entity.name).role(Role::Strong);
    let mut lines = facts::labelled(entity.kind.name(), &name, room);
    for (label, value) in known.iter().flat_map(|known| &known.facts) {
        lines.extend(facts::labelled(label, &Ink::outside(value), room));
    }
    if known.is_some_and(|known| known.is_cut) {
        lines.push(vec![
            Ink::fixed("there is more than is listed here; 6 shows every event").role(Role::Doubt),
        ]);
    }
    rows.extend(text("what", lines));
    rows.push(EntityLine::Heading(
        "used: verdict, acts, result, address, hosts there, called",
        "Enter: events",
    ));
    let uses = known.map(|known| known.uses.iter().map(|one| used(one, entity, note)).collect::<Vec<_>>());
    rows.extend(section("use", uses, asked, "no use was recorded"));
    rows.push(EntityLine::Heading("incidents", "Enter opens"));
    let incidents = note.map(|note| note.incidents.iter().cloned().map(EntityLine::Incident).collect());
    rows.extend(section("incident", incidents, None, "no incident names it"));
    rows.push(EntityLine::Heading("findings, weightiest first", "Enter opens"));
    let findings = found.map(|page| page.rows.iter().cloned().map(EntityLine::Finding).collect());
    rows.extend(section("finding", findings, None, "no finding names it"));
    if let Some(more) =
        found.and_then(|page| page.total.checked_sub(page.rows.len() as u64)).filter(|more| *more > 0)
    {
        let more = vec![Ink::number(more), Ink::fixed(" more findings").role(Role::Dim)];
        rows.push(EntityLine::Text("more", 0, more));
    }
    rows.push(EntityLine::Heading("named together with it", "Enter opens"));
    let related = known.map(|known| known.related.iter().cloned().map(EntityLine::Related).collect());
    rows.extend(section("related", related, asked, "nobody"));
    rows.push(EntityLine::Heading("who recorded it", "Enter shows the events"));
    let telemetry = known.map(|known| known.telemetry.iter().cloned().map(EntityLine::Telemetry).collect());
    rows.extend(section("telemetry", telemetry, asked, "NOT OBSERVED: no event names it"));
    rows
}

fn text(name: &'static str, lines: Vec<Line>) -> impl Iterator<Item = EntityLine> {
    lines.into_iter().enumerate().map(move |(at, line)| EntityLine::Text(name, at, line))
}

/// Rows of a section; what is said where there are none, or none yet.
fn section(
    name: &'static str,
    rows: Option<Vec<EntityLine>>,
    asked: Option<&Status>,
    none: &'static str,
) -> Vec<EntityLine> {
    let said = match (rows, asked) {
        (Some(rows), _) if !rows.is_empty() => return rows,
        (Some(_), _) => vec![Ink::fixed(none).role(Role::Dim)],
        (None, Some(Status::Failed(why))) => {
            vec![Ink::fixed("cannot be read: ").role(Role::Bad), Ink::outside(why)]
        }
        (None, _) => vec![Ink::fixed("reading").role(Role::Dim)],
    };
    vec![EntityLine::Text(name, 0, said)]
}

/// A use with the findings that speak of it: of this credential, or of this entity's, from this address.
fn used(one: &Use, entity: &Entity, note: Option<&EntityNote>) -> EntityLine {
    let speaks = |judged: &&Judged| {
        let is_its_own = entity.kind != EntityKind::Credential
            || judged.credential.as_deref().is_none_or(|credential| credential == entity.name);
        is_its_own && one.address.as_deref() == Some(judged.address.as_str())
    };
    let judged = note.iter().flat_map(|note| &note.judged).filter(speaks).cloned().collect();
    EntityLine::Use(one.clone(), judged)
}

impl Row for EntityLine {
    fn id(&self) -> String {
        match self {
            Self::Heading(title, _) => format!("heading {title}"),
            Self::Text(section, number, _) => format!("{section} {number}"),
            Self::Use(one, _) => {
                format!("use {:?} {:?} {:?}", one.address, one.workload, one.destination)
            }
            Self::Finding(row) => format!("finding {}", row.id),
            Self::Incident(row) => format!("incident {}", row.id),
            Self::Related(row) => format!("related {:?}", row.entity),
            Self::Telemetry(row) => format!("telemetry {} {}", row.table, row.source),
        }
    }

    fn selectable(&self) -> bool {
        !matches!(self, Self::Heading(..))
    }
}

impl EntityLine {
    /// Where Enter leads.
    pub(super) fn leads_to(&self, entity: &Entity) -> Option<Location> {
        let events = |filter: String| {
            let mut place = Location::new("events", Subject::Entity(entity.clone()));
            place.filter = filter;
            Some(place)
        };
        match self {
            Self::Heading(..) | Self::Text(..) => None,
            Self::Use(one, _) => {
                let fields = [
                    ("address", &one.address),
                    ("workload", &one.workload),
                    ("destination", &one.destination),
                ];
                let terms =
                    fields.iter().filter_map(|(field, value)| Some(exactly(field, value.as_deref()?)));
                events(terms.collect::<Vec<_>>().join(" "))
            }
            Self::Finding(row) => Some(Location::new("finding", Subject::Finding(row.id))),
            Self::Incident(row) => Some(Location::new("incident", Subject::Incident(row.id))),
            Self::Related(row) => Some(Location::new("entity", Subject::Entity(row.entity.clone()))),
            Self::Telemetry(row) => {
                events(format!("{} {}", exactly("table", &row.table), exactly("source", &row.source)))
            }
        }
    }

    /// The finding that it is, or that speaks of it.
    pub(super) fn finding(&self) -> Option<FindingId> {
        match self {
            Self::Finding(row) => Some(row.id),
            Self::Use(_, judged) => judged.first().map(|judged| judged.finding),
            _ => None,
        }
    }

    /// The entities that it names.
    pub(super) fn entities(&self) -> Vec<Entity> {
        match self {
            Self::Related(row) => vec![row.entity.clone()],
            Self::Use(one, _) => {
                let hosts = one.hosts.iter().map(|host| Entity::new(EntityKind::Host, host));
                let workloads = one.workload.iter().map(|name| Entity::new(EntityKind::Workload, name));
                hosts.chain(workloads).collect()
            }
            _ => Vec::new(),
        }
    }

    /// All of it, where its line is too short.
    pub(super) fn details(&self, room: u16) -> Vec<Line> {
        match self {
            Self::Heading(..) => Vec::new(),
            Self::Text(_, _, line) => vec![line.clone()],
            Self::Use(one, judged) => use_details(one, judged, room),
            Self::Finding(row) => facts::labelled("finding", &Ink::outside(&row.title), room),
            Self::Incident(row) => facts::labelled("incident", &Ink::outside(&row.title), room),
            Self::Related(row) => {
                let mut lines =
                    facts::labelled(row.entity.kind.name(), &Ink::outside(&row.entity.name), room);
                lines.extend(row.first.zip(row.last).map(|(first, last)| when(first, last)));
                lines
            }
            Self::Telemetry(row) => vec![when(row.first, row.last)],
        }
    }

    /// Draws it.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, row: Rect) {
        if let Self::Heading(title, right) = self {
            let hint: &[Ink] = if right.is_empty() { &[] } else { &[Ink::fixed(right).role(Role::Dim)] };
            canvas.rule(row, row.y, &[Ink::fixed(title).role(Role::Strong)], hint);
            return;
        }
        canvas.line(row.x + 2, row.y, row.width.saturating_sub(3), &self.line(row.width >= 100));
    }

    fn line(&self, wide: bool) -> Line {
        match self {
            Self::Heading(..) => Line::new(),
            Self::Text(_, _, line) => line.clone(),
            Self::Use(one, judged) => use_line(one, judged, wide),
            Self::Finding(row) => finding_line(row),
            Self::Incident(row) => incident_line(row),
            Self::Related(row) => related_line(row, wide),
            Self::Telemetry(row) => {
                let mut line = column(Ink::number(row.records), 9).to_vec();
                line.extend(column(Ink::outside(&row.table), 20));
                line.extend(column(Ink::outside(&row.source), 16));
                line.extend(span(row.first, row.last));
                line
            }
        }
    }
}

/// `ink` and spaces up to `columns`; of a longer one the end.
fn column(ink: Ink, columns: usize) -> [Ink; 2] {
    let ink = ink.end(columns);
    let gap = columns.saturating_sub(ink.width());
    [ink, facts::pad(gap + 1)]
}

fn span(first: EventTime, last: EventTime) -> Line {
    vec![
        Ink::short_moment(first).role(Role::Dim),
        Ink::fixed(" to ").role(Role::Dim),
        Ink::short_moment(last).role(Role::Dim),
    ]
}

/// Verdict first, so that no narrow screen cuts it off.
fn use_line(one: &Use, judged: &[Judged], wide: bool) -> Line {
    let verdict = match judged.iter().max_by_key(|judged| judged.is_off_bind) {
        Some(judged) if judged.is_off_bind => Ink::fixed("OFF-BIND").role(Role::Bad),
        Some(_) => Ink::fixed("finding").role(Role::Warn),
        None => Ink::fixed("no finding").role(Role::Dim),
    };
    let mut line = column(verdict, 10).to_vec();
    line.extend(column(Ink::number(one.count), 6));
    let result = match one.denied {
        0 => Ink::fixed("none refused"),
        denied if denied == one.count => Ink::fixed("all refused").role(Role::Good),
        _ => Ink::fixed("some refused").role(Role::Warn),
    };
    line.extend(column(result, 12));
    let unknown = || Ink::fixed("?").role(Role::Doubt);
    line.extend(column(one.address.as_deref().map_or_else(unknown, Ink::outside), 15));
    let hosts = one.hosts.join(" ");
    line.extend(column(
        if hosts.is_empty() { unknown() } else { Ink::outside(&hosts) },
        if wide { 20 } else { 10 },
    ));
    let destination = one.destination.as_deref().map_or_else(unknown, Ink::outside);
    line.extend(column(destination, if wide { 28 } else { 18 }));
    if let Some(workload) = &one.workload {
        line.extend([Ink::outside(workload), Ink::fixed("  ")]);
    }
    line.extend(span(one.first, one.last));
    for rule in judged.iter().map(|judged| judged.rule.as_str()).collect::<std::collections::BTreeSet<_>>() {
        line.extend([Ink::fixed("  "), Ink::outside(rule).role(Role::Strong)]);
    }
    line
}

/// A label of the details, with what follows it on the line.
fn detail(label: &'static str, rest: Line) -> Line {
    let mut line =
        vec![Ink::fixed(label).role(Role::Dim), facts::pad(facts::LABEL.saturating_sub(label.len()))];
    line.extend(rest);
    line
}

fn when(first: EventTime, last: EventTime) -> Line {
    detail("when", vec![Ink::moment(first), Ink::fixed(" to ").role(Role::Dim), Ink::moment(last)])
}

fn use_details(one: &Use, judged: &[Judged], room: u16) -> Vec<Line> {
    let unknown = || Ink::fixed("not recorded").role(Role::Doubt);
    let value = |value: &Option<String>| value.as_deref().map_or_else(unknown, Ink::outside);
    let hosts = one.hosts.join("  ");
    let there = match hosts.is_empty() {
        true => Ink::fixed("no placement has this address").role(Role::Doubt),
        false => Ink::outside(&hosts),
    };
    let rules: Vec<String> = judged.iter().map(|judged| judged.rule.clone()).collect();
    let said = match rules.is_empty() {
        true => Ink::fixed("no finding speaks of it; that is no proof of a match").role(Role::Dim),
        false => Ink::outside(&rules.join("  ")).role(Role::Strong),
    };
    let parts = [
        ("from", value(&one.address)),
        ("hosts there", there),
        ("workload", value(&one.workload)),
        ("called", value(&one.destination)),
        ("findings", said),
    ];
    let mut lines: Vec<Line> =
        parts.into_iter().flat_map(|(label, ink)| facts::labelled(label, &ink, room)).collect();
    lines.insert(0, when(one.first, one.last));
    let refused = [Ink::number(one.denied), Ink::fixed(" refused")];
    lines.insert(
        1,
        detail("acts", [vec![Ink::number(one.count), Ink::fixed("  ")], refused.to_vec()].concat()),
    );
    lines
}

fn finding_line(row: &FindingRow) -> Line {
    let mut line = column(words::severity(row.severity), 3).to_vec();
    line.extend(column(Ink::short_moment(row.first), 14));
    line.extend(column(Ink::outside(&row.rule), 7));
    line.push(Ink::outside(&row.title));
    line
}

fn incident_line(row: &IncidentRow) -> Line {
    let mut line = column(words::severity(row.severity), 3).to_vec();
    line.extend(column(Ink::short_moment(row.onset), 14));
    line.extend(column(words::outcome(row.outcome), 21));
    line.push(Ink::outside(&row.title));
    line
}

fn related_line(row: &EntityRow, wide: bool) -> Line {
    let mut line = column(Ink::number(row.records), 9).to_vec();
    line.extend(column(Ink::fixed(row.entity.kind.name()).role(Role::Dim), 10));
    line.extend(column(Ink::outside(&row.entity.name), if wide { 56 } else { 24 }));
    if let (Some(first), Some(last)) = (row.first, row.last) {
        line.extend(span(first, last));
    }
    line
}
