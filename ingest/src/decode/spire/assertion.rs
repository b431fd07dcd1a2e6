//! What a line of SPIRE's logs asserts about an identity.
//!
//! In: a log line taken apart, on either path. Out: at most one row of `identity_assertions`, or a named skip.
//! Owns: which messages matter and what they mean; methods of the server's API by phase.
//! Law: a line whose meaning is known but whose moment is not is refused, never given a moment.

use offbound_schemas::EventRows;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use serde_json::Value;

use super::line::{Fields, LogLine};
use super::serial::hex_of_decimal;
use crate::decode::address::Address;
use crate::decode::field::{MAX_LIST_ITEMS, time_text, unmapped};
use crate::decode::{Record, Verdict};

/// Skip of a line that says nothing of an identity.
pub(super) const OPERATIONAL: &str = "operational";

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// A call of the server's API.
    ApiAccessed,
    /// The server's authority signed a certificate or token.
    Signed,
    /// The server refused an agent by its state.
    AgentRefused,
    /// The agent asks for a certificate.
    AgentRequests(Phase),
    /// The agent handed an identity to a workload.
    Fetched,
    /// A workload or node was attested.
    Attested,
    /// A node was not attested.
    NotAttested,
    /// A workload that asked has no identity.
    NoIdentity,
}

/// What the line's message says; none where it says nothing of an identity.
pub(super) fn meaning(line: &impl Fields) -> Option<Said> {
    let message = line.message().to_ascii_lowercase();
    let starts = |words: &[&str]| words.iter().any(|word| message.starts_with(word));
    let agent_state = [
        "is not active",
        "is banned",
        "is not attested",
        "svid is expired",
        "svid has expired",
        "must reattest",
    ];
    match message.as_str() {
        "api accessed" => Some(Said::ApiAccessed),
        "no identity issued" => Some(Said::NoIdentity),
        _ if line.get("type") == Some("audit") && line.get("method").is_some() => Some(Said::ApiAccessed),
        _ if starts(&["signed x509", "signed x.509", "signed jwt", "server ca successfully signed"]) => {
            Some(Said::Signed)
        }
        _ if message.starts_with("agent") && agent_state.iter().any(|state| message.contains(state)) => {
            Some(Said::AgentRefused)
        }
        _ if starts(&["creating x509-svid", "creating jwt-svid"]) => Some(Said::AgentRequests(Phase::Issue)),
        _ if starts(&["renewing x509-svid", "renewing jwt-svid"]) => Some(Said::AgentRequests(Phase::Renew)),
        _ if starts(&[
            "fetched x.509 svid",
            "fetched x509 svid",
            "fetched x509-svid",
            "fetched jwt svid",
            "fetched jwt-svid",
        ]) =>
        {
            Some(Said::Fetched)
        }
        _ if starts(&[
            "pid attested to have selectors",
            "node attestation was successful",
            "agent attestation request completed",
        ]) =>
        {
            Some(Said::Attested)
        }
        _ if starts(&[
            "failed to attest",
            "join token expired",
            "node attestation failed",
            "agent crashed: failed to attest",
        ]) =>
        {
            Some(Said::NotAttested)
        }
        _ => None,
    }
}

/// Decodes one line.
pub(super) fn decode(record: &Record<'_>, line: &LogLine, rows: &mut EventRows) -> Verdict {
    let Some(said) = meaning(line) else { return Verdict::Skipped(OPERATIONAL) };
    let Some(time) = line.time else {
        return Verdict::reject(
            "no-time",
            "the line has seconds since the start only, and no envelope gives a time",
        );
    };
    let mut row = record.assertion(time);
    fill(line, said, &mut row);
    let message = Value::from(line.message());
    let values = line.values();
    row.unmapped = unmapped(
        [("msg", Some(&message))].into_iter().chain(values.iter().map(|(key, value)| (*key, Some(value)))),
    );
    rows.identity_assertions.push(row);
    Verdict::Decoded
}

/// Fills a row with what a line says, but for its moment and the column of all fields.
pub(super) fn fill(line: &impl Fields, said: Said, row: &mut IdentityAssertion) {
    fill_common(line, row);
    match said {
        Said::ApiAccessed => api_call(line, row),
        Said::Signed => issued(line, row, Phase::Issue, Decision::Allow),
        Said::AgentRequests(phase) => issued(line, row, phase, Decision::None),
        Said::Fetched => {
            issued(line, row, Phase::Issue, Decision::Allow);
            row.presenter = line.get("pid").map(|pid| format!("pid:{pid}"));
            row.dst = Some("spire-agent".to_owned());
        }
        Said::AgentRefused => agent_refused(line, row),
        Said::Attested => judged(line, row, Decision::Allow),
        Said::NotAttested => judged(line, row, attestation_failure(line.message())),
        Said::NoIdentity => {
            row.phase = Phase::Issue;
            row.decision = Decision::Deny;
            row.dst = Some("spire-agent".to_owned());
            row.reason = Some(line.message().to_owned());
            row.presenter = line.get("pid").map(|pid| format!("pid:{pid}"));
        }
    }
    fill_domain(line, row);
}

