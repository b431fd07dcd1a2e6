//! Who presented what to the proxy.
//!
//! In: an access log entry. Out: subject and credential of the peer's certificate, and of a token beside it.
//! Owns: which source of the peer's name is believed (the TLS peer; else the proxy's own XFCC element), the normal
//! form of fingerprints and serials.

use chrono::NaiveDateTime;
use offbound_schemas::EventTime;
use offbound_schemas::table::IdentityAssertion;
use offbound_schemas::vocabulary::IdKind;
use serde_json::Value;

use super::super::field;
use super::super::subject::{ServiceAccount, trust_domain};
use super::keys::AccessLog;
use super::xfcc::{self, Element};

/// Fills what the certificate says.
pub(super) fn fill_certificate(row: &mut IdentityAssertion, log: &AccessLog) {
    let element = log.text("x_forwarded_client_cert").and_then(|header| xfcc::last_element(&header));
    let names = log.text("downstream_peer_uri_san");
    let element = element.filter(|element| is_own(element, names.as_deref())).unwrap_or_default();
    let Element { by, hash, uri, subject: xfcc_subject } = element;
    row.dst_identity = row.dst_identity.take().or_else(|| log.text("downstream_local_uri_san")).or(by);
    let peer = names.as_deref().and_then(best_name);
    let forwarded = peer.is_none() && uri.is_some();
    row.trust_flags.extend(forwarded.then(|| "forwarded-identity".to_owned()));
    let distinguished = || log.text("downstream_peer_subject").or(xfcc_subject);
    row.subject = peer.or(uri).or_else(distinguished);
    let fingerprint = log.text("downstream_peer_fingerprint_256").or(hash).and_then(|hex| fingerprint(&hex));
    let serial = log.text("downstream_peer_serial").and_then(|hex| serial(&hex));
    fill_credential(row, fingerprint, serial);
    let subject = row.subject.as_deref().unwrap_or_default();
    if row.subject.is_some() || row.credential_id.is_some() {
        let kind = if subject.starts_with("spiffe://") { "x509-svid" } else { "x509" };
        row.credential_kind = Some(kind.to_owned());
    }
    let domain = trust_domain(subject).map(str::to_owned);
    (row.issuer, row.cluster) = (domain.clone(), domain);
    row.bound_namespace = ServiceAccount::of_subject(subject).map(|account| account.namespace.to_owned());
    row.nbf = log.text("downstream_peer_cert_v_start").and_then(|text| time_text(&text));
    row.exp = log.text("downstream_peer_cert_v_end").and_then(|text| time_text(&text));
}

/// Whether an element may be the one that the proxy added for its peer, whose names it knows: a proxy that only forwards the
/// header passes on what the client wrote, with whosever fingerprint.
pub(super) fn is_own(element: &Element, names: Option<&str>) -> bool {
    let Some(names) = names else { return true };
    element.uri.as_deref().is_some_and(|uri| names.split(',').any(|name| name.trim() == uri))
}

/// A certificate may have several URI names; the SPIFFE ID is the one that counts.
pub(super) fn best_name(names: &str) -> Option<String> {
    let mut names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    let first = names.clone().next()?;
    Some(names.find(|name| name.starts_with("spiffe://")).unwrap_or(first).to_owned())
}

fn fill_credential(row: &mut IdentityAssertion, fingerprint: Option<String>, serial: Option<String>) {
    let fingerprint = fingerprint.map(|hex| format!("X509SHA256={hex}"));
    let serial = serial.map(|hex| format!("X509SERIAL={hex}"));
    (row.id_kind, row.credential_id, row.credential_alias) = match (fingerprint, serial) {
        (Some(fingerprint), serial) => (IdKind::CertFp, Some(fingerprint), serial),
        (None, Some(serial)) => (IdKind::Serial, Some(serial), None),
        (None, None) => (IdKind::None, None, None),
    };
}

/// The digits of a fingerprint, in normal form.
pub(super) fn fingerprint(text: &str) -> Option<String> {
    let hex: String = text.chars().filter(|c| *c != ':').collect::<String>().to_lowercase();
    let whole = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    whole.then_some(hex)
}

/// The digits of a serial, in normal form.
pub(super) fn serial(text: &str) -> Option<String> {
    let hex: String = text.chars().filter(|c| *c != ':').collect::<String>().to_lowercase();
    let hex = hex.strip_prefix("0x").unwrap_or(&hex).trim_start_matches('0');
    let valid = !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| hex.to_owned())
}

/// RFC 3339, as Envoy writes by default, or OpenSSL's form.
pub(super) fn time_text(text: &str) -> Option<EventTime> {
    let of_openssl = || NaiveDateTime::parse_from_str(text, "%b %e %H:%M:%S %Y GMT").ok();
    field::time_text(text).or_else(|| EventTime::from_utc(of_openssl()?.and_utc()))
}

/// A token that was presented.
#[derive(Debug)]
pub(super) struct Token {
    subject: Option<String>,
    jti: Option<String>,
    issuer: Option<String>,
    audience: Vec<String>,
    exp: Option<EventTime>,
}

/// The token of an entry, if its filter logged one.
pub(super) fn token(row: &IdentityAssertion, log: &AccessLog) -> Option<Token> {
    let subject = log
        .text("jwt_sub")
        .filter(|subject| row.subject.as_ref() != Some(subject) || log.text("jwt_jti").is_some());
    let jti = log.text("jwt_jti");
    let said = subject.is_some() || jti.is_some();
    said.then(|| Token {
        subject,
        jti,
        issuer: log.text("jwt_iss"),
        audience: audience(log.value("jwt_aud")),
        exp: log.time("jwt_exp"),
    })
}

fn audience(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => text
            .trim_matches(['[', ']'])
            .split(',')
            .map(|part| part.trim_matches([' ', '"']).to_owned())
            .collect(),
        Some(other) => field::list_at(other, &[]),
        None => Vec::new(),
    }
}

impl Token {
    /// Fills what the token says.
    pub(super) fn fill(self, row: &mut IdentityAssertion) {
        let Self { subject, jti, issuer, audience, exp } = self;
        let name = subject.as_deref().unwrap_or_default();
        let kind = if name.starts_with("spiffe://") {
            "jwt-svid"
        } else if name.starts_with("system:serviceaccount:") {
            "k8s-token"
        } else {
            "unknown"
        };
        row.credential_kind = Some(kind.to_owned());
        row.bound_namespace = ServiceAccount::of_subject(name).map(|account| account.namespace.to_owned());
        row.id_kind = if jti.is_some() { IdKind::Jti } else { IdKind::None };
        row.credential_id = jti.map(|jti| format!("JTI={jti}"));
        row.issuer = issuer.or_else(|| trust_domain(name).map(str::to_owned));
        row.subject = subject;
        (row.audience, row.exp) = (audience, exp);
    }
}

/// Takes the certificate's columns out of a copy that is to hold a token.
pub(super) fn clear(row: &mut IdentityAssertion) {
    row.credential_alias = None;
    row.nbf = None;
    row.cnf = None;
    row.trust_flags.retain(|flag| flag != "forwarded-identity");
}
