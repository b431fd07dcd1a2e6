//! SPIRE: logs of server and agent, and what the server's command line prints about entries and agents.
//!
//! In: logrus as text, as a terminal shows it, or as JSON; JSON and text of `entry show` and `agent list`.
//! Out: rows of `identity_assertions` (logs) and of `placements` (command line).
//! Owns: the list of both formats; they share one decoder, since a shipped stream often mixes them.
//! Dropped: operational log lines (`operational`), counts and empty lists, headings of printed text.
//! Law: serial numbers become lower hex without leading zeros, for every other tool prints hex.

mod assertion;
mod fast;
mod line;
mod listing;
pub(crate) mod serial;

use offbound_schemas::EventRows;

pub(crate) use self::fast::{AGENT as FAST_AGENT, SERVER as FAST_SERVER};
use self::line::{Fields as _, LogLine};
use super::field::has;
use super::{Decode, Format, Held, Identity, Record, Verdict, WEAK_CONFIDENCE};

/// The server's log, and the output of its command line.
pub(crate) const SERVER: Format = Format {
    id: "spire-server",
    title: "SPIRE server log and audit log; output of its command line",
    fills: &["identity_assertions", "placements"],
    sample: r#"time="2026-03-01T10:00:00Z" level=info msg="API accessed" authorized_as=agent caller_addr="10.1.0.7:41000" caller_id="spiffe://prod.example/spire/agent/join_token/a1" entry_id=e1 method=BatchNewX509SVID request_id=r1 service=svid.v1.SVID spiffe_id="spiffe://prod.example/web" status=success subsystem_name=api type=audit"#,
    identity: Identity::BytesAndOccurrence,
    sniff: |record| sniff(record, Side::Server),
    decoder: || Box::new(Spire::default()),
};

/// The agent's log.
pub(crate) const AGENT: Format = Format {
    id: "spire-agent",
    title: "SPIRE agent log",
    fills: &["identity_assertions"],
    sample: r#"time="2026-03-01T10:00:00Z" level=info msg="Renewing X509-SVID" entry_id=e1 spiffe_id="spiffe://prod.example/web" subsystem_name=manager"#,
    identity: Identity::BytesAndOccurrence,
    sniff: |record| sniff(record, Side::Agent),
    decoder: || Box::new(Spire::default()),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Server,
    Agent,
}

#[derive(Default)]
struct Spire {
    listing: listing::Printed,
}

impl Decode for Spire {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        if let Some(json) = record.json
            && !has(json, &["msg"])
        {
            return listing::decode(record, json, rows);
        }
        if let Some(line) = LogLine::parse(record) {
            return assertion::decode(record, &line, rows);
        }
        self.listing.decode(record, rows)
    }

    fn held(&self) -> Held {
        self.listing.held()
    }

    fn finish(&mut self, rows: &mut EventRows) {
        self.listing.flush(rows);
    }
}

fn sniff(record: &Record<'_>, side: Side) -> u8 {
    if record.json.is_some_and(|json| !has(json, &["msg"]) && listing::is_listing(json))
        || listing::is_printed(record.text)
    {
        return if side == Side::Server { 88 } else { 0 };
    }
    let Some(line) = LogLine::parse(record) else { return 0 };
    let program = record.envelope.program.as_deref().unwrap_or_default();
    let names = |name: &str| program.contains(name) || line.prefix.contains(name);
    match (names("spire-server"), names("spire-agent")) {
        (true, false) => return if side == Side::Server { 95 } else { 0 },
        (false, true) => return if side == Side::Agent { 95 } else { 0 },
        _ => {}
    }
    // Many programs log in this shape: a line that names nothing of SPIRE says little by itself.
    if !line.is_of_spire() {
        return WEAK_CONFIDENCE;
    }
    let written_by = if line.is_of_agent() { Side::Agent } else { Side::Server };
    if written_by == side { 85 } else { 40 }
}

#[cfg(test)]
mod tests;
