//! Secrets that say what they are: a fixed prefix, then random characters.
//!
//! In: text with such a prefix. Out: the range of the whole secret.
//! Owns: the list of prefixes, from the issuers' own documentation.

use std::ops::{Range, RangeInclusive};
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::texts::MIN_TEXT_BYTES;
use super::{Detector, Found};

/// One family of self-describing secrets.
struct Family {
    prefix: &'static str,
    /// Fewest characters behind the prefix.
    min: usize,
    /// Characters it may have besides letters and digits.
    besides: &'static [u8],
    kind: &'static str,
}

const fn family(prefix: &'static str, min: usize, kind: &'static str) -> Family {
    Family { prefix, min, besides: b"_-", kind }
}

const FAMILIES: &[Family] = &[
    family("hvs.", 20, "vault-token"),
    family("hvb.", 20, "vault-token"),
    family("hvr.", 20, "vault-token"),
    family("ghp_", 30, "github-token"),
    family("gho_", 30, "github-token"),
    family("ghu_", 30, "github-token"),
    family("ghs_", 30, "github-token"),
    family("ghr_", 30, "github-token"),
    family("github_pat_", 22, "github-token"),
    family("glpat-", 16, "gitlab-token"),
    family("glptt-", 16, "gitlab-token"),
    family("glrt-", 16, "gitlab-token"),
    family("gldt-", 16, "gitlab-token"),
    family("xoxb-", 16, "slack-token"),
    family("xoxp-", 16, "slack-token"),
    family("xoxa-", 16, "slack-token"),
    family("xoxr-", 16, "slack-token"),
    family("xoxs-", 16, "slack-token"),
    Family { prefix: "xoxe", min: 16, besides: b"_-.", kind: "slack-token" },
    family("xapp-", 16, "slack-token"),
    Family { prefix: "hooks.slack.com/services/", min: 30, besides: b"/", kind: "slack-webhook" },
    Family { prefix: "ya29.", min: 20, besides: b"_-.", kind: "google-token" },
    family("1//0", 36, "google-token"),
    family("GOCSPX-", 20, "google-secret"),
    family("AIza", 35, "google-key"),
    family("sk_live_", 16, "stripe-key"),
    family("rk_live_", 16, "stripe-key"),
    family("sk_test_", 16, "stripe-key"),
    family("rk_test_", 16, "stripe-key"),
    family("npm_", 30, "npm-token"),
    family("pypi-AgE", 16, "pypi-token"),
    Family { prefix: "SG.", min: 60, besides: b"_-.", kind: "sendgrid-key" },
    family("hf_", 30, "huggingface-token"),
    family("sk-", 32, "api-key"),
    family("AGE-SECRET-KEY-1", 40, "age-key"),
    family("dop_v1_", 60, "digitalocean-token"),
    family("dckr_pat_", 20, "docker-token"),
    family("dapi", 32, "databricks-token"),
    family("glsa_", 32, "grafana-token"),
    family("rubygems_", 40, "rubygems-key"),
    family("shpat_", 32, "shopify-token"),
    family("sqp_", 40, "sonar-token"),
    family("tskey-", 16, "tailscale-key"),
    Family { prefix: "FwoGZXIvYXdz", min: 40, besides: b"+/=", kind: "aws-session-token" },
    Family { prefix: "IQoJb3JpZ2luX2Vj", min: 40, besides: b"+/=", kind: "aws-session-token" },
];

/// How the body of an Azure client secret starts, behind three characters and a digit.
pub(super) const AZURE: &str = "Q~";

/// Length of that body.
const AZURE_BYTES: RangeInclusive<usize> = 31..=34;
/// How far in front of a run a prefix may stand, in bytes: SendGrid's has a dot, 22 characters and one more dot.
const DOTTED_BYTES: usize = 32;

/// Every prefix, as the automaton wants them: the same list as [`FAMILIES`], and the one of Azure.
const PATTERNS: &[&str] = &{
    let mut patterns = [AZURE; FAMILIES.len() + 1];
    let mut index = 0;
    while index < FAMILIES.len() {
        patterns[index] = FAMILIES[index].prefix;
        index += 1;
    }
    patterns
};

