//! What a finding says, as labelled facts and as steps.
//!
//! In: a finding. Out: lines. Owns: their order and labels. Law: what is unknown is left out, never made up.

use offbound_schemas::record::{Evidence, Finding};
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::ink::{Ink, Line};
use crate::port::Layer;
use crate::theme::Role;
use crate::view::words;

/// Columns of the labels.
pub(crate) const LABEL: usize = 12;

/// A label and its value, wrapped to `room` columns.
pub(crate) fn labelled(label: &'static str, value: &Ink, room: u16) -> Vec<Line> {
    let room = usize::from(room).saturating_sub(LABEL).max(8);
    let mut lines = Vec::new();
    for (at, part) in value.wrap(room, false).into_iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        lines.push(vec![Ink::fixed(label).role(Role::Dim), pad(LABEL.saturating_sub(label.len())), part]);
    }
    lines
}

/// Spaces.
pub(crate) fn pad(columns: usize) -> Ink {
    const SPACES: &str = "                                ";
    Ink::fixed(SPACES.get(..columns.min(SPACES.len())).unwrap_or(SPACES))
}

/// Draws lines from the top of an area; returns how many.
pub(crate) fn draw_lines(canvas: &mut Canvas<'_>, area: Rect, lines: &[Line]) -> u16 {
    let mut y = area.y;
    for (at, line) in lines.iter().enumerate() {
        if y >= area.bottom() {
            break;
        }
        let hidden = lines.len() - at;
        if y + 1 == area.bottom() && hidden > 1 {
            let more = [
                Ink::fixed("... ").role(Role::Dim),
                Ink::number(hidden as u64),
                Ink::fixed(" more lines").role(Role::Dim),
            ];
            canvas.line(area.x, y, area.width, &more);
        } else {
            canvas.line(area.x, y, area.width, line);
        }
        y += 1;
    }
    y - area.y
}

/// The judgement, step by step, and what it rests on.
pub(crate) fn why(finding: &Finding, room: u16) -> Vec<Line> {
    let mut lines = steps(finding, room);
    lines.extend(finding.evidence.iter().map(evidence_line));
    lines.extend(not_observed(finding));
    lines
}

/// The judgement, step by step.
pub(crate) fn steps(finding: &Finding, room: u16) -> Vec<Line> {
    let mut lines = Vec::new();
    for (at, step) in finding.why.iter().enumerate() {
        let number = if finding.why.len() > 1 { Some(at as u64 + 1) } else { None };
        lines.extend(step_lines(number, &Ink::outside(step), room));
    }
    lines
}

/// The sources that would make it surer, and are not there.
pub(crate) fn not_observed(finding: &Finding) -> Vec<Line> {
    let mut lines = Vec::new();
    for source in &finding.missing_sources {
        lines.push(vec![Ink::fixed("NOT OBSERVED ").role(Role::Doubt), Ink::outside(source)]);
    }
    lines
}

fn step_lines(number: Option<u64>, text: &Ink, room: u16) -> Vec<Line> {
    let mark = number.map_or(Ink::fixed(""), |number| Ink::number(number).role(Role::Dim));
    let indent = if mark.width() > 0 { mark.width() + 1 } else { 0 };
    let parts = text.wrap(usize::from(room).saturating_sub(indent).max(8), false);
    let first =
        |at: usize| if at == 0 { vec![mark.clone(), pad(indent - mark.width())] } else { vec![pad(indent)] };
    parts.into_iter().enumerate().map(|(at, part)| [first(at), vec![part]].concat()).collect()
}

/// A record as evidence, on one line.
pub(crate) fn evidence_line(evidence: &Evidence) -> Line {
    vec![
        Ink::clock(evidence.time).role(Role::Dim),
        Ink::fixed("  "),
        Ink::outside(&evidence.role).role(Role::Strong),
        Ink::fixed("  "),
        Ink::outside(&evidence.source),
        Ink::fixed("  "),
        Ink::outside(&evidence.location).role(Role::Dim),
    ]
}

