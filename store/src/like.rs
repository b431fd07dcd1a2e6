//! Patterns that a text must be like, as SQL's `LIKE` has them.
//!
//! In: a column of texts. Out: which of them are like the pattern. Owns: that a text which stands in many rows is looked at
//! once. Leaves to Arrow what a pattern means. Law: the answer of each row is that of its own text.

use arrow::array::{Array as _, BooleanArray, Scalar, StringViewArray};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::compute::kernels::comparison::{ilike, like, nilike, nlike};
use arrow::error::ArrowError;

/// Texts that are remembered by the rows behind them; a power of two. Logs repeat themselves within a few lines.
const REMEMBERED: usize = 2_048;

/// A pattern, and the column whose texts are to be like it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Like {
    /// The column; one of texts.
    pub column: String,
    /// The pattern: `%` stands for any text, `_` for any character, `\` before either for itself.
    pub pattern: String,
    /// Whether texts that are not like it are asked for.
    pub negated: bool,
    /// Whether upper and lower case are the same.
    pub ignores_case: bool,
}

impl Like {
    /// Which texts are asked for; null where there is none.
    pub(crate) fn keeps(&self, texts: &StringViewArray) -> Result<BooleanArray, ArrowError> {
        let (different, places) = different(texts);
        let kept = self.look_at(&different)?;
        let kept = kept.values();
        let of_row = |row: usize| places.get(row).is_some_and(|place| kept.value(*place as usize));
        Ok(BooleanArray::new(BooleanBuffer::collect_bool(texts.len(), of_row), texts.nulls().cloned()))
    }

    /// The same, one text after the other.
    pub(crate) fn look_at(&self, texts: &StringViewArray) -> Result<BooleanArray, ArrowError> {
        let pattern = Scalar::new(StringViewArray::from(vec![self.pattern.as_str()]));
        match (self.negated, self.ignores_case) {
            (false, false) => like(texts, &pattern),
            (true, false) => nlike(texts, &pattern),
            (false, true) => ilike(texts, &pattern),
            (true, true) => nilike(texts, &pattern),
        }
    }
}

/// The texts, most of those that are repeated once only, and for each row which of them is its own.
fn different(texts: &StringViewArray) -> (StringViewArray, Vec<u32>) {
    let mut views: Vec<u128> = Vec::new();
    let mut known = vec![u32::MAX; REMEMBERED];
    let place = |view: &u128| {
        // Texts of a dictionary have one view each, wherever they stand.
        let Some(slot) = known.get_mut(slot(*view)) else { return 0 };
        if views.get(*slot as usize) != Some(view) {
            *slot = u32::try_from(views.len()).unwrap_or(u32::MAX);
            views.push(*view);
        }
        *slot
    };
    let places = texts.views().iter().map(place).collect();
    let nothing: Option<NullBuffer> = None;
    (StringViewArray::new(ScalarBuffer::from(views), texts.data_buffers().to_vec(), nothing), places)
}

#[allow(clippy::cast_possible_truncation, reason = "some bits are meant")]
fn slot(view: u128) -> usize {
    let mixed = ((view as u64) ^ ((view >> 64) as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: texts that repeat, short and long, none, and more of them than are remembered; patterns of each kind.
    /// Guarantees: the answers that Arrow gives for every row.
    #[test]
    fn answers_are_those_of_each_text() {
        let text = |row: usize| match row % 5 {
            0 => None,
            1 => Some("sh -c token".to_owned()),
            2 => Some("/usr/bin/cat /var/run/secrets/Token/of/a/long/path".to_owned()),
            3 => Some(format!("row {}", row / 10)),
            _ => Some(format!("a long command line with the number {row} and a token_{row}")),
        };
        let texts: StringViewArray = (0..3 * REMEMBERED).map(text).collect();
        for pattern in ["%token%", "sh%", "%_7", "row 1_", "", "%"] {
            for (negated, ignores_case) in [(false, false), (true, false), (false, true), (true, true)] {
                let (column, pattern) = ("any".to_owned(), pattern.to_owned());
                let like = Like { column, pattern, negated, ignores_case };
                let found = like.keeps(&texts).expect("a pattern");
                assert_eq!(found, like.look_at(&texts).expect("a pattern"), "{like:?}");
                let some = like.keeps(&texts.slice(7, 90)).expect("a pattern");
                assert_eq!(some, found.slice(7, 90), "{like:?}");
            }
        }
    }
}
