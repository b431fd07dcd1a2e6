//! JSON Web Tokens: the signature goes, the claims stay readable.
//!
//! In: text with a token. Out: a marker with fingerprint and claims.
//! Owns: [`JwtClaims`] and its marker form; [`find_jwt_claims`] reads a marker back for decoders.
//! A token is three parts whose first decodes to a JSON object with `alg`; five with `enc` are an encrypted one.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use offbound_schemas::EventTime;
use serde_json::Value;

use super::marker::{self, JWT_START};
use super::{Detector, Found, Mark};

/// Longest claim kept in a marker, in bytes: longer than any SPIFFE ID may be (2048 with its scheme is the limit).
const MAX_CLAIM_BYTES: usize = 2_048;
/// Most audiences kept in a marker; tokens in the field have one to three.
const MAX_AUDIENCES: usize = 16;
/// Longest token that is decoded, in bytes: four times what web servers take in one header.
const MAX_TOKEN_BYTES: usize = 32 * 1024;

/// Longest header that is decoded, in bytes: one with a chain of certificates.
const MAX_HEADER_BYTES: usize = 4 * 1024;

/// Tokens: their header starts with `{"`, or with `{` and a blank.
pub(super) const DETECTOR: Detector = Detector { patterns: &["eyj", "ewo", "eya"], find, looks_inside: true };

/// What a token says of itself. Nothing here was verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JwtClaims {
    /// Keyed fingerprint of the whole token, 32 hex digits.
    pub fingerprint: String,
    /// Signature algorithm.
    pub alg: Option<String>,
    /// Id of the signing key.
    pub kid: Option<String>,
    /// Issuer.
    pub iss: Option<String>,
    /// Subject.
    pub sub: Option<String>,
    /// Audiences.
    pub aud: Vec<String>,
    /// Issued at.
    pub iat: Option<EventTime>,
    /// Not valid before.
    pub nbf: Option<EventTime>,
    /// Not valid after.
    pub exp: Option<EventTime>,
    /// Token id.
    pub jti: Option<String>,
    /// Thumbprint of the key that the token is bound to (`cnf`: `x5t#S256` or `jkt`).
    pub cnf: Option<String>,
    /// Kubernetes: namespace.
    pub namespace: Option<String>,
    /// Kubernetes: name of the bound pod.
    pub pod: Option<String>,
    /// Kubernetes: uid of the bound pod.
    pub pod_uid: Option<String>,
    /// Kubernetes: name of the bound node.
    pub node: Option<String>,
    /// Kubernetes: uid of the bound node.
    pub node_uid: Option<String>,
    /// Kubernetes: service account name.
    pub service_account: Option<String>,
    /// Kubernetes: service account uid.
    pub service_account_uid: Option<String>,
    /// Kubernetes: the asked-for lifetime ends here, although the token lives on.
    pub warn_after: Option<EventTime>,
}

