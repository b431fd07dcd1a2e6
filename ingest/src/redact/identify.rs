//! What replay shows in place of a given secret: for an analyst who has one and wants to find its traces.
//!
//! In: a secret, or text with secrets. Out: the markers that stand for it, without the text around them.

use super::{FingerprintKey, Found, Mark, find_all, marker, merge, write_mark};

/// Kind of a secret that does not say what it is: what it is called in a log depends on where it stands.
const ANY_KIND: &str = "any";

/// The markers of every secret in `text`; where it gives no secret away, it is taken for one as a whole.
#[must_use]
pub fn identify(text: &str, key: &FingerprintKey) -> Vec<String> {
    let mut found = find_all(text);
    found.retain(|found| !matches!(found.mark, Mark::Forged(_)));
    if found.is_empty() {
        let mut out = String::new();
        marker::write_secret(&mut out, ANY_KIND, &key.fingerprint(text.as_bytes()));
        return vec![out];
    }
    let shown = |found: &Found| {
        let mut out = String::new();
        write_mark(&mut out, &found.mark, key);
        out
    };
    merge(found).iter().map(shown).collect()
}
