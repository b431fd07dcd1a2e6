//! What a scan need not read: the parts of a condition that the store can use.
//!
//! In: conditions on one table, as DataFusion hands them down. Out: a span of time, and texts that columns must equal or be
//! like.
//! Owns: which conditions are understood. Law: what is left out of a scan cannot satisfy the condition; what remains is
//! judged again by the query itself, unless the table says that it gives nothing else.

use arrow::datatypes::DataType;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;
use offbound_schemas::EventTime;
use offbound_store::{Like, Share};

use super::tables::{Origin, Table};

/// What a scan may confine itself to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Narrowing {
    /// Rows before this moment are not asked for.
    pub(super) from: Option<EventTime>,
    /// Rows at or after this moment are not asked for.
    pub(super) until: Option<EventTime>,
    /// Column and text: other rows are not asked for.
    pub(super) equals: Vec<(String, String)>,
    /// Columns and patterns: rows whose text is not like it are not asked for. Of event tables only.
    pub(super) likes: Vec<Like>,
    /// One of several shares of these rows, where they are shared out.
    pub(super) share: Share,
}

impl Narrowing {
    /// What all of these conditions on a table allow.
    pub(super) fn of<'e>(conditions: impl IntoIterator<Item = &'e Expr>, table: &Table) -> Self {
        let mut narrowing = Self::default();
        for part in conditions.into_iter().filter_map(|condition| part(condition, table)) {
            narrowing.add(part);
        }
        narrowing
    }

    fn add(&mut self, part: Part) {
        match part {
            Part::From(from) => self.from = self.from.max(Some(from)),
            Part::Until(until) => {
                self.until = Some(self.until.map_or(until, |known| known.min(until)));
            }
            Part::Equals(column, text) => self.equals.push((column, text)),
            Part::Like(like) => self.likes.push(like),
        }
    }

    /// The same within a window.
    pub(super) fn within(mut self, since: Option<EventTime>, until: Option<EventTime>) -> Self {
        since.into_iter().for_each(|since| self.add(Part::From(since)));
        until.into_iter().for_each(|until| self.add(Part::Until(until)));
        self
    }

    /// The text that a column must equal, where there is one.
    pub(super) fn text_of(&self, column: &str) -> Option<&str> {
        self.equals.iter().find(|(name, _)| name == column).map(|(_, text)| text.as_str())
    }
}

/// One condition that is understood.
enum Part {
    From(EventTime),
    Until(EventTime),
    Equals(String, String),
    Like(Like),
}

/// Whether a scan of the table can use this condition.
pub(super) fn is_understood(condition: &Expr, table: &Table) -> bool {
    part(condition, table).is_some()
}

fn part(condition: &Expr, table: &Table) -> Option<Part> {
    let BinaryExpr { left, op, right } = match condition {
        Expr::BinaryExpr(binary) => binary,
        Expr::Like(like) => return like_of(like, table).map(Part::Like),
        _ => return None,
    };
    let (column, operator, value) = match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), Expr::Literal(value, _)) => (column, *op, value),
        (Expr::Literal(value, _), Expr::Column(column)) => (column, op.swap()?, value),
        _ => return None,
    };
    match value {
        ScalarValue::TimestampNanosecond(Some(nanos), _) if Some(column.name.as_str()) == table.time => {
            let moment = EventTime(*nanos);
            let next = EventTime(nanos.checked_add(1)?);
            match operator {
                Operator::Gt => Some(Part::From(next)),
                Operator::GtEq => Some(Part::From(moment)),
                Operator::Lt => Some(Part::Until(moment)),
                Operator::LtEq => Some(Part::Until(next)),
                _ => None,
            }
        }
        _ if operator == Operator::Eq => {
            Some(Part::Equals(column.name.clone(), value.try_as_str()??.to_owned()))
        }
        _ => None,
    }
}

/// The pattern, where the store has the column's texts as SQL sees them.
fn like_of(like: &datafusion::logical_expr::Like, table: &Table) -> Option<Like> {
    let (Origin::Events(events), None) = (table.origin, like.escape_char) else { return None };
    let (Expr::Column(column), Expr::Literal(pattern, _)) = (like.expr.as_ref(), like.pattern.as_ref())
    else {
        return None;
    };
    let stored = events.schema().field_with_name(&column.name).ok()?.data_type().clone();
    (stored == DataType::Utf8View).then_some(Like {
        column: column.name.clone(),
        pattern: pattern.try_as_str()??.to_owned(),
        negated: like.negated,
        ignores_case: like.case_insensitive,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::{col, lit};

    fn moment(nanos: i64) -> Expr {
        lit(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into())))
    }

    /// Scenario: conditions on time and text, either way round, repeated, and such that no scan can use. Guarantees: the
    /// narrowest span of those that are understood, `until` exclusive.
    #[test]
    fn conditions_narrow_a_scan() {
        let time = col("event_time");
        let conditions = [
            time.clone().gt(moment(10)),
            time.clone().gt_eq(moment(5)),
            moment(90).gt_eq(time.clone()),
            time.lt(moment(95)),
            col("host").eq(lit("n1")),
            lit("x").eq(col("credential_id")),
            col("host").not_eq(lit("n2")),
            col("host").not_like(lit("n%")),
            col("event_id").like(lit("00%")),
            col("host").like(col("exe")),
        ];
        let events = Table::named("host_events").expect("a table");
        let found = Narrowing::of(&conditions, &events);
        let equals = [("host", "n1"), ("credential_id", "x")];
        let equals = equals.map(|(column, text)| (column.to_owned(), text.to_owned())).to_vec();
        let (column, pattern) = ("host".to_owned(), "n%".to_owned());
        let likes = vec![Like { column, pattern, negated: true, ignores_case: false }];
        let (from, until) = (Some(EventTime(11)), Some(EventTime(91)));
        let expected = Narrowing { from, until, equals, likes, ..Narrowing::default() };
        assert_eq!(found, expected);
        assert_eq!(found.text_of("host"), Some("n1"));
        let letters = Table::named("dead_letters").expect("a table");
        assert_eq!(Narrowing::of(&conditions[..4], &letters), Narrowing::default());
        assert_eq!(Narrowing::of(&conditions[7..], &letters), Narrowing::default());
        let within = found.within(Some(EventTime(20)), Some(EventTime(200)));
        assert_eq!((within.from, within.until), (Some(EventTime(20)), Some(EventTime(91))));
    }
}