/// Self-describing secrets.
pub(super) const DETECTOR: Detector = Detector { patterns: PATTERNS, find, looks_inside: true };

/// The prefixes, but for those that are too short to be looked for.
pub(super) fn starts() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|family| family.prefix).filter(|prefix| prefix.len() >= MIN_TEXT_BYTES)
}

fn find(text: &str, hit: Range<usize>, found: &mut Vec<Found>) {
    match text.get(hit.clone()) {
        Some(AZURE) => found.extend(azure(text, hit)),
        Some(prefix) => {
            found.extend(FAMILIES.iter().filter(|family| family.prefix == prefix).find_map(|family| {
                let range = body(text, &hit, family)?;
                Some(Found::known(family.kind, range.clone(), text.get(range)?))
            }))
        }
        None => {}
    }
}

fn body(text: &str, hit: &Range<usize>, family: &Family) -> Option<Range<usize>> {
    let before = text.as_bytes().get(..hit.start)?.last();
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    if before.is_some_and(is_inside) {
        return None;
    }
    let rest = text.as_bytes().get(hit.end..)?;
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || family.besides.contains(byte);
    let body = rest.get(..rest.iter().take_while(is_part).count())?;
    let end = body.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
    let body = body.get(..end)?;
    let is_random = body.iter().any(u8::is_ascii_digit) && body.iter().any(u8::is_ascii_alphabetic);
    // Short prefixes are also how names begin; what is random has capitals too.
    let is_sure = family.prefix.len() > 3 || body.iter().any(u8::is_ascii_uppercase);
    (body.len() >= family.min && is_random && is_sure).then_some(hit.start..hit.end + end)
}

/// `abc8Q~` and 31 to 34 characters more.
fn azure(text: &str, hit: Range<usize>) -> Option<Found> {
    let start = hit.start.checked_sub(4)?;
    let head = text.get(start..hit.start)?;
    let is_head =
        head.bytes().all(|byte| byte.is_ascii_alphanumeric()) && head.ends_with(|c: char| c.is_ascii_digit());
    let rest = text.as_bytes().get(hit.end..)?;
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.~-".contains(byte);
    let length = rest.iter().take(AZURE_BYTES.end() + 1).take_while(is_part).count();
    let range = start..hit.end + length;
    let secret = text.get(range.clone()).filter(|_| is_head && AZURE_BYTES.contains(&length))?;
    Some(Found::known("azure-secret", range, secret))
}

/// A Vault token of before version 1.10: `s.` or `b.` and exactly 24 characters.
pub(super) fn old_vault_token(text: &str, run: Range<usize>) -> Option<Found> {
    let before = text.get(..run.start)?;
    let head = before.strip_suffix("s.").or_else(|| before.strip_suffix("b."))?;
    let rest = text.as_bytes().get(run.start..)?;
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let is_body = length == 24 && rest.iter().take(length).any(u8::is_ascii_digit);
    if !is_body || head.ends_with(|c: char| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
        return None;
    }
    let range = run.start - 2..run.start + length;
    Some(Found::known("vault-token", range.clone(), text.get(range)?))
}

/// Whether a run of base64 characters may be or hold a token: as the start of a JSON object, by its prefix, or as a
/// body without one. What holds other text is none.
pub(super) fn is_token_like(text: &str, run: Range<usize>, inside: &str) -> bool {
    static PREFIXES: LazyLock<AhoCorasick> = LazyLock::new(|| {
        let starts = PATTERNS.iter().chain(["eyJ", "ewo", "eyA"].iter());
        AhoCorasick::new(starts).expect("a few short prefixes make a small automaton")
    });
    if old_vault_token(text, run.clone()).is_some() {
        return true;
    }
    if !inside.is_empty() {
        return inside.starts_with('{');
    }
    let bytes = text.as_bytes().get(run.start.saturating_sub(DOTTED_BYTES)..run.end).unwrap_or_default();
    // Names in camel case have no digits, tokens have.
    let is_random =
        bytes.get(bytes.len() - run.len()..).is_some_and(|run| run.iter().any(u8::is_ascii_digit));
    if !is_random {
        return false;
    }
    PREFIXES.is_match(bytes)
}
