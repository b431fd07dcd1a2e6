//! The verdict block of an incident: outcome, both layers, what failed first, blast radius, exposure.
//!
//! In: an incident, and the findings it names. Out: a block of lines.
//! Owns: the words of a verdict. Law: what telemetry does not decide is said to be so, never left out.

use std::io::{self, Write};

use offbound_schemas::record::{BlastRadius, Incident, LayerJudgement, Reach, ResidualExposure};
use offbound_schemas::untrusted::safe;
use offbound_schemas::vocabulary::{ContainmentOutcome, Control};

use super::super::{Look, Results, Tone};
use super::{list, moment, span, write_labelled, write_toned};

/// Writes incident number `number`.
pub(super) fn write(
    incident: &Incident,
    number: usize,
    results: &Results,
    look: Look,
    to: &mut dyn Write,
) -> io::Result<()> {
    let heading =
        format!("INCIDENT {number} of {}  {}", results.incidents.len(), safe::line(&incident.title));
    writeln!(to, "{}", look.paint.tone(Tone::Strong, heading))?;
    let verdict = format!("{} ({})", outcome(incident.outcome), incident.strength);
    write_toned("verdict", incident.outcome.into(), &verdict, look, to)?;
    write_labelled("", &safe::line(&incident.reason), look, to)?;
    write_toned("severity", incident.severity.into(), incident.severity.as_str(), look, to)?;
    write_layer("host layer", &incident.host_layer, look, to)?;
    write_layer("identity layer", &incident.identity_layer, look, to)?;
    for (label, text) in facts(incident, results) {
        write_labelled(label, &text, look, to)?;
    }
    write_blast_radius(&incident.blast_radius, look, to)?;
    for exposure in &incident.residual_exposure {
        write_labelled("exposure", &exposure_text(exposure), look, to)?;
    }
    write_labelled("id", &incident.id.to_string(), look, to)?;
    writeln!(to)
}

fn write_layer(label: &str, layer: &LayerJudgement, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let LayerJudgement { verdict, inferred, controls } = layer;
    let inferred = if *inferred { " (inferred from its effects)" } else { "" };
    write_toned(label, (*verdict).into(), &format!("{}{inferred}", words(verdict.as_str())), look, to)?;
    for control in controls {
        let time = control.time.map(|time| format!("  {}", moment(time))).unwrap_or_default();
        let text = format!("{:<14} {}{time}", words(control.verdict.as_str()), control.control);
        write_toned("", control.verdict.into(), &text, look, to)?;
    }
    Ok(())
}

/// What is known of an incident, as label and text; what is empty is left out where emptiness says nothing.
fn facts(incident: &Incident, results: &Results) -> Vec<(&'static str, String)> {
    let began = format!("{} ({})", moment(incident.onset), safe::cell(&incident.onset_basis));
    let some_list = |texts: &[String]| (!texts.is_empty()).then(|| list(texts));
    let facts = [
        ("failed first", some_controls(&incident.first_failed)),
        ("missed first", some_controls(&incident.first_absent)),
        ("began", Some(began)),
        ("last event", Some(moment(incident.end))),
        ("detected", Some(after(incident.time_to_detect_seconds, "no finding of medium severity or more"))),
        ("contained", Some(contained(incident))),
        ("findings", Some(rules(incident, results))),
        ("credentials", some_list(&incident.credentials)),
        ("workloads", some_list(&incident.workloads)),
        ("hosts", some_list(&incident.hosts)),
        ("not decided by", some_list(&incident.missing_sources)),
    ];
    facts.into_iter().filter_map(|(label, text)| Some((label, text?))).collect()
}

