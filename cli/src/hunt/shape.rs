//! How large a question may be, found out before anything descends into it.
//!
//! In: SQL text; then the statement that it is. Out: its tokens, or an error that names the bound.
//! Owns: counting operators, nesting, elements, and tables behind names. Law: counting needs no recursion of its own
//! over operators, because a flat chain of them is a deep tree to the planner.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Query, Visit, Visitor, visit_relations};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::bounds::{MAX_ELEMENTS, MAX_NESTING, MAX_OPERATORS, MAX_RELATIONS};
use super::fault;
use crate::exit::Failure;
use crate::output::count;

/// The tokens of a text whose shape is within bounds.
pub(super) fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, Failure> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| fault::unreadable(&error.to_string()))?;
    let shape = Shape::of(&tokens);
    for (what, found, most) in [
        ("operators", shape.operators, MAX_OPERATORS),
        ("parentheses within each other", shape.nesting, MAX_NESTING),
        ("elements between commas", shape.elements, MAX_ELEMENTS),
    ] {
        if found > most {
            return Err(too_large(what, found as u64, most as u64));
        }
    }
    Ok(tokens)
}

fn too_large(what: &str, found: u64, most: u64) -> Failure {
    let (found, most) = (count(found), count(most));
    Failure::usage(format!(
        "the question is too large: it has {found} {what}, and {most} are allowed; ask in several questions"
    ))
}

/// What is counted in tokens.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    operators: usize,
    nesting: usize,
    elements: usize,
}

impl Shape {
    fn of(tokens: &[TokenWithSpan]) -> Self {
        let mut shape = Self::default();
        let mut depth: usize = 0;
        for token in tokens {
            match &token.token {
                Token::LParen | Token::LBracket | Token::LBrace => {
                    depth += 1;
                    shape.nesting = shape.nesting.max(depth);
                }
                Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
                Token::Comma => shape.elements += 1,
                Token::Word(word) => shape.operators += usize::from(is_operator(word.keyword)),
                other => shape.operators += usize::from(!is_plain(other)),
            }
        }
        shape
    }
}

/// Words that stand between or before expressions or queries.
fn is_operator(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::AND
            | Keyword::OR
            | Keyword::XOR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::NOTNULL
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::RLIKE
            | Keyword::REGEXP
            | Keyword::SIMILAR
            | Keyword::BETWEEN
            | Keyword::OVERLAPS
            | Keyword::COLLATE
            | Keyword::AT
            | Keyword::DIV
            | Keyword::CASE
            | Keyword::WHEN
            | Keyword::INTERVAL
            | Keyword::UNION
            | Keyword::INTERSECT
            | Keyword::EXCEPT
            | Keyword::MINUS
            | Keyword::JOIN
            | Keyword::EXPLAIN
    )
}

/// Values, names and punctuation; whatever else there is operates on them.
fn is_plain(token: &Token) -> bool {
    matches!(
        token,
        Token::EOF
            | Token::Whitespace(_)
            | Token::Period
            | Token::SemiColon
            | Token::Number(..)
            | Token::Char(_)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::DollarQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::SingleQuotedRawStringLiteral(_)
            | Token::Placeholder(_)
    )
}

/// Refuses recursion, and more than [`MAX_RELATIONS`] tables behind the names of a `WITH`.
pub(super) fn check_relations(statement: &Statement) -> Result<(), Failure> {
    let Some(plain) = plain(statement) else { return Ok(()) };
    let mut names = Names::default();
    if plain.visit(&mut names).is_break() {
        return Err(Failure::usage(
            "WITH RECURSIVE is refused: it may never end; join a table with itself for each step",
        ));
    }
    let found = names.expanded(&relations(plain));
    if found > MAX_RELATIONS { Err(too_large("tables to read", found, MAX_RELATIONS)) } else { Ok(()) }
}

/// The statement itself, or the one below an `EXPLAIN`.
fn plain(statement: &Statement) -> Option<&datafusion::sql::sqlparser::ast::Statement> {
    match statement {
        Statement::Statement(plain) => Some(plain),
        Statement::Explain(explain) => plain(&explain.statement),
        _ => None,
    }
}

