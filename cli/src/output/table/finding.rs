//! Findings, grouped by rule: what, where it belongs, where it was seen, why.
//!
//! In: findings by first time. Out: one heading per rule, one block per finding.
//! Owns: the words of a finding. Law: groups are ordered by severity, then by rule id; a group keeps time order.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use offbound_schemas::record::{BoundPlace, Finding, ObservedPlace, ProcessRef};
use offbound_schemas::untrusted::safe;

use super::super::{Look, Tone};
use super::{list, span, write_labelled};

/// Writes all findings.
pub(super) fn write_all(findings: &[Finding], look: Look, to: &mut dyn Write) -> io::Result<()> {
    if findings.is_empty() {
        return writeln!(to, "{}\n", look.paint.tone(Tone::Strong, "NO FINDINGS"));
    }
    writeln!(to, "{}\n", look.paint.tone(Tone::Strong, format!("FINDINGS ({})", findings.len())))?;
    for group in grouped(findings) {
        write_group(&group, look, to)?;
    }
    Ok(())
}

/// Findings by rule, the weightiest rule first.
fn grouped(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_rule.entry(&finding.rule).or_default().push(finding);
    }
    let mut groups: Vec<Vec<&Finding>> = by_rule.into_values().collect();
    groups.sort_by_key(|group| Reverse(group.iter().map(|finding| finding.severity).max()));
    groups
}

fn write_group(group: &[&Finding], look: Look, to: &mut dyn Write) -> io::Result<()> {
    let Some(first) = group.first() else {
        return Ok(());
    };
    let heading = format!("{}  {}", safe::cell(&first.rule), safe::line(&first.title));
    writeln!(to, "{}", look.paint.tone(Tone::Strong, heading))?;
    for finding in group {
        write_one(finding, look, to)?;
    }
    writeln!(to)
}

fn write_one(finding: &Finding, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let times = if finding.count == 1 { "once".to_owned() } else { format!("{} times", finding.count) };
    let head = format!(
        "{}  {}  {times}  {} confidence",
        look.paint.tone(finding.severity, format!("{:<8}", finding.severity.as_str())),
        span(finding.first_time, finding.last_time),
        finding.confidence,
    );
    writeln!(to, "  {head}")?;
    for (label, text) in facts(finding) {
        write_labelled(label, &text, look, to)?;
    }
    let mut label = "why";
    for sentence in &finding.why {
        write_labelled(label, &safe::line(sentence), look, to)?;
        label = "";
    }
    Ok(())
}

/// What is known of a finding, as label and text.
fn facts(finding: &Finding) -> Vec<(&'static str, String)> {
    let cell = |text: &Option<String>| text.as_deref().map(|text| safe::cell(text).into_owned());
    let credential = finding.credential.as_ref();
    let facts = [
        ("credential", credential.map(|it| format!("{} ({})", safe::cell(&it.id), safe::cell(&it.kind)))),
        ("subject", cell(&finding.subject)),
        ("workload", cell(&finding.workload)),
        ("belongs to", finding.bound.as_ref().map(bound)),
        ("seen at", finding.observed.as_ref().map(observed)),
        ("did", did(finding)),
        ("process", finding.process.as_ref().map(process)),
        ("would help", (!finding.missing_sources.is_empty()).then(|| list(&finding.missing_sources))),
        ("evidence", (!finding.evidence.is_empty()).then(|| evidence(finding))),
        ("id", Some(format!("{} ({})", finding.id, finding.state))),
    ];
    facts.into_iter().filter_map(|(label, text)| Some((label, text?))).collect()
}

fn bound(place: &BoundPlace) -> String {
    let BoundPlace { workload, host, pod_uid, addresses, grade } = place;
    let addresses = (!addresses.is_empty()).then(|| addresses.join(" "));
    format!("{} (binding grade {grade})", parts(&[host, pod_uid, &addresses, workload]))
}

fn observed(place: &ObservedPlace) -> String {
    let ObservedPlace { workload, host, pod_uid, address, quality } = place;
    format!("{} (address: {})", parts(&[host, pod_uid, address, workload]), safe::cell(quality))
}

/// The parts of a place that are known: host, pod, addresses, workload.
fn parts(parts: &[&Option<String>; 4]) -> String {
    let names = ["host", "pod", "address", "workload"];
    let known = names.iter().zip(parts);
    let known = known.filter_map(|(name, part)| Some(format!("{name} {}", safe::cell(part.as_deref()?))));
    let known: Vec<String> = known.collect();
    if known.is_empty() { "unknown place".into() } else { known.join(", ") }
}

fn did(finding: &Finding) -> Option<String> {
    let action = finding.action.as_deref().map(safe::cell);
    let destination = finding.destination.as_deref().map(safe::cell);
    let text = match (action, destination) {
        (Some(action), Some(destination)) => format!("{action} at {destination}"),
        (Some(one), None) | (None, Some(one)) => one.into_owned(),
        (None, None) => return None,
    };
    Some(match &finding.decision {
        Some(decision) => format!("{text}: {}", safe::cell(decision)),
        None => text,
    })
}

fn process(process: &ProcessRef) -> String {
    let ProcessRef { host, pid, exe, lineage } = process;
    let pid = pid.map(|pid| format!("pid {pid}"));
    let host = host.as_deref().map(|host| format!("on {}", safe::cell(host)));
    let exe = exe.as_deref().map(|exe| safe::cell(exe).into_owned());
    let lineage: Vec<_> = lineage.iter().map(|name| safe::cell(name)).collect();
    let lineage = (!lineage.is_empty()).then(|| format!("({})", lineage.join(" > ")));
    [exe, pid, host, lineage].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Records by role, in the order of evidence; a location that repeats is named once.
fn evidence(finding: &Finding) -> String {
    let mut texts: Vec<String> = Vec::new();
    for record in &finding.evidence {
        let text = format!("{} {}", safe::cell(&record.role), safe::cell(&record.location));
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(", ")
}
