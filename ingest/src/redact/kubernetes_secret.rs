//! Kubernetes Secrets inside records: every value of `data` and `stringData`.
//!
//! In: text with a key `data` or `stringData` of an object whose kind is Secret. Out: the range of all its values.
//! Audit records at level RequestResponse hold whole Secrets; `last-applied-configuration` holds them once more.

use std::ops::Range;

use super::{Detector, Found, Mark, value};

/// Most bytes searched for the end of the map: Kubernetes caps a Secret at 1 MiB.
const MAX_MAP_BYTES: usize = 1024 * 1024;

/// The maps of a Secret.
pub(super) const DETECTOR: Detector = Detector { patterns: &["data\"", "data\\"], find };

fn find(text: &str, hit: Range<usize>) -> Option<Found> {
    let name_end = hit.end - 1;
    let name = super::field::name_ending_at(text, name_end)?;
    if !matches!(name, "data" | "stringData") || !mentions_secret(text) {
        return None;
    }
    let rest = text.get(name_end..)?;
    let level = rest.bytes().take_while(|byte| *byte == b'\\').count();
    let colon = value::skip_blanks(text, name_end + level + 1);
    let open = value::skip_blanks(text, colon + 1);
    if text.as_bytes().get(colon) != Some(&b':') || text.as_bytes().get(open) != Some(&b'{') {
        return None;
    }
    let window = crate::decode::cut(text.get(open + 1..)?, MAX_MAP_BYTES);
    let inside = open + 1..open + 1 + window.find('}')?;
    span_of_values(text, inside, level).map(|range| Found { range, mark: Mark::Secret("kubernetes-secret") })
}

/// Whether the record speaks of a Secret at all: by kind, or by the resource that was asked for.
fn mentions_secret(text: &str) -> bool {
    let bytes = text.as_bytes();
    ["\"Secret\"", "\\\"Secret\\\"", "\"SecretList\"", "\"secrets\""]
        .iter()
        .any(|word| memchr::memmem::find(bytes, word.as_bytes()).is_some())
}

/// From the first value to the last: one marker stands for the map's values, and its JSON stays valid.
fn span_of_values(text: &str, inside: Range<usize>, level: usize) -> Option<Range<usize>> {
    let key = value::skip_blanks(text, inside.start);
    let key = value::json_string(text, key, level)?;
    let first = value::json_string_after_key(text, key.end)?;
    let quote = text.get(..inside.end)?.rfind('"')?;
    let last_end = quote.checked_sub(level)?;
    (first.start < last_end && last_end <= inside.end).then_some(first.start..last_end)
}
