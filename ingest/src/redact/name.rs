//! Names of secrets, and how much each says.
//!
//! In: an identifier, as a key, header, flag or variable. Out: the kind of its value, and when it is a secret.
//! Owns: the list of names. Some name a secret always, others only when the value looks random: `token` and
//! `secret` are also what Kubernetes calls a path and a volume. Names of ids (`accessKeyId`, `clientToken`,
//! `nextToken`, `secretId` of AWS) are none.

/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// How much a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    /// Its value is a secret whatever it looks like.
    Always,
    /// Its value is a secret when it looks random.
    WhenRandom,
    /// Its value is a secret when it is a UUID: Vault's and Consul's secret ids, not the names that AWS calls so.
    WhenUuid,
    /// A header: its whole value is a secret.
    Header,
    /// A header with `name=value` pairs.
    Cookie,
    /// `user:password` in base64.
    Basic,
}

use Strength::{Always, Basic, Cookie, Header, WhenRandom, WhenUuid};

/// Whole names, in small letters without `-` and `_`.
const WHOLE: &[(&str, &str, Strength)] = &[
    ("authorization", "authorization", Header),
    ("proxyauthorization", "authorization", Header),
    ("httpauthorization", "authorization", Header),
    ("cookie", "cookie", Cookie),
    ("setcookie", "cookie", Cookie),
    ("httpcookie", "cookie", Cookie),
    ("xvaulttoken", "header-token", Header),
    ("xconsultoken", "header-token", Header),
    ("xnomadtoken", "header-token", Header),
    ("xauthtoken", "header-token", Header),
    ("xaccesstoken", "header-token", Header),
    ("xgitlabtoken", "header-token", Header),
    ("xamzsecuritytoken", "header-token", Header),
    ("xregistryauth", "header-token", Header),
    ("privatetoken", "header-token", Header),
    ("jobtoken", "header-token", Header),
    ("xapikey", "header-token", Header),
    ("xpankey", "header-token", Header),
    ("apikey", "api-key", WhenRandom),
    ("xamzsignature", "signature", Header),
    ("xgoogsignature", "signature", Header),
    ("signature", "signature", WhenRandom),
    ("sig", "signature", WhenRandom),
    ("sessiontoken", "token", WhenRandom),
    ("securitytoken", "token", WhenRandom),
    ("refreshtoken", "token", WhenRandom),
    ("accesstoken", "token", WhenRandom),
    ("idtoken", "token", WhenRandom),
    ("webidentitytoken", "token", WhenRandom),
    ("identitytoken", "token", WhenRandom),
    ("registrytoken", "token", WhenRandom),
    ("oauthtoken", "token", WhenRandom),
    ("authtoken", "token", WhenRandom),
    ("bearertoken", "token", WhenRandom),
    ("apitoken", "token", WhenRandom),
    ("jointoken", "token", WhenRandom),
    ("bottoken", "token", WhenRandom),
    ("deploytoken", "token", WhenRandom),
    ("vaulttoken", "token", WhenRandom),
    ("githubtoken", "token", WhenRandom),
    ("personalaccesstoken", "token", WhenRandom),
    ("roottoken", "token", WhenRandom),
    ("token", "token", WhenRandom),
    ("secret", "token", WhenRandom),
    ("secretid", "secret-id", WhenUuid),
    ("secretstring", "secret-value", Always),
    ("secretbinary", "secret-value", Always),
    ("samlresponse", "saml-response", Always),
    ("auth", "basic", Basic),
    ("rediscliauth", "password", Always),
    ("userpwd", "password", Always),
    ("pwd", "password", Always),
    ("pass", "password", Always),
];

