//! Changes that leave a log looking like a log, so that they reach what is behind its grammar.
//!
//! In: a log, and numbers that say what is done. Out: the log with some lines changed, repeated, moved or gone.
//! Owns: what is done to lines; [`json`] and [`text`] know what is done inside them.

pub mod json;
pub mod text;

use std::borrow::Cow;

use super::Numbers;

/// Most changes of one line in one go.
const MAX_CHANGES: usize = 3;

/// `log` of the format with this id, changed.
#[must_use]
pub fn change(format: &str, log: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut lines: Vec<Cow<'_, [u8]>> = log.split(|byte| *byte == b'\n').map(Cow::Borrowed).collect();
    let at = numbers.below(lines.len());
    match numbers.below(16) {
        0 => lines.insert(at, Cow::Borrowed(sample(format))),
        1 => {
            let copy = lines.get(numbers.below(lines.len())).cloned().unwrap_or_default();
            lines.insert(at, copy);
        }
        2 if lines.len() > 1 => drop(lines.remove(at)),
        3 => {
            let other = numbers.below(lines.len());
            lines.swap(at, other);
        }
        _ => {
            if let Some(line) = lines.get_mut(at) {
                *line = Cow::Owned(changed_line(format, line, numbers));
            }
        }
    }
    lines.join(&b'\n')
}

fn sample(format: &str) -> &'static [u8] {
    super::sample(format).as_bytes()
}

fn changed_line(format: &str, line: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut changed = line.to_vec();
    if changed.is_empty() {
        changed = sample(format).to_vec();
    }
    for _ in 0..=numbers.below(MAX_CHANGES) {
        let Ok(text) = std::str::from_utf8(&changed) else { break };
        changed = if text.trim_start().starts_with('{') {
            json::change(format, text, numbers)
        } else {
            text::change(text, numbers)
        };
    }
    if numbers.once_in(32) {
        changed.push(b'\r');
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: many changes of the sample of each format with a fast path. Guarantees: most are still taken by the
    /// fast path or nearly so: they parse as JSON, or have the words of the text; and all differ.
    #[test]
    fn changed_logs_look_like_logs() {
        for fast in crate::fast::FAST {
            let changed: Vec<Vec<u8>> =
                (0..500).map(|seed| change(fast.id, sample(fast.id), &mut Numbers::of(seed))).collect();
            let parsed = changed.iter().filter(|log| {
                log.split(|byte| *byte == b'\n')
                    .all(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok())
            });
            assert!(parsed.count() > 350, "{}", fast.id);
            let different: std::collections::BTreeSet<&Vec<u8>> = changed.iter().collect();
            assert!(different.len() > 300, "{}", fast.id);
        }
    }
}
