//! Secrets that say what they are: a fixed prefix, then random characters.
//!
//! In: text with such a prefix. Out: the range of the whole secret.
//! Owns: the list of prefixes, from the issuers' own documentation.

use std::ops::Range;

use super::{Detector, Found, Mark};

/// One family of self-describing secrets.
struct Family {
    prefix: &'static str,
    /// Fewest characters behind the prefix.
    min: usize,
    kind: &'static str,
}

const FAMILIES: &[Family] = &[
    Family { prefix: "hvs.", min: 20, kind: "vault-token" },
    Family { prefix: "hvb.", min: 20, kind: "vault-token" },
    Family { prefix: "hvr.", min: 20, kind: "vault-token" },
    Family { prefix: "s.", min: 24, kind: "vault-token" },
    Family { prefix: "ghp_", min: 30, kind: "github-token" },
    Family { prefix: "gho_", min: 30, kind: "github-token" },
    Family { prefix: "ghu_", min: 30, kind: "github-token" },
    Family { prefix: "ghs_", min: 30, kind: "github-token" },
    Family { prefix: "ghr_", min: 30, kind: "github-token" },
    Family { prefix: "github_pat_", min: 30, kind: "github-token" },
    Family { prefix: "glpat-", min: 16, kind: "gitlab-token" },
    Family { prefix: "glptt-", min: 16, kind: "gitlab-token" },
    Family { prefix: "xoxb-", min: 16, kind: "slack-token" },
    Family { prefix: "xoxp-", min: 16, kind: "slack-token" },
    Family { prefix: "xoxa-", min: 16, kind: "slack-token" },
    Family { prefix: "xoxr-", min: 16, kind: "slack-token" },
    Family { prefix: "xoxs-", min: 16, kind: "slack-token" },
    Family { prefix: "xapp-", min: 16, kind: "slack-token" },
    Family { prefix: "ya29.", min: 20, kind: "google-token" },
    Family { prefix: "sk_live_", min: 16, kind: "stripe-key" },
    Family { prefix: "npm_", min: 30, kind: "npm-token" },
];

/// Every prefix, as the automaton wants them: the same list as [`FAMILIES`].
const PATTERNS: &[&str] = &{
    let mut patterns = [""; FAMILIES.len()];
    let mut index = 0;
    while index < FAMILIES.len() {
        patterns[index] = FAMILIES[index].prefix;
        index += 1;
    }
    patterns
};

/// Self-describing secrets.
pub(super) const DETECTOR: Detector = Detector { patterns: PATTERNS, find };

fn find(text: &str, hit: Range<usize>) -> Option<Found> {
    let prefix = text.get(hit.clone())?;
    let family = FAMILIES.iter().find(|family| family.prefix == prefix)?;
    let before = text.as_bytes().get(..hit.start)?.last();
    if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte)) {
        return None;
    }
    let rest = text.as_bytes().get(hit.end..)?;
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte)).count();
    let body = rest.get(..length)?;
    // The two-character prefix of old Vault tokens is common in names: their body is exactly 24 characters.
    let plausible = if family.prefix == "s." { length == family.min } else { length >= family.min };
    let random = body.iter().any(u8::is_ascii_digit) && body.iter().any(u8::is_ascii_alphabetic);
    let range = hit.start..hit.end + length;
    (plausible && random).then_some(Found { range, mark: Mark::Secret(family.kind) })
}