/// Ends of names, in small letters without `-` and `_`.
const ENDS: &[(&str, &str, Strength)] = &[
    ("password", "password", Always),
    ("passwd", "password", Always),
    ("passphrase", "password", Always),
    ("dbpass", "password", Always),
    ("storepass", "password", Always),
    ("keypass", "password", Always),
    ("userpass", "password", Always),
    ("secretaccesskey", "secret-key", Always),
    ("secretkey", "secret-key", Always),
    ("clientsecret", "secret-key", Always),
    ("appsecret", "secret-key", Always),
    ("apisecret", "secret-key", WhenRandom),
    ("consumersecret", "secret-key", WhenRandom),
    ("jwtsecret", "secret-key", WhenRandom),
    ("sharedsecret", "secret-key", WhenRandom),
    ("signingsecret", "secret-key", WhenRandom),
    ("webhooksecret", "secret-key", WhenRandom),
    ("secretkeybase", "secret-key", WhenRandom),
    ("accountkey", "secret-key", WhenRandom),
    ("adminkey", "secret-key", WhenRandom),
    ("appkey", "secret-key", WhenRandom),
    ("applicationkey", "secret-key", WhenRandom),
    ("authkey", "secret-key", WhenRandom),
    ("certificatekey", "secret-key", WhenRandom),
    ("functionskey", "secret-key", WhenRandom),
    ("licensekey", "secret-key", WhenRandom),
    ("storagekey", "secret-key", WhenRandom),
    ("subscriptionkey", "secret-key", WhenRandom),
    ("sharedaccesskey", "secret-key", WhenRandom),
    ("sharedaccesssignature", "signature", WhenRandom),
    ("encryptionkey", "secret-key", WhenRandom),
    ("masterkey", "secret-key", WhenRandom),
    ("signingkey", "secret-key", WhenRandom),
    ("hmackey", "secret-key", WhenRandom),
    ("unsealkey", "secret-key", WhenRandom),
    ("recoverykey", "secret-key", WhenRandom),
    ("privatekey", "private-key", WhenRandom),
    ("apikey", "api-key", WhenRandom),
    ("totpseed", "totp-seed", WhenRandom),
];

/// Ends of names with underscores or dashes, of which only these are told from names of ids.
const PARTS: &[(&str, &str, Strength)] = &[
    ("_token", "token", WhenRandom),
    ("_secret", "token", WhenRandom),
    ("_pass", "password", Always),
    ("_pwd", "password", Always),
    ("_auth", "basic", Basic),
];

/// Words in names of tokens that open no door.
const HARMLESS: &[&str] =
    &["next", "page", "continu", "pagination", "sync", "csrf", "idempot", "bypass", "compass"];

/// Every name, end and part.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    WHOLE.iter().chain(ENDS).chain(PARTS).map(|(name, ..)| *name)
}

/// The identifier that ends at `end`, whole: nothing may be missing at its front.
pub(super) fn ending_at(text: &str, end: usize) -> Option<&str> {
    let bytes = text.as_bytes().get(..end)?;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let length = bytes.iter().rev().take(MAX_NAME_BYTES + 1).take_while(|byte| is_part(byte)).count();
    text.get(end - length..end).filter(|_| length <= MAX_NAME_BYTES)
}

/// The flag that ends at `end`: `--client-secret`, `-token`. Behind a single dash only those for passwords are known in
/// capitals too.
pub(super) fn flag_ending_at(text: &str, end: usize) -> Option<&str> {
    let flag = ending_at(text, end).filter(|name| name.starts_with('-'))?;
    let is_lower = flag.bytes().all(|byte| !byte.is_ascii_uppercase());
    let is_known = is_lower || flag.starts_with("--") || flag.to_ascii_lowercase().contains("passw");
    // A single dash is known in front of a blank or a double quote only.
    let is_quoted = text.as_bytes().get(end) == Some(&b'\'');
    (is_known && (flag.starts_with("--") || !is_quoted)).then_some(flag)
}

/// What a name says about its value, and the kind that the marker gives.
pub(super) fn strength(name: &str) -> Option<(&'static str, Strength)> {
    let snake = name.trim_start_matches('-').to_ascii_lowercase().replace('-', "_");
    let plain = snake.replace('_', "");
    let whole = WHOLE.iter().find(|(known, ..)| *known == plain);
    let is_harmless = || HARMLESS.iter().any(|word| plain.contains(word));
    let end = || ENDS.iter().find(|(end, ..)| plain.ends_with(end));
    let part = || PARTS.iter().find(|(end, ..)| snake.ends_with(end)).filter(|_| !is_harmless());
    whole.or_else(end).or_else(part).map(|(_, kind, strength)| (*kind, *strength))
}
