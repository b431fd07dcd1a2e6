//! The row of a call.
//!
//! In: one entry. Out: who called, with which token, from where, for what.
//! Owns: the names of subjects by auth method (Kubernetes, AWS, Nomad; none of them tells the pod), the peer's address.
//! Law: Vault may take the caller's address from X-Forwarded-For; an address that stands in that header is a claim.

use offbound_schemas::EventTime;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, Decision, Enforcement, IdKind, Phase};
use serde_json::Value;

use super::{judge, lifetime};
use crate::decode::address::Address;
use crate::decode::subject::{ServiceAccount, is_instance_id};
use crate::decode::{Record, field, loose};

/// What is called.
const VAULT: &str = "vault";

/// The row of one entry.
pub(super) fn row(record: &Record<'_>, json: &Value, time: EventTime) -> IdentityAssertion {
    let mut row = record.assertion(time);
    row.phase = Phase::Present;
    row.request_id = field::string_at(json, &["request", "id"]);
    (row.decision, row.reason) = judge::judge(json);
    row.enforcement =
        if row.decision == Decision::None { Enforcement::Unknown } else { Enforcement::Enforced };
    row.dst = Some(VAULT.to_owned());
    row.platform = Some(VAULT.to_owned());
    let path = field::string_at(json, &["request", "path"]);
    row.action = match (field::str_at(json, &["request", "operation"]), &path) {
        (Some(operation), Some(path)) => Some(format!("{operation} {path}")),
        (Some(word), None) => Some(word.to_owned()),
        (None, path) => path.clone().or_else(|| field::string_at(json, &["type"])),
    };
    row.resource = path;
    row.user_agent = header(json, "user-agent").into_iter().next();
    fill_token(&mut row, json);
    if let Some(auth) = field::at(json, &["auth"]) {
        fill_subject(&mut row, auth);
        lifetime::fill(&mut row, auth, false);
    }
    fill_peer(&mut row, json);
    row.unmapped = unmapped(json);
    row
}

/// The accessor names a token best; a batch token has none, and a refused call often shows the token's HMAC alone.
fn fill_token(row: &mut IdentityAssertion, json: &Value) {
    let at = |path: &[&str]| field::string_at(json, path);
    let accessor = at(&["request", "client_token_accessor"]).or_else(|| at(&["auth", "accessor"]));
    let token = at(&["request", "client_token"]).or_else(|| at(&["auth", "client_token"]));
    (row.credential_id, row.credential_alias) = match accessor {
        Some(accessor) => (Some(accessor), token),
        None => (token, None),
    };
    if row.credential_id.is_some() {
        row.id_kind = IdKind::Accessor;
        row.credential_kind = Some("vault-token".to_owned());
    }
}

/// Who a token stands for, by what its auth method left in the metadata.
pub(super) fn fill_subject(row: &mut IdentityAssertion, auth: &Value) {
    let said = |key: &str| field::str_at(auth, &["metadata", key]);
    let account = said("service_account_namespace").zip(said("service_account_name"));
    row.subject = match account {
        Some((namespace, name)) => Some(ServiceAccount { namespace, name }.subject()),
        None => {
            said("canonical_arn").map(str::to_owned).or_else(|| field::string_at(auth, &["display_name"]))
        }
    };
    let uid = said("service_account_uid").map(str::to_owned);
    row.subject_uid = uid.or_else(|| field::string_at(auth, &["entity_id"]));
    row.bound_namespace = account.map(|(namespace, _)| namespace.to_owned());
    row.bound_instance = said("instance_id").filter(|id| is_instance_id(id)).map(str::to_owned);
    // Nomad's node id names a host; its allocation is no pod, and stays with the metadata.
    row.bound_host_uid = said("NodeID").or_else(|| said("nomad_node_id")).map(str::to_owned);
}

fn fill_peer(row: &mut IdentityAssertion, json: &Value) {
    let peer = field::str_at(json, &["request", "remote_address"]).and_then(Address::parse);
    row.src_addr = peer.map(|peer| peer.text());
    let port = field::u16_at(json, &["request", "remote_port"]).filter(|port| *port != 0);
    row.src_port = port.or_else(|| peer.and_then(|peer| peer.port));
    let claims = header(json, "x-forwarded-for");
    let claims =
        claims.iter().flat_map(|value| value.split(',')).map(str::trim).filter(|claim| !claim.is_empty());
    let claims =
        claims.map(|claim| Address::parse(claim).map_or_else(|| claim.to_owned(), |address| address.text()));
    row.addr_chain = claims.take(field::MAX_LIST_ITEMS).collect();
    let claimed = row.src_addr.as_ref().is_some_and(|address| row.addr_chain.contains(address));
    row.addr_quality = match (peer.is_some(), claimed) {
        (false, _) => AddrQuality::None,
        (true, true) => AddrQuality::Asserted,
        (true, false) => AddrQuality::Direct,
    };
    row.trust_flags.extend((!row.addr_chain.is_empty()).then(|| "forwarded-address".to_owned()));
}

/// Values of a logged request header; those that the device hashed say nothing.
fn header(json: &Value, name: &str) -> Vec<String> {
    let Some(headers) = field::at(json, &["request", "headers"]) else { return Vec::new() };
    let values = loose::at(headers, &[name]).map(|values| field::list_at(values, &[])).unwrap_or_default();
    values.into_iter().filter(|value| !value.starts_with("hmac-")).collect()
}

fn unmapped(json: &Value) -> Option<String> {
    let at = |path: &[&str]| field::at(json, path);
    field::unmapped([
        ("type", at(&["type"])),
        ("display_name", at(&["auth", "display_name"])),
        ("entity_id", at(&["auth", "entity_id"])),
        ("metadata", at(&["auth", "metadata"])),
        ("token_type", at(&["auth", "token_type"])),
        ("token_ttl", at(&["auth", "token_ttl"])),
        ("policies", at(&["auth", "policies"])),
        ("identity_policies", at(&["auth", "identity_policies"])),
        ("no_default_policy", at(&["auth", "no_default_policy"])),
        ("client_id", at(&["request", "client_id"])),
        ("client_certificate_serial_number", at(&["request", "client_certificate_serial_number"])),
        ("mount_type", at(&["request", "mount_type"])),
        ("mount_point", at(&["request", "mount_point"])),
        ("namespace", at(&["request", "namespace"])),
        ("forwarded_from", at(&["forwarded_from"])),
        ("wrap_ttl", at(&["request", "wrap_ttl"])),
        ("remote_address", at(&["request", "remote_address"])),
    ])
}
