//! Findings as CSV (RFC 4180): one header line, one line per finding, lists joined by `; `.
//!
//! In: findings. Out: comma-separated text that a spreadsheet opens without running any of it.
//! Owns: the choice of columns. Law: every field passes the gate, formula starts included.

use std::io::{self, Write};

use offbound_schemas::record::{BoundPlace, Finding, ObservedPlace};
use offbound_schemas::table::findings::column;
use offbound_schemas::untrusted::safe;

/// One column: its name, and what a finding has in it.
struct Column {
    name: &'static str,
    value: fn(&Finding) -> String,
}

const COLUMNS: &[Column] = &[
    Column { name: column::id, value: |finding| finding.id.to_string() },
    Column { name: column::revision, value: |finding| finding.revision.to_string() },
    Column { name: column::rule, value: |finding| finding.rule.clone() },
    Column { name: column::title, value: |finding| finding.title.clone() },
    Column { name: column::state, value: |finding| finding.state.to_string() },
    Column { name: column::severity, value: |finding| finding.severity.to_string() },
    Column { name: column::confidence, value: |finding| finding.confidence.to_string() },
    Column { name: column::first_time, value: |finding| finding.first_time.to_string() },
    Column { name: column::last_time, value: |finding| finding.last_time.to_string() },
    Column { name: column::count, value: |finding| finding.count.to_string() },
    Column {
        name: column::credential_id,
        value: |finding| {
            finding.credential.as_ref().map(|credential| credential.id.clone()).unwrap_or_default()
        },
    },
    Column { name: column::subject, value: |finding| finding.subject.clone().unwrap_or_default() },
    Column { name: column::workload, value: |finding| finding.workload.clone().unwrap_or_default() },
    Column { name: "bound_host", value: |finding| bound(finding, |place| place.host.clone()) },
    Column {
        name: "bound_addresses",
        value: |finding| bound(finding, |place| Some(place.addresses.join("; "))),
    },
    Column { name: "observed_host", value: |finding| observed(finding, |place| place.host.clone()) },
    Column { name: "observed_address", value: |finding| observed(finding, |place| place.address.clone()) },
    Column { name: column::destination, value: |finding| finding.destination.clone().unwrap_or_default() },
    Column { name: "action", value: |finding| finding.action.clone().unwrap_or_default() },
    Column { name: "decision", value: |finding| finding.decision.clone().unwrap_or_default() },
    Column { name: "why", value: |finding| finding.why.join("; ") },
    Column { name: "evidence", value: evidence },
    Column {
        name: column::incident,
        value: |finding| finding.incident.map(|id| id.to_string()).unwrap_or_default(),
    },
    Column { name: column::attack, value: |finding| finding.attack.join("; ") },
];

fn bound(finding: &Finding, part: impl Fn(&BoundPlace) -> Option<String>) -> String {
    finding.bound.as_ref().and_then(part).unwrap_or_default()
}

fn observed(finding: &Finding, part: impl Fn(&ObservedPlace) -> Option<String>) -> String {
    finding.observed.as_ref().and_then(part).unwrap_or_default()
}

fn evidence(finding: &Finding) -> String {
    let locations: Vec<&str> = finding.evidence.iter().map(|record| record.location.as_str()).collect();
    locations.join("; ")
}

/// Writes the header and every finding.
pub(super) fn write(findings: &[Finding], to: &mut dyn Write) -> io::Result<()> {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    write!(to, "{}\r\n", names.join(","))?;
    for finding in findings {
        let values: Vec<String> =
            COLUMNS.iter().map(|column| safe::csv_cell(&(column.value)(finding)).into_owned()).collect();
        write!(to, "{}\r\n", values.join(","))?;
    }
    Ok(())
}