/// The same in columns, for lists of records.
pub(crate) fn evidence_columns(evidence: &Evidence) -> Line {
    let mut line = vec![Ink::clock(evidence.time), Ink::fixed(" ")];
    for (text, columns) in [(&evidence.role, 15), (&evidence.source, 12)] {
        let ink = Ink::outside(text);
        let gap = pad(usize::saturating_sub(columns, ink.width()) + 1);
        line.extend([ink, gap]);
    }
    line.push(Ink::outside(&evidence.location));
    line
}

/// Everything else that is known.
pub(crate) fn facts(finding: &Finding, room: u16) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |label: &'static str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            lines.extend(labelled(label, &Ink::outside(value), room));
        }
    };
    let credential = finding.credential.as_ref();
    add("credential", credential.map(|credential| credential.id.as_str()));
    add("kind", credential.map(|credential| credential.kind.as_str()));
    add("subject", finding.subject.as_deref());
    add("workload", finding.workload.as_deref());
    add("bound to", bound(finding).as_deref());
    add("seen at", observed(finding).as_deref());
    add("called", finding.destination.as_deref());
    add("action", finding.action.as_deref());
    add("decision", finding.decision.as_deref());
    add("process", process(finding).as_deref());
    add("lineage", finding.process.as_ref().map(|process| process.lineage.join(" > ")).as_deref());
    for (label, values) in [
        ("ATT&CK", &finding.attack),
        ("OWASP NHI", &finding.nhi),
        ("MAESTRO", &finding.maestro),
        ("NIST", &finding.nist),
    ] {
        add(label, Some(values.join(" ").as_str()));
    }
    lines
}

/// The parts of a place that are known, with words between them.
fn joined(parts: &[(&str, Option<&str>)]) -> Option<String> {
    let known: Vec<String> = parts
        .iter()
        .filter_map(|(label, value)| value.map(|value| format!("{label}{value}")))
        .filter(|part| !part.is_empty())
        .collect();
    (!known.is_empty()).then(|| known.join("  "))
}

fn bound(finding: &Finding) -> Option<String> {
    let bound = finding.bound.as_ref()?;
    let addresses = (!bound.addresses.is_empty()).then(|| bound.addresses.join(" "));
    let grade = bound.grade.to_string();
    joined(&[
        ("host ", bound.host.as_deref()),
        ("pod ", bound.pod_uid.as_deref()),
        ("", bound.workload.as_deref()),
        ("", addresses.as_deref()),
        ("grade ", Some(&grade)),
    ])
}

fn observed(finding: &Finding) -> Option<String> {
    let seen = finding.observed.as_ref()?;
    joined(&[
        ("host ", seen.host.as_deref()),
        ("pod ", seen.pod_uid.as_deref()),
        ("", seen.workload.as_deref()),
        ("", seen.address.as_deref()),
        ("address ", Some(&seen.quality)),
    ])
}

fn process(finding: &Finding) -> Option<String> {
    let process = finding.process.as_ref()?;
    let pid = process.pid.map(|pid| pid.to_string());
    joined(&[("", process.exe.as_deref()), ("pid ", pid.as_deref()), ("host ", process.host.as_deref())])
}

/// Rule, title, severity, times: the head of a finding.
pub(crate) fn head(finding: &Finding) -> Vec<Line> {
    let gap = || Ink::fixed("  ");
    let title = vec![
        words::severity_word(finding.severity),
        gap(),
        Ink::outside(&finding.rule).role(Role::Strong),
        gap(),
        Ink::outside(&finding.title).role(Role::Strong),
    ];
    let when = vec![
        Ink::moment(finding.first_time),
        Ink::fixed(" to ").role(Role::Dim),
        Ink::clock(finding.last_time),
        gap(),
        Ink::count(finding.count, "event", "events"),
    ];
    let standing = vec![
        Ink::fixed("confidence ").role(Role::Dim),
        words::confidence(finding.confidence),
        gap(),
        Ink::outside(finding.state.as_str()),
        gap(),
        words::layer_word(Layer::of(finding)),
        Ink::fixed(" telemetry").role(Role::Dim),
        gap(),
        Ink::fixed("revision ").role(Role::Dim),
        Ink::number(finding.revision.into()),
    ];
    vec![title, when, standing]
}
