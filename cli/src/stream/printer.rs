//! Results on standard output, as they arise.
//!
//! In: findings, incidents and gaps. Out: a line each, for people or as NDJSON.
//! Law: outside text passes the gate in lines for people; a reader that goes away ends the command quietly.

use std::io::{self, Write};

use offbound_schemas::record::{Finding, Gap, Incident};
use offbound_schemas::untrusted::safe;

use crate::Context;
use crate::args::Format;
use crate::config::format_or_table;
use crate::exit::Failure;
use crate::output::{Sink, json, supported};

/// Formats that a stream prints.
const STREAM_FORMATS: &[Format] = &[Format::Table, Format::Ndjson];
/// Digits of an id that are shown: enough to tell findings of a day apart.
const SHOWN_DIGITS: usize = 8;

/// Prints results.
pub(crate) struct Printer {
    sink: Sink,
    format: Format,
    quiet: bool,
}

impl Printer {
    /// A printer in the form that is asked for.
    pub(crate) fn new(format: Option<Format>, context: &Context) -> Result<Self, Failure> {
        let format = supported(format_or_table(format), "stream", STREAM_FORMATS)?;
        Ok(Self { sink: Sink::open(None)?, format, quiet: context.common.quiet && format == Format::Table })
    }

    /// One finding: new, revised or withdrawn.
    pub(crate) fn finding(&mut self, finding: &Finding) -> Result<(), Failure> {
        self.line(finding, |to| {
            let Finding { severity, state, revision, rule, title, first_time, .. } = finding;
            let who = finding.workload.as_deref().or(finding.subject.as_deref()).unwrap_or("unknown");
            let id = finding.id.to_string();
            let id = id.get(..SHOWN_DIGITS).unwrap_or_default();
            let (who, title) = (safe::cell(who), safe::cell(title));
            let (severity, state) = (severity.as_str(), state.as_str());
            writeln!(to, "{first_time}  {severity:8} {state:11} {rule}  {title}: {who}  [{id} r{revision}]")
        })
    }

    /// One incident: new or changed.
    pub(crate) fn incident(&mut self, incident: &Incident) -> Result<(), Failure> {
        self.line(incident, |to| {
            let Incident { severity, onset, outcome, strength, title, findings, .. } = incident;
            let id = incident.id.to_string();
            let id = id.get(..SHOWN_DIGITS).unwrap_or_default();
            let (title, number, severity) = (safe::cell(title), findings.len(), severity.as_str());
            writeln!(to, "{onset}  {severity:8} incident    {outcome} ({strength}), {number} finding(s)  {title}  [{id}]")
        })
    }

    /// One gap.
    pub(crate) fn gap(&mut self, gap: &Gap) -> Result<(), Failure> {
        self.line(gap, |to| {
            let Gap { source, scope, from, to: end, reason, .. } = gap;
            let (source, scope, reason) = (safe::cell(source), safe::cell(scope), safe::cell(reason));
            writeln!(to, "{from}  gap                  {source} {scope} until {end}: {reason}")
        })
    }

    fn line(
        &mut self,
        record: &impl serde::Serialize,
        plain: impl Fn(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        let format = self.format;
        self.sink.write(|to| match format {
            Format::Ndjson => json::write_line(record, to),
            _ => plain(to),
        })
    }
}
