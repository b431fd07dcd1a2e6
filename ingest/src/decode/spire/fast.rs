//! Plain lines of SPIRE's logs in JSON, straight into columns.
//!
//! In: a line as logrus writes it, with fields that SPIRE names. Out: the assertion of the line, if it says anything of an
//! identity. What it says is read by `assertion`, as on the strict path.
//! Leaves to the strict path: lines of programs that only log in this shape, lines of the server in the agent's stream and
//! the other way round, and all fields that are not listed here.

use std::borrow::Cow;

use offbound_schemas::Column;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::table::identity_assertions::Builder;

use super::assertion::{OPERATIONAL, fill, meaning};
use super::line::Fields;
use crate::fast::{Fast, Fate, Line, Member, Shape, Slot, Strict, Unmapped, keep, skip};

/// Fields of lines, in the order in which logrus writes them: that of their names. `pkg/common/telemetry/names.go` of
/// SPIRE 1.12 has them, and some that older versions had.
const NAMES: [&str; 63] = [
    "address",
    "agent_id",
    "agent_spiffe_id",
    "attempt",
    "audience",
    "authorized_as",
    "authorized_via",
    "caller_addr",
    "caller_gid",
    "caller_id",
    "caller_path",
    "caller_uid",
    "count",
    "csr",
    "csr_hash",
    "csr_spiffe_id",
    "dns_name",
    "downstream",
    "entry_id",
    "error",
    "expiration",
    "expires_at",
    "external",
    "federates_with",
    "generation",
    "hint",
    "issued_at",
    "jwt_svid_ttl",
    "kid",
    "level",
    "local_authority_id",
    "method",
    "msg",
    "node_attestor_type",
    "parent_id",
    "path",
    "pid",
    "plugin_name",
    "plugin_service",
    "plugin_type",
    "reason",
    "registered",
    "registration_entry_id",
    "request_id",
    "resource_names",
    "revision_num",
    "revision_number",
    "selectors",
    "serial_num",
    "serial_number",
    "service",
    "spiffe_id",
    "status",
    "status_code",
    "status_message",
    "subsystem_name",
    "svid_serial_num",
    "svid_type",
    "time",
    "trust_domain_id",
    "ttl",
    "type",
    "version",
];
const SLOTS: usize = NAMES.len();

const LEVEL: usize = 29;
const MSG: usize = 32;
const TIME: usize = 58;

const MEMBERS: [Member; SLOTS] = {
    let mut members = [const { skip("") }; SLOTS];
    let mut index = 0;
    while index < SLOTS {
        members[index] = keep(NAMES[index], index);
        index += 1;
    }
    members
};
static LINE: Shape = Shape::closed(&MEMBERS);

/// How sure the format of one side is of a line of its own, and the other is not.
const CONFIDENCE: u8 = 85;

pub(crate) const SERVER: Fast = Fast {
    id: super::SERVER.id,
    sample: r#"{"authorized_as":"agent","authorized_via":"datastore","caller_addr":"10.1.0.7:41000","caller_id":"spiffe://prod.example/spire/agent/join_token/a1","entry_id":"e1","expires_at":"1772362800","level":"info","method":"BatchNewX509SVID","msg":"API accessed","request_id":"r1","service":"svid.v1.SVID","spiffe_id":"spiffe://prod.example/web","status":"success","subsystem_name":"api","time":"2026-03-01T10:00:00Z","type":"audit"}"#,
    confidence: CONFIDENCE,
    shape: &LINE,
    slots: SLOTS,
    read: |slots, line| read(slots, line, false),
};

pub(crate) const AGENT: Fast = Fast {
    id: super::AGENT.id,
    sample: r#"{"entry_id":"e1","level":"info","msg":"Renewing X509-SVID","spiffe_id":"spiffe://prod.example/web","subsystem_name":"manager","time":"2026-03-01T10:00:00Z"}"#,
    confidence: CONFIDENCE,
    shape: &LINE,
    slots: SLOTS,
    read: |slots, line| read(slots, line, true),
};

/// A plain line.
struct Plain<'s, 'a> {
    slots: &'s [Slot<'a>; SLOTS],
    /// The texts of those that have escapes.
    unescaped: Vec<(usize, Cow<'a, str>)>,
}

impl<'s, 'a> Plain<'s, 'a> {
    fn of(slots: &'s [Slot<'a>; SLOTS]) -> Result<Self, Strict> {
        let mut unescaped = Vec::new();
        for (index, slot) in slots.iter().enumerate() {
            match slot {
                Slot::Escaped(_) => unescaped.extend(slot.text()?.map(|text| (index, text))),
                // The text of another number is not what is written.
                Slot::Number(digits) if !is_plain_number(digits) => return Err(Strict),
                // A field that is read is one text; others are kept as they are.
                Slot::Whole(_) | Slot::Ready(_) if is_read(index) => return Err(Strict),
                _ => {}
            }
        }
        Ok(Self { slots, unescaped })
    }

    fn at(&self, index: usize) -> Option<&str> {
        match self.slots.get(index)? {
            Slot::Text("") => None,
            Slot::Text(text) | Slot::Number(text) => Some(text),
            Slot::Truth(truth) => Some(if *truth { "true" } else { "false" }),
            Slot::Escaped(_) => {
                self.unescaped.iter().find(|(known, _)| *known == index).map(|(_, text)| &**text)
            }
            _ => None,
        }
    }
}

