//! A denial as the policy engine itself writes it.
//!
//! In: a record of scope `ztunnel::state`. Out: a row without identity: the record has none.
//! Owns: dry runs, which refuse nothing, and what the record adds to that of its connection.

use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, Phase};

use super::line::{Line, Message};
use crate::decode::address::Address;
use crate::decode::field;

/// The peer as written, and the row of the denial.
pub(super) fn fill(mut row: IdentityAssertion, line: &Line) -> (String, IdentityAssertion) {
    let peer = line.get("peer").unwrap_or_default().to_owned();
    let address = Address::parse(&peer);
    row.phase = Phase::Present;
    row.decision = Decision::Deny;
    row.enforcement =
        if line.message == Message::DryRun { Enforcement::DryRun } else { Enforcement::Enforced };
    row.reason = Some(match line.get("policy") {
        Some(policy) => format!("{}: {policy}", line.text.trim()),
        None => line.text.trim().to_owned(),
    });
    row.src_addr = address.map(|address| address.text());
    row.src_port = address.and_then(|address| address.port);
    row.addr_quality = if address.is_some() { AddrQuality::Direct } else { AddrQuality::None };
    row.dst = Some(line.get("wl").unwrap_or("ztunnel").to_owned());
    row.action = Some("connect".to_owned());
    row.platform = Some("mesh".to_owned());
    let (written, policy) = (line.value("peer"), line.value("policy"));
    let written = written.filter(|_| address.is_none());
    row.unmapped = field::unmapped([("peer", written.as_ref()), ("policy", policy.as_ref())]);
    (peer, row)
}

/// Adds to a connection's row what its denial says; what was denied was not allowed, whatever else went wrong.
pub(super) fn join(row: &mut IdentityAssertion, denial: IdentityAssertion) {
    row.decision = Decision::Deny;
    row.enforcement = Enforcement::Enforced;
    let said = [row.reason.take(), denial.reason];
    let said: Vec<String> = said.into_iter().flatten().collect();
    row.reason = (!said.is_empty()).then(|| said.join("; "));
}
