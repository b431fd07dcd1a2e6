//! Patterns with `*`: of SPIFFE ids, names of destinations, actions.
//!
//! In: a pattern and a text. Out: whether it matches. `*` stands for any run of characters, also none; all else is
//! literal and case counts. Law: time is linear in the text, whatever the pattern.

use std::fmt;

/// A pattern: literal pieces with anything in between.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    text: String,
}

impl Pattern {
    /// The pattern that `text` writes.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// The pattern as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The one text that it matches, where it has no `*`.
    pub(super) fn plain(&self) -> Option<&str> {
        (!self.text.contains('*')).then_some(&*self.text)
    }

    /// Whether all of `text` fits the pattern.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let Some((head, rest)) = self.text.split_once('*') else { return self.text == text };
        let Some(mut left) = text.strip_prefix(head) else { return false };
        let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
        // Taking each piece at its first place is enough: what follows a `*` may stand anywhere after it.
        for piece in middle.split('*') {
            let Some(at) = left.find(piece) else { return false };
            left = left.get(at + piece.len()..).unwrap_or_default();
        }
        left.ends_with(tail)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

/// Whether any of `patterns` matches any of `names`.
pub(super) fn any_matches<S: AsRef<str>>(patterns: &[Pattern], names: &[S]) -> bool {
    patterns.iter().any(|pattern| names.iter().any(|name| pattern.matches(name.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Scenario: patterns as environment files write them. Guarantees: only whole matches count.
    #[test]
    fn matches() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
            ("spiffe://prod.example/ns/shop/sa/*", "spiffe://prod.example/ns/shop/sa/web", true),
            ("spiffe://prod.example/ns/shop/sa/*", "spiffe://prod.example/ns/shop", false),
            ("payments.shop.svc*", "payments.shop.svc.cluster.local", true),
            ("payments.shop.svc*", "payments.shop.svc", true),
            ("10.1.9.9:8443", "10.1.9.9:8443", true),
            ("10.1.9.9:8443", "10.1.9.9:84430", false),
            ("10.1.9.9:8443", "10x1x9x9:8443", false),
            ("*.svc.*.local", "a.svc.b.local", true),
            ("*.svc.*.local", "a.svc.local", false),
            ("a*a", "a", false),
            ("a*ab*b", "aab", false),
            ("a*ab*b", "aabb", true),
            ("Web", "web", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    /// The definition, slow and plain.
    fn defined(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skip| defined(rest, &text[skip..])),
            Some((first, rest)) => text.first() == Some(first) && defined(rest, &text[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        /// Scenario: short patterns and texts of few letters. Guarantees: the answer is that of the definition.
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*é]{0,7}", text in "[abé]{0,9}") {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), defined(&letters(&pattern), &letters(&text)));
        }
    }
}