fn fill_common(line: &impl Fields, row: &mut IdentityAssertion) {
    row.request_id = line.get("request_id").map(str::to_owned);
    row.platform = Some("spiffe".to_owned());
    row.dst = Some("spire-server".to_owned());
    row.enforcement = Enforcement::Enforced;
    row.entry_id = line.first(&["entry_id", "registration_entry_id"]).map(str::to_owned);
    let peer = line.first(&["caller_addr", "caller-addr", "address"]).and_then(Address::parse);
    row.src_addr = peer.map(|address| address.text());
    row.src_port = peer.and_then(|address| address.port);
    row.addr_quality = if peer.is_some() { AddrQuality::Direct } else { AddrQuality::None };
    row.action = match (line.get("service"), line.get("method")) {
        (Some(service), Some(method)) => Some(format!("{service}.{method}")),
        (None, Some(method)) => Some(method.to_owned()),
        _ => Some(line.message().to_owned()),
    };
}

fn caller(line: &impl Fields) -> Option<String> {
    line.first(&["caller_id", "caller-id"]).map(str::to_owned)
}

/// Who asked: by its identity, or, at the server's own socket, by the user that the process ran as.
fn asker(line: &impl Fields) -> Option<String> {
    caller(line).or_else(|| line.get("caller_uid").map(|uid| format!("uid:{uid}")))
}

fn subject(line: &impl Fields) -> Option<String> {
    line.first(&["spiffe_id", "agent_id", "agent_spiffe_id"]).map(str::to_owned)
}

fn api_call(line: &impl Fields, row: &mut IdentityAssertion) {
    let method = line.get("method").unwrap_or_default();
    row.phase = phase_of(line.get("service").unwrap_or_default(), method);
    (row.decision, row.reason) = decision(line);
    match row.phase {
        Phase::Issue => {
            issued_kind(line, row);
            row.subject = subject(line);
            row.presenter = asker(line);
            credential(line, row);
        }
        Phase::Attest | Phase::Renew => {
            row.subject =
                line.get("agent_id").map(str::to_owned).or_else(|| caller(line)).or_else(|| subject(line));
            row.credential_kind = Some("x509-svid".to_owned());
            credential(line, row);
        }
        Phase::Revoke => {
            row.subject = subject(line);
            row.presenter = asker(line);
        }
        _ => {
            row.subject = caller(line);
            row.resource = subject(line);
        }
    }
}

fn phase_of(service: &str, method: &str) -> Phase {
    match method {
        "MintX509SVID"
        | "MintJWTSVID"
        | "BatchNewX509SVID"
        | "NewJWTSVID"
        | "MintWITSVID"
        | "BatchNewWITSVID"
        | "NewDownstreamX509CA"
        | "CreateJoinToken" => Phase::Issue,
        "AttestAgent" => Phase::Attest,
        "RenewAgent" => Phase::Renew,
        _ if ["Ban", "Delete", "BatchDelete", "Evict", "Revoke", "Taint"]
            .iter()
            .any(|word| method.starts_with(word))
            && !service.contains("Bundle") =>
        {
            Phase::Revoke
        }
        _ => Phase::Present,
    }
}

/// Status codes are written by name in text and as numbers in JSON: gRPC's type for them has no JSON of its own
/// (`pkg/server/api/audit/audit.go` of SPIRE 1.12 hands it to logrus as it is).
const REFUSING_CODES: [&str; 4] = ["PermissionDenied", "7", "Unauthenticated", "16"];
/// Refusals of a node that come with the code of a malformed request (`attestJoinToken` in
/// `pkg/server/api/agent/v1/service.go`).
const REFUSED_JOIN_TOKENS: [&str; 2] =
    ["failed to attest: join token does not exist or has already been used", "join token expired"];

fn decision(line: &impl Fields) -> (Decision, Option<String>) {
    let code = line.get("status_code").unwrap_or_default();
    let message = line.get("status_message").unwrap_or_default();
    let is_refused = REFUSING_CODES.contains(&code) || REFUSED_JOIN_TOKENS.contains(&message);
    let reason = line.first(&["status_message", "status_code", "reason"]).map(str::to_owned);
    match line.get("status") {
        Some("success") => (Decision::Allow, None),
        Some(_) if is_refused => (Decision::Deny, reason),
        Some(_) => (Decision::Error, reason),
        None => (Decision::None, reason),
    }
}

