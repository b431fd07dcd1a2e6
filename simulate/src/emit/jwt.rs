//! Fake JSON web tokens: well-formed, signed with nothing.
//!
//! In: a token, its pod, its audiences. Out: `header.claims.signature`. Owns: the claims of Kubernetes tokens.
//! The signature is random: no key ever existed, and the planted text serves to prove that it is never stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::json::Json;
use crate::random::Random;
use crate::world::{Pod, Token};

/// Validity of one token, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validity {
    /// Not valid after.
    pub(crate) exp: i64,
    /// The lifetime that was asked for ends here, although the token lives on.
    pub(crate) warn_after: Option<i64>,
}

/// A service-account token bound to a pod.
pub(crate) fn pod_token(
    random: &mut Random,
    pod: &Pod,
    token: &Token,
    audiences: &[&str],
    valid: Validity,
) -> String {
    let mut claims = Vec::new();
    let named = |json: &mut Json<'_>, key: &str, name: &str, uid: &str| {
        json.object(key, |json| {
            json.text("name", name);
            json.text("uid", uid);
        });
    };
    Json::object_into(&mut claims, |json| {
        json.texts("aud", audiences);
        json.number("exp", valid.exp);
        json.number("iat", token.issued.secs());
        json.text("iss", "https://kubernetes.default.svc");
        json.text("jti", &token.jti);
        json.object("kubernetes.io", |json| {
            json.text("namespace", &pod.namespace);
            named(json, "node", &pod.node.name, &pod.node.uid);
            named(json, "pod", &pod.name, &pod.uid);
            named(json, "serviceaccount", &pod.account, &pod.account_uid);
            if let Some(moment) = valid.warn_after {
                json.number("warnafter", moment);
            }
        });
        json.number("nbf", token.issued.secs());
        json.text("sub", &pod.user());
    });
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","kid":"prod-example-signing-key-1"}"#);
    let signature = URL_SAFE_NO_PAD.encode(random.bytes(256));
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims))
}
