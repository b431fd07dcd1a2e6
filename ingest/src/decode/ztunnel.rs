//! Istio ambient (ztunnel): connections between workloads, and which mesh certificate was shown for them.
//!
//! In: the access log of both eras (before and after Istio 1.23), text or JSON, also wrapped over lines, and the
//! denials that the policy engine writes by itself (scope `ztunnel::state`). Field names are those of ztunnel 1.2x.
//! Out: one assertion a connection, when it is over; presented when it began: end minus duration.
//! Owns: the joining of wrapped lines, and of a policy denial with the connection that it ended.
//! Dropped: debug records of opening (the end tells all), operational lines, traces of policies.
//! Law: only an inbound record proves who the peer was; an outbound one is the sender's own view.

use std::collections::VecDeque;

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::{EventRows, EventTime};

use self::line::{Line, Message};
use super::{Decode, Format, Held, Identity, Inside, MAX_RAW_BYTES, Record, Verdict, cut, field};

mod connection;
mod denial;
mod line;
#[cfg(test)]
mod tests;

/// Denials that wait for the record of their connection: it follows within the same poll of the proxy.
const MAX_WAITING: usize = 256;
/// A denial that waited longer has no connection record (the access log is off), in nanoseconds.
const MAX_WAIT_NANOS: i64 = 10 * 1_000_000_000;

pub(crate) const FORMAT: Format = Format {
    id: "ztunnel",
    title: "Istio ambient: ztunnel access log and policy denials (text of both eras, JSON)",
    fills: &["identity_assertions"],
    sample: "2026-03-01T10:00:07.250000Z\tinfo\taccess\tconnection complete\tsrc.addr=10.1.0.7:43612 src.workload=\"web-7\" src.namespace=\"shop\" src.identity=\"spiffe://prod.example/ns/shop/sa/web\" dst.addr=10.1.0.9:15008 dst.hbone_addr=10.1.0.9:8443 dst.service=\"payments.shop.svc.prod.example\" dst.workload=\"payments-3\" dst.namespace=\"shop\" dst.identity=\"spiffe://prod.example/ns/shop/sa/payments\" direction=\"inbound\" bytes_sent=512 bytes_recv=128 duration=\"7250ms\"",
    identity: Identity::BytesAndOccurrence,
    sniff: |record| if line::is_continuation(record) { 60 } else { line::confidence(record) },
    decoder: || Box::new(Ztunnel::default()),
};

#[derive(Default)]
struct Ztunnel {
    /// A record whose fields follow on the next lines.
    wrapped: Option<Wrapped>,
    /// Denials of the policy engine, oldest first, with the peer that they name.
    waiting: VecDeque<Denial>,
    inside: Inside,
}

/// A denial of the policy engine.
struct Denial {
    number: u64,
    peer: String,
    row: IdentityAssertion,
}

/// The beginning of a wrapped record.
struct Wrapped {
    number: u64,
    row: IdentityAssertion,
    line: Line,
}

impl Decode for Ztunnel {
    fn decode(&mut self, record: &Record<'_>, rows: &mut EventRows) -> Verdict {
        if line::is_continuation(record) {
            return self.go_on(record);
        }
        self.end_wrapped(rows);
        let Some(line) = Line::parse(record) else {
            return Verdict::reject("not-a-ztunnel-line", "neither a connection nor a policy decision");
        };
        let skipped = match line.message {
            Message::Opened => Some("connection-opened"),
            Message::PolicyTrace => Some("policy-trace"),
            Message::Other => Some("operational"),
            Message::Complete | Message::Failed | Message::Denied | Message::DryRun => None,
        };
        if let Some(name) = skipped {
            return Verdict::Skipped(name);
        }
        let Some(time) = line.time.or(record.envelope.time) else {
            return Verdict::Rejected(field::no_time("time", None));
        };
        self.read(record, line, time, rows);
        Verdict::Decoded
    }

    fn held(&self) -> Held {
        self.inside.held()
    }

    fn finish(&mut self, rows: &mut EventRows) {
        self.end_wrapped(rows);
        while !self.waiting.is_empty() {
            self.release_first(rows);
        }
    }
}

impl Ztunnel {
    fn read(&mut self, record: &Record<'_>, line: Line, time: EventTime, rows: &mut EventRows) {
        self.release(time, rows);
        let row = record.assertion(time);
        match line.message {
            Message::Denied => self.wait(denial::fill(row, &line), rows),
            Message::DryRun => rows.identity_assertions.push(denial::fill(row, &line).1),
            _ if line.get("src.addr").is_none() && line.get("direction").is_none() => {
                self.wrapped = Some(Wrapped { number: self.inside.begin(), row, line });
            }
            _ => self.push(row, &line, rows),
        }
    }

    /// Adds a line to the record that it belongs to.
    fn go_on(&mut self, record: &Record<'_>) -> Verdict {
        let Some(Wrapped { row, line, .. }) = &mut self.wrapped else {
            return Verdict::reject(
                "continuation-without-start",
                "no connection record stands before this line",
            );
        };
        line.extend(record.text);
        row.raw = cut(&format!("{}\n{}", row.raw, record.text), MAX_RAW_BYTES).to_owned();
        Verdict::Decoded
    }

    fn end_wrapped(&mut self, rows: &mut EventRows) {
        if let Some(Wrapped { number, row, line }) = self.wrapped.take() {
            self.inside.end(number);
            self.push(row, &line, rows);
        }
    }

    /// The policy engine's own record of a denial and the connection's record are one act.
    fn push(&mut self, row: IdentityAssertion, line: &Line, rows: &mut EventRows) {
        let mut row = connection::fill(row, line);
        let peer = line.get("src.addr").unwrap_or_default();
        if let Some(at) = self.waiting.iter().position(|denial| denial.peer == peer)
            && let Some(denial) = self.waiting.remove(at)
        {
            self.inside.end(denial.number);
            denial::join(&mut row, denial.row);
        }
        rows.identity_assertions.push(row);
    }

    fn wait(&mut self, (peer, row): (String, IdentityAssertion), rows: &mut EventRows) {
        if self.waiting.len() >= MAX_WAITING {
            self.release_first(rows);
        }
        self.waiting.push_back(Denial { number: self.inside.begin(), peer, row });
    }

    fn release_first(&mut self, rows: &mut EventRows) {
        if let Some(Denial { number, row, .. }) = self.waiting.pop_front() {
            self.inside.end(number);
            rows.identity_assertions.push(row);
        }
    }

    /// Lets go of denials whose connection record should have come by `now`.
    fn release(&mut self, now: EventTime, rows: &mut EventRows) {
        while let Some(Denial { row, .. }) = self.waiting.front()
            && now.nanos_since(row.event_time) > MAX_WAIT_NANOS
        {
            self.release_first(rows);
        }
    }
}
