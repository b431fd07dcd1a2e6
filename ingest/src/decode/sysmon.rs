//! Sysmon for Linux: events in XML, one a line.
//!
//! In: `<Event><System><Provider Name="Linux-Sysmon"…` (schema 4.81 to 4.90), behind a syslog prefix or in a table of logs.
//! Out: one row of `host_events` for each event. Owns: the meaning of event numbers and of their named data.
//! Sysmon only watches: `control` is always `none`. Its times have no zone and are UTC.
//! Law: `-`, empty text and the process id of zeros mean that nothing is known; a datum that is there twice with two
//! values is refused.

mod event;
mod xml;

use offbound_schemas::{EventRows, EventTime};

use super::{Decode, Format, Identity, Record, Reject, Verdict};

/// Sysmon for Linux.
pub(crate) const FORMAT: Format = Format {
    id: "sysmon-linux",
    title: "Sysmon for Linux, XML",
    fills: &["host_events"],
    sample: r#"<Event><System><Provider Name="Linux-Sysmon" Guid="{11111111-2222-3333-4444-555555555555}"/><EventID>1</EventID><Version>5</Version><TimeCreated SystemTime="2026-03-01T10:00:00.501000000Z"/><EventRecordID>17</EventRecordID><Channel>Linux-Sysmon/Operational</Channel><Computer>n1</Computer></System><EventData><Data Name="RuleName">-</Data><Data Name="UtcTime">2026-03-01 10:00:00.500</Data><Data Name="ProcessGuid">{aaaaaaaa-0001-0002-0003-000000000004}</Data><Data Name="ProcessId">4121</Data><Data Name="Image">/usr/bin/cat</Data><Data Name="CommandLine">cat /etc/hostname</Data><Data Name="CurrentDirectory">/</Data><Data Name="User">web</Data><Data Name="LogonId">33</Data><Data Name="ParentProcessId">4100</Data><Data Name="ParentImage">/usr/bin/dash</Data></EventData></Event>"#,
    identity: Identity::Bytes,
    sniff,
    decoder: || Box::new(Sysmon),
};

struct Sysmon;

fn sniff(record: &Record<'_>) -> u8 {
    let text = record.text.trim_start_matches(['\u{feff}', ' ']);
    if record.json.is_some() || !text.starts_with("<Event") {
        return 0;
    }
    // The provider stands first of all; behind it there is text that others choose.
    let head = super::cut(text, 256);
    if head.contains("\"Linux-Sysmon\"") || head.contains("'Linux-Sysmon'") { 96 } else { 0 }
}

impl Decode for Sysmon {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        let data = match xml::read(record.text) {
            Ok(data) => data,
            Err(reject) => return Verdict::Rejected(reject),
        };
        let Some(number) = data.system("EventID").and_then(|text| text.parse::<u32>().ok()) else {
            return Verdict::reject("missing-field", "EventID is missing or no number");
        };
        match time(&data) {
            Ok(time) => {
                rows.host_events.push(event::row(record, &data, number, time));
                Verdict::Decoded
            }
            Err(reject) => Verdict::Rejected(reject),
        }
    }
}

/// The event's own time, else that of its recording.
fn time(data: &xml::Data) -> Result<EventTime, Reject> {
    let written = data.event("UtcTime").map(|text| format!("{}Z", text.replacen(' ', "T", 1)));
    let own = written.and_then(|text| EventTime::parse(&text).ok());
    let recorded = || data.system("TimeCreated").and_then(|text| EventTime::parse(text).ok());
    own.or_else(recorded).ok_or_else(|| super::field::missing("UtcTime"))
}

#[cfg(test)]
mod tests;
