//! The verdict itself: how it ended, which layer did what, what was not observed.

use offbound_schemas::record::{Incident, LayerJudgement, ResidualExposure};
use offbound_schemas::vocabulary::{Control, LayerVerdict};

use crate::theme::Role;
use crate::view::facts::pad;
use crate::view::ink::{Ink, Line, width};
use crate::view::words;

/// Columns of the labels.
const LABEL: usize = 16;
/// Lines that the reason may take.
const REASON_LINES: usize = 2;

/// The lines of the verdict.
pub(crate) fn verdict_lines(incident: &Incident, room: u16) -> Vec<Line> {
    let mut lines = vec![title(incident)];
    lines.extend(outcome(incident, room));
    lines.push(times(incident));
    lines.extend(layer("HOST LAYER", &incident.host_layer, room));
    lines.extend(layer("IDENTITY LAYER", &incident.identity_layer, room));
    lines.push(labelled("FIRST FAILED", controls(&incident.first_failed, Role::Bad)));
    lines.push(labelled("FIRST ABSENT", controls(&incident.first_absent, Role::Warn)));
    lines.push(labelled("BLAST RADIUS", radius(incident)));
    lines.push(labelled("STILL USABLE", exposure(&incident.residual_exposure)));
    lines.extend(not_observed(incident, room));
    lines
}

fn gap() -> Ink {
    Ink::fixed("  ")
}

fn labelled(label: &'static str, value: Line) -> Line {
    [vec![Ink::fixed(label).role(Role::Strong), pad(LABEL.saturating_sub(label.len()))], value].concat()
}

fn title(incident: &Incident) -> Line {
    vec![words::severity_word(incident.severity), gap(), Ink::outside(&incident.title).role(Role::Strong)]
}

fn outcome(incident: &Incident, room: u16) -> Vec<Line> {
    let mut head =
        vec![words::outcome(incident.outcome), Ink::fixed(", "), words::strength(incident.strength)];
    if incident.reason.is_empty() {
        return vec![head];
    }
    head.push(Ink::fixed(": "));
    let indent = width(&head);
    let parts = Ink::outside(&incident.reason).wrap(usize::from(room).saturating_sub(indent).max(20), false);
    let mut lines: Vec<Line> = Vec::new();
    for part in parts.into_iter().take(REASON_LINES) {
        let start = if lines.is_empty() { std::mem::take(&mut head) } else { vec![pad(indent)] };
        lines.push([start, vec![part]].concat());
    }
    lines
}

fn times(incident: &Incident) -> Line {
    let dim = |text: &'static str| Ink::fixed(text).role(Role::Dim);
    let mut line = vec![
        dim("onset "),
        Ink::moment(incident.onset),
        Ink::fixed(" ("),
        Ink::outside(&incident.onset_basis),
    ];
    line.extend([Ink::fixed(")"), gap(), dim("detected ")]);
    match incident.time_to_detect_seconds {
        Some(seconds) => line.extend([Ink::fixed("+"), Ink::duration(seconds)]),
        None => line.push(Ink::fixed("not")),
    }
    line.extend([gap(), dim("contained ")]);
    match (incident.time_to_contain_seconds, incident.contained_at) {
        (Some(seconds), _) => line.extend([Ink::fixed("+"), Ink::duration(seconds)]),
        (None, Some(time)) => line.push(Ink::clock(time)),
        (None, None) => line.push(Ink::fixed("never").role(Role::Bad)),
    }
    line.extend([gap(), dim("end "), Ink::clock(incident.end)]);
    line
}

