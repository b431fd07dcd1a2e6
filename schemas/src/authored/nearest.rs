//! The known word that a misspelt one most resembles.
//!
//! In: a word and the known words. Out: the nearest by edit distance; the first of equals.

/// The nearest of `known` to `word`.
#[must_use]
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    known.iter().copied().min_by_key(|candidate| distance(word, candidate))
}

/// How many single-character changes lie between two words.
#[must_use]
pub fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, left_char) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, right_char) in row.iter_mut().skip(1).zip(&right) {
            let change = diagonal + usize::from(left_char != *right_char);
            diagonal = *cell;
            before = change.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: pairs with a known distance. Guarantees: inserts, deletes and changes each count one.
    #[test]
    fn distances() {
        for (left, right, expected) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("cidr", "cidrs", 1)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    /// Scenario: a misspelt word. Guarantees: the nearest known word is named, however far.
    #[test]
    fn nearest_word() {
        assert_eq!(nearest("seen_at", &["realm", "from", "seen_as"]), Some("seen_as"));
        assert_eq!(nearest("x", &[]), None);
    }
}