fn some_controls(controls: &[Control]) -> Option<String> {
    let names: Vec<&str> = controls.iter().map(|control| control.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn contained(incident: &Incident) -> String {
    let after = after(incident.time_to_contain_seconds, "no");
    incident.contained_at.map_or_else(|| after.clone(), |time| format!("{} ({after})", moment(time)))
}

fn after(seconds: Option<f64>, never: &str) -> String {
    seconds.map_or_else(|| never.to_owned(), |seconds| format!("after {}", duration(seconds)))
}

/// The rules of an incident's findings, each once, in time order.
fn rules(incident: &Incident, results: &Results) -> String {
    let mut names: Vec<String> = Vec::new();
    for id in &incident.findings {
        let finding = results.findings.iter().find(|finding| finding.id == *id);
        let name = finding.map_or_else(|| id.to_string(), |finding| safe::cell(&finding.rule).into_owned());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    format!("{} ({})", incident.findings.len(), names.join(", "))
}

fn write_blast_radius(radius: &BlastRadius, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let BlastRadius { reached, suspected, denied, reachable } = radius;
    let sets = [
        ("reached", reached, Tone::Bad),
        ("suspected", suspected, Tone::Warn),
        ("denied", denied, Tone::Good),
        ("could reach", reachable, Tone::Dim),
    ];
    for (label, set, tone) in sets {
        let mut label = label;
        for reach in set {
            write_toned(label, tone, &reach_text(reach), look, to)?;
            label = "";
        }
    }
    Ok(())
}

fn reach_text(reach: &Reach) -> String {
    let Reach { destination, credential, first, last, count } = reach;
    let mut text = safe::cell(destination).into_owned();
    if let Some(credential) = credential {
        text.push_str(&format!(" with {}", safe::cell(credential)));
    }
    if *count > 0 {
        text.push_str(&format!(", {count} times"));
    }
    if let (Some(first), Some(last)) = (first, last) {
        text.push_str(&format!(", {}", span(*first, *last)));
    }
    text
}

fn exposure_text(exposure: &ResidualExposure) -> String {
    let ResidualExposure { credential, seconds, reason } = exposure;
    let left = match seconds {
        Some(seconds) => {
            #[allow(clippy::cast_precision_loss, reason = "only for display")]
            let seconds = *seconds as f64;
            format!("usable for another {}", duration(seconds))
        }
        None => "usable without end".to_owned(),
    };
    format!("{}: {left} ({})", safe::cell(credential), safe::cell(reason))
}

fn outcome(outcome: ContainmentOutcome) -> &'static str {
    match outcome {
        ContainmentOutcome::Contained => "CONTAINED",
        ContainmentOutcome::ContainedByHost => "CONTAINED BY HOST ONLY",
        ContainmentOutcome::ContainedByIdentity => "CONTAINED BY IDENTITY ONLY",
        ContainmentOutcome::NotContained => "NOT CONTAINED",
        ContainmentOutcome::Unknown => "UNKNOWN FOR LACK OF TELEMETRY",
    }
}

/// A word of the records, for reading.
fn words(word: &str) -> String {
    word.replace('_', " ")
}

/// A length of time in the two largest units that matter.
fn duration(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let seconds = seconds.abs();
    if seconds < 60.0 {
        return format!("{sign}{} s", (seconds * 1000.0).round() / 1000.0);
    }
    let (large, unit, small, small_unit) = match seconds {
        s if s < 3_600.0 => (s / 60.0, "min", s % 60.0, "s"),
        s if s < 86_400.0 => (s / 3_600.0, "h", s % 3_600.0 / 60.0, "min"),
        s => (s / 86_400.0, "d", s % 86_400.0 / 3_600.0, "h"),
    };
    format!("{sign}{} {unit} {} {small_unit}", large.floor(), small.floor())
}

#[cfg(test)]
mod tests {
    use super::duration;

    /// Scenario: lengths of every size. Guarantees: two units, largest first.
    #[test]
    fn durations_read_well() {
        for (seconds, expected) in [
            (1.0, "1 s"),
            (0.25, "0.25 s"),
            (2710.0, "45 min 10 s"),
            (7260.0, "2 h 1 min"),
            (90_000.0, "1 d 1 h"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