impl JwtClaims {
    fn texts(&mut self) -> [(&'static str, &mut Option<String>); 13] {
        [
            ("alg", &mut self.alg),
            ("kid", &mut self.kid),
            ("iss", &mut self.iss),
            ("sub", &mut self.sub),
            ("jti", &mut self.jti),
            ("cnf", &mut self.cnf),
            ("ns", &mut self.namespace),
            ("pod", &mut self.pod),
            ("pod_uid", &mut self.pod_uid),
            ("node", &mut self.node),
            ("node_uid", &mut self.node_uid),
            ("sa", &mut self.service_account),
            ("sa_uid", &mut self.service_account_uid),
        ]
    }

    fn times(&mut self) -> [(&'static str, &mut Option<EventTime>); 4] {
        [
            ("iat", &mut self.iat),
            ("nbf", &mut self.nbf),
            ("exp", &mut self.exp),
            ("warnafter", &mut self.warn_after),
        ]
    }
}

/// The claims of the first token that was replaced in `text`, if there was one.
#[must_use]
pub fn find_jwt_claims(text: &str) -> Option<JwtClaims> {
    let start = memchr::memmem::find(text.as_bytes(), JWT_START.as_bytes())?;
    let rest = text.get(start + JWT_START.len()..)?;
    let body = rest.get(..rest.find('>')?)?;
    let mut claims = JwtClaims::default();
    for (name, value) in body.split(';').filter_map(|pair| pair.split_once('=')) {
        read_claim(&mut claims, name, marker::unescape(value)?);
    }
    Some(claims)
}

fn read_claim(claims: &mut JwtClaims, name: &str, value: String) {
    match name {
        "fp" => claims.fingerprint = value,
        "aud" => claims.aud.push(value),
        _ => {
            if let Some((_, slot)) = claims.times().into_iter().find(|(known, _)| *known == name) {
                *slot = value.parse().ok().and_then(|secs| EventTime::from_secs_nanos(secs, 0));
            } else if let Some((_, slot)) = claims.texts().into_iter().find(|(known, _)| *known == name) {
                *slot = Some(value);
            }
        }
    }
}

/// Writes the marker of a token.
pub(super) fn write_marker(out: &mut String, claims: &JwtClaims, fingerprint: &str) {
    let mut claims = claims.clone();
    out.push_str(JWT_START);
    out.push_str("fp=");
    out.push_str(fingerprint);
    for audience in claims.aud.clone() {
        write_pair(out, "aud", &audience);
    }
    for (name, time) in claims.times() {
        if let Some(time) = time {
            write_pair(out, name, &time.0.div_euclid(1_000_000_000).to_string());
        }
    }
    for (name, text) in claims.texts() {
        if let Some(text) = text {
            write_pair(out, name, text);
        }
    }
    out.push('>');
}

fn write_pair(out: &mut String, name: &str, value: &str) {
    out.push(';');
    out.push_str(name);
    out.push('=');
    marker::write_escaped(out, value);
}

fn find(text: &str, hit: Range<usize>, found: &mut Vec<Found>) {
    let before = text.as_bytes().get(..hit.start).and_then(<[u8]>::last);
    if before.is_some_and(u8::is_ascii_alphanumeric) {
        return;
    }
    if let Some((claims, token)) = text.get(hit.start..).and_then(read) {
        let range = hit.start..hit.start + token.len();
        found.push(Found::new(range, Mark::Jwt(Box::new(claims), token)));
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// The token that `text` begins with, and its claims. A token that is cut, or has no signature, is one all the same.
pub(super) fn read(text: &str) -> Option<(JwtClaims, String)> {
    let part = |from: usize, limit: usize| {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        from + rest.iter().take(limit).take_while(|byte| is_base64url(**byte)).count()
    };
    let header_end = part(0, MAX_HEADER_BYTES);
    if text.as_bytes().get(header_end) != Some(&b'.') {
        return None;
    }
    let header = decode_object(text.get(..header_end)?)?;
    header.get("alg")?;
    let mut ends = vec![header_end];
    let parts = if header.get("enc").is_some() { 5 } else { 3 };
    let mut end = header_end;
    while ends.len() < parts && end < MAX_TOKEN_BYTES && text.as_bytes().get(end) == Some(&b'.') {
        end = part(end + 1, MAX_TOKEN_BYTES);
        ends.push(end);
    }
    let payload = text.get(header_end + 1..*ends.get(1)?)?;
    let payload = if parts == 3 { decode_object(payload) } else { None };
    Some((read_claims(&header, &payload.unwrap_or(Value::Null)), text.get(..end)?.to_owned()))
}

fn decode_object(part: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object)
}

fn read_claims(header: &Value, payload: &Value) -> JwtClaims {
    let kubernetes = payload.get("kubernetes.io").unwrap_or(&Value::Null);
    let of = |object: &Value, key: &str| text_claim(object.get(key));
    let inner = |object: &str, key: &str| text_claim(kubernetes.get(object).and_then(|value| value.get(key)));
    let cnf = payload.get("cnf");
    JwtClaims {
        fingerprint: String::new(),
        alg: of(header, "alg"),
        kid: of(header, "kid"),
        iss: of(payload, "iss"),
        sub: of(payload, "sub"),
        aud: audiences(payload.get("aud")),
        iat: time_claim(payload.get("iat")),
        nbf: time_claim(payload.get("nbf")),
        exp: time_claim(payload.get("exp")),
        jti: of(payload, "jti"),
        cnf: cnf.and_then(|cnf| text_claim(cnf.get("x5t#S256")).or_else(|| text_claim(cnf.get("jkt")))),
        namespace: of(kubernetes, "namespace"),
        pod: inner("pod", "name"),
        pod_uid: inner("pod", "uid"),
        node: inner("node", "name"),
        node_uid: inner("node", "uid"),
        service_account: inner("serviceaccount", "name"),
        service_account_uid: inner("serviceaccount", "uid"),
        warn_after: time_claim(kubernetes.get("warnafter")),
    }
}

fn text_claim(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    Some(crate::decode::cut(text, MAX_CLAIM_BYTES).to_owned())
}

fn time_claim(value: Option<&Value>) -> Option<EventTime> {
    let number = value?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast from float saturates, and fractions are dropped"
    )]
    let secs = number.as_i64().or_else(|| number.as_f64().map(|secs| secs as i64))?;
    EventTime::from_secs_nanos(secs, 0)
}

fn audiences(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(list)) => {
            list.iter().take(MAX_AUDIENCES).filter_map(|item| text_claim(Some(item))).collect()
        }
        other => text_claim(other).into_iter().collect(),
    }
}
