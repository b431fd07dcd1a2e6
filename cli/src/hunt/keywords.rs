//! Columns that are named like words of SQL.
//!
//! In: the tokens of a question. Out: the same, such a name in quotes where the parser would take it for the word; advice
//! for the other places. Owns: which places these are. Law: a word that SQL could mean there stays a word.

use datafusion::sql::sqlparser::keywords::{Keyword, RESERVED_FOR_COLUMN_ALIAS};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::tables::TABLES;

/// Behind a comma stands no word but a name, and `FROM` after a comma too many.
pub(super) fn quoted(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut is_behind_comma = false;
    for token in &mut tokens {
        match &mut token.token {
            Token::Whitespace(_) => continue,
            Token::Word(word)
                if is_behind_comma && is_taken_for_a_word(word.keyword) && is_column(&word.value) =>
            {
                word.value = word.value.to_lowercase();
                word.quote_style = word.quote_style.or(Some('"'));
                word.keyword = Keyword::NoKeyword;
            }
            _ => {}
        }
        is_behind_comma = token.token == Token::Comma;
    }
    tokens
}

fn is_taken_for_a_word(keyword: Keyword) -> bool {
    keyword != Keyword::FROM && RESERVED_FOR_COLUMN_ALIAS.contains(&keyword)
}

fn is_column(name: &str) -> bool {
    let mut columns = TABLES.iter().flat_map(|table| (table.spec.columns)());
    columns.any(|column| column.name.eq_ignore_ascii_case(name))
}

/// What to do where the parser stumbled over a name of a column; nothing where it did not.
pub(super) fn advice(said: &str) -> String {
    match said.rsplit_once("found ") {
        Some((_, name)) if is_column(name) => {
            let name = name.to_lowercase();
            format!("; for the column of that name write \"{name}\"")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::hunt::question::Question;

    fn check(text: &str, expected: Option<&str>) {
        let read = Question::parse(text).map(|_question| ()).map_err(|failure| failure.to_string());
        match expected {
            None => assert_eq!(read, Ok(()), "{text}"),
            Some(expected) => {
                assert!(read.as_ref().is_err_and(|said| said.contains(expected)), "{text}: {read:?}")
            }
        }
    }

    /// Scenario: columns named like words of SQL in every place, and words of SQL behind commas. Guarantees: names are
    /// names where nothing else can stand; elsewhere the error says how to write them, and where it is.
    #[test]
    fn columns_named_like_words() {
        check("SELECT cluster, dst FROM identity_assertions GROUP BY dst, cluster", None);
        check("SELECT dst, CLUSTER FROM identity_assertions ORDER BY dst, cluster", None);
        check("SELECT a.dst, a.cluster, end FROM identity_assertions a", None);
        check("SELECT dst, \"cluster\" FROM identity_assertions WHERE cluster = 'x'", None);
        check("SELECT dst, FROM identity_assertions", None);
        check("SELECT dst cluster FROM identity_assertions", Some("write \"cluster\""));
        check("SELECT dst cluster FROM identity_assertions", Some("at line 1, column 12"));
        check("SELECT 1 +", Some("cannot be read: expected an expression, found the end"));
        check("SELECT\n 'a", Some("at line 2, column 2: Unterminated string literal"));
    }
}