fn issued(line: &impl Fields, row: &mut IdentityAssertion, phase: Phase, decision: Decision) {
    row.phase = phase;
    row.decision = decision;
    row.subject = subject(line);
    row.presenter = caller(line).filter(|caller| Some(caller) != row.subject.as_ref());
    issued_kind(line, row);
    credential(line, row);
}

fn issued_kind(line: &impl Fields, row: &mut IdentityAssertion) {
    let names = |word: &str| {
        line.message().contains(word) || line.get("method").is_some_and(|method| method.contains(word))
    };
    let kind = if line.get("method") == Some("CreateJoinToken") {
        "join-token"
    } else if names("JWT") {
        "jwt-svid"
    } else if names("WIT") {
        "wit-svid"
    } else if names("X509CA") || names("X509 CA") {
        // An authority for a server below this one: it signs, and nobody shows it, so that it is no SVID of days.
        "spiffe-ca"
    } else {
        "x509-svid"
    };
    row.credential_kind = Some(kind.to_owned());
}

/// Serial number and validity, as far as the line has them.
fn credential(line: &impl Fields, row: &mut IdentityAssertion) {
    let serial = line.first(&["serial_num", "serial_number", "x509svid_serial_number"]);
    identify(serial, row);
    row.exp =
        line.first(&["expiration", "expires_at", "svid_expires_at", "expires_at_unix"]).and_then(time_text);
    // Go prints a list as `[a b]`, JSON logs as `["a","b"]`.
    let listed = line.get("audience").unwrap_or_default().trim_matches(['[', ']']);
    let audiences = listed.split([' ', ',']).map(|one| one.trim_matches('"')).filter(|one| !one.is_empty());
    row.audience = audiences.take(MAX_LIST_ITEMS).map(str::to_owned).collect();
}

fn identify(serial: Option<&str>, row: &mut IdentityAssertion) {
    row.credential_id = serial.and_then(hex_of_decimal).map(|hex| format!("X509SERIAL={hex}"));
    row.id_kind = if row.credential_id.is_some() { IdKind::Serial } else { IdKind::None };
}

/// An agent presented an identity that the server no longer takes: `svid_serial_num` is what it presented,
/// `serial_num` what the server holds for it.
fn agent_refused(line: &impl Fields, row: &mut IdentityAssertion) {
    row.phase = Phase::Present;
    row.decision = Decision::Deny;
    row.reason = Some(line.message().to_owned());
    row.subject = caller(line).or_else(|| subject(line));
    row.credential_kind = Some("x509-svid".to_owned());
    identify(line.first(&["svid_serial_num", "svid_serial_number"]), row);
    let held = line.first(&["serial_num", "serial_number"]).and_then(hex_of_decimal);
    match held {
        Some(hex) if row.credential_id.is_some() => row.resource = Some(format!("X509SERIAL={hex}")),
        Some(_) => identify(line.first(&["serial_num", "serial_number"]), row),
        None => {}
    }
}

/// What the server logs of an attestation that failed; the agent repeats it behind `rpc error: …`.
fn attestation_failure(message: &str) -> Decision {
    let message = message.to_ascii_lowercase();
    let refusals = REFUSED_JOIN_TOKENS.iter().copied().chain(["agent is banned"]);
    let mut refusals = refusals.map(|refusal| refusal.trim_start_matches("failed to attest: "));
    if refusals.any(|refusal| message.contains(refusal)) { Decision::Deny } else { Decision::Error }
}

fn judged(line: &impl Fields, row: &mut IdentityAssertion, decision: Decision) {
    row.phase = Phase::Attest;
    row.decision = decision;
    row.subject = line.first(&["agent_id", "spiffe_id"]).map(str::to_owned);
    // Only the agent knows a workload's process; a node proves itself to the server.
    if let Some(pid) = line.get("pid") {
        row.presenter = Some(format!("pid:{pid}"));
        row.dst = Some("spire-agent".to_owned());
    }
    row.reason = line.first(&["error", "reason"]).map(str::to_owned);
}

/// Trust domain of the subject.
fn fill_domain(line: &impl Fields, row: &mut IdentityAssertion) {
    let domain = row
        .subject
        .as_deref()
        .and_then(|subject| subject.strip_prefix("spiffe://"))
        .and_then(|rest| rest.split('/').next());
    let named = line.get("trust_domain_id").map(|text| text.trim_start_matches("spiffe://"));
    row.cluster = domain.or(named).map(str::to_owned);
    row.issuer = row.cluster.clone();
}