impl Fields for Plain<'_, '_> {
    fn message(&self) -> &str {
        self.at(MSG).unwrap_or_default()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.at(LINE.index(name)?)
    }

    fn has_spiffe_id(&self) -> bool {
        let is_field = |index: &usize| ![MSG, LEVEL, TIME].contains(index);
        (0..SLOTS)
            .filter(is_field)
            .any(|index| self.at(index).is_some_and(|text| text.starts_with("spiffe://")))
    }
}

/// Whether a number is written back as it is read.
fn is_plain_number(digits: &str) -> bool {
    const MAX_DIGITS: usize = 18;
    digits.len() <= MAX_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether lists and objects in this field could be read as a text; those in others are only kept.
fn is_read(index: usize) -> bool {
    const KEPT: [&str; 4] = ["dns_name", "federates_with", "resource_names", "selectors"];
    !NAMES.get(index).is_some_and(|name| KEPT.contains(name))
}

fn read(slots: &[Slot<'_>], line: &mut Line<'_, '_>, by_agent: bool) -> Result<Fate, Strict> {
    let slots: &[Slot<'_>; SLOTS] = slots.first_chunk().ok_or(Strict)?;
    let is_line = slots[LEVEL].plain()?.is_some() && slots[MSG].text()?.is_some();
    let event_time = slots[TIME].time()?.filter(|_| is_line).ok_or(Strict)?;
    let plain = Plain::of(slots)?;
    if !plain.is_of_spire() || plain.is_of_agent() != by_agent {
        return Err(Strict);
    }
    let Some(said) = meaning(&plain) else {
        return line.commit().map(|_| Fate::Skipped(OPERATIONAL));
    };
    let mut row = IdentityAssertion::default();
    fill(&plain, said, &mut row);
    line.assertion(event_time, |text| unmapped(slots, text), |columns, index, _| write(&row, columns, index))
}

/// All fields, as their texts.
fn unmapped<'b>(slots: &[Slot<'_>; SLOTS], out: &'b mut String) -> Result<Option<&'b str>, Strict> {
    let mut unmapped = Unmapped::new(out);
    for (index, (name, slot)) in NAMES.iter().zip(slots).enumerate() {
        if ![LEVEL, TIME].contains(&index) {
            unmapped.add_text(name, *slot)?;
        }
    }
    unmapped.finish()
}

/// Writes what `fill` sets.
fn write(row: &IdentityAssertion, columns: &mut Builder, index: usize) {
    let put = |column: &mut Column<Option<String>>, text: &Option<String>| {
        if let Some(text) = text {
            column.put_text(index, text);
        }
    };
    columns.phase.put(index, &row.phase);
    columns.decision.put(index, &row.decision);
    columns.enforcement.put(index, &row.enforcement);
    columns.addr_quality.put(index, &row.addr_quality);
    columns.id_kind.put(index, &row.id_kind);
    columns.exp.put(index, &row.exp);
    columns.src_port.put(index, &row.src_port);
    put(&mut columns.request_id, &row.request_id);
    put(&mut columns.platform, &row.platform);
    put(&mut columns.dst, &row.dst);
    put(&mut columns.entry_id, &row.entry_id);
    put(&mut columns.src_addr, &row.src_addr);
    put(&mut columns.action, &row.action);
    put(&mut columns.subject, &row.subject);
    put(&mut columns.presenter, &row.presenter);
    put(&mut columns.resource, &row.resource);
    put(&mut columns.reason, &row.reason);
    put(&mut columns.credential_id, &row.credential_id);
    put(&mut columns.credential_kind, &row.credential_kind);
    put(&mut columns.cluster, &row.cluster);
    put(&mut columns.issuer, &row.issuer);
    columns.audience.put_texts(index, row.audience.iter().map(String::as_str));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::FORMATS;
    use crate::decode::trial::sniff;
    use serde_json::{Map, Value};

    /// Scenario: the list of names. Guarantees: it is in order, and the named slots are those of their names.
    #[test]
    fn names_are_in_order() {
        assert!(NAMES.is_sorted_by(|one, other| one < other));
        assert_eq!([NAMES[LEVEL], NAMES[MSG], NAMES[TIME]], ["level", "msg", "time"]);
    }

    /// Scenario: plain lines of both sides, as they are, and with every other field in them. Guarantees: their own format is as sure of them as it is
    /// said to be, the other side's less, and no other format knows anything of them.
    #[test]
    fn no_other_format_knows_such_lines() {
        for (fast, other_side) in [(SERVER, AGENT), (AGENT, SERVER)] {
            let line: Map<String, Value> = serde_json::from_str(fast.sample).expect("a sample is JSON");
            for value in ["x", "10.1.0.7", "10.1.0.7:443", "audit", "1"] {
                let mut full = line.clone();
                NAMES.iter().filter(|name| **name != "service").for_each(|name| {
                    full.entry(*name).or_insert_with(|| Value::from(value));
                });
                for line in [&line, &full] {
                    let text = Value::Object(line.clone()).to_string();
                    for format in FORMATS {
                        let expected = match format.id {
                            id if id == fast.id => CONFIDENCE,
                            id if id == other_side.id => 40,
                            _ => 0,
                        };
                        assert_eq!(sniff(format, &text), expected, "{}: {text}", format.id);
                    }
                }
            }
        }
    }
}