/// The names of a `WITH`, wherever it stands, and the tables that each reads.
#[derive(Debug, Default)]
struct Names(Vec<(String, Vec<String>)>);

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let Some(with) = &query.with else { return ControlFlow::Continue(()) };
        if with.recursive {
            return ControlFlow::Break(());
        }
        for cte in &with.cte_tables {
            self.0.push((cte.alias.name.value.to_lowercase(), relations(&cte.query)));
        }
        ControlFlow::Continue(())
    }
}

impl Names {
    /// How many tables `read` comes to. A name counts as the most that any definition of it reads; rounds go on until
    /// no name grows, or it is too much anyway.
    fn expanded(&self, read: &[String]) -> u64 {
        let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
        let sum = |sizes: &BTreeMap<&str, u64>, read: &[String]| {
            let size = |name: &String| sizes.get(name.as_str()).copied().unwrap_or(1);
            read.iter().map(size).fold(0, u64::saturating_add)
        };
        for _round in 0..=self.0.len() {
            let before = sizes.clone();
            for (name, read) in &self.0 {
                // `WITH t AS (SELECT … FROM t)` reads the table of that name.
                let others: Vec<String> = read.iter().filter(|it| *it != name).cloned().collect();
                let own = (read.len() - others.len()) as u64;
                let size = sum(&sizes, &others).saturating_add(own).max(1);
                let known = sizes.entry(name).or_insert(1);
                *known = size.max(*known);
            }
            if sizes == before {
                break;
            }
        }
        sum(&sizes, read)
    }
}

fn relations(of: &impl Visit) -> Vec<String> {
    let mut found = Vec::new();
    let visited = visit_relations(of, |name| {
        let last = name.0.last().and_then(|part| part.as_ident());
        found.push(last.map_or_else(|| name.to_string(), |name| name.value.to_lowercase()));
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(visited.is_continue(), "nothing breaks the visit");
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: (usize, usize, usize)) {
        let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().expect(text);
        let Shape { operators, nesting, elements } = Shape::of(&tokens);
        assert_eq!((operators, nesting, elements), expected, "{text}");
    }

    /// Scenario: expressions, lists, chains and texts that look like them. Guarantees: operators, depth and commas are
    /// counted, and nothing inside a quoted text is.
    #[test]
    fn shapes() {
        check("SELECT a FROM t WHERE b = 1 AND c LIKE '%x%'", (3, 0, 0));
        check("SELECT a, (b, (c)) FROM t", (0, 2, 2));
        check("SELECT '((((1+1+1))), a AND b' -- + + +", (0, 0, 0));
        check("SELECT 1 UNION SELECT 2 UNION SELECT 3", (2, 0, 0));
        check("SELECT a::text::text, - - -b[1]", (5, 1, 1));
    }

    fn tables(text: &str) -> Result<(), String> {
        let statements = datafusion::sql::parser::DFParser::parse_sql(text).expect(text);
        check_relations(&statements[0]).map_err(|failure| failure.to_string())
    }

    /// Scenario: names of a WITH that double each other, at the top and inside, and ordinary ones. Guarantees: what would
    /// make a huge plan is refused, however it is hidden.
    #[test]
    fn doubling_names_are_refused() {
        let mut text = "WITH a0 AS (SELECT 1 AS x)".to_owned();
        for step in 1..12 {
            let before = step - 1;
            text += &format!(", a{step} AS (SELECT l.x FROM a{before} l, a{before} r)");
        }
        text += " SELECT x FROM a11";
        assert!(tables(&text).expect_err("too large").contains("tables to read"));
        assert!(tables(&format!("SELECT * FROM ({text}) AS t")).is_err());
        assert!(tables(&format!("EXPLAIN {text}")).is_err());
        assert!(tables("WITH RECURSIVE r AS (SELECT 1) SELECT * FROM r").is_err());
        assert_eq!(tables("WITH uses AS (SELECT * FROM uses) SELECT * FROM uses, uses u"), Ok(()));
    }
}