/// A layer's verdict, and what each of its controls did.
fn layer(label: &'static str, layer: &LayerJudgement, room: u16) -> Vec<Line> {
    let mut line = labelled(label, vec![words::verdict(layer.verdict)]);
    if layer.inferred {
        line.push(Ink::fixed(" (inferred)").role(Role::Doubt));
    }
    let challenged = layer.controls.iter().filter(|control| control.verdict != LayerVerdict::NotChallenged);
    let mut left_out = 0;
    for control in challenged {
        let part = [
            gap(),
            Ink::fixed(control.control.as_str()).role(Role::Dim),
            Ink::fixed(" "),
            words::verdict(control.verdict),
        ];
        if left_out > 0 || width(&line) + width(&part) + 10 > usize::from(room) {
            left_out += 1;
        } else {
            line.extend(part);
        }
    }
    if left_out > 0 {
        line.extend([Ink::fixed("  +"), Ink::number(left_out), Ink::fixed(" more")]);
    }
    vec![line]
}

fn controls(controls: &[Control], role: Role) -> Line {
    if controls.is_empty() {
        return vec![Ink::fixed("none").role(Role::Dim)];
    }
    let mut line = Line::new();
    for (at, control) in controls.iter().enumerate() {
        if at > 0 {
            line.push(Ink::fixed(", "));
        }
        line.push(Ink::fixed(control.as_str()).role(role));
    }
    if controls.len() > 1 {
        line.push(Ink::fixed("  (the clocks do not order them)").role(Role::Dim));
    }
    line
}

fn radius(incident: &Incident) -> Line {
    let radius = &incident.blast_radius;
    let edges = [
        ("reached ", radius.reached.len(), Role::Bad),
        ("suspected ", radius.suspected.len(), Role::Doubt),
        ("denied ", radius.denied.len(), Role::Good),
        ("reachable ", radius.reachable.len(), Role::Dim),
    ];
    let things = [
        (" credentials", incident.credentials.len()),
        (" workloads", incident.workloads.len()),
        (" hosts", incident.hosts.len()),
    ];
    let mut line = Line::new();
    for (word, count, role) in edges {
        let role = if count == 0 { Role::Dim } else { role };
        line.extend([Ink::fixed(word).role(role), Ink::number(count as u64).role(role), gap()]);
    }
    line.push(Ink::fixed(" of").role(Role::Dim));
    for (word, count) in things {
        line.extend([Ink::fixed(" "), Ink::number(count as u64), Ink::fixed(word).role(Role::Dim)]);
    }
    line
}

fn exposure(all: &[ResidualExposure]) -> Line {
    let usable = |one: &&ResidualExposure| one.seconds.is_none_or(|seconds| seconds > 0);
    let count = all.iter().filter(usable).count() as u64;
    if count == 0 {
        return vec![Ink::fixed("no stolen credential").role(Role::Dim)];
    }
    let longest = all.iter().filter(usable).map(|one| one.seconds).reduce(|a, b| Some(a?.max(b?))).flatten();
    let mut line =
        vec![Ink::number(count).role(Role::Warn), Ink::fixed(" stolen credentials, ").role(Role::Warn)];
    match longest {
        Some(seconds) => {
            line.extend([Ink::fixed("the longest for "), seconds_ink(seconds), Ink::fixed(" after the end")])
        }
        None => line.push(Ink::fixed("without a known end").role(Role::Bad)),
    }
    line
}

/// Seconds as a length of time.
pub(super) fn seconds_ink(seconds: i64) -> Ink {
    // Exact below 2^53 seconds, which no credential outlives.
    Ink::duration(seconds as f64)
}

fn not_observed(incident: &Incident, room: u16) -> Vec<Line> {
    if incident.missing_sources.is_empty() {
        return vec![labelled(
            "NOT OBSERVED",
            vec![Ink::fixed("nothing that the verdict needs").role(Role::Dim)],
        )];
    }
    let all = Ink::outside(&incident.missing_sources.join(", ")).role(Role::Doubt);
    let parts = all.wrap(usize::from(room).saturating_sub(LABEL).max(20), false);
    let label = |at: usize| if at == 0 { "NOT OBSERVED" } else { "" };
    parts.into_iter().enumerate().map(|(at, part)| labelled(label(at), vec![part])).collect()
}
