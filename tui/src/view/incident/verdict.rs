//! The verdict itself: how it ended, which layer did what, what was not observed.

use offbound_schemas::record::{Incident, LayerJudgement, ResidualExposure};
use offbound_schemas::vocabulary::{Control, LayerVerdict};

use crate::theme::Role;
use crate::view::facts::pad;
use crate::view::ink::{Ink, Line, width};
use crate::view::words;

/// Columns of the labels.
const LABEL: usize = 16;

/// The lines of the verdict.
pub(crate) fn verdict_lines(incident: &Incident, room: u16) -> Vec<Line> {
    let mut lines = vec![title(incident), outcome(incident), times(incident)];
    lines.extend(reason(incident, room));
    lines.push(layer("HOST LAYER", &incident.host_layer, room));
    lines.push(layer("IDENTITY LAYER", &incident.identity_layer, room));
    lines.extend(firsts(incident, room));
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

/// How it ended, and how soon.
fn outcome(incident: &Incident) -> Line {
    let dim = |text: &'static str| Ink::fixed(text).role(Role::Dim);
    let mut line =
        vec![words::outcome(incident.outcome), Ink::fixed(", "), words::strength(incident.strength)];
    line.extend([gap(), dim("detected ")]);
    match incident.time_to_detect_seconds {
        Some(seconds) => line.extend([Ink::fixed("+"), Ink::duration(seconds)]),
        None => line.push(Ink::fixed("never")),
    }
    line.extend([gap(), dim("contained ")]);
    match (incident.time_to_contain_seconds, incident.contained_at) {
        (Some(seconds), _) => line.extend([Ink::fixed("+"), Ink::duration(seconds)]),
        (None, Some(time)) => line.push(Ink::clock(time)),
        (None, None) => line.push(Ink::fixed("never").role(Role::Bad)),
    }
    line
}

fn times(incident: &Incident) -> Line {
    let dim = |text: &'static str| Ink::fixed(text).role(Role::Dim);
    let basis = [Ink::fixed(" ("), Ink::outside(&incident.onset_basis), Ink::fixed(")")];
    let mut line = vec![dim("onset "), Ink::moment(incident.onset)];
    line.extend(basis);
    line.extend([gap(), dim("last event "), Ink::moment(incident.end)]);
    line
}

fn reason(incident: &Incident, room: u16) -> Vec<Line> {
    if incident.reason.is_empty() {
        return Vec::new();
    }
    Ink::outside(&incident.reason).wrap(room.into(), false).into_iter().map(|part| vec![part]).collect()
}

/// What failed first and what was missed first: on one line where both fit.
fn firsts(incident: &Incident, room: u16) -> Vec<Line> {
    let failed = labelled("FIRST FAILED", controls(&incident.first_failed, Role::Bad));
    let absent = controls(&incident.first_absent, Role::Warn);
    let beside =
        [failed.clone(), vec![gap(), Ink::fixed("FIRST ABSENT ").role(Role::Strong)], absent.clone()]
            .concat();
    if width(&beside) <= usize::from(room) {
        return vec![beside];
    }
    vec![failed, labelled("FIRST ABSENT", absent)]
}

/// A layer's verdict, and what each of its controls did.
fn layer(label: &'static str, layer: &LayerJudgement, room: u16) -> Line {
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
    line
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
        ("not tried ", radius.reachable.len(), Role::Dim),
    ];
    let mut line = Line::new();
    for (word, count, role) in edges {
        let role = if count == 0 { Role::Dim } else { role };
        line.extend([Ink::fixed(word).role(role), Ink::number(count as u64).role(role), gap()]);
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
    let mut lines = Vec::new();
    for source in &incident.missing_sources {
        let parts = Ink::outside(source)
            .role(Role::Doubt)
            .wrap(usize::from(room).saturating_sub(LABEL).max(20), false);
        for part in parts {
            let label = if lines.is_empty() { "NOT OBSERVED" } else { "" };
            lines.push(labelled(label, vec![part]));
        }
    }
    lines
}
