//! Envoy's attributes of a request that it has authorized externally.
//!
//! In: `input.attributes` as protobuf JSON writes it (`socketAddress`), with the names of the definition
//! (`socket_address`), or as Go structs (`Address.SocketAddress.PortSpecifier.PortValue`). Out: the columns of a
//! presentation to Envoy; a row of its own for a token beside a certificate.
//! Law: `principal` is what Envoy took from the peer's certificate; without it, the last element of the forwarded
//! certificate header is the proxy's word, and is marked so. An empty principal is nobody.

use offbound_schemas::EventId;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::{AddrQuality, IdKind, Phase};
use serde_json::Value;

use crate::decode::address::Address;
use crate::decode::envoy::xfcc;
use crate::decode::subject::{ServiceAccount, trust_domain};
use crate::decode::{field, loose};
use crate::redact::{JwtClaims, find_jwt_claims};

/// Fills what Envoy saw; gives back the row of a token that is not the caller's only credential.
pub(super) fn fill(
    row: &mut IdentityAssertion,
    envoy: &Value,
    second_id: EventId,
) -> Option<IdentityAssertion> {
    row.phase = Phase::Present;
    row.platform = Some("mesh".to_owned());
    fill_ends(row, envoy);
    fill_request(row, envoy);
    fill_certificate(row, envoy);
    let claims = header(envoy, "authorization").and_then(|value| find_jwt_claims(&value))?;
    if row.subject.is_none() && row.credential_id.is_none() {
        fill_token(row, claims);
        return None;
    }
    let mut second = IdentityAssertion { event_id: second_id, presenter: row.subject.clone(), ..row.clone() };
    second.trust_flags.retain(|flag| flag != "forwarded-identity");
    fill_token(&mut second, claims);
    Some(second)
}

fn fill_ends(row: &mut IdentityAssertion, envoy: &Value) {
    let source = end(envoy, "source");
    row.src_addr = source.map(|(address, _)| address.text());
    row.src_port = source.and_then(|(_, port)| port);
    row.addr_quality = if source.is_some() { AddrQuality::Direct } else { AddrQuality::None };
    let claims = header(envoy, "x-forwarded-for").unwrap_or_default();
    let claims = claims.split(',').map(str::trim).filter(|claim| !claim.is_empty());
    let claims =
        claims.map(|claim| Address::parse(claim).map_or_else(|| claim.to_owned(), |address| address.text()));
    row.addr_chain = claims.take(field::MAX_LIST_ITEMS).collect();
    // A proxy that appends its peer to the header claims nothing by that.
    if row.addr_chain.last() == row.src_addr.as_ref() {
        row.addr_chain.pop();
    }
    row.trust_flags.extend((!row.addr_chain.is_empty()).then(|| "forwarded-address".to_owned()));
    let destination = end(envoy, "destination");
    row.dst_addr = destination.map(|(address, _)| address.text());
    row.dst_port = destination.and_then(|(_, port)| port);
    row.dst_identity = loose::string_at(envoy, &["destination", "principal"]);
}

/// Address and port of one end.
fn end(envoy: &Value, side: &str) -> Option<(Address, Option<u16>)> {
    let socket = loose::at(envoy, &[side, "address", "socketAddress"])
        .or_else(|| loose::at(envoy, &[side, "address", "Address", "SocketAddress"]))?;
    let address = Address::parse(loose::str_at(socket, &["address"])?)?;
    let port =
        loose::at(socket, &["portValue"]).or_else(|| loose::at(socket, &["PortSpecifier", "PortValue"]));
    Some((address, port.and_then(|port| field::u16_at(port, &[])).filter(|port| *port != 0)))
}

fn fill_request(row: &mut IdentityAssertion, envoy: &Value) {
    let http = |key: &str| loose::string_at(envoy, &["request", "http", key]);
    let bare = |path: String| path.split(['?', '#']).next().unwrap_or_default().to_owned();
    if let Some(method) = http("method") {
        row.action =
            Some(http("path").map(bare).map_or_else(|| method.clone(), |path| format!("{method} {path}")));
    }
    row.dst = http("host").or_else(|| header(envoy, ":authority")).or(row.dst.take());
    row.user_agent = header(envoy, "user-agent");
}

fn fill_certificate(row: &mut IdentityAssertion, envoy: &Value) {
    let principal = loose::string_at(envoy, &["source", "principal"]);
    let element = header(envoy, "x-forwarded-client-cert")
        .and_then(|value| xfcc::last_element(&value))
        .unwrap_or_default();
    let forwarded = principal.is_none() && element.uri.is_some();
    row.trust_flags.extend(forwarded.then(|| "forwarded-identity".to_owned()));
    let agrees = principal.is_none() || element.uri == principal;
    row.subject = principal.or(element.uri);
    let hash = element
        .hash
        .filter(|hash| agrees && hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    row.credential_id = hash.map(|hash| format!("X509SHA256={}", hash.to_lowercase()));
    row.id_kind = if row.credential_id.is_some() { IdKind::CertFp } else { IdKind::None };
    let subject = row.subject.as_deref().unwrap_or_default();
    if row.subject.is_some() || row.credential_id.is_some() {
        row.credential_kind =
            Some(if subject.starts_with("spiffe://") { "x509-svid" } else { "x509" }.to_owned());
    }
    row.issuer = trust_domain(subject).map(str::to_owned);
    row.cluster = row.issuer.clone();
    row.bound_namespace = ServiceAccount::of_subject(subject).map(|account| account.namespace.to_owned());
}

/// What a token says of itself; whether anybody checked it, only policy knows.
fn fill_token(row: &mut IdentityAssertion, claims: JwtClaims) {
    let subject = claims.sub.clone().unwrap_or_default();
    let account = ServiceAccount::of_subject(&subject).filter(|_| subject.starts_with("system:"));
    let kind = if subject.starts_with("spiffe://") {
        "jwt-svid"
    } else if account.is_some() {
        "k8s-token"
    } else {
        "unknown"
    };
    row.credential_kind = Some(kind.to_owned());
    row.bound_namespace = claims.namespace.or_else(|| account.map(|account| account.namespace.to_owned()));
    row.credential_id = claims.jti.map(|jti| format!("JTI={jti}"));
    row.id_kind = if row.credential_id.is_some() { IdKind::Jti } else { IdKind::None };
    row.issuer = claims.iss.or_else(|| trust_domain(&subject).map(str::to_owned));
    row.subject = claims.sub;
    row.subject_uid = claims.service_account_uid;
    (row.iat, row.nbf, row.exp, row.warn_after) = (claims.iat, claims.nbf, claims.exp, claims.warn_after);
    (row.audience, row.cnf) = (claims.aud, claims.cnf);
    (row.bound_pod, row.bound_pod_uid) = (claims.pod, claims.pod_uid);
    (row.bound_host, row.bound_host_uid) = (claims.node, claims.node_uid);
}

fn header(envoy: &Value, name: &str) -> Option<String> {
    let headers = loose::at(envoy, &["request", "http", "headers"])?;
    field::string_at(headers, &[name])
}
