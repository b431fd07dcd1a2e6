//! The filter language of events: plain terms, `field:value`, `field=value`, `-not`.
//!
//! In: what an analyst types. Out: terms, for whoever looks up events. Owns: the field names of events.
//! Laws: as [`crate::Filter`]: terms are joined by "and"; an unknown field is an error; without case, but `=` asks for
//! exactly that text.

use crate::filter::{FilterError, TERMS_MAX, split_words};

/// Names of the fields, for help and completion.
pub const EVENT_FIELDS: &[&str] = &[
    "table",
    "source",
    "host",
    "workload",
    "credential",
    "process",
    "action",
    "outcome",
    "address",
    "destination",
    "target",
    "id",
];

/// A filter of events that was understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// All of these are met.
    pub terms: Vec<EventTerm>,
}

/// A condition on events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTerm {
    /// Whether it must not be met.
    pub negated: bool,
    /// The field; without one, any of them.
    pub field: Option<&'static str>,
    /// The text.
    pub text: String,
    /// Whether the field is exactly that text; else it contains it, whatever its case.
    pub is_exact: bool,
}

impl EventFilter {
    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let words = split_words(text);
        if words.len() > TERMS_MAX {
            return Err(FilterError::TooLong);
        }
        let terms = words.iter().map(|word| term(&word.text, word.is_quoted)).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }
}

fn term(word: &str, is_quoted: bool) -> Result<EventTerm, FilterError> {
    let (negated, text) = match word.strip_prefix('-') {
        Some(rest) if !rest.is_empty() => (true, rest),
        _ => (false, word),
    };
    let anywhere = EventTerm { negated, field: None, text: text.to_owned(), is_exact: false };
    let Some(at) = text.find([':', '=']).filter(|_| !is_quoted) else { return Ok(anywhere) };
    let (name, rest) = text.split_at(at);
    let is_exact = rest.starts_with('=');
    let value = rest.get(1..).unwrap_or_default();
    match EVENT_FIELDS.iter().find(|field| **field == name) {
        Some(field) => Ok(EventTerm { field: Some(field), text: value.to_owned(), is_exact, ..anywhere }),
        // Ids, addresses and URIs have colons of their own; a field name is one lower-case word.
        None if is_exact || name.is_empty() || value.starts_with("//") => Ok(anywhere),
        None if !name.bytes().all(|byte| byte.is_ascii_lowercase()) => Ok(anywhere),
        None => Err(FilterError::UnknownEventField(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: filters of every form, and a field that no event has. Guarantees: what is understood.
    #[test]
    fn filters_are_read() {
        let read = |text: &str| {
            let terms = EventFilter::parse(text).expect("readable").terms;
            terms.into_iter().map(|t| (t.negated, t.field, t.text, t.is_exact)).collect::<Vec<_>>()
        };
        assert_eq!(read("host:n1"), [(false, Some("host"), "n1".to_owned(), false)]);
        assert_eq!(read("-credential=JTI=a"), [(true, Some("credential"), "JTI=a".to_owned(), true)]);
        assert_eq!(read("spiffe://x/y"), [(false, None, "spiffe://x/y".to_owned(), false)]);
        assert_eq!(read("\"host:n1 x\""), [(false, None, "host:n1 x".to_owned(), false)]);
        assert_eq!(read("JTI=a"), [(false, None, "JTI=a".to_owned(), false)]);
        assert!(EventFilter::parse("nope:x").is_err());
    }
}
